//! Finding a Dockerfile and the ignore file that goes with it.

use std::{io::Read, path::Path};

use cap_std::fs::Dir;

use crate::{ContextArchive, ContextError, IgnoreRules, content::nonblocking};

/// The most bytes of a Dockerfile or an ignore file.
const MAX_TEXT: u64 = 1024 * 1024;
/// What a Dockerfile from outside of the context is called within it.
const RESERVED_NAME: &str = ".dockerfile.outside-of-context";
const IGNORE_FILE: &str = ".dockerignore";

const CONTEXT: &str = "build context";
const DOCKERFILE: &str = "Dockerfile";
const IGNORE: &str = "ignore file";

/// A Dockerfile that was found and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// Where it is in the archive of the context.
    pub path_in_context: String,
    /// Where it is in the workspace, for messages.
    pub path_in_workspace: String,
    /// Its content.
    pub text: String,
    outside: bool,
}

/// A context with its Dockerfile and its ignore rules, all below one workspace.
pub struct BuildContext {
    root: Dir,
    dockerfile: Dockerfile,
    rules: IgnoreRules,
    /// The text of the context's own ignore file.
    ignore_text: Option<String>,
}

impl BuildContext {
    /// Opens the context at the path `context` of the workspace (`.` for all of it).
    ///
    /// A `dockerfile` is looked for below the workspace and then below the context, as the builders
    /// do that run in the workspace; without one it is `Dockerfile` in the context. Its own ignore
    /// file, `<Dockerfile>.dockerignore`, goes before `.dockerignore` in the context.
    ///
    /// # Errors
    /// If a path is absolute or leads out of the workspace, if nothing or something else is there,
    /// or if the Dockerfile or the ignore file cannot be read.
    pub fn open(
        workspace: &Dir,
        context: &str,
        dockerfile: Option<&str>,
    ) -> Result<Self, ContextError> {
        let (context_path, root) = folder(workspace, context)?;

        let named = dockerfile.unwrap_or(DOCKERFILE);
        let below_context = |path: &str| normalise(DOCKERFILE, &join(&context_path, path));
        let found = match dockerfile {
            Some(path) => match resolve(workspace, DOCKERFILE, path, &normalise(DOCKERFILE, path)?)
            {
                Err(ContextError::NotFound { .. }) => {
                    resolve(workspace, DOCKERFILE, path, &below_context(path)?)
                }
                found => found,
            },
            None => resolve(workspace, DOCKERFILE, named, &below_context(DOCKERFILE)?),
        };
        let path_in_workspace = found?;
        let Some(text) = read(workspace, DOCKERFILE, &path_in_workspace)? else {
            return Err(ContextError::NotFound {
                role: DOCKERFILE,
                path: named.to_owned(),
            });
        };
        let inside = path_below(&context_path, &path_in_workspace);
        let outside = inside.is_none();
        let path_in_context = inside.unwrap_or(RESERVED_NAME).to_owned();

        let ignore_text = read(&root, IGNORE, IGNORE_FILE)?;
        let own_ignore = format!("{path_in_workspace}.dockerignore");
        let rules = match (read(workspace, IGNORE, &own_ignore)?, &ignore_text) {
            (Some(text), _) => IgnoreRules::parse(&own_ignore, &text)?,
            (None, Some(text)) => IgnoreRules::parse(&join(&context_path, IGNORE_FILE), text)?,
            (None, None) => IgnoreRules::default(),
        };
        // The engine reads both, and drops them from the image by itself where they are ignored.
        let rules = rules.keeping(IGNORE_FILE).keeping(&path_in_context);
        let dockerfile = Dockerfile {
            path_in_context,
            path_in_workspace,
            text,
            outside,
        };
        Ok(Self {
            root,
            dockerfile,
            rules,
            ignore_text,
        })
    }

    /// Opens the folder at a path of the workspace, such as that of a named context.
    ///
    /// # Errors
    /// If the path is absolute or leads out of the workspace, or if nothing or something else is
    /// there.
    pub fn open_folder(workspace: &Dir, path: &str) -> Result<Dir, ContextError> {
        folder(workspace, path).map(|(_, folder)| folder)
    }

    /// The Dockerfile.
    pub fn dockerfile(&self) -> &Dockerfile {
        &self.dockerfile
    }

