//! The settings, validated: what the step is going to do.

use stepyard_sdk::{
    Error,
    grammar::{ImageReference, Tag},
    setting::Problems,
};

use crate::PromoteImage;

/// What the step is going to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The source, with a tag or a digest.
    pub source: ImageReference,
    /// The connector for the source's registry; none reads it anonymously.
    pub source_connector: Option<String>,
    /// The destination's repository, without a tag.
    pub destination: ImageReference,
    /// The connector for the destination's registry.
    pub destination_connector: String,
    /// The tag to copy to.
    pub first_tag: Tag,
    /// The tags to add afterwards, in order, each once.
    pub further_tags: Vec<Tag>,
}

impl Plan {
    /// Validates settings.
    ///
    /// # Errors
    /// `invalid-settings` with every problem, a line each.
    pub fn new(settings: &PromoteImage) -> Result<Self, Error> {
        let mut problems = Problems::default();
        let plan = Self::check(settings, &mut problems);
        problems.into_result(plan)
    }

    fn check(settings: &PromoteImage, problems: &mut Problems) -> Option<Self> {
        let source = problems.check("source", ImageReference::parse(&settings.source));
        if let Some(source) = &source
            && source.tag().is_none()
            && source.digest().is_none()
        {
            problems.add(
                "source",
                format_args!("{source} names no image; expected a tag or a digest"),
            );
        }
        let destination =
            problems.check("destination", ImageReference::parse(&settings.destination));
        if let Some(destination) = &destination
            && destination.digest().is_some()
        {
            problems.add("destination", "found a digest; expected a tag or none");
        }
        let further: Vec<Option<Tag>> = settings
            .tags
            .0
            .iter()
            .enumerate()
            .map(|(index, text)| problems.check(format_args!("tags[{index}]"), Tag::parse(&text.0)))
            .collect();
        let connector = settings.connector_ref.as_ref();
        let destination_connector = settings.destination_connector_ref.as_ref().or(connector);
        if destination_connector.is_none() {
            problems.add(
                "destinationConnectorRef",
                "missing; expected it or connectorRef",
            );
        }
        for (path, connector) in [
            ("connectorRef", connector),
            ("sourceConnectorRef", settings.source_connector_ref.as_ref()),
            (
                "destinationConnectorRef",
                settings.destination_connector_ref.as_ref(),
            ),
        ] {
            if connector.is_some_and(String::is_empty) {
                problems.add(path, "empty; expected the identifier of a connector");
            }
        }

        let (source, destination) = (source?, destination?);
        let Some(first_tag) = destination.tag().or(source.tag()).cloned() else {
            problems.add(
                "destination",
                "no tag, and the source has none; expected a tag",
            );
            return None;
        };
        let mut further_tags = Vec::new();
        for tag in further.into_iter().flatten() {
            if tag != first_tag && !further_tags.contains(&tag) {
                further_tags.push(tag);
            }
        }
        Some(Self {
            source_connector: settings
                .source_connector_ref
                .as_ref()
                .or(connector)
                .cloned(),
            source,
            destination: destination.without_tag(),
            destination_connector: destination_connector?.clone(),
            first_tag,
            further_tags,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn plan(settings: Value) -> Result<Plan, String> {
        Plan::new(&serde_json::from_value(settings).unwrap())
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn the_tag_defaults_to_the_sources() {
        let plan = plan(json!({
            "connectorRef": "aws",
            "source": "registry.example.com/team/app:1.2",
            "destination": "registry.example.com/live/app",
            "tags": ["1.2", "stable", "stable"],
        }))
        .unwrap();
        assert_eq!(plan.first_tag.as_str(), "1.2");
        assert_eq!(plan.further_tags, [Tag::parse("stable").unwrap()]);
        assert_eq!(plan.source_connector.as_deref(), Some("aws"));
        assert_eq!(plan.destination_connector, "aws");
    }

    #[test]
    fn each_side_may_have_its_own_connector() {
        let plan = plan(json!({
            "destinationConnectorRef": "aws",
            "source": format!("docker.io/library/busybox@{DIGEST}"),
            "destination": "registry.example.com/live/app:7",
        }))
        .unwrap();
        assert_eq!(plan.source_connector, None);
        assert_eq!(plan.destination_connector, "aws");
        assert_eq!(
            plan.destination.to_string(),
            "registry.example.com/live/app"
        );
    }

    #[test]
    fn all_problems_are_in_one_error() {
        let problems = plan(json!({
            "source": "registry.example.com/team/app",
            "destination": "app:1",
            "tags": ["ok", "-"],
        }))
        .unwrap_err();
        let paths: Vec<&str> = problems
            .lines()
            .map(|line| line.split_once(": ").unwrap().0)
            .collect();
        assert_eq!(
            paths,
            [
                "source",
                "destination",
                "tags[1]",
                "destinationConnectorRef"
            ]
        );
    }

    #[test]
    fn a_digest_needs_a_tag_at_the_destination() {
        let problems = plan(json!({
            "connectorRef": "aws",
            "source": format!("registry.example.com/team/app@{DIGEST}"),
            "destination": "registry.example.com/live/app",
        }));
        assert_eq!(
            problems.unwrap_err(),
            "destination: no tag, and the source has none; expected a tag"
        );
    }
}
