//! The build context: the folder whose files a build may copy into an image.
//!
//! Everything is opened below the workspace's directory handle, so that no path and no symbolic link
//! of a hostile guest or repository can lead out of it. The files are read as they are sent: memory
//! use does not depend on the context's size.

mod archive;
mod base_images;
mod content;
mod directory;
mod dockerfile;
mod entry;
mod error;
mod follow;
mod ignore;
mod pattern;
mod tree_digest;
mod walk;

pub use archive::{ContextArchive, ContextProgress};
pub use base_images::{BaseImage, BaseImages, StagesBuilt, Uncertain, Uncertainty, Usage};
pub use content::{Content, FileVersion};
pub use directory::ExtendedAttributes;
pub use dockerfile::{BuildContext, Dockerfile};
pub use entry::{Entry, EntryKind};
pub use error::ContextError;
pub use follow::{follow_links, literal};
pub use ignore::{IgnoreError, IgnoreRules, IgnoreState, IncludeRules};
pub use tree_digest::TreeDigest;
pub use walk::Walk;
