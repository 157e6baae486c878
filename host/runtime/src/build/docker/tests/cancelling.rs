//! A build that nobody waits for any more.

use std::time::Duration;

use super::{Fixture, base_image, unique};
use crate::event::EventKind;

/// How many containers, running or not, have `text` in their command.
async fn containers(fixture: &Fixture, text: &str) -> usize {
    let client = &fixture.engine.found().await.unwrap().client;
    let list: Vec<serde_json::Value> = client.get("/containers/json?all=1").await.unwrap();
    list.iter()
        .filter(|container| container["Command"].as_str().unwrap().contains(text))
        .count()
}

#[tokio::test]
async fn a_dropped_build_leaves_no_container() {
    let mark = unique("dropped");
    let mut fixture = Fixture::new(&format!("FROM {}\nRUN : {mark}; sleep 600\n", base_image()));
    let (sink, mut events) = crate::event::channel();
    fixture.reporter = crate::event::Reporter::new(std::sync::Arc::new(sink), "test");
    let running = async {
        while let Some(event) = events.recv().await {
            if matches!(&event.kind, EventKind::Output { line, .. } if line.contains("Running in"))
            {
                break;
            }
        }
        // The line comes before the container runs.
        while containers(&fixture, &mark).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        built = fixture.build(|_| {}) => panic!("the build ended: {built:?}"),
        () = running => {}
    }
    let gone = async {
        while containers(&fixture, &mark).await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .unwrap();
}
