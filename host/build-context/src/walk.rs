//! Walking a build context in a fixed order.

use std::{
    collections::VecDeque,
    ffi::{CStr, CString},
    io::{self, ErrorKind},
    vec,
};

use cap_std::fs::Dir;
use rustix::fs::FileType;

use crate::{
    ContextError, Entry, EntryKind, IgnoreRules, IgnoreState, IncludeRules, directory::Directory,
};

/// How many directories are held open at most, however deep the context is.
const OPEN_DIRECTORIES: usize = 64;

/// Yields what a context holds and the rules keep, a directory before its entries, the entries of a
/// directory in the order of their names' bytes. A directory that is not kept is walked only if
/// something in it could be kept, and yielded only if something is.
pub struct Walk {
    root: Dir,
    ignored: IgnoreRules,
    included: IncludeRules,
    with_extended_attributes: bool,
    levels: Vec<Level>,
    ready: VecDeque<Entry>,
}

struct Level {
    path: String,
    handle: Handle,
    names: vec::IntoIter<CString>,
    ignored: IgnoreState,
    included: IgnoreState,
    /// The directory's own entry, where it is not kept and nothing in it was so far.
    withheld: Option<Entry>,
}

enum Handle {
    Open(Directory),
    /// Too many were open; it is opened again on the way back.
    Closed {
        /// Device and number of the directory.
        identity: (u64, u64),
    },
}

impl Walk {
    /// A walk of all below `root`, which is itself not yielded.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn new(root: Dir, ignored: IgnoreRules) -> Result<Self, ContextError> {
        let failed = |source| ContextError::on_entry("list", ".", source);
        let directory = Directory::open(&root, c".").map_err(failed)?;
        let level = Level {
            path: String::new(),
            names: directory.sorted_names().map_err(failed)?.into_iter(),
            handle: Handle::Open(directory),
            ignored: IgnoreState::default(),
            included: IgnoreState::default(),
            withheld: None,
        };
        Ok(Self {
            root,
            ignored,
            included: IncludeRules::default(),
            with_extended_attributes: false,
            levels: vec![level],
            ready: VecDeque::new(),
        })
    }

    /// Keeps only what these rules include.
    #[must_use]
    pub fn including(mut self, rules: IncludeRules) -> Self {
        self.included = rules;
        self
    }

    /// Reads the extended attributes of files and directories.
    #[must_use]
    pub fn with_extended_attributes(mut self) -> Self {
        self.with_extended_attributes = true;
        self
    }

    /// Takes one name into `ready`, or goes one level up; false at the end.
    fn step(&mut self) -> Result<bool, ContextError> {
        let Some(level) = self.levels.last_mut() else {
            return Ok(false);
        };
        let Some(name) = level.names.next() else {
            self.levels.pop();
            return Ok(true);
        };
        let path = join(&level.path, &name.to_string_lossy());
        let (ignored, ignored_state) = self.ignored.decide(&path, &level.ignored);
        let (included, included_state) = self.included.decide(&path, &level.included);
        let kept = included && !ignored;
        let may_keep_below = (included || self.included.may_include_below(&path))
            && (!ignored || self.ignored.may_keep_below(&path));
        if name.to_str().is_err() && kept {
            return Err(not_text("the name", path));
        }
        if name.to_str().is_err() || !may_keep_below {
            return Ok(true);
        }
        let directory = level.directory(&self.root)?;
        let found = look_at(directory, &name, &path, kept, self.with_extended_attributes)?;
        let Some((entry, below)) = found else {
            return Ok(true);
        };
        let mut withheld = None;
        if kept {
            let parents = self.levels.iter_mut();
            self.ready
                .extend(parents.filter_map(|level| level.withheld.take()));
            self.ready.push_back(entry);
        } else {
            withheld = Some(entry);
        }
        if let Some((directory, names)) = below {
            self.enter(Level {
                path,
                handle: Handle::Open(directory),
                names: names.into_iter(),
                ignored: ignored_state,
                included: included_state,
                withheld,
            })?;
        }
        Ok(true)
    }

    fn enter(&mut self, level: Level) -> Result<(), ContextError> {
        self.levels.push(level);
        let outer = self.levels.len().checked_sub(OPEN_DIRECTORIES + 1);
        match outer.and_then(|index| self.levels.get_mut(index)) {
            Some(outer) => outer.close(),
            None => Ok(()),
        }
    }
}

