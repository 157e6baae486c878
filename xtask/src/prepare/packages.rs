//! Programs from the distribution's packages (Debian, Ubuntu).
use std::path::Path;
use std::process::Command;

use crate::error::{Error, Result};
use crate::process;

/// A program and the packages that may hold it, the first one that the distribution has being taken.
#[derive(Clone, Copy)]
pub(crate) struct Requirement {
    name: &'static str,
    packages: &'static [&'static str],
    is_met: fn(&Requirement) -> bool,
}

const fn program(name: &'static str, packages: &'static [&'static str]) -> Requirement {
    Requirement {
        name,
        packages,
        is_met: |requirement| process::exists(requirement.name),
    }
}

/// Newer releases have the client in a package of its own.
const DOCKER_CLIENT: Requirement = program("docker", &["docker-cli", "docker.io"]);

/// For a Docker Engine that somebody else runs.
pub(crate) const ENGINE: &[Requirement] = &[DOCKER_CLIENT];

/// For a private Docker Engine.
pub(crate) const PRIVATE_ENGINE: &[Requirement] = &[
    DOCKER_CLIENT,
    program("dockerd", &["docker.io"]),
    program("ip", &["iproute2"]),
    Requirement {
        name: "apparmor_parser",
        packages: &["apparmor"],
        is_met: |requirement| {
            !Path::new("/sys/kernel/security/apparmor").exists()
                || process::exists(requirement.name)
        },
    },
];

/// For the base image.
pub(crate) const BASE_IMAGE: &[Requirement] = &[Requirement {
    name: "a static busybox",
    packages: &["busybox-static"],
    // Another package has a /bin/busybox that needs the C library, which an empty image lacks.
    is_met: |_| {
        Path::new("/bin/busybox").exists()
            && process::output(Command::new("dpkg-query").args([
                "--show",
                "--showformat=${db:Status-Status}",
                "busybox-static",
            ]))
            .is_ok_and(|status| status == "installed")
    },
}];

/// For the tests.
pub(crate) const TESTS: &[Requirement] = &[
    program("docker-registry", &["docker-registry"]),
    program("openssl", &["openssl"]),
    program("skopeo", &["skopeo"]),
    program("buildah", &["buildah"]),
    program("python3", &["python3"]),
    program("npm", &["npm"]),
    Requirement {
        name: "Python's venv module",
        packages: &["python3-venv"],
        is_met: |_| {
            process::output(Command::new("python3").args(["-c", "import ensurepip, venv"])).is_ok()
        },
    },
];

/// Installs the packages of what is missing; without the right to, says which they are.
pub(crate) fn install(requirements: &[Requirement]) -> Result<()> {
    let missing: Vec<&Requirement> = requirements
        .iter()
        .filter(|requirement| !(requirement.is_met)(requirement))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing
        .iter()
        .map(|requirement| requirement.name)
        .collect::<Vec<_>>()
        .join(", ");
    if !process::exists("apt-get") {
        return Err(Error::Unmet(format!(
            "this machine lacks {names}, and has no apt-get to install them with"
        )));
    }
    if process::is_root() {
        update()?;
    }
    let mut packages: Vec<&str> = missing
        .iter()
        .map(|requirement| package(requirement))
        .collect();
    packages.sort_unstable();
    packages.dedup();
    if !process::is_root() {
        return Err(Error::MissingPackages {
            missing: names,
            packages: packages.join(" "),
        });
    }
    eprintln!("installing {}", packages.join(" "));
    let mut command = apt_get(&["install", "-qq", "-y", "--no-install-recommends"]);
    process::run(command.args(packages))
}

/// Fetches the lists of what the distribution has. Needs root.
pub(super) fn update() -> Result<()> {
    process::run(&mut apt_get(&["update", "-qq"]))
}

pub(super) fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// The first package that the distribution has.
fn package(requirement: &Requirement) -> &'static str {
    let is_known = |package: &&&'static str| {
        process::output(Command::new("apt-cache").args(["show", "--no-all-versions", package]))
            .is_ok()
    };
    match requirement.packages {
        [only] => only,
        several => several
            .iter()
            .find(is_known)
            .or(several.last())
            .unwrap_or(&requirement.name),
    }
}
