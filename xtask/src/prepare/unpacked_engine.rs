//! A newer Docker Engine than Debian 12's own: the packages of Debian 13, unpacked into a folder and
//! never installed, so that the machine keeps the engine it has.
//!
//! Debian 12's `runc` and C library serve it. apt verifies the packages by its own keys; it is given a
//! list of sources and folders of its own, so that the machine's are left as they are.
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages;
use crate::error::{Doing, Error, Result};
use crate::{paths, process};

/// The version of the engine.
pub(crate) const VERSION: &str = "26.1.5";
const RELEASE: &str = "trixie";
const PACKAGES: &[&str] = &["containerd", "docker-buildx", "docker-cli", "docker.io"];
/// Knows the keys of Debian 13 since Debian 12.11.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Where the packages are unpacked.
fn folder() -> PathBuf {
    paths::tasks().join(format!("docker-{VERSION}"))
}

/// A program of the engine, such as `dockerd`.
pub(crate) fn program(name: &str) -> PathBuf {
    ["usr/sbin", "usr/bin", "usr/libexec/docker/cli-plugins"]
        .map(|place| folder().join(place).join(name))
        .into_iter()
        .find(|program| program.is_file())
        .unwrap_or_else(|| name.into())
}

/// The search path with the engine's programs before the machine's.
pub(crate) fn search_path() -> Result<OsString> {
    let machine = std::env::var_os("PATH").unwrap_or_default();
    let folders = [folder().join("usr/sbin"), folder().join("usr/bin")];
    std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&machine)))
        .map_err(|error| Error::Unmet(format!("the engine's folder cannot be searched: {error}")))
}

/// Fetches and unpacks the engine, once.
pub(crate) fn install() -> Result<()> {
    if folder().is_dir() {
        return Ok(());
    }
    if !process::exists("apt-get") || !process::exists("dpkg-deb") || !Path::new(KEYS).exists() {
        return Err(Error::Unmet(format!(
            "this machine lacks Docker Engine {VERSION}, which is taken from Debian 13's packages with \
             apt-get, dpkg-deb and {KEYS}: run this on Debian 12"
        )));
    }
    eprintln!("fetching Docker Engine {VERSION}");
    let mirror = mirror()?;
    fs::create_dir_all(paths::tasks()).doing(|| "making target/xtask".into())?;
    let work = tempfile::tempdir_in(paths::tasks()).doing(|| "making a folder".into())?;
    let unpacked = work.path().join("unpacked");
    for package in download(work.path(), &mirror)? {
        process::output(
            Command::new("dpkg-deb")
                .arg("--extract")
                .arg(package)
                .arg(&unpacked),
        )?;
    }
    let version =
        process::output(Command::new(unpacked.join("usr/sbin/dockerd")).arg("--version"))?;
    if !version.contains(&format!(" {VERSION}")) {
        return Err(Error::Unmet(format!(
            "expected Docker Engine {VERSION} in Debian's {RELEASE}, which now has: {}",
            version.trim()
        )));
    }
    match fs::rename(&unpacked, folder()) {
        // Another task was faster.
        Err(_) if folder().is_dir() => Ok(()),
        renamed => renamed.doing(|| format!("making {}", folder().display())),
    }
}

/// Where this machine gets Debian's packages from.
fn mirror() -> Result<String> {
    let configured = || {
        let format = "$(ORIGIN)|$(LABEL)|$(REPO_URI)";
        let sources = process::output(Command::new("apt-get").args([
            "indextargets",
            "--format",
            format,
            "Created-By: Packages",
        ]))?;
        Ok::<_, Error>(debian_mirror(&sources))
    };
    if let Some(mirror) = configured()? {
        return Ok(mirror);
    }
    if process::is_root() {
        // Sources are known only after their lists were fetched once.
        packages::update()?;
    }
    configured()?.ok_or_else(|| {
        Error::Unmet(format!(
            "this machine's apt has no source of Debian's packages to take Docker Engine {VERSION} \
             from, or has not fetched its lists: run apt-get update as root"
        ))
    })
}

/// The first source of Debian's main archive. Security updates stand elsewhere, under another label.
fn debian_mirror(sources: &str) -> Option<String> {
    sources
        .lines()
        .find_map(|line| line.strip_prefix("Debian|Debian|"))
        .map(str::to_owned)
}

/// Downloads the packages into `work`; returns their files.
fn download(work: &Path, mirror: &str) -> Result<Vec<PathBuf>> {
    let (sources, lists) = (work.join("sources.list"), work.join("lists"));
    let (cache, files) = (work.join("cache"), work.join("files"));
    for folder in [
        &lists.join("partial"),
        &cache.join("archives/partial"),
        &files,
    ] {
        fs::create_dir_all(folder).doing(|| format!("making {}", folder.display()))?;
    }
    fs::write(
        &sources,
        format!("deb [signed-by={KEYS}] {mirror} {RELEASE} main\n"),
    )
    .doing(|| format!("writing {}", sources.display()))?;
    let apt_get = |arguments: &[&str]| {
        let mut command = packages::apt_get(arguments);
        command
            .current_dir(&files)
            .arg("-o")
            .arg(format!("Dir::Etc::SourceList={}", sources.display()))
            .args(["-o", "Dir::Etc::SourceParts=/dev/null", "-o"])
            .arg(format!("Dir::State::Lists={}", lists.display()))
            .arg("-o")
            .arg(format!("Dir::Cache={}", cache.display()))
            .args(["-o", "Acquire::Languages=none"])
            // A list that could not be fetched is otherwise a mere warning.
            .args(["-o", "APT::Update::Error-Mode=any"])
            .args(["-o", "Acquire::Retries=3"]);
        process::output(&mut command)
    };
    apt_get(&["-q", "update"])?;
    apt_get(&[&["-q", "download"], PACKAGES].concat())?;
    fs::read_dir(&files)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .doing(|| format!("reading {}", files.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_source_of_the_main_archive() {
        let sources = "Docker|Docker CE|https://elsewhere/\n\
                       Debian|Debian-Security|http://mirror/debian-security/\n\
                       Debian|Debian|http://mirror/debian/\n\
                       Debian|Debian|http://other/debian/\n";
        assert_eq!(debian_mirror(sources).unwrap(), "http://mirror/debian/");
        assert_eq!(debian_mirror("Ubuntu|Ubuntu|http://mirror/ubuntu/\n"), None);
    }
}
