//! Promote Image: copies an image by digest between repositories, registries, accounts and
//! regions, and gives it further tags.

pub mod plan;
mod run;

use stepyard_sdk::{
    prelude::*,
    setting::{OneOrMany, Text},
};

/// Copies an image by digest to another repository, and gives it further tags there.
#[settings]
#[derive(Clone)]
pub struct PromoteImage {
    /// The connector for both registries. Where the source has none, it is read anonymously.
    #[setting(connector)]
    pub connector_ref: Option<String>,
    /// The connector for the source's registry. Default: `connectorRef`.
    #[setting(source_connector)]
    pub source_connector_ref: Option<String>,
    /// The connector for the destination's registry. Default: `connectorRef`.
    #[setting(destination_connector)]
    pub destination_connector_ref: Option<String>,
    /// The image: `registry/repository:tag` or `registry/repository@digest`.
    #[setting(pull_image)]
    pub source: String,
    /// Where to copy it: `registry/repository`, with a tag, or else the source's tag.
    #[setting(push_image)]
    pub destination: String,
    /// Further tags at the destination, in the order in which they are written.
    #[setting(tag, default)]
    pub tags: OneOrMany<Text>,
}

impl Step for PromoteImage {
    const NAME: &str = "promote-image";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Copies an image by digest to another repository";

    fn run(self) -> Result<Outcome, Error> {
        run::run(&plan::Plan::new(&self)?)
    }
}

stepyard_sdk::step!(PromoteImage);

#[cfg(test)]
mod tests;
