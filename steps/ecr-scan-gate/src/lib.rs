//! ECR Scan Gate: waits for the scan of an image of Amazon ECR, shows what it found, and fails where
//! that is too severe.
//!
//! | module | |
//! | --- | --- |
//! | [`settings`] | what the user writes |
//! | `scan` | the scan, once it is done |
//! | `verdict` | which findings count |

mod scan;
pub mod settings;
mod verdict;

use stepyard_sdk::prelude::*;

pub use settings::EcrScanGate;

impl Step for EcrScanGate {
    const NAME: &str = "ecr-scan-gate";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Fails where the scan of an image in Amazon ECR has severe findings";

    fn run(self) -> Result<Outcome, Error> {
        let image = self.image()?;
        log::begin_phase("Scan");
        let scan = scan::finished(&self, &image)?;
        let findings = scan.findings().collect::<Result<Vec<_>, _>>()?;
        log::begin_phase("Findings");
        let verdict = verdict::Verdict::new(&self, findings);
        verdict.report(&image);
        let told: u32 = scan.severity_counts().iter().map(|(_, count)| count).sum();
        if verdict.count() < told as usize {
            log::warn!(
                "ECR counts {told} findings, of which it tells {}; the others are not looked at",
                verdict.count()
            );
        }
        verdict.outcome(&image)
    }
}

stepyard_sdk::step!(EcrScanGate);

#[cfg(test)]
mod tests;
