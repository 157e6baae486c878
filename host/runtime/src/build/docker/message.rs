//! One line of the stream that the engine answers a build, pull or push with (Docker Engine API,
//! `jsonmessage`).

use serde::Deserialize;

use crate::event::{LayerState, Reporter};

/// The line. Each kind of line has some of the fields.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Message {
    /// Output of a build, possibly several lines or a part of one.
    pub(super) stream: Option<String>,
    /// What happens to the layer `id`, or to the whole.
    pub(super) status: Option<String>,
    /// A short name of a layer; in a pull's first line the tag.
    pub(super) id: Option<String>,
    /// How far it has come.
    pub(super) progress_detail: Option<Progress>,
    /// Why everything failed. It is the last line then.
    pub(super) error_detail: Option<ErrorDetail>,
    /// The same, where an engine leaves the details out.
    pub(super) error: Option<String>,
    /// The result.
    pub(super) aux: Option<Auxiliary>,
}

/// How far a layer has come, in bytes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Progress {
    current: Option<i64>,
    total: Option<i64>,
}

/// Why something failed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorDetail {
    code: Option<i64>,
    message: String,
}

/// The result of a build (`ID`) or of a push (`Digest`).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Auxiliary {
    /// The image's identifier.
    #[serde(rename = "ID")]
    pub(super) id: Option<String>,
    /// The manifest's digest.
    pub(super) digest: Option<String>,
}

/// The engine's own words for a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The text.
    pub(super) text: String,
    /// The exit code of the command that failed, where it was one.
    pub(super) exit_code: Option<i64>,
}

impl Message {
    /// The failure that the line reports.
    pub(super) fn failure(&self) -> Option<Failure> {
        match (&self.error_detail, &self.error) {
            (Some(detail), _) if !detail.message.is_empty() => Some(Failure {
                text: detail.message.clone(),
                exit_code: detail.code.filter(|code| *code != 0),
            }),
            (_, Some(text)) => Some(Failure {
                text: text.clone(),
                exit_code: None,
            }),
            _ => None,
        }
    }

    /// Reports what the line says of a layer, if it says something that matters to a person.
    pub(super) fn report_layer(&self, reporter: &Reporter) {
        let (Some(status), Some(layer)) = (&self.status, &self.id) else {
            return;
        };
        let Some(state) = layer_state(status) else {
            return;
        };
        let bytes = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        let progress = self.progress_detail.as_ref();
        let current = progress.and_then(|progress| bytes(progress.current));
        let total = progress.and_then(|progress| bytes(progress.total));
        reporter.layer(
            layer.clone(),
            state,
            current.unwrap_or_default(),
            total.filter(|total| *total > 0),
        );
    }
}

fn layer_state(status: &str) -> Option<LayerState> {
    match status {
        "Preparing" | "Waiting" | "Pulling fs layer" => Some(LayerState::Waiting),
        "Pushing" => Some(LayerState::Uploading),
        "Downloading" => Some(LayerState::Downloading),
        "Layer already exists" | "Already exists" => Some(LayerState::Exists),
        "Pushed" | "Download complete" | "Pull complete" => Some(LayerState::Done),
        _ if status.starts_with("Mounted from ") => Some(LayerState::Exists),
        // Unpacking and checking is the engine's own business, and short.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventKind, channel};
    use std::sync::Arc;

    fn parsed(line: &str) -> Message {
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn failures_have_their_exit_code() {
        let line = r#"{"errorDetail":{"code":3,"message":"returned 3"},"error":"returned 3"}"#;
        let failure = parsed(line).failure().unwrap();
        assert_eq!(
            (failure.text.as_str(), failure.exit_code),
            ("returned 3", Some(3))
        );
        let failure = parsed(r#"{"error":"broken"}"#).failure().unwrap();
        assert_eq!((failure.text.as_str(), failure.exit_code), ("broken", None));
        assert_eq!(parsed(r#"{"stream":"a"}"#).failure(), None);
    }

    #[test]
    fn layers_are_reported_by_name() {
        let (sink, mut events) = channel();
        let reporter = Reporter::new(Arc::new(sink), "step");
        for line in [
            r#"{"status":"The push refers to repository [127.0.0.1:5000/a]"}"#,
            r#"{"status":"Pushing","progressDetail":{"current":512,"total":1024},"progress":"[=>]","id":"5f70bf18a086"}"#,
            r#"{"status":"Extracting","progressDetail":{"current":1},"id":"5f70bf18a086"}"#,
            r#"{"status":"Layer already exists","progressDetail":{},"id":"d1c8a0b2c3d4"}"#,
        ] {
            parsed(line).report_layer(&reporter);
        }
        drop(reporter);
        let mut seen = Vec::new();
        while let Some(event) = events.blocking_recv() {
            if let EventKind::LayerProgress {
                layer,
                state,
                current,
                total,
                ..
            } = event.kind
            {
                seen.push((layer, state, current, total));
            }
        }
        assert_eq!(
            seen,
            [
                (
                    "5f70bf18a086".to_owned(),
                    LayerState::Uploading,
                    512,
                    Some(1024)
                ),
                ("d1c8a0b2c3d4".to_owned(), LayerState::Exists, 0, None),
            ]
        );
    }
}
