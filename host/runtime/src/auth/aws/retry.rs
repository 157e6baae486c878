//! What of AWS's APIs is tried again, besides what the SDK tries again by itself.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_ecr::config::interceptors::InterceptorContext;
use aws_sdk_ecr::config::retry::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::retries::classifiers::RetryClassifierPriority;
use aws_smithy_types::retry::ErrorKind;

use crate::patience;

/// The longest pause that an answer may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Has a 429 tried again that names no error, as what stands before a service may answer, and tells
/// the run why a call is tried again. For the calls of one client.
#[derive(Debug)]
pub(super) struct Retries {
    action: &'static str,
    told: AtomicBool,
}

impl Retries {
    /// For calls of this IAM action.
    pub(super) fn of(action: &'static str) -> Self {
        Self {
            action,
            told: AtomicBool::new(false),
        }
    }
}

impl ClassifyRetry for Retries {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        self.classify_retry_v2(context, &RetryAction::NoActionIndicated)
    }

    fn classify_retry_v2(
        &self,
        context: &InterceptorContext,
        previous: &RetryAction,
    ) -> RetryAction {
        let throttled = status(context) == Some(429);
        let action = match wish(context).filter(|_| throttled) {
            Some(pause) => {
                RetryAction::retryable_error_with_explicit_delay(ErrorKind::ThrottlingError, pause)
            }
            None if throttled => RetryAction::throttling_error(),
            None => RetryAction::NoActionIndicated,
        };
        if (throttled || previous.should_retry()) && !self.told.swap(true, Ordering::Relaxed) {
            patience::tell(self.action, &reason(context, previous));
        }
        action
    }

    fn name(&self) -> &'static str {
        "throttled by status, and told"
    }

    /// After all others, whose verdicts are told.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

fn status(context: &InterceptorContext) -> Option<u16> {
    Some(context.response()?.status().as_u16())
}

/// How long the other side asks to be left alone, where it says so in seconds.
fn wish(context: &InterceptorContext) -> Option<Duration> {
    let seconds = context.response()?.headers().get("retry-after")?;
    let wish = Duration::from_secs(seconds.trim().parse().ok()?);
    Some(wish.min(LONGEST_PAUSE))
}

/// Why the call is tried again, in a few words.
fn reason(context: &InterceptorContext, action: &RetryAction) -> String {
    match status(context) {
        Some(429) => "throttled".to_owned(),
        _ if *action == RetryAction::throttling_error() => "throttled".to_owned(),
        Some(status @ 500..) => format!("the answer is {status}"),
        _ => match context.output_or_error() {
            Some(Err(error)) => {
                let mut cause: &dyn Error = match error.as_connector_error() {
                    Some(error) => error,
                    None => return "no whole answer".to_owned(),
                };
                while let Some(deeper) = cause.source() {
                    cause = deeper;
                }
                cause.to_string()
            }
            _ => "no answer".to_owned(),
        },
    }
}
