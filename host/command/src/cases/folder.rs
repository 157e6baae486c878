//! The folder of a case: what the step is given, how its calls are answered, and what must come of it.
//!
//! | file | |
//! | --- | --- |
//! | `settings.yaml` | the step's settings; none where it is missing |
//! | `workspace/` | the files that the step may read |
//! | `calls.yaml` | the calls that it makes, in their order, with their answers |
//! | `surroundings.yaml` | the time and the random numbers; always the same ones where it is missing |
//! | `expected.yaml` | what must come of it |

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stepyard::Workspace;
use stepyard::document::{ProblemKind, Problems, read_value};
use stepyard::recording::{Answer, Exchange, Surroundings};

use super::ending::Ending;
use crate::exit::Failure;

const SETTINGS: &str = "settings.yaml";
const WORKSPACE: &str = "workspace";
const CALLS: &str = "calls.yaml";
const SURROUNDINGS: &str = "surroundings.yaml";
const EXPECTED: &str = "expected.yaml";

/// A case.
pub(crate) struct Case {
    pub(crate) folder: PathBuf,
    pub(crate) settings: Value,
    pub(crate) calls: Vec<Exchange>,
    pub(crate) surroundings: Surroundings,
    /// None where nobody has written it yet.
    pub(crate) expected: Option<Ending>,
}

/// A call as it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WrittenCall {
    call: String,
    #[serde(default)]
    arguments: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<stepyard::CapabilityError>,
}

impl Case {
    /// Reads the case in `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self, Failure> {
        let settings = match read_optional(&folder.join(SETTINGS))? {
            Some((Value::Null, _)) | None => Value::Object(Map::new()),
            Some((settings, _)) => settings,
        };
        Ok(Self {
            folder: folder.to_owned(),
            settings,
            calls: read_list(&folder.join(CALLS))?,
            surroundings: read_one(&folder.join(SURROUNDINGS))?.unwrap_or_default(),
            expected: read_one(&folder.join(EXPECTED))?,
        })
    }

    /// The name, which is the folder's.
    pub(crate) fn name(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The file with the calls, for messages.
    pub(crate) fn calls_file(&self) -> String {
        self.folder.join(CALLS).display().to_string()
    }

    /// The file with what is expected, for messages.
    pub(crate) fn expected_file(&self) -> String {
        self.folder.join(EXPECTED).display().to_string()
    }

    /// The files that the step may read, where there are some.
    pub(crate) fn workspace(&self) -> Result<Option<Workspace>, Failure> {
        let folder = self.folder.join(WORKSPACE);
        Ok(match folder.is_dir() {
            true => Some(Workspace::open(&folder)?),
            false => None,
        })
    }

    /// Writes all of it into a new folder.
    pub(crate) fn write_new(&self) -> Result<(), Failure> {
        let made = match self.folder.parent() {
            Some(parent) => fs::create_dir_all(parent),
            None => Ok(()),
        };
        made.and_then(|()| fs::create_dir(&self.folder))
            .map_err(|error| {
                Failure::input(
                    format!("the case {} cannot be made: {error}", self.folder.display()),
                    "name a folder that is not there yet",
                )
            })?;
        write(&self.folder.join(SETTINGS), &self.settings)?;
        if !self.surroundings.is_empty() {
            write(&self.folder.join(SURROUNDINGS), &self.surroundings)?;
        }
        self.write_expectation()
    }

    /// Writes the calls and what is expected.
    pub(crate) fn write_expectation(&self) -> Result<(), Failure> {
        if let Some(expected) = &self.expected {
            write(&self.folder.join(EXPECTED), expected)?;
        }
        let path = self.folder.join(CALLS);
        if self.calls.is_empty() && !path.exists() {
            return Ok(());
        }
        let calls: Vec<WrittenCall> = self.calls.iter().map(WrittenCall::of).collect();
        write(&path, &calls)
    }
}

impl WrittenCall {
    fn of(exchange: &Exchange) -> Self {
        let (answer, error) = match &exchange.answer {
            Answer::Answer(answer) => (Some(answer.clone()), None),
            Answer::Error(error) => (None, Some(error.clone())),
        };
        Self {
            call: exchange.function.clone(),
            arguments: exchange.arguments.as_object().cloned().unwrap_or_default(),
            answer,
            error,
        }
    }

    fn into_exchange(self) -> Result<Exchange, String> {
        let answer = match (self.answer, self.error) {
            (answer, None) => Answer::Answer(answer.unwrap_or_default()),
            (None, Some(error)) => Answer::Error(error),
            (Some(_), Some(_)) => {
                return Err("has an answer and an error; leave one out".to_owned());
            }
        };
        Ok(Exchange {
            function: self.call,
            arguments: Value::Object(self.arguments),
            answer,
            microseconds: 0,
        })
    }
}

fn read_optional(path: &Path) -> Result<Option<(Value, stepyard::document::Positions)>, Failure> {
    match path.exists() {
        true => Ok(Some(read_value(path)?)),
        false => Ok(None),
    }
}

fn read_one<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, Failure> {
    let Some((value, positions)) = read_optional(path)? else {
        return Ok(None);
    };
    serde_json::from_value(value).map(Some).map_err(|error| {
        let problem = positions.problem(ProblemKind::InvalidValue, "", &error.to_string());
        Problems::from(problem).into()
    })
}

fn read_list(path: &Path) -> Result<Vec<Exchange>, Failure> {
    let Some((value, positions)) = read_optional(path)? else {
        return Ok(Vec::new());
    };
    let fault = |pointer: &str, message: &str| -> Failure {
        Problems::from(positions.problem(ProblemKind::InvalidValue, pointer, message)).into()
    };
    let items = match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items,
        _ => return Err(fault("", "expected a list of calls")),
    };
    let read = |(place, item)| {
        serde_json::from_value(item)
            .map_err(|error| error.to_string())
            .and_then(WrittenCall::into_exchange)
            .map_err(|problem| fault(&format!("/{place}"), &problem))
    };
    items.into_iter().enumerate().map(read).collect()
}

fn write(path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_saphyr::to_string(value).map_err(|error| {
        Failure::failed(
            format!("{} cannot be written: {error}", path.display()),
            "report this as a fault of stepyard",
        )
    })?;
    Ok(fs::write(path, text)?)
}
