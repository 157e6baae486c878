//! The cases: `tests/cases/attacks/THEME/NAME.toml`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use stepyard::ComponentSource;
use stepyard_tests::{expectation, guests};

use crate::world::{Attempt, World};

/// When an attack is taken to go on for ever.
const LONGEST: Duration = Duration::from_secs(90);

/// An attack, its answer and its twin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Case {
    /// `THEME/NAME`, from its path.
    #[serde(skip)]
    pub(crate) name: String,
    /// What it tries, for the page that lists it.
    pub(crate) tries: String,
    /// A part of what its user reads then.
    pub(crate) answer: String,
    /// The fixture; `attack` where it is absent.
    component: Option<String>,
    #[serde(default)]
    settings: Map<String, Value>,
    /// The rules; without any the component may only log.
    policy: Option<String>,
    /// A `stepyard.toml`.
    configuration: Option<String>,
    /// Whether the run succeeds, and only what it left is harmless, as `answer` says.
    #[serde(default)]
    harmless: bool,
    pub(crate) twin: Option<Twin>,
}

/// What lets an attack succeed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Twin {
    /// What is different, for the page.
    pub(crate) with: String,
    /// Settings in place of the attack's.
    #[serde(default)]
    settings: Map<String, Value>,
    /// Rules on top of the attack's.
    policy: Option<String>,
    /// In place of the attack's.
    configuration: Option<String>,
    /// A part of what its user reads, where it does not succeed as the attack would: it is let
    /// through, and fails at something that has nothing to do with permission.
    answer: Option<String>,
}

impl Case {
    /// All of them, by name.
    pub(crate) fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for theme in entries(&expectation::folder("attacks", "")) {
            for file in entries(&theme) {
                let text = fs::read_to_string(&file).unwrap();
                let mut case: Self = toml::from_str(&text)
                    .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
                let theme = theme.file_name().unwrap().to_string_lossy();
                let name = file.file_stem().unwrap().to_string_lossy();
                case.name = format!("{theme}/{name}");
                cases.push(case);
            }
        }
        cases
    }

    fn source(&self) -> ComponentSource {
        let name = self.component.as_deref().unwrap_or("attack");
        ComponentSource::file(guests::component(name))
    }

    /// Runs the attack and its twin, and says what is not as it should be.
    pub(crate) async fn attempt(&self, world: &World) -> Vec<String> {
        let mut faults = Vec::new();
        let attempt = Attempt {
            source: self.source(),
            settings: self.settings.clone(),
            policy: self.policy.clone().unwrap_or_default(),
            configuration: self.configuration.clone().unwrap_or_default(),
        };
        let Ok(run) = tokio::time::timeout(LONGEST, world.run(&attempt)).await else {
            return vec![format!("{} does not end", self.name)];
        };
        let succeeded = run.result.is_ok() && !self.harmless;
        if succeeded || !run.text.contains(&self.answer) {
            let what = if succeeded {
                "succeeds"
            } else {
                "has another answer"
            };
            faults.push(format!("{} {what}:\n{}", self.name, run.text));
        }
        if let Some(twin) = &self.twin {
            let mut settings = self.settings.clone();
            settings.extend(twin.settings.clone());
            let attempt = Attempt {
                settings,
                policy: attempt.policy + twin.policy.as_deref().unwrap_or_default(),
                configuration: twin.configuration.clone().unwrap_or(attempt.configuration),
                ..attempt
            };
            let run = world.run(&attempt).await;
            let is_through = match &twin.answer {
                Some(answer) => run.text.contains(answer) && !run.is_denied(),
                None => run.result.is_ok(),
            };
            if !is_through {
                faults.push(format!("the twin of {} fails:\n{}", self.name, run.text));
            }
        }
        faults
    }
}

/// What is in a folder, in order.
fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
