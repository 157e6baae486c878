//! How an image is kept and described: indexes, digests, compression, annotations, attestations.

use serde_json::Value;
use stepyard_buildkit::{Compression, CompressionAlgorithm, DockerfileBuild, Provenance};

use crate::support::{Destination, Engine, Registry, Workspace, build, contains, on, push, unique};

/// A place in the open registry.
struct Pushed {
    registry: Registry,
    repository: String,
}

impl Pushed {
    fn new(name: &str) -> Self {
        Self {
            registry: Registry::open(),
            repository: format!("stepyard-buildkit/{}", unique(name)),
        }
    }

    fn reference(&self, tag: &str) -> String {
        format!("{}/{}:{tag}", self.registry.address, self.repository)
    }

    /// Builds and pushes; returns what the tag then leads to.
    async fn push(
        &self,
        engine: Engine,
        workspace: &Workspace,
        tag: &str,
        settings: impl FnOnce(&mut DockerfileBuild),
    ) -> Value {
        let mut request = workspace.build(push(&self.reference(tag)));
        settings(&mut request);
        let built = build(engine, request).await;
        let result = built.succeeded();
        // What the daemon says is what the registry has.
        let digest = result.digest.as_deref().unwrap();
        let manifest = self.registry.manifest(&self.repository, tag);
        assert_eq!(self.registry.manifest(&self.repository, digest), manifest);
        let descriptor = result.descriptor.as_ref().unwrap();
        assert_eq!(descriptor.digest, digest);
        assert_eq!(manifest["mediaType"], descriptor.media_type.as_str());
        manifest
    }
}

on!(two_platforms_are_an_index: docker_26_containerd, daemon);

async fn two_platforms_are_an_index(engine: Engine) {
    let workspace = Workspace::new("FROM scratch\nARG TARGETARCH\nCOPY file-$TARGETARCH /file\n");
    workspace.write("file-amd64", "for amd64");
    workspace.write("file-arm64", "for arm64");
    let pushed = Pushed::new("platforms");
    let index = pushed
        .push(engine, &workspace, "1", |request| {
            request.platforms = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
        })
        .await;
    let manifests = index["manifests"].as_array().unwrap();
    assert_eq!(manifests.len(), 2, "{index}");
    for manifest in manifests {
        let platform = manifest["platform"]["architecture"].as_str().unwrap();
        let digest = manifest["digest"].as_str().unwrap();
        let image = pushed.registry.image(&pushed.repository, digest);
        assert_eq!(image.text("file"), format!("for {platform}"));
        assert_eq!(image.configuration["architecture"], platform);
    }
}

