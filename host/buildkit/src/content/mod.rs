//! The session's service `containerd.services.content.v1.Content`: the daemon reads and writes a
//! local cache, which is a folder of this side in OCI image layout.
//!
//! The daemon names the folder in the header `buildkit-attachable-store-id` of each call (BuildKit,
//! `session/content`), as `local:` and what the cache's `src` or `dest` says. It asks for the size of
//! a blob, reads parts of it and writes new ones; what else containerd's service can do is left out.

mod index;
mod messages;
mod server;
mod store;
mod writing;

pub(crate) use index::{finish_export, import_attributes};
pub(crate) use server::{ContentServer, METHODS, SERVICE_NAME};
pub(crate) use store::Store;
