//! An image as a file in OCI layout on this side.

use std::collections::HashMap;
use std::io::Read;

use serde_json::Value;
use stepyard_buildkit::Output;

use crate::support::{Engine, Workspace, build, on};

on!(an_image_is_written_to_a_file: docker_26_containerd, daemon);

async fn an_image_is_written_to_a_file(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tar");
    let workspace = Workspace::new("FROM base\nCOPY data /data\n");
    workspace.write("data", "in the archive");
    let output = || Output::OciArchive { path: path.clone() };
    let built = build(engine, workspace.build(output())).await;
    let digest = built.succeeded().digest.clone().unwrap();

    let mut files: HashMap<String, Vec<u8>> = HashMap::new();
    let archive = std::fs::File::open(&path).unwrap();
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        files.insert(name, content);
    }
    let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
    assert_eq!(index["manifests"][0]["digest"], digest.as_str());
    let blob = format!("blobs/{}", digest.replace(':', "/"));
    let manifest: Value = serde_json::from_slice(&files[&blob]).unwrap();
    for layer in manifest["layers"].as_array().unwrap() {
        let name = layer["digest"].as_str().unwrap().replace(':', "/");
        assert!(files.contains_key(&format!("blobs/{name}")), "{name}");
    }

    // A build that fails leaves the file as it was, and nothing beside it.
    workspace.dockerfile("FROM base\nRUN false\n");
    build(engine, workspace.build(output())).await.failure();
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

on!(an_engine_without_a_content_store_writes_no_file: docker_20, docker_26_classic);

async fn an_engine_without_a_content_store_writes_no_file(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tar");
    let workspace = Workspace::new("FROM base\n");
    let built = build(engine, workspace.build(Output::OciArchive { path })).await;
    let failure = built.failure();
    assert!(failure.message.contains("oci"), "{failure:?}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
}
