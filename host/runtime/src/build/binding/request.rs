//! The setters of a build request.

use wasmtime::component::Resource;

use crate::auth::Credential;
use crate::build::RequestDraft;
use crate::component::bindings::stepyard::step::build;
use crate::component::state::RunState;

/// Setters that keep one text.
macro_rules! keep_text {
    ($($setter:ident => $field:ident),* $(,)?) => {$(
        fn $setter(&mut self, request: Resource<RequestDraft>, value: String) -> wasmtime::Result<()> {
            let draft = self.noting(&request, value.len())?;
            draft.$field = Some(value);
            Ok(())
        }
    )*};
}

/// Setters that append a text.
macro_rules! append_text {
    ($($setter:ident => $field:ident),* $(,)?) => {$(
        fn $setter(&mut self, request: Resource<RequestDraft>, value: String) -> wasmtime::Result<()> {
            let draft = self.noting(&request, value.len())?;
            draft.$field.push(value);
            Ok(())
        }
    )*};
}

/// Setters of truth values.
macro_rules! keep_flag {
    ($($setter:ident => $field:ident),* $(,)?) => {$(
        fn $setter(&mut self, request: Resource<RequestDraft>, enabled: bool) -> wasmtime::Result<()> {
            self.noting(&request, 0)?.$field = enabled.into();
            Ok(())
        }
    )*};
}

/// Setters that append an image or a cache, with a credential where there is one.
macro_rules! append_with_credential {
    ($($setter:ident => $field:ident),* $(,)?) => {$(
        fn $setter(
            &mut self,
            request: Resource<RequestDraft>,
            text: String,
            credential: Option<Resource<Credential>>,
        ) -> wasmtime::Result<()> {
            let credential = credential
                .map(|credential| self.credential(&credential))
                .transpose()?;
            let draft = self.noting(&request, text.len())?;
            draft.$field.push((text, credential));
            Ok(())
        }
    )*};
}

/// Setters that keep an image with a credential.
macro_rules! keep_image {
    ($($setter:ident => $field:ident),* $(,)?) => {$(
        fn $setter(
            &mut self,
            request: Resource<RequestDraft>,
            reference: String,
            credential: Resource<Credential>,
        ) -> wasmtime::Result<()> {
            let credential = self.credential(&credential)?;
            let draft = self.noting(&request, reference.len())?;
            draft.$field = Some((reference, credential));
            Ok(())
        }
    )*};
}

/// Setters that append a pair of texts.
macro_rules! append_pair {
    ($($setter:ident => $field:ident),* $(,)?) => {$(
        fn $setter(
            &mut self,
            request: Resource<RequestDraft>,
            name: String,
            value: String,
        ) -> wasmtime::Result<()> {
            let draft = self.noting(&request, name.len().saturating_add(value.len()))?;
            draft.$field.push((name, value));
            Ok(())
        }
    )*};
}

impl RunState {
    /// The draft behind a handle, after `bytes` more were counted.
    fn noting(
        &mut self,
        request: &Resource<RequestDraft>,
        bytes: usize,
    ) -> wasmtime::Result<&mut RequestDraft> {
        self.note(bytes)?;
        Ok(self.table.get_mut(request)?)
    }
}

impl build::HostRequest for RunState {
    fn new(&mut self) -> wasmtime::Result<Resource<RequestDraft>> {
        Ok(self.table.push(RequestDraft::default())?)
    }

    keep_text! {
        set_context => context,
        set_dockerfile => dockerfile,
        set_target => target,
        set_network_mode => network_mode,
        set_run_as_user => run_as_user,
        set_memory_limit => memory_limit,
        set_cpu_limit => cpu_limit,
        set_memory_request => memory_request,
        set_cpu_request => cpu_request,
        set_snapshot_mode => snapshot_mode,
        set_compression => compression,
        set_source_date_epoch => source_date_epoch,
        set_provenance => provenance,
    }

    append_text! {
        add_platform => platforms,
        add_ssh_agent => ssh_agents,
    }

    keep_flag! {
        set_build_cache => build_cache,
        set_pull => pull,
        set_sbom => sbom,
    }

    append_with_credential! {
        add_cache_source => cache_sources,
        add_cache_import => cache_imports,
        add_cache_export => cache_exports,
    }

    keep_image! {
        set_destination => destination,
        set_skip_unchanged => skip_unchanged,
    }

    append_pair! {
        add_build_argument => build_arguments,
        add_label => labels,
        add_secret => secrets,
        add_secret_file => secret_files,
        add_named_context => named_contexts,
        add_extra_host => extra_hosts,
        add_annotation => annotations,
    }

    fn add_base_image_credential(
        &mut self,
        request: Resource<RequestDraft>,
        credential: Resource<Credential>,
    ) -> wasmtime::Result<()> {
        let credential = self.credential(&credential)?;
        let draft = self.noting(&request, 0)?;
        draft.base_image_credentials.push(credential);
        Ok(())
    }

    fn add_cache_destination(
        &mut self,
        request: Resource<RequestDraft>,
        reference: String,
        credential: Resource<Credential>,
    ) -> wasmtime::Result<()> {
        let credential = self.credential(&credential)?;
        let draft = self.noting(&request, reference.len())?;
        draft.cache_destinations.push((reference, credential));
        Ok(())
    }

    fn drop(&mut self, request: Resource<RequestDraft>) -> wasmtime::Result<()> {
        self.table.delete(request)?;
        Ok(())
    }
}
