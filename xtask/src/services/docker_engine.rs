//! A Docker Engine: the one that answers already, or a private one.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::keeper::Kept;
use crate::error::{Doing, Error, Result};
use crate::http::{self, Address};
use crate::prepare::{packages, unpacked_engine};
use crate::{paths, process};

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// Starts containerd (the first argument, with the second as its configuration) beside the engine (the
/// rest), whose keeper stops the engine first and then all that is left of the process group.
const WITH_CONTAINERD: &str = r#""$0" --config "$1" & shift; exec "$@""#;

/// Which Docker Engine a private one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edition {
    /// The distribution's: the `dockerd` on the search path.
    Distribution,
    /// The newer one, which keeps images in a store of its own or in containerd's.
    Unpacked(ImageStore),
}

/// Where a newer Docker Engine keeps images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImageStore {
    Classic,
    Containerd,
}

/// A Docker Engine that answers.
pub(crate) struct DockerEngine {
    host: String,
    /// The docker command that goes with the engine.
    command: PathBuf,
    /// Absent where somebody else runs the engine.
    private: Option<Private>,
}

/// What belongs to a private engine alone.
struct Private {
    /// Holds the number of the engine's process.
    pid_file: PathBuf,
    _kept: Kept,
}

impl DockerEngine {
    /// The engine at `DOCKER_HOST` or at the usual socket; a private one where neither answers.
    pub(crate) fn find_or_start() -> Result<Self> {
        let named = std::env::var("DOCKER_HOST")
            .ok()
            .filter(|host| !host.is_empty());
        let host = named.unwrap_or_else(|| format!("unix://{DEFAULT_SOCKET}"));
        if parse_host(&host).is_some_and(|address| answers(&address)) {
            return Ok(Self {
                host,
                command: "docker".into(),
                private: None,
            });
        }
        if !process::is_root() {
            return Err(Error::Unmet(format!(
                "no Docker Engine answers at {host}: start one (package docker.io) and let this user \
                 reach its socket, name one in DOCKER_HOST, or run as root to have a private one"
            )));
        }
        Self::start_private(Edition::Distribution)
    }

    /// An engine of its own: own data, socket and network bridge, no firewall rules, all removed at the
    /// end. Needs root.
    pub(crate) fn start_private(edition: Edition) -> Result<Self> {
        if !process::is_root() {
            return Err(Error::Unmet("a private Docker Engine needs root".into()));
        }
        packages::install(packages::PRIVATE_ENGINE)?;
        let id = new_id();
        let data = paths::tasks().join(format!("docker-{id}"));
        // Sockets live apart from the data: the kernel limits a socket's path to 107 bytes.
        let sockets = PathBuf::from(format!("/tmp/stepyard-docker-{id}"));
        fs::create_dir_all(&sockets).doing(|| format!("making {}", sockets.display()))?;
        let bridge = format!("sy{id}");
        let network = take_network()?;
        let (mut command, docker) = programs(edition, &data, &sockets, &bridge)?;
        let configuration = sockets.join("daemon.json");
        fs::write(&configuration, configure(edition).to_string())
            .doing(|| format!("writing {}", configuration.display()))?;
        let socket = sockets.join("docker.sock");
        let pid_file = sockets.join("docker.pid");
        command
            .arg("--data-root")
            .arg(data.join("engine"))
            .arg("--exec-root")
            .arg(sockets.join("exec"))
            .arg("--pidfile")
            .arg(&pid_file)
            .arg(format!("--host=unix://{}", socket.display()))
            // The file for the machine's own engine does not concern this one.
            .arg("--config-file")
            .arg(configuration)
            .args(["--bridge", &bridge])
            .args([
                "--iptables=false",
                "--ip6tables=false",
                "--ip-forward=false",
                "--ip-masq=false",
            ]);
        let mut kept = Kept::start(
            "docker-engine",
            &command,
            &[&data, &sockets],
            Some(&format!("{bridge}={network}")),
        )?;
        let address = Address::Unix(socket.clone());
        kept.until_ready(|_| answers(&address).then_some(()))?;
        Ok(Self {
            host: format!("unix://{}", socket.display()),
            command: docker,
            private: Some(Private {
                pid_file,
                _kept: kept,
            }),
        })
    }

    /// The engine's address in the form of `DOCKER_HOST`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Whether this task started the engine.
    pub(crate) fn is_private(&self) -> bool {
        self.private.is_some()
    }

    /// The process of a private engine; its containerd is a child of it.
    pub(crate) fn process(&self) -> Option<u32> {
        let pid = fs::read_to_string(&self.private.as_ref()?.pid_file).ok()?;
        pid.trim().parse().ok()
    }

    /// The engine's version, such as `20.10.24+dfsg1`.
    pub(crate) fn version(&self) -> Result<String> {
        process::output(
            self.docker()
                .args(["version", "--format", "{{.Server.Version}}"]),
        )
        .map(|version| version.trim().to_owned())
    }

    /// The docker command, set to speak to this engine.
    pub(crate) fn docker(&self) -> Command {
        let mut command = Command::new(&self.command);
        command
            .env("DOCKER_HOST", &self.host)
            .env_remove("DOCKER_CONTEXT");
        command
    }
}

/// `PID-NUMBER`, of no other engine on this machine.
fn new_id() -> String {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    format!("{}-{number}", std::process::id())
}

