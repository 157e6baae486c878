//! The engines that the tests build with, and how images are read back from them.

mod engine;
mod http;
mod image;
mod registry;
mod workspace;

pub(crate) use engine::{Built, Engine, build, eventually};
pub(crate) use image::{Image, Kind, sha256};
pub(crate) use registry::{Registry, contains};
pub(crate) use workspace::{Destination, Workspace, base_image, push, unique};

/// A service that `cargo xtask test` and `cargo xtask services` start.
pub(crate) fn service(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run `cargo xtask test`, or `cargo xtask services` beside")
    })
}

/// Makes a test of the function `$test`, which takes an [`Engine`], for each engine that is named.
macro_rules! on {
    ($test:ident: $($engine:ident),+ $(,)?) => {
        mod $test {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $engine() {
                    super::$test(crate::support::Engine::$engine()).await;
                }
            )+
        }
    };
}
pub(crate) use on;
