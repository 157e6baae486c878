//! An image in a registry, taken apart.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::Value;

/// An image of one platform.
pub(crate) struct Image {
    pub(crate) configuration: Value,
    /// The layers, uncompressed.
    pub(crate) layers: Vec<Vec<u8>>,
}

impl Image {
    /// Reads the parts that a manifest names; each must have the size and the digest that it says.
    pub(crate) fn new(manifest: &[u8], blob: impl Fn(&str) -> Vec<u8>) -> Self {
        let manifest: Value = serde_json::from_slice(manifest).unwrap();
        let part = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().unwrap();
            let content = blob(digest);
            assert_eq!(Some(content.len() as u64), descriptor["size"].as_u64());
            assert_eq!(digest, super::digest_of(&content));
            content
        };
        let layers = manifest["layers"].as_array().unwrap();
        Self {
            configuration: serde_json::from_slice(&part(&manifest["config"])).unwrap(),
            layers: layers.iter().map(|layer| unpacked(part(layer))).collect(),
        }
    }

    /// The content of its regular files and links below `folder`, by path. A link's content is its
    /// target. What a later layer removes is there still.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for layer in &self.layers {
            for entry in tar::Archive::new(layer.as_slice()).entries().unwrap() {
                let mut entry = entry.unwrap();
                let path = entry.path().unwrap().display().to_string();
                let path = format!("/{}", path.trim_start_matches(['.', '/']));
                if entry.header().entry_type().is_dir() || !path.starts_with(folder) {
                    continue;
                }
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                if let Some(target) = entry.link_name().unwrap() {
                    content = target.display().to_string().into_bytes();
                }
                files.insert(path, content);
            }
        }
        files
    }

    /// What one file holds.
    pub(crate) fn file(&self, path: &str) -> String {
        let content = self.files(path).remove(path);
        let content = content.unwrap_or_else(|| panic!("the image has no {path}"));
        String::from_utf8(content).unwrap()
    }

    /// All that the image is made of.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.configuration.to_string().into_bytes();
        bytes.extend(self.layers.iter().flatten());
        bytes
    }
}

fn unpacked(layer: Vec<u8>) -> Vec<u8> {
    if !layer.starts_with(&[0x1f, 0x8b]) {
        return layer;
    }
    let mut content = Vec::new();
    GzDecoder::new(layer.as_slice())
        .read_to_end(&mut content)
        .unwrap();
    content
}
