//! Write Stepyard steps in Rust.
//!
//! A step is a type: its fields are the settings, [`Step::run`] is what it does, and [`step!`]
//! makes a component of it.
//!
//! ```
//! use stepyard_sdk::prelude::*;
//!
//! /// Greets.
//! #[settings]
//! struct Hello {
//!     /// Whom to greet.
//!     name: String,
//! }
//!
//! impl Step for Hello {
//!     const NAME: &str = "hello";
//!     const VERSION: &str = env!("CARGO_PKG_VERSION");
//!     const SUMMARY: &str = "Greets";
//!
//!     fn run(self) -> Result<Outcome, Error> {
//!         log::info!("Hello, {}!", self.name);
//!         Ok(Outcome::new().output("greeted", self.name))
//!     }
//! }
//!
//! stepyard_sdk::step!(Hello);
//! # fn main() {}
//! ```
//!
//! The crate is a `cdylib`, built with `cargo build --release --target wasm32-wasip2`. The
//! component imports the capabilities that the step calls and no others: `hello` imports `log`.
//!
//! | module | what it reaches |
//! | --- | --- |
//! | [`log`] | the person who watches the run |
//! | [`auth`] | credentials, by connector |
//! | [`build`] | the engine that builds images |
//! | [`registry`] | registries of images |
//! | [`ecr`] | what only Amazon ECR has |
//! | [`workspace`] | the files of the workspace |
//! | [`clock`] | time, and waiting |
//! | [`setting`] | no one: the forms that settings take in YAML, and their problems |
//! | [`grammar`] | the texts that host and step agree on: references, tags, quantities |
//!
//! `cargo test` runs a step natively: [`testing`] answers its calls.

#[cfg(test)]
extern crate self as stepyard_sdk;

pub mod auth;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "step",
        pub_export_macro: true,
        default_bindings_module: "stepyard_sdk::bindings",
        additional_derives: [PartialEq, Eq],
    });
}
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
#[allow(missing_docs)]
#[path = "native/mod.rs"]
pub mod bindings;
pub mod build;
pub mod clock;
mod context;
pub mod ecr;
mod error;
pub mod log;
mod outcome;
pub mod prelude;
pub mod registry;
pub mod setting;
mod settings;
mod step;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod workspace;

pub use bindings::stepyard::step::types::{Credential, Descriptor};
pub use context::Context;
pub use error::{Error, ErrorKind};
pub use outcome::Outcome;
pub use step::Step;
#[doc(hidden)]
pub use step::{describe, run};
/// Makes a struct the settings of a step, or a part of them, and an enum the words that a setting
/// may be.
///
/// Names are in camel case, and the words of an enum in kebab case (`#[settings(rename_all = "…")]`
/// says otherwise). What nobody knows is an error, and doc comments are what users read. What stands
/// in `#[setting(…)]` of a field is in the schema that `stepyard inspect` shows, as far as JSON
/// schema has words for it; what does not fit is told as `setting.path: problem; expected …`, of all
/// settings at once.
///
/// ```
/// use stepyard_sdk::grammar::{AwsAccountId, Tag};
/// use stepyard_sdk::{prelude::*, setting::{OneOrMany, Time}};
///
/// /// Looks at images.
/// #[settings]
/// struct Look {
///     /// The AWS connector to look with.
///     #[setting(connector)]
///     connector_ref: String,
///     /// The account: 12 digits, in quotes where the first is 0.
///     #[setting(ecr_account, parse = AwsAccountId::parse)]
///     account: AwsAccountId,
///     /// The images.
///     #[setting(tag, parse = Tag::parse, length = 1..)]
///     tags: OneOrMany<Tag>,
///     /// How long to look.
///     #[setting(default = Time::minutes(10))]
///     timeout: Time,
///     /// How many to look at.
///     #[setting(default = 20, range = 1..=100)]
///     count: u32,
///     /// Where to begin.
///     #[setting(pattern = r"[0-9]+(\.[0-9]+)*", expected = "a version such as 1.2")]
///     since: Option<String>,
///     /// What to say.
///     #[setting(default)]
///     report: Report,
/// }
///
/// /// How much to say.
/// #[settings]
/// #[derive(Debug, Default, PartialEq)]
/// enum Report {
///     /// The number of images.
///     #[default]
///     CountAlone,
///     /// Each image.
///     Each,
/// }
/// # impl Step for Look {
/// #     const NAME: &str = "look";
/// #     const VERSION: &str = "0.1.0";
/// #     const SUMMARY: &str = "Looks";
/// #     fn run(self) -> Result<Outcome, Error> {
/// #         assert_eq!((self.count, self.report), (20, Report::CountAlone));
/// #         let _ = (self.connector_ref, self.account, self.tags, self.timeout, self.since);
/// #         Ok(Outcome::new())
/// #     }
/// # }
/// use serde_json::json;
/// use stepyard_sdk::testing::Host;
///
/// let right = json!({"connectorRef": "aws", "account": "123456789012", "tags": "1.0"});
/// Host::new().run::<Look>(right).value();
///
/// let run = Host::new().run::<Look>(json!({
///     "connectorRef": "aws", "account": "12345", "tags": ["1.0", "-"], "count": 0, "since": "then",
/// }));
/// let mut problems: Vec<&str> = run.error().message().lines().collect();
/// problems.sort();
/// assert!(problems[0].starts_with("account: invalid AWS account "));
/// assert_eq!(problems[1..], [
///     "count: found 0; expected 1 to 100",
///     r#"since: found "then"; expected a version such as 1.2"#,
///     r#"tags[1]: invalid tag "-": found '-' at character 1; expected a letter, a digit or '_' first"#,
/// ]);
/// ```
///
/// | `#[setting(…)]` | |
/// | --- | --- |
/// | `default`, `default = VALUE` | the setting may be missing; an `Option` may be by itself |
/// | `parse = FUNCTION` | the value, or each value of a list, is made of a text: `fn(&str) -> Result<T, impl Display>` |
/// | `range = 1..=100` | a number within limits |
/// | `length = 1..` | a text of so many characters, or a list of so many entries |
/// | `pattern = "…"`, `expected = "…"` | a text that matches as a whole, and what to call that |
/// | `check = FUNCTION` | what else is wrong: `fn(&T) -> Result<(), impl Display>` |
/// | `connector`, `ecr_repository`, `tag`, `workspace_path`, `secret` … | what the setting names, for the host's policy: `x-stepyard`, with `_` for `-` |
///
/// Attributes of serde and schemars may stand beside it.
pub use stepyard_sdk_macros::settings;

pub use schemars;
pub use serde;
pub use stepyard_grammar as grammar;
