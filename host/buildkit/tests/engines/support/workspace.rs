//! A folder to build, and where the image goes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use stepyard_buildkit::{Context, DockerfileBuild, Output, PushDestination};
use tempfile::TempDir;

use super::{Engine, Image, Registry, service};

/// The image that every engine has.
pub(crate) fn base_image() -> String {
    service("STEPYARD_TEST_BASE_IMAGE")
}

/// A name that nothing else on the engines has.
pub(crate) fn unique(name: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    format!("{name}-{}-{now}-{number}", std::process::id())
}

/// A folder, gone at the end.
pub(crate) struct Workspace(TempDir);

impl Workspace {
    /// With a Dockerfile in it, whose `FROM base` means the base image.
    pub(crate) fn new(dockerfile: &str) -> Self {
        let workspace = Self(tempfile::tempdir().unwrap());
        workspace.dockerfile(dockerfile);
        workspace
    }

    /// Writes the Dockerfile anew.
    pub(crate) fn dockerfile(&self, dockerfile: &str) {
        let text = dockerfile.replace("FROM base", &format!("FROM {}", base_image()));
        self.write("Dockerfile", text);
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Writes a file, and makes the folders above it.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes a program that needs nothing of the image that it runs in: the base image has only
    /// what busybox can do.
    pub(crate) fn compile(&self, name: &str, source: &str) {
        let file = self.path(&format!("{name}.rs"));
        fs::write(&file, source).unwrap();
        let compiled = Command::new("rustc")
            .args(["--edition=2024", "-Ctarget-feature=+crt-static", "-o"])
            .arg(self.path(name))
            .arg(&file)
            .output()
            .unwrap();
        assert!(compiled.status.success(), "{compiled:?}");
    }

    pub(crate) fn directory(&self) -> Dir {
        open(self.0.path())
    }

    /// A build of the folder.
    pub(crate) fn build(&self, output: Output) -> DockerfileBuild {
        let context = Context {
            directory: self.directory(),
            shared_key: self.0.path().display().to_string(),
        };
        DockerfileBuild::new(context, output)
    }

    /// A build whose image nobody needs.
    pub(crate) fn trial(&self) -> DockerfileBuild {
        self.build(Output::Cache)
    }

    /// The same, whose commands run even where the engine has their results from another test.
    pub(crate) fn anew(&self) -> DockerfileBuild {
        let mut build = self.trial();
        build.no_cache = true;
        build
    }
}

fn open(path: &Path) -> Dir {
    Dir::open_ambient_dir(path, ambient_authority()).unwrap()
}

/// A name for one image: in the engine, where it holds images, otherwise in the open registry.
pub(crate) struct Destination {
    engine: Engine,
    repository: String,
}

impl Destination {
    pub(crate) fn new(engine: Engine, name: &str) -> Self {
        Self {
            engine,
            repository: format!("stepyard-buildkit/{}", unique(name)),
        }
    }

    /// What a Dockerfile names the image by.
    pub(crate) fn name(&self) -> String {
        match self.engine {
            Engine::Daemon => format!("{}/{}:1", Registry::open().address, self.repository),
            _ => format!("{}:1", self.repository),
        }
    }

    pub(crate) fn output(&self) -> Output {
        match self.engine {
            Engine::Daemon => push(&self.name()),
            _ => Output::Held {
                names: vec![self.name()],
            },
        }
    }

    /// The image that was built.
    pub(crate) fn image(&self) -> Image {
        match self.engine {
            Engine::Daemon => Registry::open().image(&self.repository, "1"),
            engine => Image::of_archive(&engine.get(&format!("/images/{}/get", self.name()))),
        }
    }

    /// Whether there is an image.
    pub(crate) fn is_taken(&self) -> bool {
        match self.engine {
            Engine::Daemon => Registry::open()
                .find_manifest(&self.repository, "1")
                .is_some(),
            // A list of all images fails with containerd's store where another test removes one
            // meanwhile.
            engine => engine.has(&self.name()),
        }
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        if self.engine != Engine::Daemon {
            self.engine.remove(&self.name());
        }
    }
}

/// A push of BuildKit's own.
pub(crate) fn push(reference: &str) -> Output {
    Output::Push(PushDestination {
        reference: reference.to_owned(),
        by_digest: false,
        insecure: false,
    })
}
