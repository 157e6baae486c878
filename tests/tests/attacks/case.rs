//! The cases: `tests/cases/attacks/THEME/NAME.toml`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use stepyard::ComponentSource;
use stepyard_tests::{expectation, guests};

use crate::made;
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
    /// How the run fails: see [`crate::world::kind`]. It is absent where the run succeeds, and only
    /// what it left is harmless, as `answer` says.
    pub(crate) kind: Option<String>,
    /// The fixture, or `made:` and the name of a component of [`made`]; `attack` where it is absent.
    component: Option<String>,
    #[serde(default)]
    settings: Map<String, Value>,
    /// The rules; without any the component may only log.
    policy: Option<String>,
    /// A `stepyard.toml`.
    configuration: Option<String>,
    /// The settings of a run on the same host that ends before the attack begins.
    before: Option<Map<String, Value>>,
    /// The settings of a run on the same host that goes on while the attack does. It logs `holding`
    /// once it has what the attack is after.
    beside: Option<Map<String, Value>>,
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
    /// In place of the attack's.
    component: Option<String>,
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

    /// Runs the attack and its twin, and says what is not as it should be.
    pub(crate) async fn attempt(&self, world: &World) -> Vec<String> {
        let mut faults = Vec::new();
        let attempt = Attempt {
            source: source(self.component.as_deref()),
            settings: self.settings.clone(),
            policy: self.policy.clone().unwrap_or_default(),
            configuration: self.configuration.clone().unwrap_or_default(),
            before: self.before.clone(),
            beside: self.beside.clone(),
        };
        let Ok(run) = tokio::time::timeout(LONGEST, world.run(&attempt)).await else {
            return vec![format!("{} does not end", self.name)];
        };
        if run.kind != self.kind {
            let found = run.kind.as_deref().unwrap_or("success");
            faults.push(format!("{} ends with {found}:\n{}", self.name, run.text));
        } else if !run.text.contains(&self.answer) {
            faults.push(format!("{} has another answer:\n{}", self.name, run.text));
        }
        if let Some(twin) = &self.twin {
            let mut settings = self.settings.clone();
            settings.extend(twin.settings.clone());
            let component = twin.component.as_deref().or(self.component.as_deref());
            let attempt = Attempt {
                source: source(component),
                settings,
                policy: attempt.policy + twin.policy.as_deref().unwrap_or_default(),
                configuration: twin.configuration.clone().unwrap_or(attempt.configuration),
                ..attempt
            };
            let run = world.run(&attempt).await;
            let is_through = match &twin.answer {
                Some(answer) => run.text.contains(answer) && run.kind.as_deref() != Some("denied"),
                None => run.kind.is_none(),
            };
            if !is_through {
                faults.push(format!("the twin of {} fails:\n{}", self.name, run.text));
            }
        }
        faults
    }
}

/// The component that a case names.
fn source(name: Option<&str>) -> ComponentSource {
    let name = name.unwrap_or("attack");
    match name.strip_prefix("made:") {
        Some(made) => made::component(made),
        None => ComponentSource::file(guests::component(name)),
    }
}

/// What is in a folder, in order.
fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
