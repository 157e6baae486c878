//! A build request as a guest notes it.

use crate::auth::Credential;

/// A request as a guest notes it, setter by setter. Nothing is checked yet.
#[derive(Clone, Debug, Default)]
pub struct RequestDraft {
    pub(crate) context: Option<String>,
    pub(crate) dockerfile: Option<String>,
    pub(crate) named_contexts: Vec<(String, String)>,
    pub(crate) target: Option<String>,
    pub(crate) build_arguments: Vec<(String, String)>,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) annotations: Vec<(String, String)>,
    pub(crate) provenance: Option<String>,
    pub(crate) sbom: bool,
    pub(crate) platforms: Vec<String>,
    pub(crate) secrets: Vec<(String, String)>,
    pub(crate) secret_files: Vec<(String, String)>,
    pub(crate) ssh_agents: Vec<String>,
    pub(crate) base_image_credentials: Vec<Credential>,
    pub(crate) cache_sources: Vec<(String, Option<Credential>)>,
    pub(crate) cache_destinations: Vec<(String, Credential)>,
    pub(crate) cache_imports: Vec<(String, Option<Credential>)>,
    pub(crate) cache_exports: Vec<(String, Option<Credential>)>,
    pub(crate) build_cache: Option<bool>,
    pub(crate) pull: bool,
    pub(crate) network_mode: Option<String>,
    pub(crate) extra_hosts: Vec<(String, String)>,
    pub(crate) source_date_epoch: Option<String>,
    pub(crate) run_as_user: Option<String>,
    pub(crate) memory_limit: Option<String>,
    pub(crate) cpu_limit: Option<String>,
    pub(crate) memory_request: Option<String>,
    pub(crate) cpu_request: Option<String>,
    pub(crate) snapshot_mode: Option<String>,
    pub(crate) compression: Option<String>,
    pub(crate) destination: Option<(String, Credential)>,
    pub(crate) skip_unchanged: Option<(String, Credential)>,
}
