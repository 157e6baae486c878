//! The engines, and one build with one of them.

use std::time::{Duration, Instant};

use stepyard_buildkit::{
    BuildProgress, BuildResult, Client, DockerfileBuild, Endpoint, Error, Event, Failure, Transport,
};

use super::{http, service};

/// No build of these tests takes this long: one that does has stopped for ever.
const PATIENCE: Duration = Duration::from_secs(180);

/// What builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Docker20,
    Docker26Classic,
    Docker26Containerd,
    /// What is reached as a BuildKit daemon, which is the BuildKit of [`Engine::Docker26Containerd`].
    Daemon,
}

impl Engine {
    pub(crate) const fn docker_20() -> Self {
        Self::Docker20
    }

    pub(crate) const fn docker_26_classic() -> Self {
        Self::Docker26Classic
    }

    pub(crate) const fn docker_26_containerd() -> Self {
        Self::Docker26Containerd
    }

    pub(crate) const fn daemon() -> Self {
        Self::Daemon
    }

    fn address(self) -> String {
        service(match self {
            Self::Docker20 => "STEPYARD_TEST_DOCKER_20",
            Self::Docker26Classic => "STEPYARD_TEST_DOCKER_26_CLASSIC",
            Self::Docker26Containerd => "STEPYARD_TEST_DOCKER_26_CONTAINERD",
            Self::Daemon => "STEPYARD_TEST_BUILDKIT_UNIX",
        })
    }

    /// The path of its socket.
    pub(crate) fn socket(self) -> String {
        let address = self.address();
        address
            .strip_prefix("unix://")
            .unwrap_or_else(|| panic!("{address} is not unix:///PATH"))
            .to_owned()
    }

    pub(crate) fn client(self) -> Client {
        let transport = Transport::Unix(self.socket().into());
        Client::new(match self {
            Self::Daemon => Endpoint::Daemon(transport),
            _ => Endpoint::DockerEngine(transport),
        })
    }

    /// Whether it is BuildKit of 2021.
    pub(crate) fn is_old(self) -> bool {
        self == Self::Docker20
    }

    /// A GET of the Docker Engine's own API.
    pub(crate) fn get(self, path: &str) -> Vec<u8> {
        let response = http::unix(&self.socket(), "GET", path);
        assert_eq!(response.status, 200, "{path}: {:?}", response.text());
        response.body
    }

    /// Whether an image has this name.
    pub(crate) fn has(self, name: &str) -> bool {
        let response = http::unix(&self.socket(), "GET", &format!("/images/{name}/json"));
        match response.status {
            200 => true,
            404 => false,
            status => panic!("{name}: {status} {:?}", response.text()),
        }
    }

    /// Removes an image, if it is there.
    pub(crate) fn remove(self, name: &str) {
        let _ = http::unix(&self.socket(), "DELETE", &format!("/images/{name}?force=1"));
    }
}

/// What became of a build.
pub(crate) struct Built {
    pub(crate) result: Result<BuildResult, Error>,
    pub(crate) events: Vec<Event>,
}

/// Builds to the end.
pub(crate) async fn build(engine: Engine, build: DockerfileBuild) -> Built {
    build_with(&engine.client(), build).await
}

async fn build_with(client: &Client, build: DockerfileBuild) -> Built {
    let mut events = Vec::new();
    let progress = BuildProgress::default();
    let building = client.build(build, &progress, |event| events.push(event));
    let result = tokio::time::timeout(PATIENCE, building)
        .await
        .unwrap_or_else(|_| panic!("the build with {} does not end", client.endpoint()));
    Built { result, events }
}

impl Built {
    /// Builds with a client of the test's own.
    pub(crate) async fn by(client: &Client, build: DockerfileBuild) -> Self {
        build_with(client, build).await
    }

    /// What was made; with all that was said where nothing was.
    pub(crate) fn succeeded(&self) -> &BuildResult {
        match &self.result {
            Ok(result) => result,
            Err(error) => panic!("{error}\n{error:?}\n{}", self.output()),
        }
    }

    /// The error, where the build must not succeed.
    pub(crate) fn error(&self) -> &Error {
        match &self.result {
            Ok(result) => panic!("built {result:?}\n{}", self.output()),
            Err(error) => error,
        }
    }

    /// How the build failed, where it ran and failed.
    pub(crate) fn failure(&self) -> &Failure {
        match self.error() {
            Error::Failed(failure) => failure,
            error => panic!("not the build's own failure: {error:?}"),
        }
    }

    /// What commands have written.
    pub(crate) fn output(&self) -> String {
        let bytes: Vec<u8> = self
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Output { data, .. } => Some(data.as_slice()),
                _ => None,
            })
            .flatten()
            .copied()
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether the vertex whose name ends so was found in the cache.
    pub(crate) fn was_cached(&self, name: &str) -> bool {
        let finished = self.events.iter().rev().find_map(|event| match event {
            Event::VertexFinished {
                name: known,
                cached,
                ..
            } if known.ends_with(name) => Some(*cached),
            _ => None,
        });
        finished.unwrap_or_else(|| panic!("no vertex {name:?} has ended: {:?}", self.events))
    }
}

/// Waits until something is so, and fails where it never is.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(30), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
