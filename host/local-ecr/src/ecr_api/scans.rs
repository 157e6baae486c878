use super::error::ApiError;
use super::images::ImageIdentifier;
use super::paging::Page;
use super::{Call, RepositoryRequest, aside, seconds};
use crate::replication::ReplicaStatus;
use crate::storage::TaggedImage;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageRequest {
    #[serde(flatten)]
    repository: RepositoryRequest,
    image_id: ImageIdentifier,
    next_token: Option<String>,
    max_results: Option<usize>,
}

impl ImageRequest {
    /// The members that all answers about one image have.
    fn answer(&self, call: &Call, image: &TaggedImage) -> Result<Map<String, Value>, ApiError> {
        let registry = call.registry(self.repository.registry_id.as_deref())?;
        let members = [
            ("registryId", json!(registry)),
            ("repositoryName", json!(self.repository.repository_name)),
            ("imageId", json!(self.image_id.named(&image.image.digest))),
        ];
        let members = members.map(|(name, value)| (name.to_owned(), value));
        Ok(members.into_iter().collect())
    }
}

/// StartImageScan. The scan ends at once; the answer says what ECR's would.
pub(super) async fn start(call: &Call) -> Result<Value, ApiError> {
    let request: ImageRequest = call.request()?;
    let repository = call.named_repository()?;
    let reference = request.image_id.reference()?;
    let image = aside(move || repository.scan(&reference)).await?;
    let mut answer = request.answer(call, &image)?;
    answer.insert("imageScanStatus".into(), json!({"status": "IN_PROGRESS"}));
    Ok(Value::Object(answer))
}

/// DescribeImageScanFindings: what the server was told that scans find.
pub(super) fn findings(call: &Call) -> Result<Value, ApiError> {
    let request: ImageRequest = call.request()?;
    let page = Page::new(request.next_token.as_deref(), request.max_results)?;
    let repository = call.named_repository()?;
    let reference = request.image_id.reference()?;
    let image = repository.image(&reference)?;
    let Some(scanned_at) = image.image.scanned_at else {
        return Err(repository.scan_not_found(&reference).into());
    };
    let name = &request.repository.repository_name;
    let findings = call
        .service
        .findings
        .of(name, &image.image.digest, &image.tags);
    let mut counts: Map<String, Value> = Map::new();
    for finding in &findings {
        if let Value::String(severity) = json!(finding.severity) {
            let count = counts.get(&severity).and_then(Value::as_u64);
            counts.insert(severity, (count.unwrap_or_default() + 1).into());
        }
    }
    let entries = findings.iter().enumerate();
    let entries = entries.map(|(index, finding)| (format!("{index:06}"), json!(finding)));
    let mut found = page.answer("findings", entries.collect());
    let mut answer = request.answer(call, &image)?;
    if let Some(found) = found.as_object_mut() {
        answer.extend(found.remove_entry("nextToken"));
        found.insert("imageScanCompletedAt".into(), json!(seconds(scanned_at)));
        found.insert(
            "vulnerabilitySourceUpdatedAt".into(),
            json!(seconds(scanned_at)),
        );
        found.insert("findingSeverityCounts".into(), counts.into());
    }
    answer.insert("imageScanFindings".into(), found);
    answer.insert(
        "imageScanStatus".into(),
        json!({"status": "COMPLETE", "description": "The scan was completed successfully."}),
    );
    Ok(Value::Object(answer))
}

/// DescribeImageReplicationStatus: what the server was told of replicas.
pub(super) fn replication(call: &Call) -> Result<Value, ApiError> {
    let request: ImageRequest = call.request()?;
    let image = call
        .named_repository()?
        .image(&request.image_id.reference()?)?;
    let own = &call.service.account;
    let replicas = call.service.replicas.iter().map(|replica| {
        let account = replica
            .account
            .as_ref()
            .map_or(own.as_str(), |account| account.as_str());
        let failed = replica.status == ReplicaStatus::Failed;
        json!({
            "registryId": account,
            "region": replica.region.as_str(),
            "status": replica.status,
            "failureCode": failed.then_some("InternalFailure"),
        })
    });
    let mut answer = request.answer(call, &image)?;
    answer.remove("registryId");
    answer.insert("replicationStatuses".into(), replicas.collect());
    Ok(Value::Object(answer))
}
