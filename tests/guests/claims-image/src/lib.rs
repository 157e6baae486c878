//! Returns an image that it never pushed.

use stepyard_sdk::grammar::{Digest, ImageReference, Tag};
use stepyard_sdk::prelude::*;

#[settings]
struct ClaimsImage {}

impl Step for ClaimsImage {
    const NAME: &str = "claims-image";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Returns an image that it never pushed";

    fn run(self) -> Result<Outcome, Error> {
        let image = ImageReference::parse("123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app")?;
        let digest = Digest::parse(&format!("sha256:{}", "e".repeat(64)))?;
        Ok(Outcome::new().image(&image, &Tag::parse("1.2.3")?, &digest))
    }
}

stepyard_sdk::step!(ClaimsImage);
