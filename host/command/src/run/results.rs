//! What a CI agent reads afterwards: the artifact file and the output variables.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use serde_json::json;
use stepyard::PushedImage;

use crate::exit::Failure;

/// Names the file of artifacts (Drone's plugins).
const ARTIFACT_FILE: &str = "PLUGIN_ARTIFACT_FILE";

/// Name the files of output variables (Drone, Harness, GitHub).
const OUTPUT_FILES: [&str; 3] = ["DRONE_OUTPUT", "HARNESS_OUTPUT_FILE", "GITHUB_OUTPUT"];

/// Writes the images that were pushed to the file that `PLUGIN_ARTIFACT_FILE` names, in the form
/// `docker/v1`. The file is put in place whole.
pub(super) fn write_artifacts(images: &[PushedImage]) -> Result<(), Failure> {
    let Some(path) = std::env::var_os(ARTIFACT_FILE).filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let path = Path::new(&path);
    replace(path, &artifacts(images).to_string())
        .map_err(|error| unwritable(path, ARTIFACT_FILE, &error))
}

/// Puts a file of one line in place.
fn replace(path: &Path, line: &str) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file()
            .set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    writeln!(file, "{line}")?;
    file.persist(path)?;
    Ok(())
}

fn unwritable(path: &Path, variable: &str, error: &std::io::Error) -> Failure {
    Failure::failed(
        format!("{} cannot be written: {}", path.display(), error.kind()),
        format!(
            "{variable} names this file; make its folder, and let this user write there. What \
                 was pushed stays pushed"
        ),
    )
}

/// The form names one registry; the first image's is taken, as a run pushes to one.
fn artifacts(images: &[PushedImage]) -> serde_json::Value {
    let registry = images.first().map(|image| image.registry.as_str());
    let images: Vec<_> = images
        .iter()
        .map(|image| {
            json!({
                "image": format!("{}:{}", image.repository, image.tag),
                "digest": image.digest,
            })
        })
        .collect();
    json!({
        "kind": "docker/v1",
        "data": {
            "registryType": "ECR",
            "registryUrl": registry.unwrap_or_default(),
            "images": images,
        },
    })
}

/// Appends output variables as lines `NAME=VALUE` to the files that the agent names.
pub(super) fn append_outputs(outputs: &[(String, String)]) -> Result<(), Failure> {
    let mut written = Vec::new();
    for variable in OUTPUT_FILES {
        let Some(path) = std::env::var_os(variable) else {
            continue;
        };
        // Harness names one file by two variables.
        if path.is_empty() || written.contains(&path) {
            continue;
        }
        let lines: String = outputs
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(lines.as_bytes()))
            .map_err(|error| unwritable(Path::new(&path), variable, &error))?;
        written.push(path);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_have_one_entry_a_tag() {
        let image = |tag: &str| PushedImage {
            registry: "123456789012.dkr.ecr.us-east-1.amazonaws.com".to_owned(),
            repository: "team/app".to_owned(),
            tag: tag.to_owned(),
            digest: "sha256:abc".to_owned(),
            size: None,
        };
        let expected = json!({"kind": "docker/v1", "data": {
            "registryType": "ECR",
            "registryUrl": "123456789012.dkr.ecr.us-east-1.amazonaws.com",
            "images": [
                {"image": "team/app:1", "digest": "sha256:abc"},
                {"image": "team/app:latest", "digest": "sha256:abc"},
            ],
        }});
        assert_eq!(artifacts(&[image("1"), image("latest")]), expected);
    }
}
