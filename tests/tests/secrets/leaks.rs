//! A whole run of build-push-ecr, of which nothing that can be seen holds a secret.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use stepyard::build::BuildSecret;
use stepyard::document::render_plain;
use stepyard::secret::{Placeholders, SecretName};
use stepyard::{ComponentSource, ErrorKind, RunError};

use crate::traces;
use crate::world::{BUILD_SECRET, SECRET_KEY, SESSION_TOKEN, World};

/// A label's value, which must be found where secrets must not be.
const CONTROL: &str = "planted-control-4d5e6f";

fn npm() -> SecretName {
    SecretName {
        scope: None,
        identifier: "npm".to_owned(),
    }
}

fn settings(placeholder: &str) -> Value {
    json!({
        "connectorRef": "aws_main",
        "region": "us-east-1",
        "account": "123456789012",
        "imageName": "team/app",
        "tags": ["1.2.3", "latest"],
        "labels": {"control": CONTROL},
        "envDockerSecrets": {"npm": placeholder},
    })
}

/// What must not be found: each secret, its base64, and a part of it in case it is cut.
fn forms(secrets: &[String]) -> Vec<String> {
    let mut forms = Vec::new();
    for secret in secrets {
        let middle = secret.len() / 2;
        forms.push(secret[middle - 12..middle + 12].to_owned());
        let encoded = BASE64_STANDARD.encode(secret);
        let middle = encoded.len() / 2;
        forms.push(encoded[middle - 12..middle + 12].to_owned());
        // As the user name and a colon before it shift it in HTTP Basic authentication.
        let encoded = BASE64_STANDARD.encode(format!("AWS:{secret}"));
        let middle = encoded.len() / 2;
        forms.push(encoded[middle - 12..middle + 12].to_owned());
    }
    forms
}

async fn assert_nothing_leaks(denied: Option<&str>) -> (World, Result<(), RunError>) {
    traces::record();
    let world = World::new(denied).await;
    let mut placeholders = Placeholders::default();
    let placeholder = placeholders.add(npm());
    let step = ComponentSource::built_in("build-push-ecr");
    let result = world.run(step, settings(&placeholder), placeholders).await;

    tracing::trace!(control = CONTROL);
    let traced = traces::recorded();
    let events = world.events.text();
    let error = match &result {
        Ok(outcome) => format!("{outcome:?}"),
        Err(error) => format!("{error:?} {error} {}", render_plain(error)),
    };
    assert!(
        world.memories.hold(CONTROL),
        "the guest's memory is not seen"
    );
    assert!(world.memories.hold(&placeholder));
    assert!(traced.contains(CONTROL), "nothing is traced");
    assert!(events.contains("step-finished"), "{events}");

    let mut secrets = world.engine.passwords();
    secrets.extend([SECRET_KEY, SESSION_TOKEN, BUILD_SECRET].map(ToOwned::to_owned));
    for form in forms(&secrets) {
        assert!(!world.memories.hold(&form), "a guest's memory holds {form}");
        assert!(!events.contains(&form), "an event holds {form}");
        assert!(!error.contains(&form), "the result holds {form}");
        assert!(!traced.contains(&form), "a trace holds {form}");
    }
    (world, result.map(drop))
}

#[tokio::test]
async fn a_run_that_succeeds() {
    let (world, result) = assert_nothing_leaks(None).await;
    result.unwrap();
    let passwords = world.engine.passwords();
    assert!(passwords.len() == 1 && passwords[0].len() > 1_000);
    assert_eq!(
        world.engine.build_secrets(),
        [BuildSecret::Stored {
            id: "npm".to_owned(),
            name: npm()
        }]
    );
    // The two tags were written, and the login was a real one.
    assert_eq!(world.calls("ecr:PutImage"), 2);
    assert_eq!(world.calls("ecr:GetAuthorizationToken"), 1);
}

#[tokio::test]
async fn a_run_that_the_registry_refuses() {
    for action in [
        "ecr:GetAuthorizationToken",
        "ecr:BatchGetImage",
        "ecr:PutImage",
    ] {
        let (_, result) = assert_nothing_leaks(Some(action)).await;
        let Err(RunError::Step(failure)) = result else {
            panic!("{action} is denied, but {result:?}");
        };
        if action != "ecr:PutImage" {
            assert_eq!(failure.0.kind, ErrorKind::Forbidden, "{action}: {failure}");
        }
    }
}
