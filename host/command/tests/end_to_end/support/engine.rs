//! The engines that build, and the Docker Engines among them, seen through the docker command.

use std::process::Command;

use super::service;

/// What a case builds with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// Docker Engine 20.10 with its BuildKit.
    Docker20,
    /// The same with the classic builder.
    Classic,
    /// Docker Engine 26.1 with its own image store.
    Docker26,
    /// Docker Engine 26.1 with containerd's image store, which pushes while it builds.
    Containerd,
    /// A BuildKit daemon behind a socket.
    BuildKit,
    /// A BuildKit daemon behind mutual TLS.
    BuildKitTls,
}

impl Engine {
    /// The names that the tables of cases use.
    pub(crate) fn docker_20() -> Self {
        Self::Docker20
    }

    pub(crate) fn classic() -> Self {
        Self::Classic
    }

    pub(crate) fn docker_26() -> Self {
        Self::Docker26
    }

    pub(crate) fn containerd() -> Self {
        Self::Containerd
    }

    pub(crate) fn buildkit() -> Self {
        Self::BuildKit
    }

    pub(crate) fn buildkit_tls() -> Self {
        Self::BuildKitTls
    }

    /// The variables that point the command at it.
    pub(crate) fn variables(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Docker20 => vec![("DOCKER_HOST", service("STEPYARD_TEST_DOCKER_20"))],
            Self::Classic => vec![
                ("DOCKER_HOST", service("STEPYARD_TEST_DOCKER_20")),
                ("DOCKER_BUILDKIT", "0".to_owned()),
            ],
            Self::Docker26 => vec![("DOCKER_HOST", service("STEPYARD_TEST_DOCKER_26_CLASSIC"))],
            Self::Containerd => {
                vec![("DOCKER_HOST", service("STEPYARD_TEST_DOCKER_26_CONTAINERD"))]
            }
            Self::BuildKit => vec![("BUILDKIT_HOST", service("STEPYARD_TEST_BUILDKIT_UNIX"))],
            Self::BuildKitTls => vec![
                ("BUILDKIT_HOST", service("STEPYARD_TEST_BUILDKIT_TLS")),
                (
                    "BUILDKIT_CERT_PATH",
                    service("STEPYARD_TEST_BUILDKIT_CERTIFICATES"),
                ),
            ],
        }
    }

    /// Where it is, as its variable says.
    pub(crate) fn address(self) -> String {
        let variables = self.variables();
        variables.into_iter().next().unwrap().1
    }

    /// Its name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BuildKit | Self::BuildKitTls => "buildkit",
            Self::Docker20 | Self::Classic | Self::Docker26 | Self::Containerd => "docker",
        }
    }

    /// Whose words its failures have, where they may not be those of BuildKit in Docker 20.10.
    pub(crate) fn wording(self) -> Option<&'static str> {
        match self {
            Self::Docker20 => None,
            Self::Classic => Some("classic"),
            Self::Docker26 | Self::Containerd | Self::BuildKit | Self::BuildKitTls => Some("newer"),
        }
    }

    /// Whether it keeps what it builds as an image that the docker command sees.
    pub(crate) fn holds(self) -> bool {
        matches!(self, Self::Docker20 | Self::Classic | Self::Docker26)
    }

    /// Removes the tags of every repository whose name ends so, where it holds any.
    pub(crate) fn remove_images(self, repository: &str) {
        if !self.holds() {
            return;
        }
        let list = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"];
        let list = output(&mut self.docker(&list));
        for image in String::from_utf8_lossy(&list).lines() {
            let name = image.rsplit_once(':').map_or(image, |(name, _)| name);
            if name.ends_with(repository) {
                // Another test may have removed it: what is not there needs no removal.
                let _ = self.docker(&["image", "rm", "--force", image]).output();
            }
        }
    }

    fn docker(self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command
            .args(arguments)
            .env("DOCKER_HOST", self.address())
            .env_remove("DOCKER_CONTEXT");
        command
    }
}

/// What `docker ARGUMENTS` prints, with the Docker Engine 20.10.
pub(crate) fn docker_output(arguments: &[&str]) -> Vec<u8> {
    output(&mut Engine::Docker20.docker(arguments))
}

fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    output.stdout
}
