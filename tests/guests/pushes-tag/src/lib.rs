//! Lets a further tag name an image, and fails where the tag is taken.

use stepyard_sdk::grammar::{ImageReference, Tag};
use stepyard_sdk::prelude::*;
use stepyard_sdk::registry;

#[settings]
struct PushesTag {
    /// The connector to log in with.
    connector: String,
    /// The image.
    image: String,
    /// The tag.
    tag: String,
}

impl Step for PushesTag {
    const NAME: &str = "pushes-tag";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Lets a further tag name an image";

    fn run(self) -> Result<Outcome, Error> {
        let image = ImageReference::parse(&self.image)?;
        let credential = auth::login(&self.connector, Some(image.registry()))?;
        registry::tag(&image, &Tag::parse(&self.tag)?, &credential)?;
        Ok(Outcome::new())
    }
}

stepyard_sdk::step!(PushesTag);
