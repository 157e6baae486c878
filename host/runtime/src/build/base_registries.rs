//! The registries of ECR that a build's base images come from.
//!
//! A connector of type `Aws` has one registry of its own, but its identity may read those of other
//! accounts and regions too. Which of them a build needs, only its Dockerfile says.

use std::collections::BTreeMap;

use stepyard_build_context::{BaseImages, StagesBuilt};
use stepyard_grammar::{EcrRegistry, ImageReference, RegistryHost};

use super::context::open_context;
use super::{Build, BuildRequest, ContextSource};
use crate::auth::Credential;
use crate::capability::CapabilityError;
use crate::event::{LogLevel, Reporter};
use crate::policy::Authorized;

/// The most registries of ECR whose tokens are fetched for one build.
const MOST_REGISTRIES: usize = 32;

/// `call` with a credential for each registry of ECR that a base image comes from, as far as the
/// base images' connectors have an identity there.
///
/// # Errors
/// As ECR refuses a token, or as the Dockerfile cannot be read.
pub(super) async fn with_their_credentials(
    call: Authorized<Build>,
    reporter: &Reporter,
) -> Result<Authorized<Build>, CapabilityError> {
    let build = call.call();
    let known = &build.request.base_image_credentials;
    if !known
        .iter()
        .any(|credential| is_of_ecr(credential.registry()))
    {
        return Ok(call);
    }
    let dockerfile = open_context(build).await?.dockerfile().text.clone();
    let mut found = Vec::new();
    for (registry, image) in registries(&build.request, &dockerfile)
        .into_iter()
        .take(MOST_REGISTRIES)
    {
        if known.iter().any(|known| *known.registry() == registry) {
            continue;
        }
        let Some(credential) = credential_at(known, &registry) else {
            continue;
        };
        match credential.basic().await {
            Ok(_) => found.push(credential),
            // It can be read without an identity too.
            Err(error) if EcrRegistry::is_public(&registry) => reporter.log(
                LogLevel::Warn,
                format!("the base image {image} is read anonymously: {error}"),
            ),
            Err(error) => {
                let message = format!("the base image {image}: {}", error.message);
                return Err(CapabilityError { message, ..error });
            }
        }
    }
    Ok(call.and_base_image_credentials(found))
}

fn is_of_ecr(registry: &RegistryHost) -> bool {
    EcrRegistry::from_host(registry).is_some() || EcrRegistry::is_public(registry)
}

/// The registries of ECR, each with an image from it.
fn registries(request: &BuildRequest, dockerfile: &str) -> BTreeMap<RegistryHost, String> {
    let found = BaseImages::of_dockerfile(
        dockerfile,
        request.target.as_deref(),
        &request.build_arguments,
        StagesBuilt::UpToTarget,
    );
    let of_dockerfile = found.images.into_iter().map(|image| image.reference);
    let of_contexts = request
        .named_contexts
        .iter()
        .filter_map(|context| match &context.source {
            ContextSource::Image(reference) => Some(reference.to_string()),
            ContextSource::Folder(_) => None,
        });
    of_dockerfile
        .chain(of_contexts)
        .filter_map(|image| {
            let reference = ImageReference::parse_familiar(&image).ok()?;
            is_of_ecr(reference.registry()).then(|| (reference.registry().clone(), image))
        })
        .collect()
}

/// A credential at `registry`: with the identity whose own account it is, else with the first.
pub(crate) fn credential_at(known: &[Credential], registry: &RegistryHost) -> Option<Credential> {
    let account = |host| EcrRegistry::from_host(host).map(|ecr| ecr.account().clone());
    let of_account = known
        .iter()
        .filter(|known| account(known.registry()) == account(registry));
    of_account.chain(known).find_map(|known| known.at(registry))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;

    use super::*;
    use crate::auth::{BasicCredential, CredentialSource};

    /// An identity that every registry knows.
    struct Everywhere(&'static str);

    #[async_trait]
    impl CredentialSource for Everywhere {
        async fn basic(&self) -> Result<BasicCredential, CapabilityError> {
            Ok(BasicCredential {
                username: self.0.to_owned(),
                password: "p".into(),
            })
        }

        fn at(&self, _registry: &RegistryHost) -> Option<Arc<dyn CredentialSource>> {
            Some(Arc::new(Self(self.0)))
        }
    }

    #[tokio::test]
    async fn the_identity_of_the_account_comes_first() {
        let host = |text: &str| RegistryHost::parse(text).unwrap();
        let known = [
            Credential::anonymous(host("quay.io")),
            Credential::new(
                host("111111111111.dkr.ecr.us-east-1.amazonaws.com"),
                Arc::new(Everywhere("one")),
            ),
            Credential::new(
                host("222222222222.dkr.ecr.us-east-1.amazonaws.com"),
                Arc::new(Everywhere("two")),
            ),
        ];
        for (registry, user) in [
            ("222222222222.dkr.ecr.eu-west-1.amazonaws.com", "two"),
            ("111111111111.dkr.ecr.eu-west-1.amazonaws.com", "one"),
            ("333333333333.dkr.ecr.us-east-1.amazonaws.com", "one"),
            ("public.ecr.aws", "one"),
        ] {
            let registry = host(registry);
            let credential = credential_at(&known, &registry).unwrap();
            assert_eq!(credential.registry(), &registry);
            let basic = credential.basic().await.unwrap().unwrap();
            assert_eq!(basic.username, user, "{registry}");
        }
        assert!(credential_at(&known[..1], &host("public.ecr.aws")).is_none());
    }
}
