use serde_json::json;
use stepyard::ErrorKind;

use crate::capabilities::{Capabilities, digest};

const SOURCE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app";
const DESTINATION: &str = "210987654321.dkr.ecr.eu-west-1.amazonaws.com/live/app";
const STEP: &str = "promote-image";

#[tokio::test]
async fn an_image_is_copied_by_digest_and_tagged() {
    let world = Capabilities::new()
        .repository(SOURCE, &[("1.2", digest('a'))])
        .repository(DESTINATION, &[]);
    let settings = json!({
        "sourceConnectorRef": "build",
        "destinationConnectorRef": "live",
        "source": format!("{SOURCE}:1.2"),
        "destination": format!("{DESTINATION}:7"),
        "tags": ["stable"],
    });
    let outcome = world.run(STEP, settings.clone()).await.unwrap();
    let copied = format!("copy {SOURCE}@{} to {DESTINATION}:7", digest('a'));
    assert_eq!(
        world.calls(),
        ["login build", "login live", &copied, "tag stable"]
    );
    assert_eq!(outcome.images.len(), 2);
    assert_eq!(outcome.images[0].digest, digest('a').as_str());

    world.run(STEP, settings).await.unwrap();
    assert_eq!(
        world.calls()[4..],
        ["login build", "login live", "tag stable"]
    );
}

#[tokio::test]
async fn the_sources_tag_is_the_default() {
    let world = Capabilities::new()
        .repository(SOURCE, &[("1.2", digest('a'))])
        .repository(DESTINATION, &[]);
    let settings = json!({
        "connectorRef": "aws",
        "source": format!("{SOURCE}:1.2"),
        "destination": DESTINATION,
    });
    let outcome = world.run(STEP, settings).await.unwrap();
    assert_eq!(outcome.images[0].tag, "1.2");
}

#[tokio::test]
async fn a_missing_source_is_not_found() {
    let world = Capabilities::new()
        .repository(SOURCE, &[])
        .repository(DESTINATION, &[]);
    let settings = json!({
        "connectorRef": "aws",
        "source": format!("{SOURCE}:1.2"),
        "destination": format!("{DESTINATION}:1.2"),
    });
    let error = world.fail(STEP, settings).await;
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(error.message, format!("{SOURCE}:1.2 does not exist"));
}
