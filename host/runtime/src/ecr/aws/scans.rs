//! Scans of images.

use std::cmp::Reverse;

use aws_sdk_ecr::types::{
    EnhancedImageScanFinding, FindingSeverity, ImageScanFinding, ImageScanFindings, ScanStatus,
};

use super::super::scan::rank;
use super::super::{Finding, NamedImage, Page, PageToken, Scan, ScanFindings};
use super::{PAGE, StepEcr, identifier, time};
use crate::auth::aws::untraced;
use crate::capability::CapabilityError;

/// A page of DescribeImageScanFindings.
pub(super) async fn findings(
    ecr: &StepEcr<'_>,
    read: ScanFindings,
) -> Result<Option<Scan>, CapabilityError> {
    let NamedImage { repository, image } = &read.image;
    let (client, call) = ecr
        .client(repository, "ecr:DescribeImageScanFindings")
        .await?;
    let request = client
        .describe_image_scan_findings()
        .registry_id(repository.registry.account().as_str())
        .repository_name(repository.name.as_str())
        .image_id(identifier(image))
        .set_next_token(read.page.map(|token| token.0))
        .max_results(PAGE);
    let answer = match untraced(request.send()).await {
        Ok(answer) => answer,
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_scan_not_found_exception()) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(call.told(&error)),
    };
    let status = answer.image_scan_status();
    let found = answer.image_scan_findings();
    Ok(Some(Scan {
        status: status
            .and_then(|status| status.status())
            .map_or("UNKNOWN", ScanStatus::as_str)
            .to_owned(),
        status_description: status
            .and_then(|status| status.description())
            .map(ToOwned::to_owned),
        completed_at: found.and_then(|found| time(found.image_scan_completed_at())),
        severity_counts: found.map(severity_counts).unwrap_or_default(),
        findings: Page {
            entries: found.map(all_findings).unwrap_or_default(),
            next: answer.next_token().map(|token| PageToken(token.to_owned())),
        },
    }))
}

/// StartImageScan.
pub(super) async fn start(
    ecr: &StepEcr<'_>,
    image: &NamedImage,
) -> Result<String, CapabilityError> {
    let NamedImage { repository, image } = image;
    let (client, call) = ecr.client(repository, "ecr:StartImageScan").await?;
    let request = client
        .start_image_scan()
        .registry_id(repository.registry.account().as_str())
        .repository_name(repository.name.as_str())
        .image_id(identifier(image));
    let answer = untraced(request.send())
        .await
        .map_err(|error| call.told(&error))?;
    let status = answer.image_scan_status().and_then(|scan| scan.status());
    Ok(status.map_or("UNKNOWN", ScanStatus::as_str).to_owned())
}

fn severity_counts(found: &ImageScanFindings) -> Vec<(String, u32)> {
    let counts = found.finding_severity_counts().into_iter().flatten();
    let mut counts: Vec<(String, u32)> = counts
        .map(|(severity, count)| (severity.as_str().to_owned(), u32::try_from(*count)))
        .filter_map(|(severity, count)| Some((severity, count.ok()?)))
        .collect();
    counts.sort_by_key(|(severity, count)| (rank(severity), Reverse(*count)));
    counts
}

/// Basic scanning gives findings of one form, enhanced scanning (Amazon Inspector) of another.
fn all_findings(found: &ImageScanFindings) -> Vec<Finding> {
    let basic = found.findings().iter().map(basic_finding);
    let enhanced = found.enhanced_findings().iter().map(enhanced_finding);
    basic.chain(enhanced).collect()
}

fn basic_finding(finding: &ImageScanFinding) -> Finding {
    let attribute = |key: &str| {
        let attributes = finding.attributes().iter();
        let mut values = attributes.filter(|attribute| attribute.key() == key);
        Some(values.next()?.value()?.to_owned())
    };
    Finding {
        name: finding.name().unwrap_or_default().to_owned(),
        severity: finding
            .severity()
            .map_or("UNDEFINED", FindingSeverity::as_str)
            .to_owned(),
        description: finding.description().map(ToOwned::to_owned),
        uri: finding.uri().map(ToOwned::to_owned),
        package: attribute("package_name"),
        package_version: attribute("package_version"),
        fixed_in: None,
    }
}

fn enhanced_finding(finding: &EnhancedImageScanFinding) -> Finding {
    let details = finding.package_vulnerability_details();
    let package = details.and_then(|details| details.vulnerable_packages().first());
    let name = details.and_then(|details| details.vulnerability_id());
    let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
    Finding {
        name: owned(name.or_else(|| finding.title())).unwrap_or_default(),
        severity: finding.severity().unwrap_or("UNTRIAGED").to_owned(),
        description: owned(finding.description()),
        uri: owned(details.and_then(|details| details.source_url())),
        package: owned(package.and_then(|package| package.name())),
        package_version: owned(package.and_then(|package| package.version())),
        fixed_in: owned(package.and_then(|package| package.fixed_in_version())),
    }
}
