use super::Call;
use super::error::ApiError;
use crate::storage::{MutabilityMode, TagMutability};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The members that CreateRepository and PutImageTagMutability share.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MutabilityRequest {
    image_tag_mutability: Option<MutabilityMode>,
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
        let mode = self.image_tag_mutability.unwrap_or_default();
        let filters = self.image_tag_mutability_exclusion_filters;
        if mode.has_exclusions() == filters.is_empty() || filters.len() > 5 {
            return Err(ApiError::invalid(
                MEMBER,
                "must have 1 to 5 filters with the modes WITH_EXCLUSION, and none without",
            ));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._*-".contains(&byte);
        for ExclusionFilter {
            filter_type,
            filter,
        } in &filters
        {
            let valid = filter_type == "WILDCARD"
                && (1..=128).contains(&filter.len())
                && filter.bytes().all(allowed)
                && filter.matches('*').count() <= 2;
            if !valid {
                return Err(ApiError::invalid(
                    MEMBER,
                    "must be of type WILDCARD and satisfy '[0-9a-zA-Z._*-]{1,128}' with at most two *",
                ));
            }
        }
        let exclusions = filters.into_iter().map(|filter| filter.filter).collect();
        Ok(TagMutability { mode, exclusions })
    }
}

/// Adds the mutability to an answer.
pub(super) fn describe(mutability: &TagMutability, answer: &mut Map<String, Value>) {
    answer.insert("imageTagMutability".into(), json!(mutability.mode));
    if mutability.mode.has_exclusions() {
        let filter = |text: &String| json!({"filterType": "WILDCARD", "filter": text});
        let filters = mutability.exclusions.iter().map(filter).collect();
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
