//! An image as it was received: its configuration, and the files of its layers.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// An image. Its layers are tar archives.
pub(crate) struct Image {
    pub(crate) configuration: Value,
    pub(crate) layers: Vec<Vec<u8>>,
}

/// What an entry of a layer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// With the digest of its content.
    File {
        size: usize,
        sha256: String,
    },
    Directory,
    Symlink {
        target: String,
    },
    Fifo,
    Other,
}

/// An entry of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// The bits of permissions, setuid, setgid and sticky.
    pub(crate) mode: u32,
    pub(crate) owner: (u64, u64),
    pub(crate) modified: u64,
    /// The first name of the same file.
    pub(crate) same_as: Option<String>,
    pub(crate) content: Vec<u8>,
}

impl Image {
    /// Reads what `docker save` writes.
    pub(crate) fn of_archive(archive: &[u8]) -> Self {
        let mut files: HashMap<String, Vec<u8>> = HashMap::new();
        let mut links: Vec<(String, String)> = Vec::new();
        for entry in tar::Archive::new(archive).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            if let Some(target) = entry.link_name_bytes() {
                // Docker 20.10 links to a layer that occurs twice: `../ID/layer.tar`.
                let target = String::from_utf8(target.into_owned()).unwrap();
                links.push((path, target.trim_start_matches("../").to_owned()));
                continue;
            }
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(path, content);
        }
        for (path, target) in links {
            files.insert(path, files[&target].clone());
        }
        let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        let file = |name: &Value| files[name.as_str().unwrap()].as_slice();
        Self {
            configuration: serde_json::from_slice(file(&manifest[0]["Config"])).unwrap(),
            layers: manifest[0]["Layers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|layer| uncompressed(file(layer)))
                .collect(),
        }
    }

    /// The entries of all layers by their paths, later layers over earlier ones.
    pub(crate) fn entries(&self) -> BTreeMap<String, Entry> {
        let mut entries = BTreeMap::new();
        for layer in &self.layers {
            read_layer(layer, &mut entries);
        }
        entries
    }

    /// The content of a file.
    pub(crate) fn text(&self, path: &str) -> String {
        let entries = self.entries();
        let entry = entries
            .get(path)
            .unwrap_or_else(|| panic!("no {path} in {:?}", entries.keys()));
        String::from_utf8(entry.content.clone()).unwrap()
    }
}

fn read_layer(layer: &[u8], entries: &mut BTreeMap<String, Entry>) {
    for entry in tar::Archive::new(layer).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = name(&entry.path_bytes());
        let link = entry.link_name_bytes().map(|link| name(&link));
        let header = entry.header();
        let kind = header.entry_type();
        let mode = header.mode().unwrap() & 0o7777;
        let owner = (header.uid().unwrap(), header.gid().unwrap());
        let modified = header.mtime().unwrap();
        if kind.is_hard_link() {
            let first = link.unwrap();
            let mut same = entries[&first].clone();
            same.same_as = Some(first);
            entries.insert(path, same);
            continue;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let kind = if kind.is_file() {
            Kind::File {
                size: content.len(),
                sha256: sha256(&content),
            }
        } else if kind.is_dir() {
            Kind::Directory
        } else if kind.is_symlink() {
            Kind::Symlink {
                target: link.unwrap(),
            }
        } else if kind.is_fifo() {
            Kind::Fifo
        } else {
            Kind::Other
        };
        let entry = Entry {
            kind,
            mode,
            owner,
            modified,
            same_as: None,
            content,
        };
        entries.insert(path, entry);
    }
}

fn name(bytes: &[u8]) -> String {
    let name = String::from_utf8(bytes.to_vec()).unwrap();
    name.trim_end_matches('/').to_owned()
}

pub(crate) fn sha256(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What gzip has compressed; anything else as it is.
pub(super) fn uncompressed(data: &[u8]) -> Vec<u8> {
    if !data.starts_with(&[0x1f, 0x8b]) {
        return data.to_vec();
    }
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(data)
        .read_to_end(&mut plain)
        .unwrap();
    plain
}
