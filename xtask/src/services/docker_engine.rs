//! A Docker Engine: the one that answers already, or a private one.
use std::path::PathBuf;
use std::process::Command;

use super::keeper::Kept;
use crate::error::{Doing, Error, Result};
use crate::http::{self, Address};
use crate::prepare::packages;
use crate::{paths, process};

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// A Docker Engine that answers.
pub(crate) struct DockerEngine {
    host: String,
    /// A private engine; absent where somebody else runs the engine.
    _kept: Option<Kept>,
}

impl DockerEngine {
    /// The engine at `DOCKER_HOST` or at the usual socket; a private one where neither answers.
    pub(crate) fn find_or_start() -> Result<Self> {
        let named = std::env::var("DOCKER_HOST")
            .ok()
            .filter(|host| !host.is_empty());
        let host = named.unwrap_or_else(|| format!("unix://{DEFAULT_SOCKET}"));
        if parse_host(&host).is_some_and(|address| answers(&address)) {
            return Ok(Self { host, _kept: None });
        }
        if !process::is_root() {
            return Err(Error::Unmet(format!(
                "no Docker Engine answers at {host}: start one (package docker.io) and let this user \
                 reach its socket, name one in DOCKER_HOST, or run as root to have a private one"
            )));
        }
        Self::start_private("{}")
    }

    /// An engine of its own: own data, socket and network bridge, no firewall rules, all removed at the
    /// end. `configuration` is what stands in its daemon.json. Needs root.
    pub(crate) fn start_private(configuration: &str) -> Result<Self> {
        if !process::is_root() {
            return Err(Error::Unmet("a private Docker Engine needs root".into()));
        }
        packages::install(packages::PRIVATE_ENGINE)?;
        let id = std::process::id();
        let data = paths::tasks().join(format!("docker-{id}"));
        // Sockets live apart from the data: the kernel limits a socket's path to 107 bytes.
        let sockets = PathBuf::from(format!("/tmp/stepyard-docker-{id}"));
        let socket = sockets.join("docker.sock");
        let bridge = format!("stepyard{id}");
        let routes = std::fs::read_to_string("/proc/net/route")
            .doing(|| "reading this machine's routes".into())?;
        let network = free_network(&routes, id)
            .ok_or_else(|| Error::Unmet("no free 10.x.y.0/24 network for a bridge".into()))?;

        let mut command = Command::new("dockerd");
        command
            .arg("--data-root")
            .arg(&data)
            .arg("--exec-root")
            .arg(sockets.join("exec"))
            .arg("--pidfile")
            .arg(sockets.join("docker.pid"))
            .arg(format!("--host=unix://{}", socket.display()))
            // The file for the machine's own engine does not concern this one.
            .arg("--config-file")
            .arg(sockets.join("daemon.json"))
            .args(["--bridge", &bridge])
            .args([
                "--iptables=false",
                "--ip6tables=false",
                "--ip-forward=false",
                "--ip-masq=false",
            ])
            // Kept apart where the machine's containerd runs and dockerd uses it.
            .args(["--containerd-namespace", &bridge])
            .args([
                "--containerd-plugins-namespace",
                &format!("{bridge}-plugins"),
            ]);
        std::fs::create_dir_all(&sockets).doing(|| format!("making {}", sockets.display()))?;
        std::fs::write(sockets.join("daemon.json"), configuration)
            .doing(|| format!("writing {}", sockets.display()))?;
        let name = "docker-engine";
        let mut kept = Kept::start(
            name,
            &command,
            &[&data, &sockets],
            Some(&format!("{bridge}={network}")),
        )?;
        let address = Address::Unix(socket.clone());
        kept.until_ready(|_| answers(&address).then_some(()))?;
        Ok(Self {
            host: format!("unix://{}", socket.display()),
            _kept: Some(kept),
        })
    }

    /// The engine's address in the form of `DOCKER_HOST`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The docker command, set to speak to this engine.
    pub(crate) fn docker(&self) -> Command {
        let mut command = Command::new("docker");
        command
            .env("DOCKER_HOST", &self.host)
            .env_remove("DOCKER_CONTEXT");
        command
    }
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

/// A bridge address `10.x.y.1/24` that no route covers. `seed` spreads concurrent tasks. `routes` is in
/// the form of /proc/net/route: the second and eighth fields are a destination and its mask, in hex and
/// in host byte order of a network-order number.
fn free_network(routes: &str, seed: u32) -> Option<String> {
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
        .find(|network| {
            taken.iter().all(|(destination, mask)| {
                let common = mask & 0xffff_ff00;
                network & common != destination & common
            })
        })
        .map(|network| {
            let [a, b, c, _] = network.to_be_bytes();
            format!("{a}.{b}.{c}.1/24")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n";

    #[test]
    fn a_network_is_free_when_no_route_covers_it() {
        let everything = format!("{HEADER}eth0 00000000 0100A8C0 0003 0 0 0 00000000 0 0 0\n");
        assert_eq!(free_network(&everything, 0).unwrap(), "10.0.0.1/24");
        // 10.0.0.0/16 is taken.
        let low = format!("{everything}eth0 0000000A 00000000 0001 0 0 0 0000FFFF 0 0 0\n");
        assert_eq!(free_network(&low, 0).unwrap(), "10.1.0.1/24");
        // 10.0.0.128/25 takes its whole /24.
        let half = format!("{everything}eth0 8000000A 00000000 0001 0 0 0 80FFFFFF 0 0 0\n");
        assert_eq!(free_network(&half, 0).unwrap(), "10.0.1.1/24");
        let all = format!("{everything}eth0 0000000A 00000000 0001 0 0 0 000000FF 0 0 0\n");
        assert_eq!(free_network(&all, 0), None);
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
