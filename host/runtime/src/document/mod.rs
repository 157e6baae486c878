//! Users' files (YAML and TOML) read into values that know where they stand, so that every error
//! names file, line, column and field, says what was expected, and what to do.
//!
//! | rule | why |
//! | --- | --- |
//! | a file has at most 1 MiB, 64 levels, 200,000 values | a stranger's file must not exhaust the host |
//! | aliases count as the values that they stand for | the same |
//! | duplicate and unknown keys are errors | a misspelt setting must never be ignored |
//! | a scalar keeps its text beside its YAML 1.2 meaning | `1.20` is a tag and `0123` an account |
//! | several problems are reported at once | one round trip less for the user |

mod budget;
mod fields;
mod json;
mod key;
mod node;
mod plain;
mod problem;
mod scalar;
mod source;
mod suggestion;
mod toml;
mod yaml;

pub use json::{Positions, read_value};
pub use plain::render_plain;
pub use problem::{Problem, ProblemKind, Problems};
pub use source::{MAXIMUM_FILE_BYTES, SourceFile};

pub(crate) use fields::{Field, Fields, Report};
pub(crate) use json::{scalar_to_json, to_json};
pub(crate) use node::{Content, Entry, Node};
pub(crate) use problem::add_problem;
pub(crate) use scalar::{Meaning, Scalar};
pub(crate) use suggestion::did_you_mean;
pub(crate) use toml::read_toml;
pub(crate) use yaml::read_yaml;
