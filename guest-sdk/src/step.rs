//! What a step is, and how a component is made of it.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;

use crate::{Error, Outcome, bindings, settings};

/// A step: a type whose fields are the settings of one run.
///
/// The settings arrive as JSON. What does not fit the type is reported to the user, setting by
/// setting, before [`run`](Step::run) is called. [`settings`](macro@crate::settings) makes a struct
/// fit for it.
///
/// ```
/// use stepyard_sdk::prelude::*;
/// use stepyard_sdk::testing::{Host, json};
///
/// #[settings]
/// struct Hello {
///     /// Whom to greet.
///     name: String,
/// }
///
/// impl Step for Hello {
///     const NAME: &str = "hello";
///     const VERSION: &str = "0.1.0";
///     const SUMMARY: &str = "Greets";
///
///     fn run(self) -> Result<Outcome, Error> {
///         log::info!("Hello, {}!", self.name);
///         Ok(Outcome::new().output("greeted", self.name))
///     }
/// }
///
/// stepyard_sdk::step!(Hello);
///
/// let run = Host::new().run::<Hello>(json!({"name": "Ada"}));
/// assert_eq!(run.output("greeted"), "Ada");
/// ```
pub trait Step: DeserializeOwned + JsonSchema {
    /// The step's name, such as `build-push-ecr`.
    const NAME: &'static str;
    /// A semantic version; usually `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;
    /// What the step does, in one sentence.
    const SUMMARY: &'static str;

    /// Runs the step.
    ///
    /// # Errors
    /// What the user shall read. Errors of capabilities can be returned as they are, with `?`.
    fn run(self) -> Result<Outcome, Error>;
}

/// Makes a type that is a [`Step`] the component's step: see there. To be called once in a crate; on other
/// targets than WebAssembly it does nothing, so that the crate's tests run natively.
#[macro_export]
macro_rules! step {
    ($step:ty) => {
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code)]
        const _: () = {
            struct Component;

            impl $crate::bindings::Guest for Component {
                fn describe() -> $crate::bindings::Description {
                    $crate::describe::<$step>()
                }

                fn run(
                    settings: ::std::string::String,
                ) -> ::std::result::Result<
                    $crate::bindings::Outcome,
                    $crate::bindings::stepyard::step::types::Error,
                > {
                    $crate::run::<$step>(&settings)
                }
            }

    $crate::bindings::export!(Component with_types_in $crate::bindings);
        };
    };
}

/// Describes a step to the host.
pub fn describe<S: Step>() -> bindings::Description {
    bindings::Description {
        name: S::NAME.to_owned(),
        version: S::VERSION.to_owned(),
        summary: S::SUMMARY.to_owned(),
        settings_schema: schema::<S>().to_value().to_string(),
    }
}

/// Runs a step with settings in JSON.
///
/// # Errors
/// If the settings do not fit the step's type, and as the step itself fails.
pub fn run<S: Step>(
    settings: &str,
) -> Result<bindings::Outcome, bindings::stepyard::step::types::Error> {
    Ok(read_and_run::<S>(settings)?.into())
}

/// The same with the SDK's own types.
pub(crate) fn read_and_run<S: Step>(settings: &str) -> Result<Outcome, Error> {
    let step: S = settings::read(settings, &schema::<S>())?;
    step.run()
}

fn schema<S: Step>() -> schemars::Schema {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<S>()
}
