use std::io;

use crate::IgnoreError;

/// A build context cannot be read or sent. Paths are relative to the workspace or the context.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// A path is absolute, or leads out of the workspace by `..` or a symbolic link.
    #[error(
        "{role} {path:?} leads out of the workspace; name a path below the workspace, relative to it"
    )]
    OutsideWorkspace {
        /// What the path is for.
        role: &'static str,
        /// The path as it was given.
        path: String,
    },
    /// Nothing is at a path.
    #[error("{role} {path:?} does not exist in the workspace")]
    NotFound {
        /// What the path is for.
        role: &'static str,
        /// The path as it was given.
        path: String,
    },
    /// Something else than a directory is at the context's path.
    #[error("build context {path:?} is not a directory")]
    NotADirectory {
        /// The path as it was given.
        path: String,
    },
    /// Something else than a regular file is where one is needed.
    #[error("{role} {path:?} is not a regular file")]
    NotAFile {
        /// What the path is for.
        role: &'static str,
        /// The path.
        path: String,
    },
    /// A Dockerfile or an ignore file is larger than its limit.
    #[error("{role} {path:?} is larger than {limit} bytes")]
    TooLarge {
        /// What the path is for.
        role: &'static str,
        /// The path.
        path: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A Dockerfile or an ignore file is not UTF-8.
    #[error("{role} {path:?}, line {line}: the text is not UTF-8")]
    NotText {
        /// What the path is for.
        role: &'static str,
        /// The path.
        path: String,
        /// The line, counted from 1.
        line: usize,
    },
    /// A line of an ignore file is no pattern.
    #[error(transparent)]
    Ignore(#[from] IgnoreError),
    /// A file's name, or a symbolic link's target, is not UTF-8.
    #[error(
        "{path:?} in the build context: {what} is not UTF-8; rename it, or exclude it in .dockerignore"
    )]
    NameNotText {
        /// `the name` or `the link's target`.
        what: &'static str,
        /// The path with the illegal bytes replaced.
        path: String,
    },
    /// A file changed while it was sent.
    #[error(
        "{path:?} in the build context {change} while it was being sent; build again when nothing writes to it, or exclude it in .dockerignore"
    )]
    Changed {
        /// The file.
        path: String,
        /// What happened.
        change: &'static str,
    },
    /// Nobody waits for the result any more.
    #[error("reading the build context was cancelled")]
    Cancelled,
    /// The operating system refused an operation.
    #[error("cannot {action} {path:?} in the build context: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: String,
        /// The cause.
        source: io::Error,
    },
}

impl ContextError {
    /// The error of an operation on an entry that the walk has seen.
    pub(crate) fn on_entry(action: &'static str, path: &str, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Changed {
                path,
                change: "vanished",
            },
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }

    /// The error of an operation on a path that a guest named.
    pub(crate) fn on_named(role: &'static str, path: &str, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { role, path },
            // cap-std's own refusal, which has no number of the operating system.
            io::ErrorKind::PermissionDenied if source.raw_os_error().is_none() => {
                Self::OutsideWorkspace { role, path }
            }
            _ => Self::Io {
                action: "open",
                path,
                source,
            },
        }
    }
}
