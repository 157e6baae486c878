//! Components: loading them, and running them in a sandbox.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `source`, `content` | where a component's bytes come from, and the bytes |
//! | `engine` | the Wasm engine and its ticking clock |
//! | `load` | bytes to a component that is ready to run |
//! | `code_cache` | compiled code on disk |
//! | `imports` | what a component can reach, and what the host lacks |
//! | `limits`, `event_budget` | the most that a run may use |
//! | `open_files` | which files a component may open |
//! | `standard_output` | what a component prints |
//! | `waiting` | how a component waits |
//! | `state` | what one run holds; the guest's side of every capability |
//! | `invoke` | one call of an export in a store of its own |
//! | `trap` | a guest that stopped, as one readable error |

pub(crate) mod bindings;
mod built_in;
mod code_cache;
mod content;
pub(crate) mod engine;
mod event_budget;
mod imports;
pub(crate) mod invoke;
mod limits;
mod load;
pub(crate) mod open_files;
mod source;
mod standard_output;
pub(crate) mod state;
mod trap;
pub(crate) mod waiting;

pub use code_cache::{CodeCache, CodeCacheError};
pub use imports::Import;
pub use limits::Limits;
pub use load::{Component, Description, LoadError};
pub(crate) use load::{LARGEST_COMPONENT, built_in_names, load};
pub(crate) use source::Location;
pub use source::{ComponentSource, Origin};
pub use trap::GuestFailure;
