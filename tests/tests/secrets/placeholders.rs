//! What a guest sees of `<+secrets.getValue("…")>`, and where it may not put it.

use std::cell::RefCell;

use serde_json::{Value, json};
use stepyard::expression::{ExpressionPath, Scope, resolve_text};
use stepyard::secret::{Placeholders, SecretName};
use stepyard::{ComponentSource, ErrorKind, RunError};
use stepyard_tests::guests;

use crate::world::{BUILD_SECRET, World};

#[derive(Default)]
struct Secrets(RefCell<Placeholders>);

impl Scope for Secrets {
    fn lookup(&self, _: &ExpressionPath) -> Option<Value> {
        None
    }

    fn secret_placeholder(&self, name: &SecretName) -> String {
        self.0.borrow_mut().add(name.clone())
    }
}

/// The value of an expression, and the placeholders in it.
fn resolved(text: &str) -> (Value, Placeholders) {
    let scope = Secrets::default();
    let value = resolve_text(text, "field", &scope).unwrap();
    (value, scope.0.into_inner())
}

#[tokio::test]
async fn a_guest_sees_a_placeholder() {
    let world = World::new(None).await;
    let (value, placeholders) = resolved(r#"a <+secrets.getValue("npm")> b"#);
    let echo = ComponentSource::file(guests::component("echo-settings"));
    let settings = json!({"value": value});
    let outcome = world.run(echo, settings, placeholders).await.unwrap();
    let echoed: Value = serde_json::from_str(&outcome.outputs[0].1).unwrap();
    let echoed = echoed["value"].as_str().unwrap();
    assert!(
        echoed.starts_with("a [secret npm ") && echoed.ends_with("] b"),
        "{echoed}"
    );
    assert!(world.memories.hold("[secret npm "));
    assert!(!world.memories.hold(BUILD_SECRET));
}

#[tokio::test]
async fn a_placeholder_cannot_be_forged_by_another_run() {
    let (first, _) = resolved(r#"<+secrets.getValue("npm")>"#);
    let (second, placeholders) = resolved(r#"<+secrets.getValue("npm")>"#);
    assert_ne!(first, second);
    assert!(placeholders.whole(first.as_str().unwrap()).is_none());
    assert!(placeholders.whole(second.as_str().unwrap()).is_some());
}

#[tokio::test]
async fn a_secret_is_refused_where_the_image_would_keep_it() {
    let world = World::new(None).await;
    for (setting, kind) in [("buildArgs", "build argument"), ("labels", "label")] {
        let (value, placeholders) = resolved(r#"//<+secrets.getValue("npm")>/"#);
        let settings = json!({
            "connectorRef": "aws_main",
            "region": "us-east-1",
            "account": "123456789012",
            "imageName": "team/app",
            "tags": ["1"],
            setting: {"TOKEN": value},
        });
        let step = ComponentSource::built_in("build-push-ecr");
        let error = match world.run(step, settings, placeholders).await {
            Err(RunError::Step(failure)) => failure.0,
            other => panic!("{setting}: {other:?}"),
        };
        assert_eq!(error.kind, ErrorKind::Denied);
        assert_eq!(
            error.message,
            format!(
                "the secret npm may not be the value of the {kind} TOKEN: it would stay readable \
                 in the image"
            )
        );
        assert_eq!(
            error.hint.as_deref(),
            Some(
                "hand it to the build with envDockerSecrets and read it in the Dockerfile with \
                 RUN --mount=type=secret"
            )
        );
        assert!(world.engine.passwords().is_empty(), "something was pushed");
    }
}
