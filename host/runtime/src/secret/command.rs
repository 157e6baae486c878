//! Secrets that a program prints.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::process::Command;

use super::program::{self, Ended};
use super::{SecretName, SecretStore, SecretStoreError, without_line_end};
use crate::event::printable;

/// Secrets that a program prints on its standard output, such as `pass`, `vault` or `aws`. One line
/// end at the end does not belong to the secret.
///
/// The program is started directly, without a shell, in the folder `/`, with nothing on its standard
/// input and with an environment that is empty but for the variables that are named. It is killed,
/// with the processes of its group, when it takes too long or is no longer waited for.
#[derive(Clone, Debug)]
pub struct CommandSecrets {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<String>,
    absent: Vec<i32>,
    timeout: Duration,
}

impl CommandSecrets {
    /// How long a program may take, unless [`Self::timeout`] says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// `program`, a path or a name that is looked for in `PATH`, with these arguments. In each
    /// argument `{name}` stands for the name as pipelines write it (`token`, `org.token`),
    /// `{identifier}` for it without its scope, and `{scope}` for `project`, `org` or `account`.
    pub fn new(program: impl Into<PathBuf>, arguments: Vec<String>) -> Self {
        Self {
            program: program.into(),
            arguments,
            environment: Vec::new(),
            absent: Vec::new(),
            timeout: Self::TIMEOUT,
        }
    }

    /// Lets the program see these variables of the host's environment.
    #[must_use]
    pub fn environment(mut self, names: Vec<String>) -> Self {
        self.environment = names;
        self
    }

    /// Takes these exit codes for the answer that there is no such secret, so that the next store is
    /// asked. Any other code than 0 is a failure.
    #[must_use]
    pub fn absent_exit_codes(mut self, codes: Vec<i32>) -> Self {
        self.absent = codes;
        self
    }

    /// Kills the program after this time.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What `name` makes of the arguments.
    fn arguments(&self, name: &SecretName) -> impl Iterator<Item = String> {
        let full = name.to_string();
        self.arguments.iter().map(move |argument| {
            argument
                .replace("{name}", &full)
                .replace("{identifier}", &name.identifier)
                .replace("{scope}", name.scope())
        })
    }

