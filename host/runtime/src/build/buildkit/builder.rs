//! A build by BuildKit, for the engines that stand on it.

use std::time::Duration;

use stepyard_build_context::BuildContext;
use stepyard_buildkit as buildkit;
use stepyard_grammar::Digest;

use super::failure::build_error;
use super::output::BuildOutput;
use super::request::dockerfile_build;
use crate::build::context::open_context;
use crate::build::failed_push::FailedAttempt;
use crate::build::{Build, BuildRequest, BuiltImage, Feature, IgnoredSetting, features};
use crate::capability::{CapabilityError, ErrorKind};
use crate::event::{EventKind, LogLevel, Reporter};
use crate::patience::Patience;
use crate::policy::Authorized;
use crate::registry::{Descriptor, Endpoints};

/// The time between two reports of how much of the context was sent.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// BuildKit at one place.
pub(in crate::build) struct Builder {
    pub(in crate::build) client: buildkit::Client,
    pub(in crate::build) information: buildkit::DaemonInformation,
    pub(in crate::build) endpoints: Endpoints,
    /// What it is called in messages, such as `the Docker Engine at unix:///run/docker.sock`.
    pub(in crate::build) name: String,
    /// Whether it is part of a Docker Engine, which can hold images.
    pub(in crate::build) holds: bool,
    /// With pushes that fail.
    pub(in crate::build) patience: Patience,
}

impl Builder {
    /// Whether it honours `feature`.
    pub(in crate::build) fn supports(&self, feature: Feature) -> bool {
        let stores_content = self.information.has_content_store();
        let recent = self.information.is_recent();
        match feature {
            Feature::Hold => self.holds,
            Feature::PushWhileBuilding
            | Feature::CacheTo
            | Feature::CacheLocal
            | Feature::CacheOther
            | Feature::Compression => stores_content,
            Feature::Platforms => stores_content,
            Feature::Annotations | Feature::Provenance | Feature::Sbom => stores_content && recent,
            Feature::NamedContexts | Feature::SourceDateEpoch => recent,
            Feature::CacheFrom
            | Feature::CacheInline
            | Feature::BuildSecrets
            | Feature::Ssh
            | Feature::NetworkMode
            | Feature::ExtraHosts
            | Feature::BuildCache => true,
            Feature::SnapshotMode | Feature::RunAsUser | Feature::ResourceLimits => false,
        }
    }

    /// The platform that it builds for where a request names none.
    pub(in crate::build) fn platform(&self) -> Option<String> {
        self.information.platforms.first().cloned()
    }

    /// Builds. With a destination the image is pushed to it, else it is held.
    ///
    /// # Errors
    /// As `build.build` in the contract says.
    pub(in crate::build) async fn build(
        &self,
        call: &Authorized<Build>,
        reporter: &Reporter,
    ) -> Result<BuiltImage, CapabilityError> {
        let questions = call.questions();
        let call = call.call();
        let request = &call.request;
        let ignored_settings =
            features::check(request, &self.name, |feature| self.supports(feature))?;
        if request.destination.is_none() && !self.holds {
            return Err(CapabilityError::unsupported(format!(
                "{} holds no images, and the request names no destination",
                self.name
            ))
            .with_hint("name a destination to push to, or use a Docker Engine"));
        }
        let context = open_context(call).await?;
        let request = &features::without_left_out(request, |feature| self.supports(feature));
        let what = match &request.destination {
            Some(destination) => format!("the push of {}", destination.reference),
            None => "the build".to_owned(),
        };
        let mut attempts = self.patience.begin(&what);
        let result = loop {
            // After a push that failed, all that was built before is cached.
            match self.attempt(call, request, &context, reporter).await {
                Ok(result) => break result,
                Err(failed) => {
                    if let Err(failed) = attempts.pause_after(failed).await {
                        return Err(failed.explained(questions, &self.endpoints).await);
                    }
                }
            }
        };
        built_image(&result, request, ignored_settings)
    }

    async fn attempt(
        &self,
        call: &Build,
        request: &BuildRequest,
        context: &BuildContext,
        reporter: &Reporter,
    ) -> Result<buildkit::BuildResult, FailedAttempt> {
        let build = dockerfile_build(self, call, request, context).await?;
        let progress = buildkit::BuildProgress::default();
        let mut output = BuildOutput::new(reporter);
        let report = |complete: bool| {
            reporter.report(EventKind::ContextProgress {
                files: progress.files.files(),
                bytes: progress.files.bytes(),
                rate: progress.files.rate().filter(|_| !complete),
                complete,
            });
        };
        let building = self
            .client
            .build(build, &progress, |event| output.take(event));
        let result = {
            tokio::pin!(building);
            let mut reported = 0;
            let mut ticks = tokio::time::interval(PROGRESS_INTERVAL);
            loop {
                tokio::select! {
                    result = &mut building => break result,
                    _ = ticks.tick() => {
                        if progress.files.bytes() > reported {
                            reported = progress.files.bytes();
                            report(false);
                        }
                    }
                }
            }
        };
        let result = result.map_err(|error| {
            build_error(
                error,
                request,
                context.dockerfile(),
                &self.name,
                &self.endpoints,
            )
        })?;
        report(true);
        let (sent, received) = result.session_bytes;
        reporter.log(
            LogLevel::Debug,
            format!(
                "the session sent {sent} bytes to BuildKit, {} of them files, and received \
                 {received}",
                result.sent_file_bytes
            ),
        );
        Ok(result)
    }
}

fn built_image(
    result: &buildkit::BuildResult,
    request: &BuildRequest,
    ignored_settings: Vec<IgnoredSetting>,
) -> Result<BuiltImage, CapabilityError> {
    let without = |what: &str| {
        CapabilityError::new(
            ErrorKind::EngineFailure,
            format!("BuildKit ended the build without {what} and without an error"),
        )
    };
    let digest = result
        .digest
        .as_deref()
        .or(result.configuration_digest.as_deref())
        .ok_or_else(|| without("an image"))?;
    let id = Digest::parse(digest).map_err(|_| without("a digest"))?;
    let pushed = request.destination.as_ref().map(|_| Descriptor {
        digest: id.clone(),
        media_type: result
            .descriptor
            .as_ref()
            .map(|descriptor| descriptor.media_type.clone())
            .unwrap_or_default(),
        size: result
            .descriptor
            .as_ref()
            .map_or(0, |descriptor| descriptor.size),
    });
    Ok(BuiltImage {
        id,
        pushed,
        ignored_settings,
        unchanged: false,
    })
}
