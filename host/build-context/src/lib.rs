//! The build context: the folder whose files a build may copy into an image.
//!
//! Everything is opened below the workspace's directory handle, so that no path and no symbolic link
//! of a hostile guest or repository can lead out of it. The files are read as they are sent: memory
//! use does not depend on the context's size.

mod archive;
mod base_images;
mod dockerfile;
mod error;
mod ignore;
mod pattern;
mod tree_digest;
mod walk;

pub use archive::{ContextArchive, ContextProgress};
pub use base_images::{BaseImage, BaseImages, StagesBuilt, Uncertain, Uncertainty, Usage};
pub use dockerfile::{BuildContext, Dockerfile};
pub use error::ContextError;
pub use ignore::{IgnoreError, IgnoreRules, IgnoreState};
pub use tree_digest::TreeDigest;
pub use walk::{Entry, EntryKind, Walk};
