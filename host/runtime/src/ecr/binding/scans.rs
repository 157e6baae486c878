//! Scans and what they found.

use std::mem;

use serde_json::json;
use wasmtime::component::Resource;

use super::super::page::{Next, Reading};
use super::super::{Finding, NamedImage, OpenScan, Page, PageToken, Scan, ScanFindings};
use super::{GuestResult, pass};
use crate::capability::CapabilityError;
use crate::component::bindings::stepyard::step::ecr;
use crate::component::state::{RunContext, RunState};

impl OpenScan {
    pub(super) async fn open(
        context: &RunContext,
        image: NamedImage,
    ) -> Result<Option<Self>, CapabilityError> {
        let scan = fetch(context, &image, None).await?;
        Ok(scan.map(|mut scan| Self {
            image,
            findings: Reading::new(mem::take(&mut scan.findings)),
            scan,
            given: 0,
        }))
    }

    /// A scan whose findings are answered from a recording.
    pub(super) fn replayed(image: NamedImage, scan: Scan) -> Self {
        Self {
            image,
            findings: Reading::new(Page::default()),
            scan,
            given: 0,
        }
    }

    async fn next(&mut self, context: &RunContext) -> Result<Vec<Finding>, CapabilityError> {
        let rest = Scan::MOST_FINDINGS.saturating_sub(self.given);
        if rest == 0 {
            return Ok(Vec::new());
        }
        let mut findings = loop {
            match self.findings.next() {
                Next::Entries(findings) => break findings,
                Next::Page(token) => {
                    let scan = fetch(context, &self.image, Some(token)).await?;
                    let page = scan.map_or_else(Page::default, |scan| scan.findings);
                    self.findings.receive(page)?;
                }
            }
        };
        findings.truncate(rest);
        self.given += findings.len();
        Ok(findings)
    }
}

async fn fetch(
    context: &RunContext,
    image: &NamedImage,
    page: Option<PageToken>,
) -> Result<Option<Scan>, CapabilityError> {
    let call = ScanFindings {
        image: image.clone(),
        page,
    };
    pass(context, call, |ecr, call| async move {
        ecr.scan_findings(call).await
    })
    .await
}

impl ecr::HostScan for RunState {
    fn status(&mut self, scan: Resource<OpenScan>) -> wasmtime::Result<String> {
        Ok(self.table.get(&scan)?.scan.status.clone())
    }

    fn status_description(&mut self, scan: Resource<OpenScan>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&scan)?.scan.status_description.clone())
    }

    fn completed_at(&mut self, scan: Resource<OpenScan>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&scan)?.scan.completed_at.clone())
    }

    fn severity_counts(
        &mut self,
        scan: Resource<OpenScan>,
    ) -> wasmtime::Result<Vec<(String, u32)>> {
        Ok(self.table.get(&scan)?.scan.severity_counts.clone())
    }

    async fn next_findings(
        &mut self,
        scan: Resource<OpenScan>,
    ) -> GuestResult<Vec<Resource<Finding>>> {
        let context = self.context.clone();
        let next = self.table.get_mut(&scan)?.next(&context);
        let findings = context.exchange("ecr.scan.next-findings", || json!({}), next);
        let findings = findings.await;
        self.give_all(findings)
    }

    fn drop(&mut self, scan: Resource<OpenScan>) -> wasmtime::Result<()> {
        self.table.delete(scan)?;
        Ok(())
    }
}

impl ecr::HostFinding for RunState {
    fn name(&mut self, finding: Resource<Finding>) -> wasmtime::Result<String> {
        Ok(self.table.get(&finding)?.name.clone())
    }

    fn severity(&mut self, finding: Resource<Finding>) -> wasmtime::Result<String> {
        Ok(self.table.get(&finding)?.severity.clone())
    }

    fn description(&mut self, finding: Resource<Finding>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&finding)?.description.clone())
    }

    fn uri(&mut self, finding: Resource<Finding>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&finding)?.uri.clone())
    }

    fn package_name(&mut self, finding: Resource<Finding>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&finding)?.package.clone())
    }

    fn package_version(&mut self, finding: Resource<Finding>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&finding)?.package_version.clone())
    }

    fn fixed_in(&mut self, finding: Resource<Finding>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&finding)?.fixed_in.clone())
    }

    fn drop(&mut self, finding: Resource<Finding>) -> wasmtime::Result<()> {
        self.table.delete(finding)?;
        Ok(())
    }
}
