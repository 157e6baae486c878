//! The host of a test: its script.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::files::Folder;
use super::run::Run;
use super::{BuiltImage, advice};
use crate::bindings::script::{self, Engine, Script, Scripted};
use crate::registry::Manifest;
use crate::{Descriptor, Error, Outcome, Step};

/// When a run begins, where a test does not say so: 2026-01-01, as in the cases of `stepyard test`.
const BEGIN: u64 = 1_767_225_600;

/// A host that answers each call as a test says.
///
/// What names a registry, an image or a tag may be text, or a value of [`crate::grammar`]. An answer
/// is what the SDK's function gives, or how it fails. See [`crate::testing`].
///
/// ```
/// use stepyard_sdk::{Error, grammar::{ImageReference, Tag}, registry};
/// use stepyard_sdk::testing::{self, Host, descriptor};
///
/// let image = ImageReference::parse("ghcr.io/team/app:1.0")?;
/// let credential = testing::credential("ghcr.io");
/// let run = Host::new()
///     .on_resolve(&image, Err(Error::unavailable("away")))
///     .on_resolve(&image, Ok(Some(descriptor("sha256:1f…"))))
///     .on_tag(&image, "latest", Ok(descriptor("sha256:1f…")))
///     .call(|| {
///         if registry::resolve(&image, &credential).is_err() {
///             registry::resolve(&image, &credential)?;
///         }
///         registry::tag(&image, &Tag::parse("latest")?, &credential)
///     });
/// assert_eq!(run.value().digest, "sha256:1f…");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct Host {
    answers: Vec<Scripted>,
    engine: Option<Engine>,
    begin: SystemTime,
    workspace: Option<Folder>,
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// A host that answers nothing. A run begins on 2026-01-01 and has an empty workspace.
    pub fn new() -> Self {
        Self {
            answers: Vec::new(),
            engine: None,
            begin: SystemTime::UNIX_EPOCH + Duration::from_secs(BEGIN),
            workspace: None,
        }
    }

    /// The same with an answer to a call that has these arguments, whatever others it has.
    pub(super) fn on<const N: usize>(
        mut self,
        function: &'static str,
        arguments: [(&str, String); N],
        answer: Result<impl Serialize, Error>,
    ) -> Self {
        let arguments: Map<String, Value> = arguments
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::String(value)))
            .collect();
        self.answers.push(Scripted {
            function,
            arguments,
            // These types have no maps with other keys than texts, which is all that can fail.
            answer: answer
                .map(|answer| serde_json::to_value(answer).unwrap_or_default())
                .map_err(Into::into),
            repeats: false,
            used: false,
        });
        self
    }

    /// Lets the answer before serve any number of calls, also none.
    pub fn repeatedly(mut self) -> Self {
        if let Some(last) = self.answers.last_mut() {
            last.repeats = true;
        }
        self
    }

    /// `auth.login` with a connector gives a credential for `registry`, asked for that registry or
    /// for the connector's own.
    pub fn on_login(
        self,
        connector: impl ToString,
        registry: impl ToString,
        answer: Result<(), Error>,
    ) -> Self {
        let registry = json!({"registry": registry.to_string()});
        let arguments = [("connector", connector.to_string())];
        self.on("auth.login", arguments, answer.map(|()| registry))
    }

    /// `auth.anonymous` gives a credential for `registry`.
    pub fn on_anonymous(self, registry: impl ToString, answer: Result<(), Error>) -> Self {
        let registry = registry.to_string();
        let answer = answer.map(|()| json!({"registry": registry}));
        self.on("auth.anonymous", [("registry", registry)], answer)
    }

    /// There is an engine of this name, with these [features](crate::build::feature) and no others.
    /// It may be asked for them however often.
    pub fn engine<'a>(mut self, name: &str, features: impl IntoIterator<Item = &'a str>) -> Self {
        let features: BTreeSet<String> = features.into_iter().map(str::to_owned).collect();
        self.engine = Some(Engine {
            name: name.to_owned(),
            features,
        });
        self
    }

    /// `build.build` of any request gives an image. What was requested is the argument `request` of
    /// the run's call.
    pub fn on_build(self, answer: Result<BuiltImage, Error>) -> Self {
        self.on("build.build", [], answer)
    }

    /// A push of a built image to `reference`.
    pub fn on_push(self, reference: impl ToString, answer: Result<Descriptor, Error>) -> Self {
        let arguments = [("reference", reference.to_string())];
        self.on("build.image.push", arguments, answer)
    }

    /// `registry.resolve` of a reference.
    pub fn on_resolve(
        self,
        reference: impl ToString,
        answer: Result<Option<Descriptor>, Error>,
    ) -> Self {
        let arguments = [("reference", reference.to_string())];
        self.on("registry.resolve", arguments, answer)
    }

    /// `registry.get-manifest` of a reference.
    pub fn on_get_manifest(
        self,
        reference: impl ToString,
        answer: Result<Manifest, Error>,
    ) -> Self {
        let arguments = [("reference", reference.to_string())];
        self.on("registry.get-manifest", arguments, answer)
    }

    /// `registry.put-manifest` to a reference.
    pub fn on_put_manifest(
        self,
        reference: impl ToString,
        answer: Result<Descriptor, Error>,
    ) -> Self {
        let arguments = [("reference", reference.to_string())];
        self.on("registry.put-manifest", arguments, answer)
    }

    /// `registry.tag` of what a reference names.
    pub fn on_tag(
        self,
        reference: impl ToString,
        tag: impl ToString,
        answer: Result<Descriptor, Error>,
    ) -> Self {
        let arguments = [
            ("reference", reference.to_string()),
            ("tag", tag.to_string()),
        ];
        self.on("registry.tag", arguments, answer)
    }

    /// `registry.copy` from a reference to another.
    pub fn on_copy(
        self,
        source: impl ToString,
        destination: impl ToString,
        answer: Result<Descriptor, Error>,
    ) -> Self {
        let arguments = [
            ("source", source.to_string()),
            ("destination", destination.to_string()),
        ];
        self.on("registry.copy", arguments, answer)
    }

    /// `registry.list-tags` of a repository, with its registry.
    pub fn on_list_tags(self, repository: impl ToString, answer: Result<Vec<&str>, Error>) -> Self {
        let arguments = [("repository", repository.to_string())];
        self.on("registry.list-tags", arguments, answer)
    }

    /// The run begins at this time, for steps that read [`crate::clock`].
    pub fn at(mut self, begin: SystemTime) -> Self {
        self.begin = begin;
        self
    }

    /// The workspace has this file, for steps that read [`crate::workspace`].
    ///
    /// ```
    /// use stepyard_sdk::{testing::Host, workspace};
    ///
    /// let read = Host::new()
    ///     .file("policies/expiry.json", "{}")
    ///     .call(|| workspace::read_to_string("policies/expiry.json"));
    /// assert_eq!(read.value(), "{}");
    /// ```
    ///
    /// # Panics
    /// Where the file cannot be written.
    #[track_caller]
    #[expect(clippy::panic, reason = "a test that cannot be set up fails")]
    pub fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let written = match self.workspace.take().map_or_else(Folder::new, Ok) {
            Ok(folder) => folder.write(path, content.as_ref()).map(|()| folder),
            Err(error) => Err(error),
        };
        match written {
            Ok(folder) => self.workspace = Some(folder),
            Err(error) => panic!("the file {path} of the test cannot be written: {error}"),
        }
        self
    }

    /// Runs a step with its settings, as JSON.
    ///
    /// # Panics
    /// Where the step makes a call without an answer, does not make one that is answered, or gives
    /// an output that a host does not take.
    #[track_caller]
    pub fn run<S: Step>(self, settings: impl Serialize) -> Run<Outcome> {
        let run = self.call(|| {
            let settings = serde_json::to_string(&settings)?;
            crate::step::read_and_run::<S>(&settings)
        });
        run.check_outputs();
        run
    }

    /// Runs a part of a step.
    ///
    /// # Panics
    /// As [`Host::run`].
    #[track_caller]
    #[expect(clippy::panic, reason = "the test has not met what it says")]
    pub fn call<T>(self, act: impl FnOnce() -> Result<T, Error>) -> Run<T> {
        let folder = match self.workspace.map_or_else(Folder::new, Ok) {
            Ok(folder) => folder,
            Err(error) => panic!("the workspace of the test cannot be made: {error}"),
        };
        let scratch = match Folder::new() {
            Ok(folder) => folder,
            Err(error) => panic!("the scratch folder of the test cannot be made: {error}"),
        };
        let script = Script {
            answers: self.answers,
            engine: self.engine,
            workspace: Some(folder.path().to_owned()),
            scratch: Some(scratch.path().to_owned()),
            begin: self.begin,
            elapsed: Duration::ZERO,
            calls: Vec::new(),
            log: Vec::new(),
            phases: Vec::new(),
        };
        let (result, script) = script::within(script, act);
        let left = script.left();
        if !left.is_empty() {
            let ending = match &result {
                Ok(_) => "succeeded".to_owned(),
                Err(error) => format!("failed, {:?}: {error}", error.kind()),
            };
            panic!("{}", advice::unused(&left, &ending));
        }
        Run::new(result, script)
    }
}