impl Level {
    fn close(&mut self) -> Result<(), ContextError> {
        if let Handle::Open(directory) = &self.handle {
            let identity = directory
                .identity()
                .map_err(|source| on_directory(&self.path, source))?;
            self.handle = Handle::Closed { identity };
        }
        Ok(())
    }

    fn directory(&mut self, root: &Dir) -> Result<&Directory, ContextError> {
        if let Handle::Closed { identity } = self.handle {
            let opened = root
                .open_dir(&self.path)
                .and_then(|directory| Directory::open(directory, c"."))
                .and_then(|directory| Ok((directory.identity()?, directory)));
            match opened {
                Ok((now, directory)) if now == identity => self.handle = Handle::Open(directory),
                Ok(_) => return Err(replaced(&self.path)),
                Err(source) => return Err(on_directory(&self.path, source)),
            }
        }
        match &self.handle {
            Handle::Open(directory) => Ok(directory),
            Handle::Closed { .. } => Err(replaced(&self.path)),
        }
    }
}

type Below = Option<(Directory, Vec<CString>)>;

/// The entry of a name, and what is in it if it is a directory. Nothing for what needs not be looked
/// at: what no build context holds, and, where the entry itself is not kept, all but a directory that
/// can be read.
fn look_at(
    directory: &Directory,
    name: &CStr,
    path: &str,
    kept: bool,
    with_extended_attributes: bool,
) -> Result<Option<(Entry, Below)>, ContextError> {
    let failed = |source| ContextError::on_entry("read", path, source);
    let stat = match directory.stat(name) {
        Ok(stat) => stat,
        Err(_) if !kept => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    if !kept && !is_directory {
        return Ok(None);
    }
    let link_target = || {
        let target = directory.link_target(name).map_err(failed)?;
        target
            .into_string()
            .map_err(|_| not_text("the link's target", path.to_owned()))
    };
    let Some(mut entry) = Entry::new(path.to_owned(), &stat, link_target)? else {
        return Ok(None);
    };
    if entry.kind == EntryKind::File && with_extended_attributes {
        entry.extended_attributes = directory.extended_attributes_of(name).map_err(failed)?;
    }
    if !is_directory {
        return Ok(Some((entry, None)));
    }
    let opened = directory
        .open_child(name)
        .and_then(|below| Ok((below.sorted_names()?, below)));
    let (names, below) = match opened {
        Ok(opened) => opened,
        Err(error) if !kept && error.kind() == ErrorKind::PermissionDenied => return Ok(None),
        Err(source) => return Err(on_directory(path, source)),
    };
    if with_extended_attributes {
        entry.extended_attributes = below.extended_attributes().map_err(failed)?;
    }
    Ok(Some((entry, Some((below, names)))))
}

impl Iterator for Walk {
    type Item = Result<Entry, ContextError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Some(Ok(entry));
            }
            match self.step() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.levels.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{directory}/{name}")
    }
}

fn on_directory(path: &str, source: io::Error) -> ContextError {
    match source.kind() {
        // What was a directory a moment ago is a file or a link now.
        ErrorKind::NotADirectory => replaced(path),
        _ => ContextError::on_entry("list", path, source),
    }
}

fn not_text(what: &'static str, path: String) -> ContextError {
    ContextError::NameNotText { what, path }
}

fn replaced(path: &str) -> ContextError {
    ContextError::Changed {
        path: path.to_owned(),
        change: "was replaced",
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
