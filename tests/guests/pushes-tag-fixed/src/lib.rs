//! The step `pushes-tag` once more, for which a tag that is taken is as good.

use stepyard_sdk::grammar::{ImageReference, Tag};
use stepyard_sdk::prelude::*;
use stepyard_sdk::registry;

#[settings]
struct PushesTagFixed {
    /// The connector to log in with.
    connector: String,
    /// The image.
    image: String,
    /// The tag.
    tag: String,
}

impl Step for PushesTagFixed {
    const NAME: &str = "pushes-tag-fixed";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Lets a further tag name an image";

    fn run(self) -> Result<Outcome, Error> {
        let image = ImageReference::parse(&self.image)?;
        let credential = auth::login(&self.connector, Some(image.registry()))?;
        match registry::tag(&image, &Tag::parse(&self.tag)?, &credential) {
            Err(error) if *error.kind() == ErrorKind::Conflict => log::warn!("{error}"),
            tagged => drop(tagged?),
        }
        Ok(Outcome::new())
    }
}

stepyard_sdk::step!(PushesTagFixed);