/// What starts the engine, to be followed by its arguments, and the docker command that goes with it.
fn programs(
    edition: Edition,
    data: &Path,
    sockets: &Path,
    namespace: &str,
) -> Result<(Command, PathBuf)> {
    if edition == Edition::Distribution {
        let mut command = Command::new("dockerd");
        // Kept apart where the machine's containerd runs and dockerd uses it.
        command
            .args(["--containerd-namespace", namespace])
            .arg("--containerd-plugins-namespace")
            .arg(format!("{namespace}-plugins"));
        return Ok((command, "docker".into()));
    }
    unpacked_engine::install()?;
    let mut command = Command::new("sh");
    command
        .env("PATH", unpacked_engine::search_path()?)
        .args(["-c", WITH_CONTAINERD, "containerd"])
        .arg(write_containerd_configuration(data, sockets)?)
        .arg("dockerd")
        .arg("--containerd")
        .arg(sockets.join("containerd.sock"));
    Ok((command, unpacked_engine::program("docker")))
}

/// What stands in the engine's daemon.json.
fn configure(edition: Edition) -> Value {
    match edition {
        Edition::Distribution => json!({}),
        Edition::Unpacked(store) => {
            json!({"features": {"containerd-snapshotter": store == ImageStore::Containerd}})
        }
    }
}

/// Writes the configuration of a containerd that serves this engine alone; returns its file. An engine
/// that is not told of one would use the machine's own, an older one that keeps its data elsewhere.
fn write_containerd_configuration(data: &Path, sockets: &Path) -> Result<PathBuf> {
    let file = sockets.join("containerd.toml");
    let text = format!(
        "version = 2\nroot = {root:?}\nstate = {state:?}\n\
         disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
         [grpc]\naddress = {socket:?}\n\
         [plugins.\"io.containerd.internal.v1.opt\"]\npath = {extra:?}\n",
        root = data.join("containerd"),
        state = sockets.join("containerd"),
        socket = sockets.join("containerd.sock"),
        extra = data.join("extra"),
    );
    fs::write(&file, text).doing(|| format!("writing {}", file.display()))?;
    Ok(file)
}

fn parse_host(host: &str) -> Option<Address> {
    match host.split_once("://")? {
        ("unix", path) => Some(Address::Unix(path.into())),
        ("tcp" | "http", address) => Some(Address::Tcp(address.trim_end_matches('/').to_owned())),
        _ => None,
    }
}

fn answers(address: &Address) -> bool {
    http::get_status(address, "/_ping").is_ok_and(|status| status == 200)
}

/// A free network for a bridge, which no other engine of this task is given.
fn take_network() -> Result<String> {
    static TAKEN: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let routes =
        fs::read_to_string("/proc/net/route").doing(|| "reading this machine's routes".into())?;
    let network = free_network(&routes, &taken, std::process::id())
        .ok_or_else(|| Error::Unmet("no free 10.x.y.0/24 network for a bridge".into()))?;
    taken.push(network);
    let [a, b, c, _] = network.to_be_bytes();
    Ok(format!("{a}.{b}.{c}.1/24"))
}

/// A network `10.x.y.0/24` that is not in `given` and that no route covers. `seed` spreads concurrent
/// tasks. `routes` is in the form of /proc/net/route: the second and eighth fields are a destination and
/// its mask, in hex and in host byte order of a network-order number.
fn free_network(routes: &str, given: &[u32], seed: u32) -> Option<u32> {
    let taken: Vec<(u32, u32)> = routes
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let destination = u32::from_str_radix(fields.nth(1)?, 16).ok()?;
            let mask = u32::from_str_radix(fields.nth(5)?, 16).ok()?;
            Some((destination.swap_bytes(), mask.swap_bytes()))
        })
        // The default route covers everything and takes nothing.
        .filter(|(_, mask)| *mask != 0)
        .collect();
    (0..u32::from(u16::MAX))
        .map(|step| seed.wrapping_mul(251).wrapping_add(step) & 0xffff)
        .map(|number| (10 << 24) | (number << 8))
        .filter(|network| !given.contains(network))
        .find(|network| {
            taken.iter().all(|(destination, mask)| {
                let common = mask & 0xffff_ff00;
                network & common != destination & common
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n";

    #[test]
    fn a_network_is_free_when_no_route_covers_it() {
        let network = |routes: &str, given: &[u32]| {
            free_network(routes, given, 0).map(|network| network.to_be_bytes())
        };
        let everything = format!("{HEADER}eth0 00000000 0100A8C0 0003 0 0 0 00000000 0 0 0\n");
        assert_eq!(network(&everything, &[]), Some([10, 0, 0, 0]));
        assert_eq!(
            network(&everything, &[u32::from_be_bytes([10, 0, 0, 0])]),
            Some([10, 0, 1, 0])
        );
        // 10.0.0.0/16 is taken.
        let low = format!("{everything}eth0 0000000A 00000000 0001 0 0 0 0000FFFF 0 0 0\n");
        assert_eq!(network(&low, &[]), Some([10, 1, 0, 0]));
        // 10.0.0.128/25 takes its whole /24.
        let half = format!("{everything}eth0 8000000A 00000000 0001 0 0 0 80FFFFFF 0 0 0\n");
        assert_eq!(network(&half, &[]), Some([10, 0, 1, 0]));
        let all = format!("{everything}eth0 0000000A 00000000 0001 0 0 0 000000FF 0 0 0\n");
        assert_eq!(network(&all, &[]), None);
    }

    #[test]
    fn hosts_are_sockets_or_addresses() {
        assert_eq!(
            parse_host("unix:///a/b"),
            Some(Address::Unix("/a/b".into()))
        );
        assert_eq!(
            parse_host("tcp://127.0.0.1:2375"),
            Some(Address::Tcp("127.0.0.1:2375".into()))
        );
        assert_eq!(parse_host("ssh://machine"), None);
    }
}
