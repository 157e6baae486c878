//! Names of an image in the engine: the logical one, which users write, and the physical one,
//! under which the engine reaches the registry.

use stepyard_grammar::ImageReference;

use super::client::{Client, EngineError, with_query};
use crate::registry::Endpoints;
use http::Method;

/// An image reference by both names.
pub(super) struct ImageName<'reference> {
    logical: &'reference ImageReference,
    host: String,
    plain_http: bool,
}

impl<'reference> ImageName<'reference> {
    /// The names of `logical`.
    pub(super) fn new(logical: &'reference ImageReference, endpoints: &Endpoints) -> Self {
        let endpoint = endpoints.of(logical.registry());
        Self {
            logical,
            host: endpoint.host.to_string(),
            plain_http: endpoint.plain_http,
        }
    }

    /// The reference that users write.
    pub(super) fn logical(&self) -> &'reference ImageReference {
        self.logical
    }

    /// The host and port that the engine talks to.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether the operator says that the engine reaches the registry without TLS.
    pub(super) fn plain_http(&self) -> bool {
        self.plain_http
    }

    /// The repository as the engine reaches it.
    pub(super) fn repository(&self) -> String {
        format!("{}/{}", self.host, self.logical.repository())
    }

    /// Repository and tag as the engine reaches them.
    pub(super) fn physical(&self) -> String {
        format!("{}:{}", self.repository(), self.tag())
    }

    /// The logical repository.
    pub(super) fn logical_repository(&self) -> String {
        format!("{}/{}", self.logical.registry(), self.logical.repository())
    }

    /// The tag; `latest` where none is written.
    pub(super) fn tag(&self) -> &str {
        self.logical.tag().map_or("latest", |tag| tag.as_str())
    }

    /// Whether users and the engine use different names.
    pub(super) fn differs(&self) -> bool {
        self.host != self.logical.registry().as_str()
    }

    /// What the engine says, in the names that users know.
    pub(super) fn in_logical_terms(&self, text: &str) -> String {
        if self.differs() {
            text.replace(&self.host, self.logical.registry().as_str())
        } else {
            text.to_owned()
        }
    }
}

/// Gives the image `id` the name `repository:tag`.
pub(super) async fn tag(
    client: &Client,
    id: &str,
    repository: &str,
    tag: &str,
) -> Result<(), EngineError> {
    let path = with_query(
        &format!("/images/{id}/tag"),
        [("repo", repository), ("tag", tag)],
    );
    client.act(Method::POST, &path).await
}

/// Takes the name `name` from an image that has another one.
pub(super) async fn untag(client: &Client, name: &str) -> Result<(), EngineError> {
    let path = with_query(&format!("/images/{name}"), [("noprune", "1")]);
    client.act(Method::DELETE, &path).await
}
