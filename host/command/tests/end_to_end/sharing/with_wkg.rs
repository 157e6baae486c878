//! What `wkg` and Stepyard have pushed, read by the other.

use std::fs;
use std::process::Command;

use super::{greet, guest, project, publish, without_tag};
use crate::support::project::Project;
use crate::support::registry::Registry;
use crate::support::run::{self, Run};
use crate::support::service;

/// The tool of the Bytecode Alliance for such artifacts, which nobody here wrote.
fn wkg(project: &Project, registry: &Registry, arguments: &[&str]) -> Run {
    let mut command = Command::new(service("STEPYARD_TEST_WKG"));
    command
        .args(arguments)
        .args(["--insecure", &registry.address])
        .current_dir(project.path(""))
        .env_clear()
        .env("HOME", project.path("home"));
    run::to_end(&mut command).expect(0)
}

/// The manifest that a reference pins, and the configuration of what it names.
fn artifact(registry: &Registry, pinned: &str) -> [serde_json::Value; 2] {
    let read = |digest: &str| -> serde_json::Value {
        serde_json::from_slice(&fs::read(registry.stored(digest)).unwrap()).unwrap()
    };
    let manifest = read(pinned.rsplit_once('@').unwrap().1);
    let configuration = read(manifest["config"]["digest"].as_str().unwrap());
    [manifest, configuration]
}

#[test]
#[ignore = "it needs wkg, which `cargo xtask interop` installs"]
fn wkg_pulls_what_is_published_and_what_it_pushes_runs() {
    let registry = Registry::start();
    let project = project();
    let reference = format!("{}/team/hello", registry.address);
    let ours = publish(&project, &format!("{reference}:1"), "hello.wasm", &[]);
    let bare = |reference: &str| reference.strip_prefix("oci://").unwrap().to_owned();
    for (name, from) in [
        ("tag", format!("{reference}:1")),
        ("digest", without_tag(&bare(&ours))),
    ] {
        wkg(&project, &registry, &["oci", "pull", &from, "-o", name]);
        let pulled = fs::read(project.path(name)).unwrap();
        assert!(pulled == fs::read(guest("hello")).unwrap(), "by its {name}");
    }

    let theirs = format!("{reference}:2");
    let pushed = wkg(&project, &registry, &["oci", "push", &theirs, "hello.wasm"]);
    let digest = pushed
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("digest: "));
    let theirs = format!("oci://{theirs}@{}", digest.unwrap());
    greet(&project, &theirs).expect(0).says("Hello, world!");

    // Both say the same of the component, in the same form.
    let [our_manifest, our_configuration] = artifact(&registry, &ours);
    let [their_manifest, their_configuration] = artifact(&registry, &theirs);
    for field in [
        "schemaVersion",
        "mediaType",
        "layers/0/digest",
        "config/mediaType",
    ] {
        let pointer = format!("/{field}");
        assert_eq!(
            our_manifest.pointer(&pointer),
            their_manifest.pointer(&pointer),
            "{field}"
        );
    }
    for field in ["architecture", "os", "layerDigests"] {
        assert_eq!(
            our_configuration[field], their_configuration[field],
            "{field}"
        );
    }
    for field in ["imports", "exports"] {
        let sorted = |configuration: &serde_json::Value| {
            let names = configuration["component"][field].as_array().unwrap();
            let mut names: Vec<String> = names
                .iter()
                .map(|name| name.as_str().unwrap().to_owned())
                // wkg lists the types too that the world itself uses.
                .filter(|name| field == "exports" || name.contains(':'))
                .collect();
            names.sort();
            names
        };
        assert_eq!(sorted(&our_configuration), sorted(&their_configuration));
    }
}
