//! Where calls are decided, recorded and handed on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use stepyard_grammar::ImageReference;

use super::{Access, Action, Call, Decision, Policy, Principal};
use crate::auth::Credential;
use crate::build::{Build, Push};
use crate::capability::{CapabilityError, ErrorKind};
use crate::event::{EventKind, Reporter, printable};
use crate::patience;
use crate::registry::{ProbePush, Resolve};

/// The longest name of a resource that is shown, in bytes.
const LONGEST_RESOURCE: usize = 1_000;

/// A capability call that the policy permits. Only the [`Gate`] makes one, or another that belongs
/// to it.
#[derive(Debug)]
pub struct Authorized<C> {
    call: C,
    step: Arc<str>,
}

impl<C> Authorized<C> {
    /// The call.
    pub fn call(&self) -> &C {
        &self.call
    }

    /// The call, by value.
    pub fn into_call(self) -> C {
        self.call
    }

    /// The identifier of the step on whose behalf the call is made, for those who keep records.
    pub fn step(&self) -> &Arc<str> {
        &self.step
    }

    /// A call that belongs to this one.
    fn with_it<D>(&self, call: D) -> Authorized<D> {
        Authorized {
            call,
            step: self.step.clone(),
        }
    }
}

impl Authorized<Build> {
    /// The call that reads what the name of a base image stands for. It needs no decision of its
    /// own: a permitted build takes the images that its Dockerfile names.
    pub(crate) fn resolving_base_image(
        &self,
        reference: ImageReference,
        credential: Credential,
    ) -> Authorized<Resolve> {
        self.with_it(Resolve {
            reference,
            credential,
        })
    }

    /// The same call with further credentials to read the base images with that its Dockerfile
    /// names: those of identities which it has already, at other registries.
    pub(crate) fn and_base_image_credentials(mut self, credentials: Vec<Credential>) -> Self {
        self.call.request.base_image_credentials.extend(credentials);
        self
    }

    /// What may be asked of the place that the build pushes to, if it does.
    pub(crate) fn questions(&self) -> Option<DestinationQuestions> {
        let destination = self.call.request.destination.as_ref()?;
        let credential = destination.credential.as_ref()?;
        Some(DestinationQuestions::of(
            self,
            &destination.reference,
            credential,
        ))
    }
}

/// What the registry may be asked of an image's destination. It needs no decision of its own: who
/// may push there may learn why it fails.
pub(crate) struct DestinationQuestions {
    pub(crate) destination: ImageReference,
    pub(crate) probe: Authorized<ProbePush>,
    pub(crate) resolve: Authorized<Resolve>,
}

impl DestinationQuestions {
    /// As a part of `call`.
    fn of<C>(call: &Authorized<C>, destination: &ImageReference, credential: &Credential) -> Self {
        Self {
            destination: destination.clone(),
            probe: call.with_it(ProbePush {
                registry: destination.registry().clone(),
                repository: destination.repository().clone(),
                credential: credential.clone(),
            }),
            resolve: call.with_it(Resolve {
                reference: destination.clone(),
                credential: credential.clone(),
            }),
        }
    }
}

impl Authorized<Push> {
    /// What may be asked of the push's destination.
    pub(crate) fn questions(&self) -> DestinationQuestions {
        DestinationQuestions::of(self, &self.call.destination, &self.call.credential)
    }
}

/// A call that the policy does not permit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("denied: {} on {}: {reason}", access.action, shown(&access.resource))]
pub struct Denial {
    /// What was not permitted.
    pub access: Access,
    /// The rule that denied it.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// What a person can do about it.
    pub remedy: String,
}

/// A resource in one line: a guest may have named it.
fn shown(resource: &super::Resource) -> String {
    let mut text = printable(&resource.to_string()).replace('\n', " ");
    if text.len() > LONGEST_RESOURCE {
        text.truncate(text.floor_char_boundary(LONGEST_RESOURCE));
        text.push('…');
    }
    text
}

impl From<Box<Denial>> for CapabilityError {
    fn from(denial: Box<Denial>) -> Self {
        CapabilityError::new(ErrorKind::Denied, denial.to_string())
            .with_hint(format!("{} (rule {})", denial.remedy, denial.rule))
    }
}

/// Decides the calls of one run and reports them.
pub struct Gate {
    policy: Arc<dyn Policy>,
    principal: Principal,
    reporter: Reporter,
    calls: AtomicU64,
}

impl Gate {
    /// A gate for one run of the step `principal`.
    pub(crate) fn new(policy: Arc<dyn Policy>, principal: Principal, reporter: Reporter) -> Self {
        Self {
            policy,
            principal,
            reporter,
            calls: AtomicU64::new(0),
        }
    }

    /// Where the run's events go.
    pub(crate) fn reporter(&self) -> &Reporter {
        &self.reporter
    }

    /// Decides on `call`, and where it is permitted lets `act` do it. Both the decision and the
    /// end are reported.
    pub(crate) async fn pass<C, T, F>(
        &self,
        call: C,
        act: impl FnOnce(Authorized<C>) -> F,
    ) -> Result<T, CapabilityError>
    where
        C: Call,
        F: Future<Output = Result<T, CapabilityError>>,
    {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let authorized = self.authorize(number, call)?;
        let begin = Instant::now();
        let result = patience::telling(&self.reporter, act(authorized)).await;
        let result = result.map_err(|mut error| {
            // What is told of a failure may repeat what was printed, and the guest reads it too.
            self.reporter.mask().apply_to_error(&mut error);
            error
        });
        self.reporter.report(EventKind::CallFinished {
            call: number,
            milliseconds: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
            error: result.as_ref().err().cloned(),
        });
        result
    }

    fn authorize<C: Call>(&self, number: u64, call: C) -> Result<Authorized<C>, Box<Denial>> {
        let accesses = call.accesses();
        let mut permitting = None;
        for access in &accesses {
            match self.policy.decide(&self.principal, access) {
                Decision::Permit { rule } => {
                    permitting.get_or_insert((access, rule));
                }
                Decision::Deny {
                    rule,
                    reason,
                    remedy,
                } => {
                    self.report_decision(number, access, false, &rule);
                    return Err(Box::new(Denial {
                        access: access.clone(),
                        rule,
                        reason,
                        remedy,
                    }));
                }
            }
        }
        // A call without an access would pass undecided: that is a fault of the call's type.
        let Some((access, rule)) = permitting else {
            return Err(Box::new(Denial {
                access: Access::new(Action::InspectEngine, super::Resource::Engine),
                rule: "calls-name-what-they-touch".to_owned(),
                reason: "the call does not say what it would touch".to_owned(),
                remedy: "report this as a fault of the host".to_owned(),
            }));
        };
        self.report_decision(number, access, true, &rule);
        Ok(Authorized {
            call,
            step: self.reporter.step().clone(),
        })
    }

    fn report_decision(&self, number: u64, access: &Access, permitted: bool, rule: &str) {
        self.reporter.report(EventKind::CallStarted {
            call: number,
            action: access.action.name(),
            resource: shown(&access.resource),
            permitted,
            rule: rule.to_owned(),
        });
    }
}
