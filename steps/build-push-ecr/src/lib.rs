//! Build and Push to ECR: builds an image from a Dockerfile, pushes it once to a repository of
//! Amazon ECR, and gives it its further tags there by digest.
//!
//! | module | |
//! | --- | --- |
//! | [`settings`] | what the user writes |
//! | [`plan`] | the settings validated, without a call of a capability |
//! | `run` and its parts | the calls, in order |

mod build;
pub mod cache;
mod check;
pub mod extensions;
pub mod plan;
mod policies;
mod prepare;
pub mod report;
pub mod repository;
pub mod resources;
mod run;
pub mod secrets;
pub mod settings;
pub mod tags;

use stepyard_sdk::prelude::*;

pub use settings::BuildPushEcr;

impl Step for BuildPushEcr {
    const NAME: &str = "build-push-ecr";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Builds an image and pushes it to Amazon ECR";

    fn run(self) -> Result<Outcome, Error> {
        run::run(&plan::Plan::new(self)?)
    }
}

stepyard_sdk::step!(BuildPushEcr);
