//! A build request as a guest notes it.

use crate::auth::Credential;

/// A request as a guest notes it, setter by setter. Nothing is checked yet.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RequestDraft {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) context: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dockerfile: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) named_contexts: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) build_arguments: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) labels: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) annotations: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provenance: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) sbom: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) platforms: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) secrets: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) secret_files: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ssh_agents: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) base_image_credentials: Vec<Credential>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) cache_sources: Vec<(String, Option<Credential>)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) cache_destinations: Vec<(String, Credential)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) cache_imports: Vec<(String, Option<Credential>)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) cache_exports: Vec<(String, Option<Credential>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) build_cache: Option<bool>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) pull: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) network_mode: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) extra_hosts: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_date_epoch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run_as_user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory_limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory_request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) snapshot_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination: Option<(String, Credential)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) skip_unchanged: Option<(String, Credential)>,
}
