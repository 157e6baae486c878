//! The regular files that the other side knows of and may ask for.

use std::ops::Range;

use stepyard_build_context::FileVersion;

/// Files by the place of their STAT, kept compactly, because a context may hold very many.
#[derive(Default)]
pub(super) struct SentFiles {
    /// Paths of directories and names of files, one after the other.
    text: String,
    directory: Range<usize>,
    /// In the order of their places.
    files: Vec<SentFile>,
}

struct SentFile {
    place: u32,
    was_requested: bool,
    directory: Range<usize>,
    name: Range<usize>,
    version: Option<FileVersion>,
}

impl SentFiles {
    /// Adds a file with a larger place than those before. `version` is `None` for what is sent as an
    /// empty file.
    pub(super) fn add(&mut self, place: u32, path: &str, version: Option<FileVersion>) {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        if self.text.get(self.directory.clone()) != Some(directory) {
            self.directory = self.append(directory);
        }
        let name = self.append(name);
        self.files.push(SentFile {
            place,
            was_requested: false,
            directory: self.directory.clone(),
            name,
            version,
        });
    }

    fn append(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    /// Whether the content of a file may be asked for. It may be once.
    pub(super) fn request(&mut self, place: u32) -> bool {
        match self.find(place).and_then(|index| self.files.get_mut(index)) {
            Some(file) => !std::mem::replace(&mut file.was_requested, true),
            None => false,
        }
    }

    /// The path of a file, and its version if it has content.
    pub(super) fn get(&self, place: u32) -> Option<(String, Option<FileVersion>)> {
        let file = self.files.get(self.find(place)?)?;
        let directory = self.text.get(file.directory.clone())?;
        let name = self.text.get(file.name.clone())?;
        let path = match directory {
            "" => name.to_owned(),
            _ => format!("{directory}/{name}"),
        };
        Some((path, file.version))
    }

    fn find(&self, place: u32) -> Option<usize> {
        self.files
            .binary_search_by_key(&place, |file| file.place)
            .ok()
    }
}
