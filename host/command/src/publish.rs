//! `stepyard publish`: a component to a registry.

use std::io::{IsTerminal as _, Write as _};

use stepyard::ComponentSource;
use stepyard::configuration::Configuration;
use stepyard::connector::Connectors;
use stepyard::sharing::{PublishError, Published, TagMove, parse_reference, shown_reference};
use stepyard_grammar::ImageReference;
use time::OffsetDateTime;

use crate::arguments::PublishArguments;
use crate::exit::{Code, Failure};
use crate::project::{self, Project};
use crate::session;

pub(crate) async fn run(arguments: PublishArguments) -> Result<Code, Failure> {
    let mut configuration = session::configuration(arguments.config.as_deref())?;
    // It is looked at, and not run.
    configuration.components.allow_unpinned = true;
    let reference = reference(&arguments.reference)?;
    let created = created()?;
    let file = match &arguments.component {
        Some(file) => file.clone(),
        None => {
            let project = Project::open(&arguments.folder)?;
            project::build_if_older(&project)?;
            project.component()
        }
    };
    let registry = registry(&configuration, &arguments)?;
    let host = session::bare_host(&configuration, None)?.build()?;
    let component = session::load(&host, ComponentSource::file(&file)).await?;
    let description = host
        .describe(&component)
        .await
        .map_err(|error| Failure::new(Code::BadInput, error))?;
    let tag_move = match arguments.move_tag {
        true => TagMove::Permitted,
        false => TagMove::Refused,
    };
    let published = registry
        .publish(
            (&component, description),
            &file,
            &reference,
            created,
            tag_move,
        )
        .await
        .map_err(|error| {
            let code = match &error {
                PublishError::WithoutTag { .. } | PublishError::WithDigest { .. } => Code::BadInput,
                _ => Code::Failed,
            };
            Failure::new(code, error)
        })?;
    // Whoever reads this by a program wants the one line alone.
    if std::io::stderr().is_terminal() {
        writeln!(std::io::stderr(), "{}", told(&published))?;
    }
    writeln!(
        std::io::stdout(),
        "{}",
        shown_reference(&published.reference)
    )?;
    Ok(Code::Done)
}

fn registry(
    configuration: &Configuration,
    arguments: &PublishArguments,
) -> Result<stepyard::sharing::ComponentRegistry, Failure> {
    let connectors = Connectors::read(&arguments.connectors)?;
    let authenticator = session::authenticator(configuration, connectors)?;
    session::component_registry(configuration, Some(&authenticator))
}

/// The reference, with `oci://` before it or without.
fn reference(text: &str) -> Result<ImageReference, Failure> {
    parse_reference(text)
        .unwrap_or_else(|| ImageReference::parse(text))
        .map_err(|error| Failure::input(error.to_string(), "write HOST/REPOSITORY:TAG"))
}

/// The time that the artifact names: none that would make another artifact of the same component,
/// unless `SOURCE_DATE_EPOCH` says one.
fn created() -> Result<OffsetDateTime, Failure> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty())
    else {
        return Ok(OffsetDateTime::UNIX_EPOCH);
    };
    value
        .to_str()
        .and_then(|text| text.parse().ok())
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or_else(|| {
            Failure::input(
                format!("SOURCE_DATE_EPOCH is {}", value.display()),
                "set it to a number of seconds since 1970, or not at all",
            )
        })
}

fn told(published: &Published) -> String {
    let tag = published.reference.tag().map(ToString::to_string);
    let tag = tag.unwrap_or_default();
    match published {
        Published {
            was_there: true, ..
        } => format!("the tag {tag} names this component already; nothing was sent"),
        Published {
            moved_from: Some(before),
            ..
        } => format!("published; the tag {tag} named {before} before"),
        Published {
            had_bytes: true, ..
        } => "published; the registry had the component's bytes already".to_owned(),
        _ => "published".to_owned(),
    }
}
