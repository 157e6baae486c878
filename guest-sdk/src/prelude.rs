//! What nearly every step uses.

pub use schemars::JsonSchema;
pub use serde::Deserialize;

pub use crate::{
    Context, Credential, Descriptor, Error, ErrorKind, Outcome, Step, auth, log, settings,
};
