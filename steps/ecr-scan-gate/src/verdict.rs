//! Which findings count, and what comes of them.

use stepyard_sdk::ecr::Finding;
use stepyard_sdk::{clock, prelude::*};
use time::OffsetDateTime;

use crate::settings::{EcrScanGate, Ignored, ScannedImage, Threshold};

/// ECR's severities, the worst first. One that is none of them counts as the last.
const SEVERITIES: [&str; 6] = [
    "CRITICAL",
    "HIGH",
    "MEDIUM",
    "LOW",
    "INFORMATIONAL",
    "UNDEFINED",
];

/// So many findings are listed.
const SHOWN: usize = 200;

fn rank(severity: &str) -> usize {
    let known = SEVERITIES.iter().position(|known| *known == severity);
    known.unwrap_or(SEVERITIES.len() - 1)
}

impl Threshold {
    /// So many of the severities fail.
    fn failing(self) -> usize {
        match self {
            Self::Critical => 1,
            Self::High => 2,
            Self::Medium => 3,
            Self::Low => 4,
            Self::Informational => 5,
            Self::Undefined => 6,
            Self::None => 0,
        }
    }
}

/// The findings, with those that do not count apart.
pub(crate) struct Verdict<'a> {
    settings: &'a EcrScanGate,
    /// The worst first.
    counted: Vec<Finding>,
    ignored: Vec<(Finding, &'a Ignored)>,
    /// Entries of `ignore` whose day is over.
    expired: Vec<&'a Ignored>,
}

impl<'a> Verdict<'a> {
    pub(crate) fn new(settings: &'a EcrScanGate, mut findings: Vec<Finding>) -> Self {
        findings.sort_by(|one, other| {
            let place = |finding: &Finding| (rank(&finding.severity), finding.name.clone());
            place(one).cmp(&place(other))
        });
        let today = OffsetDateTime::from(clock::now()).date();
        let (holding, expired): (Vec<&Ignored>, Vec<&Ignored>) = settings
            .ignore
            .iter()
            .partition(|ignored| ignored.expires.is_none_or(|expires| today <= expires));
        let (mut counted, mut ignored) = (Vec::new(), Vec::new());
        for finding in findings {
            match holding.iter().find(|ignored| ignored.name == finding.name) {
                Some(by) => ignored.push((finding, *by)),
                None => counted.push(finding),
            }
        }
        Self {
            settings,
            counted,
            ignored,
            expired,
        }
    }

    /// All findings, whether they count or not.
    pub(crate) fn count(&self) -> usize {
        self.counted.len() + self.ignored.len()
    }

    /// Shows what was found.
    pub(crate) fn report(&self, image: &ScannedImage) {
        if self.counted.is_empty() && self.ignored.is_empty() {
            log::info!("{} has no findings", image.shown);
        }
        let shown = self.counted.iter().take(SHOWN);
        log::table(
            ["severity", "finding", "package", "version", "fixed in"],
            shown.map(|finding| {
                let or_nothing = |text: &Option<String>| text.clone().unwrap_or("-".to_owned());
                [
                    finding.severity.clone(),
                    finding.name.clone(),
                    or_nothing(&finding.package),
                    or_nothing(&finding.package_version),
                    or_nothing(&finding.fixed_in),
                ]
            }),
        );
        if self.counted.len() > SHOWN {
            log::info!("and {} more", self.counted.len() - SHOWN);
        }
        for (finding, by) in &self.ignored {
            let reason = by.reason.as_deref().unwrap_or("no reason is given");
            let until = by.expires.map(|day| format!(", until {day}"));
            log::info!(
                "{} {} does not count: {reason}{}",
                finding.severity,
                finding.name,
                until.unwrap_or_default()
            );
        }
        for ignored in &self.expired {
            let day = ignored.expires.map(|day| format!(" on {day}"));
            log::warn!(
                "what ignore says of {} has ended{}",
                ignored.name,
                day.unwrap_or_default()
            );
        }
        for ignored in &self.settings.ignore {
            let is_it = |finding: &Finding| finding.name == ignored.name;
            let found = self.ignored.iter().any(|(finding, _)| is_it(finding));
            if !found && !self.counted.iter().any(is_it) {
                log::info!("{} was not found: ignore need not name it", ignored.name);
            }
        }
    }

    /// So many count of each severity, the worst first.
    fn counts(&self) -> [usize; SEVERITIES.len()] {
        let mut counts = [0; SEVERITIES.len()];
        for finding in &self.counted {
            if let Some(count) = counts.get_mut(rank(&finding.severity)) {
                *count += 1;
            }
        }
        counts
    }

    /// The outputs, where nothing is too severe.
    ///
    /// # Errors
    /// `findings` where something is.
    pub(crate) fn outcome(&self, image: &ScannedImage) -> Result<Outcome, Error> {
        let counts = self.counts();
        let failing: Vec<String> = SEVERITIES
            .iter()
            .zip(counts)
            .take(self.settings.fail_on.failing())
            .filter(|(_, count)| *count > 0)
            .map(|(severity, count)| format!("{count} {severity}"))
            .collect();
        if !failing.is_empty() {
            return Err(Error::other(
                "findings",
                format!("{} has findings: {}", image.shown, failing.join(", ")),
            )
            .with_hint(
                "build the image with the versions that fix them; what does not concern it can \
                 stand in ignore, with a reason and a day on which that ends",
            ));
        }
        let outcome =
            SEVERITIES
                .iter()
                .zip(counts)
                .fold(Outcome::new(), |outcome, (severity, count)| {
                    outcome.output(format!("{}_count", severity.to_lowercase()), count)
                });
        Ok(outcome.output("ignored_count", self.ignored.len()))
    }
}
