//! A whole run of build-push-ecr, of which nothing that can be seen holds a secret.

use serde_json::{Value, json};
use stepyard::build::BuildSecret;
use stepyard::document::render_plain;
use stepyard::secret::{Placeholders, SecretName};
use stepyard::{ComponentSource, ErrorKind, RunError};

use crate::traces;
use crate::world::{BASE_PASSWORD, BUILD_SECRET, SECRET_KEY, SESSION_TOKEN, World, encodings};

/// A label's value, which the engine prints too: it must be found where secrets must not be.
pub(crate) const CONTROL: &str = "planted-control-4d5e6f";

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
        "baseImageConnectorRefs": ["base"],
        "labels": {"control": CONTROL},
        "envDockerSecrets": {"npm": placeholder},
    })
}

/// What must not be found: each secret in every encoding, and the middle of each, in case it is cut.
fn forms(secrets: &[String]) -> Vec<String> {
    let encoded = secrets.iter().flat_map(|secret| {
        encodings("AWS", secret)
            .into_iter()
            .chain(encodings("", secret))
    });
    encoded
        .map(|form| {
            let middle = form.len() / 2;
            form[middle - 12..middle + 12].to_owned()
        })
        .collect()
}

async fn assert_nothing_leaks(world: World) -> (World, Result<(), RunError>) {
    traces::record();
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
    secrets.extend([SECRET_KEY, SESSION_TOKEN, BUILD_SECRET, BASE_PASSWORD].map(ToOwned::to_owned));
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
    let (world, result) = assert_nothing_leaks(World::new(None).await).await;
    result.unwrap();
    let passwords = world.engine.passwords();
    assert_eq!(passwords.len(), 2);
    assert_eq!(passwords[0], BASE_PASSWORD);
    assert!(passwords[1].len() > 1_000);
    // Each encoding of the three was printed.
    let events = world.events.text();
    assert!(events.contains(CONTROL), "{events}");
    assert!(events.matches("***").count() >= 24, "{events}");
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
        let (_, result) = assert_nothing_leaks(World::new(Some(action)).await).await;
        let Err(RunError::Step(failure)) = result else {
            panic!("{action} is denied, but {result:?}");
        };
        if action != "ecr:PutImage" {
            assert_eq!(failure.0.kind, ErrorKind::Forbidden, "{action}: {failure}");
        }
    }
}

#[tokio::test]
async fn a_build_that_fails_with_its_secrets_in_the_error() {
    let world = World::new(None).await;
    world.engine.fail();
    let (world, result) = assert_nothing_leaks(world).await;
    let Err(RunError::Step(failure)) = result else {
        panic!("the build fails, but {result:?}");
    };
    for text in [&failure.0.message, failure.0.hint.as_ref().unwrap()] {
        assert!(text.contains(CONTROL) && text.contains("***"), "{text}");
    }
    // The guest has read the error.
    assert!(world.memories.hold("***"));
}
