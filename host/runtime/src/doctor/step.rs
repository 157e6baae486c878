//! A step: its secrets, its build, and the registries that it uses.

use std::sync::Arc;

use futures_util::future::join_all;

use super::connector::{Identities, look_for_secrets};
use super::look::Look;
use super::rehearsal::{Rehearsed, rehearse};
use super::subjects::Subjects;
use super::{Check, Finding, Section, Subject, Verdict, registry};
use crate::auth::Credential;
use crate::build::{Build, base_images, credential_at, left_out, open_context};
use crate::capability::{CapabilityError, ErrorKind};
use crate::component::Component;
use crate::connector::Connectors;
use crate::host::Host;
use crate::run::RunRequest;

/// A step, and what its settings name.
pub(super) struct Step {
    pub(super) component: Component,
    pub(super) request: RunRequest,
    pub(super) subjects: Subjects,
}

impl Step {
    /// Whether the step can ask for a build.
    pub(super) fn builds(&self) -> bool {
        let mut imports = self.component.imports().iter();
        imports.any(|import| {
            import.interface.starts_with("stepyard:step/build@") && !import.functions.is_empty()
        })
    }
}

/// Looks at a step.
pub(super) async fn look_at(
    host: &Host,
    look: &Look<'_>,
    identities: &Identities,
    connectors: &Arc<Connectors>,
    step: Step,
) -> Section {
    let builds = step.builds();
    let identifier = step.request.step.to_string();
    let settings = step.request.settings.to_string();
    let secrets: Vec<_> = step
        .request
        .placeholders
        .within(&settings)
        .names()
        .cloned()
        .collect();
    let subjects = step.subjects;
    let user = format!("the step {identifier}");
    let build = async {
        let rehearsed = rehearse(host, connectors, &step.component, step.request).await;
        look_at_request(look, &subjects, rehearsed, builds).await
    };
    let registries = subjects
        .registries
        .iter()
        .map(|used| registry::look_at(look, identities, used));
    let (mut findings, build, registries) = tokio::join!(
        look_for_secrets(look, &secrets, &user),
        build,
        join_all(registries)
    );
    findings.extend(build);
    findings.extend(registries.into_iter().flatten());
    Section {
        subject: Subject::Step(identifier),
        findings,
    }
}

async fn look_at_request(
    look: &Look<'_>,
    subjects: &Subjects,
    rehearsed: Rehearsed,
    builds: bool,
) -> Vec<Finding> {
    if let Some(error) = rehearsed.refusal {
        return vec![Finding::failed(Check::Request, error)];
    }
    let Some(build) = rehearsed.build else {
        let unknown = "what it would build shows only when it runs";
        return builds
            .then(|| Finding::unproven(Check::Request, unknown))
            .into_iter()
            .collect();
    };
    let mut findings = vec![Finding::ok(Check::Request, "the policy permits the build")];
    let (sources, features) = tokio::join!(
        look_at_sources(look, subjects, &build),
        look_at_features(look, &build)
    );
    findings.extend(sources);
    findings.extend(features);
    findings
}

/// What of the build the engine leaves out or refuses.
async fn look_at_features(look: &Look<'_>, build: &Build) -> Vec<Finding> {
    let check = Check::Feature;
    let Some(engine) = &look.capabilities.engine else {
        return Vec::new();
    };
    if look.engine().await.is_err() {
        let message = "whether the engine has what the build asks for shows once it answers";
        return vec![Finding::unproven(check, message)];
    }
    let left_out = look.in_time("the build engine", left_out(&build.request, &**engine));
    match left_out.await {
        Ok(left_out) if left_out.is_empty() => vec![Finding::ok(
            check,
            format!("the engine {} has what the build asks for", engine.name()),
        )],
        Ok(left_out) => left_out
            .into_iter()
            .map(|setting| {
                let message = format!(
                    "the engine {} leaves {} out: {}",
                    engine.name(),
                    setting.setting,
                    setting.reason
                );
                Finding::new(check, Verdict::Warning, message)
            })
            .collect(),
        Err(error) => vec![Finding::failed(check, error)],
    }
}

/// The context, the Dockerfile, and the images that it begins with.
async fn look_at_sources(look: &Look<'_>, subjects: &Subjects, build: &Build) -> Vec<Finding> {
    let opened = look.in_time("the build context", open_context(build)).await;
    let dockerfile = match opened {
        Ok(context) => context.dockerfile().clone(),
        Err(error) => return vec![Finding::failed(Check::Context, error)],
    };
    let path = &dockerfile.path_in_workspace;
    let mut findings = vec![Finding::ok(
        Check::Context,
        format!(
            "the context {} and {path} can be read",
            build.request.context
        ),
    )];
    let images = match base_images::images(&build.request, &dockerfile.text) {
        Ok(images) => images,
        Err(why) => {
            let message = format!("which base images it takes is not known: {why}");
            findings.push(Finding::unproven(Check::BaseImage, message));
            return findings;
        }
    };
    let logins = subjects
        .base_image_connectors
        .iter()
        .map(|connector| look.log_in(connector, None));
    // A login that fails is told with its connector.
    let logins: Vec<Credential> = join_all(logins).await.into_iter().flatten().collect();
    let images = images
        .iter()
        .map(|image| look_at_base_image(look, &logins, image));
    findings.extend(join_all(images).await);
    findings
}

/// The engine pulls a base image by itself, perhaps through a mirror, or has it: that it cannot be
/// read from here is a warning.
async fn look_at_base_image(look: &Look<'_>, logins: &[Credential], image: &str) -> Finding {
    let check = Check::BaseImage;
    let unreadable = |error: CapabilityError| {
        let mut finding = Finding::warning(check, error);
        finding.message = format!("the base image {image}: {}", finding.message);
        finding
    };
    let reference = match base_images::reference(image) {
        Ok(reference) => reference,
        Err(error) => return unreadable(CapabilityError::invalid(error.to_string())),
    };
    let registry = reference.registry();
    let login = logins
        .iter()
        .find(|credential| credential.registry() == registry)
        .cloned()
        .or_else(|| credential_at(logins, registry));
    let credential = login.unwrap_or_else(|| Credential::anonymous(registry.clone()));
    let how = if credential.is_anonymous() {
        "without a login"
    } else {
        "with its connector"
    };
    match look.resolve(&reference, &credential).await {
        Ok(Some(_)) => Finding::ok(check, format!("the base image {image} can be read {how}")),
        Ok(None) => unreadable(CapabilityError::new(
            ErrorKind::NotFound,
            format!("{registry} does not have it"),
        )),
        Err(error) => unreadable(error),
    }
}