    /// The directory that is the context.
    pub fn root(&self) -> &Dir {
        &self.root
    }

    /// What is not sent.
    pub fn rules(&self) -> &IgnoreRules {
        &self.rules
    }

    /// The archive to send. A Dockerfile from outside is in it under a reserved name, which the
    /// ignore file in the archive names, so that the engine does not copy it into the image.
    pub fn into_archive(self) -> ContextArchive {
        let archive = ContextArchive::new(self.root, self.rules);
        if !self.dockerfile.outside {
            return archive;
        }
        let ignore_text = self.ignore_text.as_deref().unwrap_or(IGNORE_FILE);
        archive
            .replacing(RESERVED_NAME, self.dockerfile.text)
            .replacing(IGNORE_FILE, format!("{ignore_text}\n{RESERVED_NAME}\n"))
    }
}

/// The folder at a path, and its path with symbolic links followed.
fn folder(workspace: &Dir, named: &str) -> Result<(String, Dir), ContextError> {
    let path = resolve(workspace, CONTEXT, named, &normalise(CONTEXT, named)?)?;
    let failed = |source| ContextError::on_named(CONTEXT, named, source);
    let metadata = workspace.metadata(or_dot(&path)).map_err(failed)?;
    if !metadata.is_dir() {
        return Err(ContextError::NotADirectory {
            path: named.to_owned(),
        });
    }
    let folder = workspace.open_dir(or_dot(&path)).map_err(failed)?;
    Ok((path, folder))
}

fn or_dot(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

fn join(directory: &str, path: &str) -> String {
    if directory.is_empty() {
        path.to_owned()
    } else {
        format!("{directory}/{path}")
    }
}

/// What is left of `path` below `directory`, if it is below.
fn path_below<'path>(directory: &str, path: &'path str) -> Option<&'path str> {
    if directory.is_empty() {
        Some(path)
    } else {
        path.strip_prefix(directory)?.strip_prefix('/')
    }
}

/// The path without `.` and `..`; the workspace itself is empty.
fn normalise(role: &'static str, path: &str) -> Result<String, ContextError> {
    let outside = || ContextError::OutsideWorkspace {
        role,
        path: path.to_owned(),
    };
    if path.starts_with('/') {
        return Err(outside());
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(outside)?;
            }
            _ => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// The path with its symbolic links followed, so that two paths can be compared.
fn resolve(
    workspace: &Dir,
    role: &'static str,
    named: &str,
    path: &str,
) -> Result<String, ContextError> {
    let real = workspace
        .canonicalize(or_dot(path))
        .map_err(|source| ContextError::on_named(role, named, source))?;
    match real.as_path().to_str() {
        Some(".") => Ok(String::new()),
        Some(real) if Path::new(real).is_relative() => Ok(real.to_owned()),
        _ => Err(ContextError::NameNotText {
            what: "the name",
            path: real.to_string_lossy().into_owned(),
        }),
    }
}

/// The text of a file, or nothing if there is none.
fn read(directory: &Dir, role: &'static str, path: &str) -> Result<Option<String>, ContextError> {
    let file = match directory
        .open_with(path, &nonblocking())
        .map_err(|source| ContextError::on_named(role, path, source))
    {
        Ok(file) => file,
        Err(ContextError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let failed = |source| ContextError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(ContextError::NotAFile {
            role,
            path: path.to_owned(),
        });
    }
    let mut content = Vec::new();
    let read = file
        .take(MAX_TEXT + 1)
        .read_to_end(&mut content)
        .map_err(failed)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > MAX_TEXT {
        return Err(ContextError::TooLarge {
            role,
            path: path.to_owned(),
            limit: MAX_TEXT,
        });
    }
    match String::from_utf8(content) {
        Ok(text) => Ok(Some(text)),
        Err(error) => {
            let valid = error
                .as_bytes()
                .iter()
                .take(error.utf8_error().valid_up_to());
            let line = valid.filter(|byte| **byte == b'\n').count() + 1;
            Err(ContextError::NotText {
                role,
                path: path.to_owned(),
                line,
            })
        }
    }
}

#[cfg(test)]
#[path = "dockerfile_tests.rs"]
mod tests;
