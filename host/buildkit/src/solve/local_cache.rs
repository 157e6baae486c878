//! Caches in folders of this side.

use std::collections::HashMap;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::cache::CacheEntry;
use crate::content::{Store, finish_export, import_attributes};
use crate::error::Error;
use crate::status::Event;

const KIND: &str = "local";

/// The folders of a build's local caches.
#[derive(Default)]
pub(super) struct LocalCaches {
    /// What the daemon may read and write, by names that tell no path of this side.
    pub(super) folders: Vec<(String, Store)>,
    exports: Vec<Export>,
    /// What is not used, and why.
    pub(super) warnings: Vec<Event>,
}

struct Export {
    directory: Dir,
    attributes: Vec<(String, String)>,
    ignores_errors: bool,
}

impl LocalCaches {
    /// Opens the folders that the entries name, and puts the daemon's names into the entries. A
    /// cache that cannot be read is left out of them with a warning, as one that may fail is where
    /// it cannot be written.
    ///
    /// # Errors
    /// Where an entry names no folder, or the folder of one that must be written cannot be opened.
    pub(super) fn open(
        imports: &mut Vec<CacheEntry>,
        exports: &mut Vec<CacheEntry>,
    ) -> Result<Self, Error> {
        let mut caches = Self::default();
        let mut readable = Vec::new();
        for mut entry in std::mem::take(imports) {
            if entry.kind == KIND {
                let folder = needed(&entry, "src")?;
                let opened = Dir::open_ambient_dir(folder, ambient_authority())
                    .map_err(|source| unusable("reading", source))
                    .and_then(|directory| {
                        let attributes = import_attributes(&directory, &entry.attributes)?;
                        Ok((directory, attributes))
                    });
                match opened {
                    Ok((directory, attributes)) => {
                        entry.attributes = attributes;
                        caches.offer(&mut entry, "src", Store::read_only(directory));
                    }
                    Err(error) => {
                        caches.warnings.push(warning("read", &error));
                        continue;
                    }
                }
            }
            readable.push(entry);
        }
        *imports = readable;
        let mut writable = Vec::new();
        for mut entry in std::mem::take(exports) {
            if entry.kind == KIND {
                let ignores_errors = entry.attribute("ignore-error") == Some("true");
                match writable_folder(needed(&entry, "dest")?) {
                    Ok((directory, offered)) => {
                        caches.exports.push(Export {
                            directory,
                            attributes: entry.attributes.clone(),
                            ignores_errors,
                        });
                        caches.offer(&mut entry, "dest", Store::new(offered));
                    }
                    Err(error) if ignores_errors => {
                        caches.warnings.push(warning("written", &error));
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            writable.push(entry);
        }
        *exports = writable;
        Ok(caches)
    }

    fn offer(&mut self, entry: &mut CacheEntry, attribute: &str, store: Store) {
        let name = format!("cache-{}", self.folders.len());
        entry.attributes.retain(|(known, _)| known != attribute);
        entry.attributes.push((attribute.to_owned(), name.clone()));
        self.folders.push((name, store));
    }
}

/// What is left to do with local caches when the daemon has finished.
#[derive(Default)]
pub(super) struct ExportedCaches(Vec<Export>);

impl LocalCaches {
    /// The caches that are named in their folders after the build.
    pub(super) fn take_exports(&mut self) -> ExportedCaches {
        ExportedCaches(std::mem::take(&mut self.exports))
    }
}

impl ExportedCaches {
    /// Names what the daemon has written; `response` is what it says of its exports.
    ///
    /// # Errors
    /// Where a cache that must be written was not.
    pub(super) fn finish(
        self,
        response: &HashMap<String, String>,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(), Error> {
        for export in self.0 {
            match finish_export(&export.directory, &export.attributes, response) {
                Err(error) if export.ignores_errors => on_event(warning("written", &error)),
                finished => finished?,
            }
        }
        Ok(())
    }
}

fn needed<'entry>(entry: &'entry CacheEntry, attribute: &str) -> Result<&'entry str, Error> {
    entry
        .attribute(attribute)
        .filter(|folder| !folder.is_empty())
        .ok_or_else(|| {
            Error::Invalid(format!(
                "a cache of the type {KIND} needs {attribute}=FOLDER"
            ))
        })
}

/// The folder twice: for this side and for the daemon.
fn writable_folder(path: &str) -> Result<(Dir, Dir), Error> {
    std::fs::create_dir_all(path)
        .and_then(|()| Dir::open_ambient_dir(path, ambient_authority()))
        .and_then(|directory| Ok((directory.try_clone()?, directory)))
        .map_err(|source| unusable("writing", source))
}

fn unusable(what: &str, source: std::io::Error) -> Error {
    Error::LocalFile {
        what: format!("{what} the folder of the local cache"),
        source,
    }
}

fn warning(done: &str, error: &Error) -> Event {
    Event::Warning {
        message: format!("a local cache is not {done}: {error}"),
        detail: Vec::new(),
        url: None,
        source: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(attributes: &[(&str, &str)]) -> CacheEntry {
        let entry = CacheEntry {
            kind: KIND.to_owned(),
            attributes: Vec::new(),
        };
        let with = |entry: CacheEntry, (name, value): &(&str, &str)| entry.with(name, value);
        attributes.iter().fold(entry, with)
    }

    #[test]
    fn a_cache_that_is_not_there_is_left_out_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let empty = folder.path().to_str().unwrap();
        let registry = CacheEntry::registry("registry.test/cache");
        let mut imports = vec![
            local(&[("src", missing.to_str().unwrap())]),
            registry.clone(),
            local(&[("src", empty)]),
        ];
        let caches = LocalCaches::open(&mut imports, &mut Vec::new()).unwrap();
        assert_eq!(imports, [registry]);
        assert!(caches.folders.is_empty());
        let messages: Vec<_> = caches
            .warnings
            .iter()
            .map(|event| match event {
                Event::Warning { message, .. } => message.as_str(),
                event => panic!("{event:?}"),
            })
            .collect();
        assert!(messages[0].starts_with("a local cache is not read: reading the folder"));
        assert!(messages[1].ends_with("holds no index.json"));
        assert_eq!(messages.len(), 2);
    }

    #[test]
    fn the_daemon_learns_no_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("team/app");
        let path = path.to_str().unwrap();
        let mut exports = vec![local(&[("dest", path), ("mode", "max")])];
        let caches = LocalCaches::open(&mut Vec::new(), &mut exports).unwrap();
        let (name, store) = &caches.folders[0];
        assert_eq!(exports, [local(&[("mode", "max"), ("dest", name)])]);
        let digest = store.write().unwrap().commit(0, None).unwrap();
        let hex = digest.to_string().split_off("sha256:".len());
        let blob = std::path::Path::new(path).join("blobs/sha256").join(hex);
        assert!(blob.exists());
    }

    #[test]
    fn a_cache_that_cannot_be_written_fails_the_build_unless_it_may() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let (file, fine) = (file.to_str().unwrap(), folder.path().to_str().unwrap());
        let may_fail = ("ignore-error", "true");
        for (attributes, when_opened, when_finished) in [
            (&[("dest", file), may_fail][..], Ok(1), Ok(0)),
            (&[("dest", file)], Err(()), Ok(0)),
            (&[("dest", "")], Err(()), Ok(0)),
            (&[("dest", fine), may_fail], Ok(0), Ok(1)),
            (&[("dest", fine)], Ok(0), Err(())),
        ] {
            let mut exports = vec![local(attributes)];
            let opened = LocalCaches::open(&mut Vec::new(), &mut exports);
            let warnings = opened.as_ref().map(|caches| caches.warnings.len());
            assert_eq!(warnings.map_err(|_| ()), when_opened, "{attributes:?}");
            let Ok(mut caches) = opened else { continue };
            let mut warned = 0;
            // The daemon says of the cache what nobody understands.
            let answer = HashMap::from([("cache.manifest".to_owned(), "?".to_owned())]);
            let finished = caches.take_exports().finish(&answer, &mut |_| warned += 1);
            let finished = finished.map(|()| warned).map_err(|_| ());
            assert_eq!(finished, when_finished, "{attributes:?}");
        }
    }
}
