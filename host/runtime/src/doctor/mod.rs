//! Whether steps would work here, looked at without changing anything.
//!
//! | file | what |
//! | --- | --- |
//! | `finding` | what was found |
//! | `subjects` | what settings name, by the annotations of their schema |
//! | `look` | the questions, through the gate and within a time |
//! | `rehearsal` | a run in which nothing is done, to learn what a step would build |
//! | `connector`, `registry`, `repository`, `step` | what is looked at |
//!
//! Whatever does not depend on another answer is asked at the same time.

mod connector;
mod finding;
mod look;
mod registry;
mod rehearsal;
mod repository;
mod step;
mod subjects;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use stepyard_grammar::{AwsRegion, EcrRegistry};

pub use finding::{Check, Diagnosis, Finding, Section, Subject, Verdict};

use self::connector::Identities;
use self::look::Look;
use self::step::Step;
use self::subjects::Subjects;
use crate::build::unenforced_error;
use crate::component::Component;
use crate::connector::{Connector, ConnectorKind, ConnectorReference, Connectors};
use crate::host::Host;
use crate::run::{RunError, RunRequest};

/// What is looked at.
pub struct Examination {
    connectors: Arc<Connectors>,
    steps: Vec<(Component, RunRequest)>,
    region: Option<AwsRegion>,
    timeout: Duration,
}

impl Examination {
    /// Looks at this machine, and at all of `connectors` where no step is added. They are those
    /// that the host's authenticator works with; of connectors that it has from elsewhere, only
    /// the logins are looked at.
    pub fn new(connectors: Connectors) -> Self {
        Self {
            connectors: Arc::new(connectors),
            steps: Vec::new(),
            region: None,
            timeout: Duration::from_secs(10),
        }
    }

    /// Looks at a step, and at what its settings name.
    #[must_use]
    pub fn step(mut self, component: Component, request: RunRequest) -> Self {
        self.steps.push((component, request));
        self
    }

    /// Where AWS is asked about connectors that have no region and are used in none.
    #[must_use]
    pub fn region(mut self, region: AwsRegion) -> Self {
        self.region = Some(region);
        self
    }

    /// How long each check may take. Default: 10 seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl Host {
    /// Looks whether steps would work here, with these connectors and this configuration. Nothing
    /// is built or pushed, and whatever is begun is given up: what cannot be found out so is
    /// [`Verdict::Unproven`].
    ///
    /// # Errors
    /// Where a component does not say what it is.
    pub async fn examine(&self, examination: Examination) -> Result<Diagnosis, RunError> {
        let look = Look::new(self.capabilities(), examination.timeout);
        let connectors = examination.connectors;
        let looks_at_all = examination.steps.is_empty();
        let mut steps = Vec::new();
        for (component, request) in examination.steps {
            let schema = &self.describe(&component).await?.settings_schema;
            let subjects = Subjects::of_settings(schema, &request.settings);
            steps.push(Step {
                component,
                request,
                subjects,
            });
        }

        let mut named = Named::new(&connectors, looks_at_all, &steps);
        named.identities.default_to(examination.region.as_ref());
        let engine_is_used = looks_at_all || steps.iter().any(Step::builds);
        let of_connectors = named
            .connectors
            .iter()
            .map(|(name, (found, own_registry))| {
                connector::look_at(&look, &named.identities, name, *found, *own_registry)
            });
        let of_steps = steps
            .into_iter()
            .map(|step| step::look_at(self, &look, &named.identities, &connectors, step));
        let (engine, of_connectors, of_steps) = tokio::join!(
            async {
                match engine_is_used {
                    true => Some(look_at_engine(&look).await),
                    false => None,
                }
            },
            join_all(of_connectors),
            join_all(of_steps)
        );
        let sections = engine.into_iter().chain(of_connectors).chain(of_steps);
        Ok(Diagnosis {
            sections: sections.collect(),
        })
    }
}

async fn look_at_engine(look: &Look<'_>) -> Section {
    Section {
        subject: Subject::Engine,
        findings: match look.engine().await {
            Ok(engine) => {
                let mut findings = vec![Finding::ok(Check::Engine, engine)];
                findings.extend(build_rules(look).await);
                findings
            }
            Err(error) => vec![Finding::failed(Check::Engine, error)],
        },
    }
}

/// Whether the engine holds builds to the operator's rules, where there are some.
async fn build_rules(look: &Look<'_>) -> Vec<Finding> {
    let rules = &look.capabilities.build_rules;
    let Some(engine) = &look.capabilities.engine else {
        return Vec::new();
    };
    let unenforced = rules.unenforced(&**engine).await;
    if unenforced.is_empty() && rules.restrict_sources() {
        let message = "builds are held to the lists of base images and sources";
        return vec![Finding::ok(Check::Feature, message)];
    }
    let finding = |(setting, what)| {
        let error = unenforced_error(engine.name(), setting, what);
        match rules.allow_unenforced {
            true => Finding::warning(Check::Feature, error),
            false => Finding::failed(Check::Feature, error),
        }
    };
    unenforced.into_iter().map(finding).collect()
}

/// The connectors that are looked at, by the names that steps give them, and whether at their own
/// registry.
struct Named<'a> {
    connectors: BTreeMap<String, (Option<&'a Connector>, bool)>,
    identities: Identities,
}

impl<'a> Named<'a> {
    fn new(connectors: &'a Connectors, all: bool, steps: &[Step]) -> Self {
        let mut named = Self {
            connectors: BTreeMap::new(),
            identities: Identities::default(),
        };
        for connector in connectors.iter().filter(|_| all) {
            named.add(&connector.identifier, Some(connector), true);
        }
        for step in steps {
            // The region of the registry that a connector is used for.
            for used in &step.subjects.registries {
                if let (Some(name), Some(ecr)) =
                    (&used.connector, EcrRegistry::from_host(&used.registry))
                {
                    named.identities.add(name, Some(ecr.region()));
                }
            }
            for name in &step.subjects.connectors {
                let found = ConnectorReference::parse(name).ok();
                let found = found.and_then(|reference| connectors.get(&reference));
                let own = step.subjects.base_image_connectors.contains(name);
                named.add(name, found, own);
            }
        }
        named
    }

    fn add(&mut self, name: &str, connector: Option<&'a Connector>, own_registry: bool) {
        match connector.map(|connector| &connector.kind) {
            Some(ConnectorKind::DockerRegistry(_)) => {}
            Some(ConnectorKind::Aws(aws)) => self.identities.add(name, aws.region.as_ref()),
            None => self.identities.add(name, None),
        }
        let entry = self.connectors.entry(name.to_owned());
        entry.or_insert((connector, false)).1 |= own_registry;
    }
}
