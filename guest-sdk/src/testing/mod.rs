//! Tests of a step by plain `cargo test`: no WebAssembly, no host, and a script answers its calls.
//!
//! ```
//! use stepyard_sdk::{grammar::ImageReference, prelude::*, registry};
//! # #[derive(Deserialize, JsonSchema)]
//! # struct IsThere { image: String }
//! # impl Step for IsThere {
//! #     const NAME: &str = "is-there";
//! #     const VERSION: &str = "0.1.0";
//! #     const SUMMARY: &str = "Looks for an image";
//! #     fn run(self) -> Result<Outcome, Error> {
//! #         let image = ImageReference::parse(&self.image)?;
//! #         let credential = auth::login("aws", Some(image.registry()))?;
//! #         log::begin_phase("Look");
//! #         match registry::resolve(&image, &credential)? {
//! #             Some(found) => Ok(Outcome::new().output("digest", found.digest)),
//! #             None => Err(Error::not_found(format!("{image} does not exist"))),
//! #         }
//! #     }
//! # }
//! use stepyard_sdk::testing::{Host, descriptor, json};
//!
//! // #[test]
//! fn it_gives_the_digest() {
//!     let run = Host::new()
//!         .on_login("aws", "ghcr.io", Ok(()))
//!         .on_resolve("ghcr.io/team/app:1.0", Ok(Some(descriptor("sha256:1f…"))))
//!         .run::<IsThere>(json!({"image": "ghcr.io/team/app:1.0"}));
//!     assert_eq!(run.output("digest"), "sha256:1f…");
//!     assert_eq!(run.calls(), ["auth.login", "registry.resolve"]);
//! }
//!
//! // #[test]
//! fn a_denied_login_is_told_as_it_is() {
//!     let denied = Error::new(ErrorKind::Denied, "no rule permits this");
//!     let run = Host::new()
//!         .on_login("aws", "ghcr.io", Err(denied.clone()))
//!         .run::<IsThere>(json!({"image": "ghcr.io/team/app:1.0"}));
//!     assert_eq!(*run.error(), denied);
//! }
//! # it_gives_the_digest();
//! # a_denied_login_is_told_as_it_is();
//! ```
//!
//! Each answer is for one call with its arguments, and calls may come in any order. A call without
//! an answer fails the test and says how to script it; so does an answer that nothing has asked for.
//! [`Host::repeatedly`] lets one serve any number of calls.
//!
//! Settings are read as the host's are: what does not fit is an error of the run. Time is a test's
//! own, where the step takes it from [`crate::clock`], and files are, where it takes them from
//! [`crate::workspace`].
//!
//! The module is not there in WebAssembly, so a step has to name it in `#[cfg(test)]` alone.

pub(crate) mod advice;
mod call;
mod ecr;
mod files;
mod host;
mod run;
#[cfg(test)]
mod tests;

pub use crate::bindings::build::Image as BuiltImage;
pub use crate::bindings::ecr::{Finding, Image as EcrImage, Replica, Repository, Scan};
pub use call::{Call, Line};
pub use host::Host;
pub use run::Run;
pub use serde_json::Value;
/// JSON of settings and of manifests.
///
/// ```
/// let settings = stepyard_sdk::testing::json!({"tags": ["1.0", "latest"]});
/// assert_eq!(settings["tags"][0], "1.0");
/// ```
pub use serde_json::json;

use crate::registry::Manifest;
use crate::{Credential, Descriptor};

/// A credential for a registry, for a test of a part of a step.
///
/// ```
/// use stepyard_sdk::{grammar::ImageReference, registry, testing::{self, Host}};
///
/// let credential = testing::credential("ghcr.io");
/// let image = ImageReference::parse("ghcr.io/team/app:1.0")?;
/// let found = Host::new()
///     .on_resolve(&image, Ok(None))
///     .call(|| registry::resolve(&image, &credential));
/// assert_eq!(*found.value(), None);
/// # Ok::<(), stepyard_sdk::Error>(())
/// ```
pub fn credential(registry: &str) -> Credential {
    Credential::of(registry)
}

/// A descriptor of an image's manifest of 1000 bytes.
///
/// ```
/// assert_eq!(stepyard_sdk::testing::descriptor("sha256:1f…").size, 1000);
/// ```
pub fn descriptor(digest: impl Into<String>) -> Descriptor {
    Descriptor {
        digest: digest.into(),
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        size: 1000,
    }
}

/// A manifest or image index, of what JSON says.
///
/// ```
/// use stepyard_sdk::testing::json;
///
/// let media_type = "application/vnd.oci.image.index.v1+json";
/// let index = stepyard_sdk::testing::manifest(media_type, &json!({"manifests": []}));
/// assert_eq!(index.content, br#"{"manifests":[]}"#);
/// ```
pub fn manifest(media_type: &str, content: &serde_json::Value) -> Manifest {
    Manifest {
        media_type: media_type.to_owned(),
        content: content.to_string().into_bytes(),
    }
}
