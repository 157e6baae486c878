use super::{Repository, Settings, StorageError, files};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The repositories of all accounts.
#[derive(Debug)]
pub(crate) struct Repositories {
    folder: PathBuf,
    temporary: PathBuf,
    /// By account and name.
    known: Mutex<BTreeMap<(String, String), Arc<Repository>>>,
}

impl Repositories {
    pub(super) fn load(folder: PathBuf, temporary: PathBuf) -> Result<Self, StorageError> {
        files::create_folder(&folder)?;
        let mut known = BTreeMap::new();
        for account in files::names(&folder)? {
            let registry = folder.join(&account);
            for name in files::names(&registry)? {
                let path = registry.join(&name);
                match Repository::load(path.clone(), &temporary)? {
                    Some(repository) => {
                        let key = (account.clone(), repository.name.clone());
                        known.insert(key, Arc::new(repository));
                    }
                    None => {
                        fs::remove_dir_all(&path).map_err(StorageError::io("remove", &path))?;
                    }
                }
            }
        }
        Ok(Self {
            folder,
            temporary,
            known: Mutex::new(known),
        })
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<(String, String), Arc<Repository>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The repository `name` of `account`.
    pub(crate) fn find(&self, account: &str, name: &str) -> Result<Arc<Repository>, StorageError> {
        let key = (account.to_owned(), name.to_owned());
        self.known()
            .get(&key)
            .cloned()
            .ok_or(StorageError::RepositoryNotFound {
                account: key.0,
                name: key.1,
            })
    }

    /// The repositories of `account`, by name.
    pub(crate) fn list(&self, account: &str) -> Vec<Arc<Repository>> {
        let known = self.known();
        known
            .iter()
            .filter(|((of, _), _)| of == account)
            .map(|(_, found)| found.clone())
            .collect()
    }

    /// Makes a repository. Blocks.
    pub(crate) fn create(&self, settings: Settings) -> Result<Arc<Repository>, StorageError> {
        let key = (settings.account.clone(), settings.name.clone());
        let mut known = self.known();
        if known.contains_key(&key) {
            return Err(StorageError::RepositoryAlreadyExists {
                account: key.0,
                name: key.1,
            });
        }
        let registry = self.folder.join(&settings.account);
        let repository = Arc::new(Repository::create(&registry, &self.temporary, settings)?);
        known.insert(key, repository.clone());
        Ok(repository)
    }

    /// Deletes a repository; with its images where `force` says so. Blocks.
    pub(crate) fn delete(
        &self,
        account: &str,
        name: &str,
        force: bool,
    ) -> Result<Settings, StorageError> {
        let repository = self.find(account, name)?;
        let settings = repository.delete(force)?;
        self.known().remove(&(account.to_owned(), name.to_owned()));
        Ok(settings)
    }
}
