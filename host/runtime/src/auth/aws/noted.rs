//! The credentials of the machine, which the mask comes to know: they are in no store.

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use crate::secret::Mask;

/// The same configuration, whose credentials are noted whenever they are fetched.
pub(super) fn noted(configuration: SdkConfig, mask: &Mask) -> SdkConfig {
    let Some(provider) = configuration.credentials_provider() else {
        return configuration;
    };
    let noted = Noted {
        provider,
        mask: mask.clone(),
    };
    configuration
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(noted))
        .build()
}

#[derive(Debug)]
struct Noted {
    provider: SharedCredentialsProvider,
    mask: Mask,
}

impl ProvideCredentials for Noted {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::new(async move {
            let credentials = self.provider.provide_credentials().await?;
            self.mask.note(credentials.secret_access_key());
            if let Some(token) = credentials.session_token() {
                self.mask.note(token);
            }
            Ok(credentials)
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.provider.fallback_on_interrupt()
    }
}

#[cfg(test)]
mod tests {
    use aws_config::BehaviorVersion;

    use super::*;

    #[tokio::test]
    async fn what_is_fetched_is_masked() {
        let mask = Mask::default();
        let (key, token) = ("planted-secret-key", "planted-session-token");
        let credentials = Credentials::new("AKIA", key, Some(token.to_owned()), None, "test");
        let configuration = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let configuration = noted(configuration, &mask);
        assert_eq!(mask.text(key), key);
        let provider = configuration.credentials_provider().unwrap();
        provider.provide_credentials().await.unwrap();
        assert_eq!(mask.text(&format!("{key},{token}")), "***,***");
    }
}
