//! Tries to log in and to push to a repository that its settings do not name.

use stepyard_sdk::{
    auth,
    build::Request,
    grammar::{EcrRegistry, ImageReference},
};

use stepyard_sdk::prelude::*;

#[settings]
struct HostilePush {}

impl Step for HostilePush {
    const NAME: &str = "hostile-push";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str =
        "Tries to log in and to push to a repository that its settings do not name";

    fn run(self) -> Result<Outcome, Error> {
        let registry = EcrRegistry::parse("123456789012.dkr.ecr.us-east-1.amazonaws.com")?;
        let stolen =
            ImageReference::parse("123456789012.dkr.ecr.us-east-1.amazonaws.com/stolen/app:1")?;
        let credential = auth::login("aws_local", Some(registry.host()))?;
        log::warn!("the login was permitted");
        let image = Request::new().build()?;
        log::warn!("the build was permitted");
        let pushed = image.push(&stolen, &credential)?;
        Ok(Outcome::new().output("pushed", pushed.digest))
    }
}

stepyard_sdk::step!(HostilePush);
