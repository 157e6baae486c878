//! How large an image is in its registry.

use serde::Deserialize;

use super::Manifest;

#[derive(Deserialize)]
struct ImageManifest {
    config: Blob,
    layers: Vec<Blob>,
}

#[derive(Deserialize)]
struct Blob {
    size: u64,
}

impl Manifest {
    /// The sum of an image's compressed layers and its configuration in bytes; nothing for an
    /// index, whose images have a size each.
    pub fn image_size(&self) -> Option<u64> {
        let manifest: ImageManifest = serde_json::from_slice(&self.content).ok()?;
        let mut layers = manifest.layers.iter().map(|layer| layer.size);
        layers.try_fold(manifest.config.size, |sum: u64, size| sum.checked_add(size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(content: &str) -> Option<u64> {
        let manifest = Manifest {
            media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
            content: content.as_bytes().to_vec(),
        };
        manifest.image_size()
    }

    #[test]
    fn an_image_is_its_configuration_and_its_layers() {
        let image = r#"{"config": {"size": 7}, "layers": [{"size": 100}, {"size": 20}]}"#;
        assert_eq!(size(image), Some(127));
        assert_eq!(size(r#"{"manifests": []}"#), None);
        let hostile = r#"{"config": {"size": 1}, "layers": [{"size": 18446744073709551615}]}"#;
        assert_eq!(size(hostile), None);
    }
}
