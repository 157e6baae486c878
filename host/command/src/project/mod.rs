//! A step's project: a folder with its source, in one of the languages that `stepyard new` knows.

mod build;
mod language;
mod new;

use std::path::{Path, PathBuf};

pub(crate) use build::{build_if_older, run as run_build};
pub(crate) use language::Language;
pub(crate) use new::run as run_new;

use crate::exit::Failure;

/// What every project is built to, in its folder.
const COMPONENT: &str = "step.wasm";

/// A step's project.
pub(crate) struct Project {
    folder: PathBuf,
    language: Language,
}

impl Project {
    /// The project in a folder, whose language the files tell.
    pub(crate) fn open(folder: &Path) -> Result<Self, Failure> {
        let language = Language::ALL
            .into_iter()
            .find(|language| folder.join(language.manifest()).is_file());
        let Some(language) = language else {
            let manifests = Language::ALL.map(Language::manifest);
            return Err(Failure::input(
                format!(
                    "{} is no step's project: it has none of {}",
                    folder.display(),
                    manifests.join(", ")
                ),
                "`stepyard new NAME --language LANGUAGE` makes one",
            ));
        };
        Ok(Self {
            folder: folder.to_owned(),
            language,
        })
    }

    /// The component that it is built to.
    pub(crate) fn component(&self) -> PathBuf {
        self.folder.join(COMPONENT)
    }
}
