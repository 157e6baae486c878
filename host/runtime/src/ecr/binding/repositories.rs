//! Repositories, and what new ones are to be like.

use stepyard_grammar::TagMutability;
use wasmtime::component::Resource;

use super::super::{Repository, RepositoryDraft};
use crate::capability::CapabilityError;
use crate::component::bindings::stepyard::step::ecr;
use crate::component::state::RunState;

pub(super) fn mutability(
    mode: &str,
    exclusions: &[String],
) -> Result<TagMutability, CapabilityError> {
    TagMutability::parse(mode, exclusions)
        .map_err(|error| CapabilityError::invalid(error.to_string()))
}

impl ecr::HostRepository for RunState {
    fn name(&mut self, repository: Resource<Repository>) -> wasmtime::Result<String> {
        Ok(self.table.get(&repository)?.name.clone())
    }

    fn arn(&mut self, repository: Resource<Repository>) -> wasmtime::Result<String> {
        Ok(self.table.get(&repository)?.arn.clone())
    }

    fn uri(&mut self, repository: Resource<Repository>) -> wasmtime::Result<String> {
        Ok(self.table.get(&repository)?.uri.clone())
    }

    fn tag_mutability(&mut self, repository: Resource<Repository>) -> wasmtime::Result<String> {
        let mode = self.table.get(&repository)?.tag_mutability.mode();
        Ok(mode.name().to_owned())
    }

    fn tag_is_immutable(
        &mut self,
        repository: Resource<Repository>,
        tag: String,
    ) -> wasmtime::Result<bool> {
        let repository = self.table.get(&repository)?;
        Ok(repository.tag_mutability.is_immutable(&tag))
    }

    fn mutability_exclusions(
        &mut self,
        repository: Resource<Repository>,
    ) -> wasmtime::Result<Vec<String>> {
        let exclusions = self.table.get(&repository)?.tag_mutability.exclusions();
        Ok(exclusions.iter().map(ToString::to_string).collect())
    }

    fn scans_on_push(&mut self, repository: Resource<Repository>) -> wasmtime::Result<bool> {
        Ok(self.table.get(&repository)?.scan_on_push)
    }

    fn encryption(&mut self, repository: Resource<Repository>) -> wasmtime::Result<String> {
        let encryption = &self.table.get(&repository)?.encryption;
        Ok(encryption.kind().to_owned())
    }

    fn kms_key(&mut self, repository: Resource<Repository>) -> wasmtime::Result<Option<String>> {
        let encryption = &self.table.get(&repository)?.encryption;
        Ok(encryption.key().map(ToOwned::to_owned))
    }

    fn is_new(&mut self, repository: Resource<Repository>) -> wasmtime::Result<bool> {
        Ok(self.table.get(&repository)?.is_new)
    }

    fn drop(&mut self, repository: Resource<Repository>) -> wasmtime::Result<()> {
        self.table.delete(repository)?;
        Ok(())
    }
}

impl RunState {
    /// The draft behind a handle, after `bytes` more were counted.
    fn drafting(
        &mut self,
        settings: &Resource<RepositoryDraft>,
        bytes: usize,
    ) -> wasmtime::Result<&mut RepositoryDraft> {
        self.note(bytes)?;
        Ok(self.table.get_mut(settings)?)
    }
}

impl ecr::HostRepositorySettings for RunState {
    fn new(&mut self) -> wasmtime::Result<Resource<RepositoryDraft>> {
        Ok(self.table.push(RepositoryDraft::default())?)
    }

    fn set_tag_mutability(
        &mut self,
        settings: Resource<RepositoryDraft>,
        mutability: String,
    ) -> wasmtime::Result<()> {
        let draft = self.drafting(&settings, mutability.len())?;
        draft.tag_mutability = Some(mutability);
        Ok(())
    }

    fn add_mutability_exclusion(
        &mut self,
        settings: Resource<RepositoryDraft>,
        filter: String,
    ) -> wasmtime::Result<()> {
        let draft = self.drafting(&settings, filter.len())?;
        draft.mutability_exclusions.push(filter);
        Ok(())
    }

    fn set_scan_on_push(
        &mut self,
        settings: Resource<RepositoryDraft>,
        enabled: bool,
    ) -> wasmtime::Result<()> {
        self.drafting(&settings, 0)?.scan_on_push = enabled;
        Ok(())
    }

    fn set_encryption(
        &mut self,
        settings: Resource<RepositoryDraft>,
        kind: String,
    ) -> wasmtime::Result<()> {
        let draft = self.drafting(&settings, kind.len())?;
        draft.encryption = Some(kind);
        Ok(())
    }

    fn set_kms_key(
        &mut self,
        settings: Resource<RepositoryDraft>,
        key: String,
    ) -> wasmtime::Result<()> {
        let draft = self.drafting(&settings, key.len())?;
        draft.kms_key = Some(key);
        Ok(())
    }

    fn add_tag(
        &mut self,
        settings: Resource<RepositoryDraft>,
        key: String,
        value: String,
    ) -> wasmtime::Result<()> {
        let draft = self.drafting(&settings, key.len().saturating_add(value.len()))?;
        draft.tags.push((key, value));
        Ok(())
    }

    fn drop(&mut self, settings: Resource<RepositoryDraft>) -> wasmtime::Result<()> {
        self.table.delete(settings)?;
        Ok(())
    }
}