    async fn ask(&self, name: &SecretName) -> Result<Option<SecretString>, String> {
        let program = program::found(&self.program)?;
        let mut command = Command::new(&program);
        command
            .args(self.arguments(name))
            .current_dir("/")
            .env_clear()
            .envs(
                self.environment
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .stdin(Stdio::null());
        program::run(command, "", self.timeout)
            .await?
            .secret(&self.absent)
    }
}

#[async_trait]
impl SecretStore for CommandSecrets {
    fn describe(&self, name: &SecretName) -> String {
        let arguments: String = self
            .arguments(name)
            .map(|argument| format!(" {argument}"))
            .collect();
        format!(
            "what `{}{}` prints",
            self.program.display(),
            printable(&arguments)
        )
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, SecretStoreError> {
        self.ask(name).await.map_err(|problem| SecretStoreError {
            store: self.program.display().to_string(),
            problem,
        })
    }
}

impl Ended {
    fn secret(&self, absent: &[i32]) -> Result<Option<SecretString>, String> {
        match self.status.code() {
            Some(code) if code != 0 && absent.contains(&code) => Ok(None),
            _ => {
                let text = self.printed()?;
                match without_line_end(text) {
                    "" => Err("it prints nothing".to_owned()),
                    secret => Ok(Some(SecretString::from(secret))),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use secrecy::ExposeSecret;

    use super::*;

    fn shell(script: &str) -> CommandSecrets {
        let arguments = ["-c", script, "sh", "{name}", "{scope}", "{identifier}"];
        CommandSecrets::new("sh", arguments.map(str::to_owned).to_vec())
    }

    async fn get(store: &CommandSecrets, name: &str) -> Result<Option<String>, String> {
        let secret = store.get(&SecretName::parse(name).unwrap()).await;
        secret
            .map(|secret| secret.map(|secret| secret.expose_secret().to_owned()))
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn the_output_is_the_secret() {
        let store = shell(r#"printf '%s,%s,%s\n\n' "$1" "$2" "$3""#);
        for (name, printed) in [
            ("token", "token,project,token\n"),
            ("org.token", "org.token,org,token\n"),
            ("account.token", "account.token,account,token\n"),
        ] {
            assert_eq!(get(&store, name).await.unwrap().as_deref(), Some(printed));
        }
        let described = store.describe(&SecretName::parse("org.a").unwrap());
        assert!(
            described.ends_with(" sh org.a org a` prints"),
            "{described}"
        );
    }

    #[tokio::test]
    async fn the_program_gets_what_is_named_and_nothing_else() {
        let store = CommandSecrets::new("env", Vec::new()).environment(vec![
            "CARGO_MANIFEST_DIR".to_owned(),
            "STEPYARD_NO_SUCH_VARIABLE".to_owned(),
        ]);
        let expected = format!("CARGO_MANIFEST_DIR={}", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(get(&store, "token").await.unwrap(), Some(expected));
        let store = shell("pwd; cat; echo end");
        assert_eq!(get(&store, "token").await.unwrap().unwrap(), "/\nend");
    }

    #[tokio::test]
    async fn failures_say_what_the_program_said() {
        let failed = async |store: CommandSecrets| get(&store, "token").await.unwrap_err();
        let error = failed(shell("echo sealed >&2; printf '\\033[31mnow' >&2; exit 3")).await;
        assert_eq!(
            error,
            "the secret store sh failed: it ended with exit code 3: sealed now"
        );
        let error = failed(shell(
            "echo s3cr3t-value; echo not s3cr3t-value >&2; exit 1",
        ))
        .await;
        assert!(error.ends_with(": not ***"), "{error}");
        let error = failed(shell("yes complaint | head -c 1000000 >&2; exit 1")).await;
        assert!(error.len() < 2_000, "{error}");
        let error = failed(shell("kill -9 $$")).await;
        assert!(error.contains("it ended by a signal: 9"), "{error}");
        for (script, expected) in [
            ("yes", "it prints more than 1048576 bytes"),
            ("printf '\\377'", "what it prints is not UTF-8"),
            ("echo", "it prints nothing"),
        ] {
            let error = failed(shell(script)).await;
            assert!(error.ends_with(expected), "{error}");
        }
        let error = failed(CommandSecrets::new("/no/such/program", Vec::new())).await;
        assert!(error.contains("cannot be started: "), "{error}");
        let error = failed(CommandSecrets::new("no-such-program", Vec::new())).await;
        assert!(
            error.ends_with("there is no such program in PATH"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn exit_codes_can_say_that_there_is_no_such_secret() {
        let store = shell("exit 44").absent_exit_codes(vec![1, 44]);
        assert_eq!(get(&store, "token").await, Ok(None));
        assert!(get(&shell("exit 44"), "token").await.is_err());
    }

    /// Whether a process whose last argument is this one runs.
    fn runs(argument: &str) -> bool {
        std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            arguments.ends_with(format!("\0{argument}\0").as_bytes())
        })
    }

    async fn until(mut holds: impl FnMut() -> bool) {
        let begin = Instant::now();
        while !holds() {
            assert!(begin.elapsed() < Duration::from_secs(20), "it stays so");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_program_is_killed_with_its_children() {
        let late = format!("77.1{}", std::process::id());
        let store = shell(&format!("sleep {late} & wait")).timeout(Duration::from_millis(300));
        let error = get(&store, "token").await.unwrap_err();
        assert!(error.ends_with("it did not end within 300ms"), "{error}");
        until(|| !runs(&late)).await;

        let dropped = format!("77.2{}", std::process::id());
        let store = shell(&format!("sleep {dropped} & wait"));
        let asking = tokio::spawn(async move { get(&store, "token").await });
        until(|| runs(&dropped)).await;
        asking.abort();
        until(|| !runs(&dropped)).await;
    }
}
