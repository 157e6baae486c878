//! Rounds of builds: in each, every peer has a turn of all cases, with a new engine and a new registry.
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tempfile::TempDir;

use super::super::context::Content;
use super::super::measure::{self, Sample};
use super::breakdown;
use super::ground::{Engine, Ground, REPOSITORY};
use super::peer::{Compression, Peer};
use crate::error::{Doing, Result};
use crate::prepare::unpacked_engine;
use crate::services::docker_registry::{Access, DockerRegistry};
use crate::stepyard_command::{self, Stepyard};

const PIPELINE: &str = "\
pipeline:
  stages:
    - stage:
        spec:
          execution:
            steps:
              - step:
                  type: BuildAndPushECR
                  name: Build and push
                  identifier: build_and_push
                  spec:
                    connectorRef: aws_local
                    region: us-east-1
                    account: \"123456789012\"
                    imageName: bench/app
                    tags: [TAG]
";
/// The line that makes the pipeline one with zstd.
const ZSTD: &str = "                    compression: zstd\n";

/// What the engine and the registry know before a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Cold,
    NothingChanged,
    Changed,
    ColdZstd,
}

impl Case {
    pub(super) fn name(self, content: Content) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::NothingChanged => "nothing changed",
            Self::Changed => content.changed(),
            Self::ColdZstd => "cold, zstd",
        }
    }

    /// Another one in each case of a turn: where a tag moves, the containerd store of Docker Engine 26.1.5
    /// now and then deletes layers of the old image that the new one is just being built upon.
    fn tag(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::NothingChanged => "again",
            Self::Changed => "changed",
            Self::ColdZstd => "zstd",
        }
    }

    fn compression(self) -> Compression {
        match self {
            Self::ColdZstd => Compression::Zstd,
            _ => Compression::Gzip,
        }
    }

    fn pipeline(self) -> String {
        let more = match self.compression() {
            Compression::Gzip => "",
            Compression::Zstd => ZSTD,
        };
        PIPELINE.replace("TAG", self.tag()) + more
    }
}

/// What a peer does in a turn, one after the other.
pub(super) const TURN: &[Case] = &[Case::Cold, Case::NothingChanged, Case::Changed];
/// Another turn, as layers of one compression must not be found by the other.
pub(super) const ZSTD_TURN: &[Case] = &[Case::ColdZstd];

/// What one build and push took.
pub(super) struct Outcome {
    pub(super) sample: Sample,
    /// Of the engine's processes, where it is this machine's.
    pub(super) engine_cpu_seconds: Option<f64>,
    /// Where Stepyard's time went, in seconds.
    pub(super) parts: Vec<(String, f64)>,
}

/// Measures the turns of each peer, `runs` times, and hands each outcome to `record`.
pub(super) fn measure(
    ground: &Ground<'_>,
    content: Content,
    peers: &[Peer],
    turns: &[&[Case]],
    runs: u64,
    mut record: impl FnMut(Peer, Case, &Outcome),
) -> Result<()> {
    let field = Field::prepare(ground, content)?;
    for run in 1..=runs {
        for peer in in_turn(peers, run) {
            for turn in turns {
                if turn == &ZSTD_TURN && !peer.chooses_compression() {
                    continue;
                }
                let started = field.begin_turn()?;
                for &case in *turn {
                    if case == Case::Changed {
                        content.change(&field.context, run)?;
                    }
                    let outcome = started.build_and_push(peer, case)?;
                    eprintln!(
                        "run {run}: {}, {}: {:.2} s",
                        peer.name(),
                        case.name(content),
                        outcome.sample.seconds
                    );
                    record(peer, case, &outcome);
                }
                content.change(&field.context, 0)?;
            }
        }
    }
    Ok(())
}

/// The peers, another one being first in each run; runs count from 1.
fn in_turn(peers: &[Peer], run: u64) -> impl Iterator<Item = Peer> {
    let first = usize::try_from(run - 1).unwrap_or(0) % peers.len().max(1);
    peers.iter().copied().cycle().skip(first).take(peers.len())
}

/// A context, and the files of those who build it.
struct Field<'a> {
    ground: &'a Ground<'a>,
    context: PathBuf,
    /// Also the docker command's configuration. Deleted with all that is in it.
    folder: TempDir,
}

/// What is new in each turn.
struct Turn<'a> {
    field: &'a Field<'a>,
    engine: Engine,
    registry: DockerRegistry,
    stepyard: Stepyard,
}

impl<'a> Field<'a> {
    fn prepare(ground: &'a Ground<'a>, content: Content) -> Result<Self> {
        let folder = tempfile::tempdir_in(ground.bench.folder("build")?)
            .doing(|| "making a folder".into())?;
        let context = folder.path().join("context");
        eprintln!("writing a context: {}", content.title());
        content.write(&context)?;
        let plugins = folder.path().join("cli-plugins");
        fs::create_dir(&plugins)
            .and_then(|()| {
                let plugin = unpacked_engine::program("docker-buildx");
                symlink(plugin, plugins.join("docker-buildx"))
            })
            .doing(|| "writing the peers' files".into())?;
        Ok(Self {
            ground,
            context,
            folder,
        })
    }

    /// Starts an engine and a registry, and tells the peers of them.
    fn begin_turn(&self) -> Result<Turn<'_>> {
        let (moto, folder) = (&self.ground.moto, self.folder.path());
        let program = &self.ground.bench.program;
        let engine = self.ground.new_engine()?;
        let registry = DockerRegistry::start(Access::Password)?;
        let stepyard = Stepyard::set_up(program, folder, &self.context, "", PIPELINE)?;
        let aws = moto.endpoint();
        stepyard.point_at(registry.address(), aws.trim_start_matches("http://"))?;
        stepyard_command::write_docker_login(folder, registry.address(), &moto.address())?;
        Ok(Turn {
            field: self,
            engine,
            registry,
            stepyard,
        })
    }
}

impl Turn<'_> {
    fn build_and_push(&self, peer: Peer, case: Case) -> Result<Outcome> {
        let before = self.engine.cpu_seconds();
        let (sample, parts) = match peer {
            Peer::Stepyard => {
                let file = self.field.folder.path().join("pipeline.yaml");
                fs::write(file, case.pipeline()).doing(|| "writing the pipeline".into())?;
                let mut command = self.stepyard.run(&["pipeline.yaml", "--events", "ndjson"]);
                self.engine.point(&mut command);
                let (sample, events) = measure::output(&mut command)?;
                (sample, breakdown::read(&events, sample.seconds))
            }
            _ => {
                let docker = || {
                    let mut command = self.engine.docker();
                    command.env("DOCKER_CONFIG", self.field.folder.path());
                    command
                };
                let image = format!("{}/{REPOSITORY}:{}", self.registry.address(), case.tag());
                let compression = case.compression();
                let context = &self.field.context;
                let sample = peer.build_and_push(docker, &image, context, compression)?;
                (sample, Vec::new())
            }
        };
        let after = self.engine.cpu_seconds();
        Ok(Outcome {
            sample,
            engine_cpu_seconds: before.zip(after).map(|(before, after)| after - before),
            parts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_peer_is_first_in_some_run() {
        let peers = [Peer::Stepyard, Peer::BuildxPush, Peer::DockerBuildKit];
        let firsts: Vec<Peer> = (1..=3)
            .filter_map(|run| in_turn(&peers, run).next())
            .collect();
        assert_eq!(firsts, peers);
        assert_eq!(in_turn(&peers, 1).count(), 3);
    }
}
