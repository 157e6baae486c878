//! The scan of an image, once it is done.

use stepyard_sdk::ecr::Scan;
use stepyard_sdk::{clock, prelude::*};

use crate::settings::{EcrScanGate, ScannedImage};

/// Waits until the image's scan is done, and starts one where there is none.
///
/// # Errors
/// `not-scanned`, `scan-failed`, `unsupported`, `timed-out`, and as ECR answers.
pub(crate) fn finished(settings: &EcrScanGate, image: &ScannedImage) -> Result<Scan, Error> {
    let mut wait = Wait {
        settings,
        image,
        started: false,
        told: String::new(),
    };
    let found = clock::poll(settings.poll_interval.0, settings.timeout.0, || wait.look())?;
    found.ok_or_else(|| {
        Error::new(
            ErrorKind::TimedOut,
            format!(
                "the scan of {} is not done after {}: {}",
                image.shown, settings.timeout, wait.told
            ),
        )
        .with_hint("run the step again later, or raise timeout")
        .retryable()
    })
}

struct Wait<'a> {
    settings: &'a EcrScanGate,
    image: &'a ScannedImage,
    /// Whether this run has asked for a scan.
    started: bool,
    /// The status that was logged last.
    told: String,
}

impl Wait<'_> {
    /// The scan, where it is done.
    fn look(&mut self) -> Result<Option<Scan>, Error> {
        let image = self.image;
        let Some(scan) = image.repository.scan_findings(&image.name)? else {
            self.start()?;
            return Ok(None);
        };
        let status = scan.status();
        let said = scan
            .status_description()
            .filter(|text| !text.is_empty())
            .map(|text| format!(" ({text})"))
            .unwrap_or_default();
        match status.as_str() {
            "COMPLETE" | "ACTIVE" => {
                let when = scan.completed_at();
                let when = when.map(|time| format!(" at {time}")).unwrap_or_default();
                log::info!("{} was scanned{when}", image.shown);
                Ok(Some(scan))
            }
            "IN_PROGRESS" | "PENDING" => {
                self.tell(format!("{status}{said}"));
                Ok(None)
            }
            "FAILED" => Err(Error::other(
                "scan-failed",
                format!("ECR could not scan {}{said}", image.shown),
            )
            .with_hint("aws ecr start-image-scan starts another one, once in 24 hours")),
            "UNSUPPORTED_IMAGE" => Err(Error::unsupported(format!(
                "ECR cannot scan {}{said}",
                image.shown
            ))
            .with_hint("name the image of one platform, with an operating system that ECR scans")),
            _ => Err(Error::other(
                "no-findings",
                format!("ECR has no findings of {}: {status}{said}", image.shown),
            )),
        }
    }

    fn start(&mut self) -> Result<(), Error> {
        let image = self.image;
        if self.started {
            return Ok(());
        }
        if !self.settings.start_scan {
            return Err(
                Error::other("not-scanned", format!("{} was never scanned", image.shown))
                    .with_hint("let the repository scan on push, or set startScan: true"),
            );
        }
        self.started = true;
        match image.repository.start_scan(&image.name) {
            Ok(status) => self.tell(format!("{status}, started now")),
            // ECR scans by itself: the findings come.
            Err(error) if *error.kind() == ErrorKind::Conflict => {
                self.tell(format!("awaited, because none can be started: {error}"));
            }
            Err(error) => return Err(error.with_context("the image has no scan to look at")),
        }
        Ok(())
    }

    /// Logs a status, once.
    fn tell(&mut self, status: String) {
        if self.told != status {
            log::info!("the scan of {} is {status}", self.image.shown);
            self.told = status;
        }
    }
}