on!(another_platform: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn another_platform(engine: Engine) {
    let workspace = Workspace::new("FROM scratch\nCOPY Dockerfile /\n");
    let destination = Destination::new(engine, "platform");
    let mut request = workspace.build(destination.output());
    request.platforms = vec!["linux/arm64".to_owned()];
    build(engine, request).await.succeeded();
    // Docker 26 saves of its containerd store only what it could run itself.
    if engine != Engine::Docker26Containerd {
        assert_eq!(destination.image().configuration["architecture"], "arm64");
    }
}

on!(a_push_by_digest: docker_26_containerd, daemon);

async fn a_push_by_digest(engine: Engine) {
    let workspace = Workspace::new("FROM scratch\nCOPY Dockerfile /\n");
    let pushed = Pushed::new("by-digest");
    let stepyard_buildkit::Output::Push(mut destination) = push(&pushed.reference("unused")) else {
        panic!("not a push");
    };
    destination.reference = destination.reference.replace(":unused", "");
    destination.by_digest = true;
    let built = build(
        engine,
        workspace.build(stepyard_buildkit::Output::Push(destination)),
    )
    .await;
    let digest = built.succeeded().digest.clone().unwrap();
    pushed.registry.manifest(&pushed.repository, &digest);
    for tag in ["unused", "latest"] {
        assert!(
            pushed
                .registry
                .find_manifest(&pushed.repository, tag)
                .is_none()
        );
    }
}

on!(the_same_input_gives_the_same_digest: docker_26_containerd, daemon);

/// Built twice in full, with files of other times.
async fn the_same_input_gives_the_same_digest(engine: Engine) {
    let dockerfile = "FROM base AS made\nRUN mkdir /made && date +%N > /dev/null && echo same > /made/file\n\
                      FROM scratch\nCOPY --from=made /made /made\nCOPY file /file\n";
    let pushed = Pushed::new("same");
    let mut digests = Vec::new();
    for (tag, epoch) in [
        ("1", 1_000_000_000),
        ("2", 1_000_000_000),
        ("3", 1_000_000_001),
    ] {
        let workspace = Workspace::new(dockerfile);
        workspace.write("file", "the same");
        let manifest = pushed
            .push(engine, &workspace, tag, |request| {
                request.no_cache = true;
                request.source_date_epoch = Some(epoch);
            })
            .await;
        digests.push(manifest.to_string());
        let image = pushed.registry.image(&pushed.repository, tag);
        let entries = image.entries();
        assert!(
            entries.values().all(|entry| entry.modified <= epoch),
            "{tag}"
        );
    }
    assert_eq!(digests[0], digests[1]);
    assert_ne!(digests[0], digests[2]);
}

on!(layers_are_compressed_as_asked: docker_26_containerd, daemon);

async fn layers_are_compressed_as_asked(engine: Engine) {
    let workspace = Workspace::new("FROM base\nCOPY file /file\n");
    workspace.write("file", [b'x'; 100_000]);
    let pushed = Pushed::new("compressed");
    for (algorithm, ending, level) in [
        (CompressionAlgorithm::Gzip, "gzip", None),
        (CompressionAlgorithm::Zstd, "+zstd", Some(3)),
        (CompressionAlgorithm::Estargz, "gzip", Some(9)),
        // After the others: layers in the cache are compressed anew.
        (CompressionAlgorithm::Gzip, "gzip", Some(1)),
    ] {
        let manifest = pushed
            .push(engine, &workspace, "1", |request| {
                request.compression = Some(Compression { algorithm, level });
            })
            .await;
        let layers = manifest["layers"].as_array().unwrap();
        assert_eq!(layers.len(), 2, "{manifest}");
        for layer in layers {
            let media_type = layer["mediaType"].as_str().unwrap();
            assert!(media_type.ends_with(ending), "{algorithm:?}: {manifest}");
            let table = &layer["annotations"]["containerd.io/snapshot/stargz/toc.digest"];
            assert_eq!(
                table.is_string(),
                algorithm == CompressionAlgorithm::Estargz,
                "{algorithm:?}: {manifest}"
            );
        }
    }
}

on!(annotations: docker_26_containerd, daemon);

async fn annotations(engine: Engine) {
    let workspace = Workspace::new("FROM scratch\nCOPY Dockerfile /\n");
    let pushed = Pushed::new("annotated");
    let manifest = pushed
        .push(engine, &workspace, "1", |request| {
            request.annotations = vec![("org.example.note".to_owned(), "a=b, c: ü".to_owned())];
        })
        .await;
    assert_eq!(manifest["annotations"]["org.example.note"], "a=b, c: ü");
}

/// The attestation manifest of an index of one image, and its statements.
fn statements(pushed: &Pushed, index: &Value) -> Vec<(String, Value)> {
    let manifests = index["manifests"].as_array().unwrap();
    assert_eq!(manifests.len(), 2, "{index}");
    let (image, attestation) = (&manifests[0], &manifests[1]);
    let annotations = &attestation["annotations"];
    assert_eq!(
        annotations["vnd.docker.reference.type"],
        "attestation-manifest"
    );
    assert_eq!(annotations["vnd.docker.reference.digest"], image["digest"]);
    let digest = attestation["digest"].as_str().unwrap();
    let manifest = pushed.registry.manifest(&pushed.repository, digest);
    let layers = manifest["layers"].as_array().unwrap();
    layers
        .iter()
        .map(|layer| {
            let kind = layer["annotations"]["in-toto.io/predicate-type"].as_str();
            let statement = pushed.registry.blob(&pushed.repository, &layer["digest"]);
            let statement: Value = serde_json::from_slice(&statement).unwrap();
            let subject = format!(
                "sha256:{}",
                statement["subject"][0]["digest"]["sha256"]
                    .as_str()
                    .unwrap()
            );
            assert_eq!(image["digest"], subject.as_str());
            (kind.unwrap().to_owned(), statement)
        })
        .collect()
}

on!(provenance_is_attested: docker_26_containerd, daemon);

async fn provenance_is_attested(engine: Engine) {
    let workspace = Workspace::new("FROM base\nARG SEEN\nRUN echo $SEEN\n");
    let value = unique("argument");
    let pushed = Pushed::new("provenance");
    for (mode, tells) in [(Provenance::Minimal, false), (Provenance::Maximal, true)] {
        let index = pushed
            .push(engine, &workspace, "1", |request| {
                request.provenance = Some(mode);
                request.build_arguments = vec![("SEEN".to_owned(), value.clone())];
            })
            .await;
        let [(kind, statement)] = &statements(&pushed, &index)[..] else {
            panic!("{index}");
        };
        assert!(kind.starts_with("https://slsa.dev/provenance/"), "{kind}");
        let text = statement.to_string();
        assert_eq!(contains(text.as_bytes(), &value), tells, "{mode:?}: {text}");
        // Nothing of this machine.
        assert!(!text.contains("/tmp/"), "{text}");
    }
}

on!(software_is_attested: docker_26_containerd, daemon);

/// By a scanner of our own: a command that writes a statement as BuildKit's protocol of scanners
/// wants it (BuildKit, `docs/attestations/sbom-protocol.md`).
async fn software_is_attested(engine: Engine) {
    let scanner =
        Workspace::new("FROM base\nCOPY --chmod=755 scan /scan\nENTRYPOINT [\"/scan\"]\n");
    scanner.write(
        "scan",
        "#!/bin/sh\nset -e\nname=$(basename \"$BUILDKIT_SCAN_SOURCE\")\n\
         found=$(cat \"$BUILDKIT_SCAN_SOURCE/software\")\n\
         cat > \"$BUILDKIT_SCAN_DESTINATION/$name.spdx.json\" <<END\n\
         {\"_type\":\"https://in-toto.io/Statement/v0.1\",\"predicateType\":\"https://spdx.dev/Document\",\
         \"predicate\":{\"spdxVersion\":\"SPDX-2.3\",\"name\":\"$found\"}}\nEND\n",
    );
    let pushed = Pushed::new("software");
    pushed.push(engine, &scanner, "scanner", |_| {}).await;
    let workspace = Workspace::new("FROM scratch\nCOPY software /software\n");
    workspace.write("software", "a-package");
    let index = pushed
        .push(engine, &workspace, "1", |request| {
            request.software_bill_of_materials = Some(pushed.reference("scanner"));
        })
        .await;
    let [(kind, statement)] = &statements(&pushed, &index)[..] else {
        panic!("{index}");
    };
    assert_eq!(kind, "https://spdx.dev/Document");
    assert_eq!(statement["predicate"]["name"], "a-package");
}
