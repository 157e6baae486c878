//! How the command ends: its exit codes, and failures as people read them.

use std::io::IsTerminal;
use std::process::ExitCode;

use miette::Diagnostic;
use stepyard::document::render_plain;
use stepyard::event::StepStatus;

/// The exit codes, as the README documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Code {
    /// Everything was done.
    Done = 0,
    /// A step failed.
    Failed = 1,
    /// The input is wrong: arguments, a settings file, a component.
    BadInput = 2,
    /// The policy denied what a step asked for.
    Denied = 3,
    /// A time limit was reached; the code of `timeout(1)`.
    TimedOut = 124,
    /// Ctrl-C, or a request to terminate; 128 and the number of SIGINT.
    Interrupted = 130,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

impl From<StepStatus> for Code {
    fn from(status: StepStatus) -> Self {
        match status {
            StepStatus::Succeeded | StepStatus::Skipped => Self::Done,
            StepStatus::Failed => Self::Failed,
            StepStatus::Denied => Self::Denied,
            StepStatus::TimedOut => Self::TimedOut,
            StepStatus::Interrupted => Self::Interrupted,
        }
    }
}

/// Why the command did not get to run anything, or not to its end.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    diagnostic: Box<dyn Diagnostic + Send + Sync>,
}

/// A failure in words of this crate.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Message {
    message: String,
    help: Option<String>,
}

impl Diagnostic for Message {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        let help = self.help.as_ref()?;
        Some(Box::new(help))
    }
}

impl Failure {
    pub(crate) fn new(code: Code, diagnostic: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self {
            code,
            diagnostic: Box::new(diagnostic),
        }
    }

    /// Wrong input: what is wrong with it, and what to do.
    pub(crate) fn input(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(
            Code::BadInput,
            Message {
                message: message.into(),
                help: Some(help.into()),
            },
        )
    }

    /// Good input that could not be acted upon: what went wrong, and what to do.
    pub(crate) fn failed(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            code: Code::Failed,
            ..Self::input(message, help)
        }
    }

    /// What is wrong, and what to do.
    pub(crate) fn texts(&self) -> (String, Option<String>) {
        // What is wrong with a file is a list, each with its place and advice.
        if self.diagnostic.related().is_some() || self.diagnostic.source_code().is_some() {
            return (render_plain(&*self.diagnostic), None);
        }
        let help = self.diagnostic.help().map(|help| help.to_string());
        (self.diagnostic.to_string(), help)
    }

    /// Prints the failure to standard error, richly on a terminal.
    pub(crate) fn report(self) -> ExitCode {
        print(&*self.diagnostic);
        self.code.into()
    }
}

/// What is wrong with what the user gave.
macro_rules! bad_input {
    ($($diagnostic:ty),* $(,)?) => {$(
        impl From<$diagnostic> for Failure {
            fn from(diagnostic: $diagnostic) -> Self {
                Self::new(Code::BadInput, diagnostic)
            }
        }
    )*};
}

bad_input!(
    stepyard::HostError,
    stepyard::StepFailure,
    stepyard::component::LoadError,
    stepyard::document::Problems,
    stepyard::policy::PolicyError,
);

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(
            Code::Failed,
            Message {
                message: error.to_string(),
                help: None,
            },
        )
    }
}

/// Prints a diagnostic to standard error, richly on a terminal.
#[allow(clippy::print_stderr)]
pub(crate) fn print(diagnostic: &dyn Diagnostic) {
    if std::io::stderr().is_terminal() {
        let mut text = String::new();
        let theme = if wants_color() {
            miette::GraphicalTheme::unicode()
        } else {
            miette::GraphicalTheme::unicode_nocolor()
        };
        let handler = miette::GraphicalReportHandler::new_themed(theme);
        if handler.render_report(&mut text, diagnostic).is_ok() {
            eprintln!("{text}");
            return;
        }
    }
    let text = render_plain(diagnostic);
    eprint!("{}", crate::view::without_commands(&text));
}

/// Whether a terminal should be shown colours (<https://no-color.org>, <https://bixense.com/clicolors>).
pub(crate) fn wants_color() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    !is_set("NO_COLOR") && (forced || std::io::stderr().is_terminal())
}
