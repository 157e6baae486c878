//! What a run of the command left.

use std::process::{Child, Command, Stdio};

/// The secret key of every project's connector.
pub(crate) const SECRET_KEY: &str = "wJalrXUtnFEMI-end-to-end-secret-key";
/// The session token of every project's connector.
pub(crate) const SESSION_TOKEN: &str = "FwoGZXIvYXdz-end-to-end-session-token";
/// The password of the registry beside moto.
pub(crate) const REGISTRY_PASSWORD: &str = "123456789012-auth-token";
/// The same within base64, as HTTP and the engine's API carry it, in each of its three alignments.
const ENCODED_PASSWORDS: [&str; 3] = [
    "NDU2Nzg5MDEyLWF1dGgtdG9r",
    "EyMzQ1Njc4OTAxMi1hdXRoLXRva2Vu",
    "MjM0NTY3ODkwMTItYXV0aC10b2tl",
];

/// An ended run. Its output held none of the secrets.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Starts a command with its output in pipes.
pub(crate) fn start(command: &mut Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs a command to its end.
pub(crate) fn to_end(command: &mut Command) -> Run {
    ended(start(command))
}

/// Waits for the end of a started command.
pub(crate) fn ended(child: Child) -> Run {
    let output = child.wait_with_output().unwrap();
    let run = Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    for text in [&run.stdout, &run.stderr] {
        assert_no_secret(text.as_bytes(), "the output");
    }
    run
}

impl Run {
    /// Fails the test unless the run ended with this exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "--- stdout\n{}--- stderr\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Fails the test unless one of the outputs has the text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text) || self.stderr.contains(text),
            "{text:?} is not in\n--- stdout\n{}--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Fails the test if one of the outputs has the text.
    #[track_caller]
    pub(crate) fn says_nothing_of(self, text: &str) -> Self {
        assert!(
            !self.stdout.contains(text) && !self.stderr.contains(text),
            "{text:?} is in\n--- stdout\n{}--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}

/// Fails the test if `bytes` hold a secret of a project or of a backend.
#[track_caller]
pub(crate) fn assert_no_secret(bytes: &[u8], place: &str) {
    let secrets = [SECRET_KEY, SESSION_TOKEN, REGISTRY_PASSWORD];
    for secret in secrets.into_iter().chain(ENCODED_PASSWORDS) {
        assert!(!holds(bytes, secret), "{place} holds the secret {secret}");
    }
}

/// Whether `bytes` hold `text`.
pub(crate) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
