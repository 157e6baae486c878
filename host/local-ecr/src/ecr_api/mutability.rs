use super::Call;
use super::error::ApiError;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use stepyard_grammar::{TagFilter, TagMutability};

/// The members that CreateRepository and PutImageTagMutability share.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MutabilityRequest {
    image_tag_mutability: Option<String>,
    #[serde(default)]
    image_tag_mutability_exclusion_filters: Vec<ExclusionFilter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExclusionFilter {
    filter_type: String,
    filter: String,
}

impl MutabilityRequest {
    /// Checks the mode and its filters.
    pub(super) fn mutability(self) -> Result<TagMutability, ApiError> {
        const MEMBER: &str = "imageTagMutabilityExclusionFilters";
        let mode = self.image_tag_mutability.as_deref().unwrap_or("MUTABLE");
        let filters = self.image_tag_mutability_exclusion_filters;
        if filters
            .iter()
            .any(|filter| filter.filter_type != "WILDCARD")
        {
            return Err(ApiError::invalid(MEMBER, "must be of type WILDCARD"));
        }
        let filters = filters.iter().map(|filter| &filter.filter);
        TagMutability::parse(mode, filters)
            .map_err(|error| ApiError::invalid(MEMBER, &error.to_string()))
    }
}

/// Adds the mutability to an answer.
pub(super) fn describe(mutability: &TagMutability, answer: &mut Map<String, Value>) {
    let mode = mutability.mode();
    answer.insert("imageTagMutability".into(), mode.name().into());
    if mode.has_exclusions() {
        let filter =
            |filter: &TagFilter| json!({"filterType": "WILDCARD", "filter": filter.as_str()});
        let filters = mutability.exclusions().iter().map(filter).collect();
        answer.insert("imageTagMutabilityExclusionFilters".into(), filters);
    }
}

/// PutImageTagMutability.
pub(super) async fn put(call: &Call) -> Result<Value, ApiError> {
    let mutability = call.request::<MutabilityRequest>()?.mutability()?;
    let repository = call.named_repository()?;
    let settings = super::aside(move || {
        repository.change_settings(|settings| settings.mutability = mutability)
    })
    .await?;
    let mut answer = Map::new();
    answer.insert("registryId".into(), settings.account.into());
    answer.insert("repositoryName".into(), settings.name.into());
    describe(&settings.mutability, &mut answer);
    Ok(Value::Object(answer))
}
