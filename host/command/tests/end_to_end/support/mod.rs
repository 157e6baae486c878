//! What the tests share: the services, a project folder to run the command in, and what a run left.

pub(crate) mod aws;
pub(crate) mod backend;
pub(crate) mod cases;
pub(crate) mod engine;
pub(crate) mod html;
pub(crate) mod http;
pub(crate) mod image;
pub(crate) mod process;
pub(crate) mod project;
pub(crate) mod proxy;
pub(crate) mod registry;
pub(crate) mod run;
pub(crate) mod step_tools;

/// The variable by which a service is found.
pub(crate) fn service(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests with `cargo xtask test`"))
}

/// The account of both backends.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The region of both backends.
pub(crate) const REGION: &str = "us-east-1";
/// The registry's name in settings and outputs.
pub(crate) const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

/// The digest of content, as registries write it.
pub(crate) fn digest_of(content: &[u8]) -> String {
    use sha2::Digest as _;
    format!("sha256:{:x}", sha2::Sha256::digest(content))
}

/// The files below a folder, each with its path and its content.
pub(crate) fn files_below(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            let content = std::fs::read(&path).unwrap();
            files.push((path.display().to_string(), content));
        }
    }
    files
}
