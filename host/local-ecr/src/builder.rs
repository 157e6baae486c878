use crate::authentication::{AccessKey, Authority, Seal};
use crate::findings::Findings;
use crate::replication::Replica;
use crate::restrictions::Restrictions;
use crate::server::Server;
use crate::service::Service;
use crate::storage::{Storage, StorageError, blocking};
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use stepyard_grammar::{AwsAccountId, AwsRegion, GrammarError};
use tokio::net::TcpListener;

/// An Amazon ECR in one process. See the [crate's documentation](crate).
#[derive(Debug)]
pub struct LocalEcr(());

impl LocalEcr {
    /// Starts to describe a server that keeps its state in `data`, a folder of its own.
    pub fn builder(data: impl Into<PathBuf>) -> Builder {
        Builder {
            data: data.into(),
            account: "123456789012".into(),
            region: "us-east-1".into(),
            token_lifetime: Duration::from_secs(12 * 60 * 60),
            blob_mounting: false,
            create_on_push: false,
            findings: Findings::default(),
            replicas: Vec::new(),
            restrictions: Restrictions::default(),
            access_keys: Vec::new(),
            external_id: None,
        }
    }
}

/// Describes a server; [`Builder::bind`] starts it.
#[derive(Debug)]
pub struct Builder {
    data: PathBuf,
    account: String,
    region: String,
    token_lifetime: Duration,
    blob_mounting: bool,
    create_on_push: bool,
    findings: Findings,
    replicas: Vec<Replica>,
    restrictions: Restrictions,
    access_keys: Vec<AccessKey>,
    external_id: Option<String>,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The account or the region is not one; the text says what was expected.
    #[error(transparent)]
    Setting(#[from] GrammarError),
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The operating system's error.
        source: io::Error,
    },
    /// The data folder cannot be used; the text names the file.
    #[error("cannot use the data folder: {0}")]
    Storage(String),
}

impl From<StorageError> for StartError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error.to_string())
    }
}

impl Builder {
    /// The account whose registry this is: 12 digits. Default `123456789012`.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = account.into();
        self
    }

    /// The region. Default `us-east-1`.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// How long an authorization token lives. Default and, at AWS, maximum: 12 hours.
    #[must_use]
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// Whether a blob can be mounted from another repository, ECR's account setting
    /// `BLOB_MOUNTING`. Default: no, and an upload is offered instead.
    #[must_use]
    pub fn blob_mounting(mut self, enabled: bool) -> Self {
        self.blob_mounting = enabled;
        self
    }

    /// Whether a push makes a missing repository, as a creation template with `CREATE_ON_PUSH`
    /// does. Default: no.
    #[must_use]
    pub fn create_on_push(mut self, enabled: bool) -> Self {
        self.create_on_push = enabled;
        self
    }

    /// What scans of images find. Default: nothing.
    #[must_use]
    pub fn findings(mut self, findings: Findings) -> Self {
        self.findings = findings;
        self
    }

    /// Says of every image that it is replicated there too. Nothing is copied. Default: nowhere.
    #[must_use]
    pub fn replicate(mut self, replica: Replica) -> Self {
        self.replicas.push(replica);
        self
    }

    /// Answers every n-th call of an IAM action such as `ecr:PutImage` with
    /// `ThrottlingException`, or 429 `TOOMANYREQUESTS` on the registry API.
    #[must_use]
    pub fn throttle(mut self, action: impl Into<String>, every: NonZeroU64) -> Self {
        self.restrictions.throttle(action.into(), every);
        self
    }

    /// Refuses an IAM action such as `ecr:PutImage` with `AccessDeniedException`, or 403 `DENIED`
    /// on the registry API.
    #[must_use]
    pub fn deny(mut self, action: impl Into<String>) -> Self {
        self.restrictions.deny(action.into());
        self
    }

    /// Accepts this access key (and others given so), and no unknown one; signatures are then
    /// verified. Without any, every signed request is accepted, whatever its key.
    #[must_use]
    pub fn access_key(mut self, key: AccessKey) -> Self {
        self.access_keys.push(key);
        self
    }

    /// The external id without which AssumeRole is denied. Default: none is asked for.
    #[must_use]
    pub fn external_id(mut self, external_id: impl Into<String>) -> Self {
        self.external_id = Some(external_id.into());
        self
    }

    /// Opens the data folder and listens on `address`; port 0 picks a free port.
    ///
    /// # Errors
    /// [`StartError`] where a setting is invalid, the folder is in use or damaged, or the address
    /// cannot be had.
    pub async fn bind(self, address: SocketAddr) -> Result<Server, StartError> {
        let account = AwsAccountId::parse(&self.account)?.to_string();
        let region = AwsRegion::parse(&self.region)?;
        let data = self.data;
        let (storage, seal) =
            blocking(move || Ok((Storage::open(&data)?, Seal::open(&data)?))).await?;
        let failed = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let authority = Authority {
            seal,
            account: account.clone(),
            region: region.clone(),
            access_keys: self.access_keys,
            token_lifetime: u64::try_from(self.token_lifetime.as_millis()).unwrap_or(u64::MAX),
            revoked_until: AtomicU64::new(0),
        };
        Ok(Server::start(
            listener,
            Service {
                storage,
                authority,
                restrictions: self.restrictions,
                account,
                region,
                address,
                blob_mounting: self.blob_mounting,
                create_on_push: self.create_on_push,
                findings: self.findings,
                replicas: self.replicas,
                external_id: self.external_id,
            },
        ))
    }
}
