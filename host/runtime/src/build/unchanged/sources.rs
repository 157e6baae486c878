//! The files that a build reads, as one digest.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};
use stepyard_build_context::{BuildContext, ContextError, IgnoreRules, TreeDigest};

use super::records::PushRecords;
use crate::build::{Build, ContextSource};
use crate::workspace::Workspace;

/// Where the files are, and where their stat indexes are kept.
#[derive(Clone, Debug)]
pub(super) struct SourcePaths {
    workspace: Workspace,
    context: String,
    dockerfile: Option<String>,
    index: PathBuf,
    /// The folders of named contexts, each with its index.
    folders: Vec<(String, PathBuf)>,
}

/// The files of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sources {
    /// Of the context, the Dockerfile with its place, and the folders of named contexts.
    pub(super) digest: [u8; 32],
    /// The Dockerfile's text.
    pub(super) dockerfile: String,
}

impl SourcePaths {
    pub(super) fn of(build: &Build, records: &PushRecords) -> Self {
        let request = &build.request;
        let index = |parts: &[&str]| records.stat_index(build.workspace.path(), parts);
        let folders = request.named_contexts.iter().filter_map(|named| {
            let ContextSource::Folder(path) = &named.source else {
                return None;
            };
            Some((path.clone(), index(&["named", path])))
        });
        let dockerfile = request.dockerfile.clone();
        Self {
            workspace: build.workspace.clone(),
            context: request.context.clone(),
            index: match &dockerfile {
                Some(dockerfile) => index(&["context", &request.context, dockerfile]),
                None => index(&["context", &request.context]),
            },
            folders: folders.collect(),
            dockerfile,
        }
    }

    /// The text of the Dockerfile.
    pub(super) async fn dockerfile(&self) -> Result<String, String> {
        let paths = self.clone();
        blocking(move |_| Ok(paths.open()?.dockerfile().text.clone())).await
    }

    /// Reads what has changed since the last time. Dropping the future ends the reading.
    pub(super) async fn read(&self) -> Result<Sources, String> {
        let paths = self.clone();
        blocking(move |ended| paths.read_blocking(ended)).await
    }

    fn open(&self) -> Result<BuildContext, ContextError> {
        let directory = self.workspace.directory();
        BuildContext::open(directory, &self.context, self.dockerfile.as_deref())
    }

    fn read_blocking(&self, ended: &AtomicBool) -> Result<Sources, ContextError> {
        let directory = self.workspace.directory();
        let context = self.open()?;
        let (root, rules) = (context.root(), context.rules().clone());
        let mut hasher = Sha256::new();
        hasher.update(TreeDigest::of(root, rules, Some(&self.index), ended)?.digest);
        for (path, index) in &self.folders {
            // All of it, also what an ignore file leaves out: builders differ in that.
            let folder = BuildContext::open_folder(directory, path)?;
            let rules = IgnoreRules::default();
            hasher.update(TreeDigest::of(&folder, rules, Some(index), ended)?.digest);
        }
        let dockerfile = context.dockerfile();
        hasher.update(Sha256::digest(&dockerfile.path_in_context));
        hasher.update(Sha256::digest(&dockerfile.text));
        Ok(Sources {
            digest: hasher.finalize().into(),
            dockerfile: dockerfile.text.clone(),
        })
    }
}

/// Does `work` on a thread of its own, and tells it when nobody waits any more.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce(&AtomicBool) -> Result<T, ContextError> + Send + 'static,
) -> Result<T, String> {
    let ending = EndOnDrop::default();
    let ended = ending.0.clone();
    match tokio::task::spawn_blocking(move || work(&ended)).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err("reading the build context was interrupted".to_owned()),
    }
}

/// Tells a thread that nobody waits for it any more.
#[derive(Default)]
struct EndOnDrop(Arc<AtomicBool>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
