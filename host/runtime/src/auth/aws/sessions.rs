//! What is kept of a connector between two calls: its configuration and its tokens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use stepyard_grammar::{AwsRegion, EcrEndpoint};
use tokio::sync::Mutex;

use super::session_name::SessionName;
use super::token::Token;

/// How long a session is kept that nobody uses: steps come and go, and each may have its own.
const IDLE: Duration = Duration::from_secs(3600);

/// What a session is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SessionKey {
    pub(super) connector: String,
    pub(super) region: AwsRegion,
    pub(super) endpoint: EcrEndpoint,
    /// The name of the role's session, where the connector assumes a role. Where it does not, all
    /// steps share one session.
    pub(super) name: Option<SessionName>,
}

/// A connector's identity in a region.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// Locked while it is made.
    pub(super) configuration: Mutex<Option<SdkConfig>>,
    /// The token for the private registries of the region. Locked while it is fetched, so that
    /// many requests at once fetch one.
    pub(super) token: Mutex<Option<Token>>,
    /// The token for ECR Public.
    pub(super) public_token: Mutex<Option<Token>>,
}

/// The sessions of all connectors.
#[derive(Debug, Default)]
pub(super) struct Sessions(SyncMutex<HashMap<SessionKey, Kept>>);

#[derive(Debug)]
struct Kept {
    session: Arc<Session>,
    used: Instant,
}

impl Sessions {
    /// The session for `key`, new where there is none.
    pub(super) fn get(&self, key: &SessionKey) -> Arc<Session> {
        let now = Instant::now();
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = sessions.get_mut(key) {
            kept.used = now;
            return kept.session.clone();
        }
        sessions.retain(|_, kept| now.duration_since(kept.used) < IDLE);
        let session = Arc::<Session>::default();
        let kept = Kept {
            session: session.clone(),
            used: now,
        };
        sessions.insert(key.clone(), kept);
        session
    }
}

impl Session {
    /// Drops what was made from the connector's secrets, so that the next call reads them anew.
    pub(super) async fn forget_configuration(&self) {
        *self.configuration.lock().await = None;
    }
}
