//! Why a build failed, for a person.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bollard_buildkit_proto::google::rpc;
use bollard_buildkit_proto::pb;
use prost::Message;
use tonic::Status;

use super::tracker::{FailedVertex, shortened};

/// How many of the last lines of output a failure repeats.
const RECENT_LINES: usize = 20;
/// A longer line is shortened, in characters.
const LONGEST_LINE: usize = 400;

/// A build that ran and failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// The daemon's own words.
    pub message: String,
    /// The vertex that failed, such as `[builder 2/4] RUN make`.
    pub vertex: Option<String>,
    /// The exit code of the command that failed, where it was one.
    pub exit_code: Option<i64>,
    /// The place in the Dockerfile.
    pub source: Option<SourceExcerpt>,
    /// The last lines that the vertex has written.
    pub output: Vec<String>,
}

/// A place in the Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceExcerpt {
    /// The Dockerfile's name.
    pub file: String,
    /// The first line, counted from 1.
    pub first_line: usize,
    /// The last line.
    pub last_line: usize,
    /// The lines.
    pub text: String,
}

impl SourceExcerpt {
    pub(crate) fn new(info: &pb::SourceInfo, ranges: &[pb::Range]) -> Option<Self> {
        let lines = |position: Option<&pb::Position>| {
            position.and_then(|position| usize::try_from(position.line).ok())
        };
        let first_line = ranges
            .iter()
            .filter_map(|range| lines(range.start.as_ref()))
            .min()
            .filter(|line| *line > 0)?;
        let last_line = ranges
            .iter()
            .filter_map(|range| lines(range.end.as_ref()))
            .max()
            .unwrap_or(first_line)
            .max(first_line);
        let text = String::from_utf8_lossy(&info.data)
            .lines()
            .skip(first_line - 1)
            .take(last_line - first_line + 1)
            .collect::<Vec<_>>()
            .join("\n");
        Some(Self {
            file: info.filename.clone(),
            first_line,
            last_line,
            text,
        })
    }
}

/// `errdefs.Source` of BuildKit's `solver/errdefs/errdefs.proto`, which the daemon attaches to its
/// errors.
#[derive(Clone, PartialEq, Message)]
struct ErrorSource {
    #[prost(message, optional, tag = "1")]
    info: Option<pb::SourceInfo>,
    #[prost(message, repeated, tag = "2")]
    ranges: Vec<pb::Range>,
}

/// The same as JSON, in which daemons write it that encode by Go's type names.
#[derive(serde::Deserialize)]
struct JsonSource {
    info: JsonInfo,
    #[serde(default)]
    ranges: Vec<JsonRange>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct JsonInfo {
    filename: String,
    data: String,
}

#[derive(serde::Deserialize)]
struct JsonRange {
    start: Option<JsonPosition>,
    end: Option<JsonPosition>,
}

#[derive(serde::Deserialize)]
struct JsonPosition {
    line: i32,
}

impl JsonSource {
    fn excerpt(self) -> Option<SourceExcerpt> {
        let position = |position: Option<JsonPosition>| {
            position.map(|position| pb::Position {
                line: position.line,
                character: 0,
            })
        };
        let info = pb::SourceInfo {
            filename: self.info.filename,
            data: BASE64.decode(self.info.data).ok()?,
            ..pb::SourceInfo::default()
        };
        let ranges: Vec<pb::Range> = self
            .ranges
            .into_iter()
            .map(|range| pb::Range {
                start: position(range.start),
                end: position(range.end),
            })
            .collect();
        SourceExcerpt::new(&info, &ranges)
    }
}

/// The place that a detail of an error names, if it is that kind of detail.
fn excerpt(type_url: &str, value: &[u8]) -> Option<SourceExcerpt> {
    match type_url.rsplit('/').next()? {
        "errdefs.Source+json" => serde_json::from_slice::<JsonSource>(value).ok()?.excerpt(),
        "errdefs.Source" | "moby.buildkit.v1.errdefs.Source" => {
            let source = ErrorSource::decode(value).ok()?;
            SourceExcerpt::new(source.info.as_ref()?, &source.ranges)
        }
        _ => None,
    }
}

impl Failure {
    /// What the daemon answered, and what its status stream said before.
    pub(crate) fn new(status: &Status, failed: Option<FailedVertex>) -> Self {
        let details = rpc::Status::decode(status.details()).unwrap_or_default();
        let source = details
            .details
            .iter()
            .find_map(|detail| excerpt(&detail.type_url, &detail.value));
        let message = status.message().trim().to_owned();
        let (vertex, output) = match failed {
            Some(failed) => (
                Some(failed.name).filter(|name| !name.is_empty()),
                last_lines(&failed.output),
            ),
            None => (None, Vec::new()),
        };
        Self {
            exit_code: exit_code(&message),
            message: shortened(&message),
            vertex,
            source,
            output,
        }
    }
}

/// BuildKit says it in words only: `… did not complete successfully: exit code: 3`.
fn exit_code(message: &str) -> Option<i64> {
    let rest = message.rsplit_once("exit code: ")?.1;
    let end = rest
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

fn last_lines(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text
        .lines()
        // A progress bar overwrites its line: what a person would see is the last state.
        .map(|line| {
            line.trim_end_matches('\r')
                .rsplit('\r')
                .next()
                .unwrap_or("")
        })
        .filter(|line| !line.trim().is_empty())
        .collect();
    let skipped = lines.len().saturating_sub(RECENT_LINES);
    lines
        .into_iter()
        .skip(skipped)
        .map(|line| {
            let mut short: String = line.chars().take(LONGEST_LINE).collect();
            if short.len() < line.len() {
                short.push('…');
            }
            short
        })
        .collect()
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(vertex) = &self.vertex {
            write!(formatter, "{vertex}: ")?;
        }
        formatter.write_str(&self.message)?;
        if let Some(source) = &self.source {
            write!(formatter, " ({}, line {})", source.file, source.first_line)?;
        }
        Ok(())
    }
}
