//! `[secrets]` and `[[secrets]]` of `stepyard.toml`.

use std::path::PathBuf;
use std::time::Duration;

use super::file::{duration, folder, path};
use crate::connector::ReferenceScope;
use crate::document::{Content, Field, Fields, ProblemKind};

/// What each store is, by its key.
const KINDS: [&str; 4] = ["directory", "file", "command", "environment"];

/// `[secrets]`, or several `[[secrets]]`: where secrets are kept, in the order in which the stores
/// are asked. Nothing here reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretsConfiguration {
    /// The stores. The environment is the first where the file does not name it.
    pub stores: Vec<SecretStoreConfiguration>,
}

impl Default for SecretsConfiguration {
    fn default() -> Self {
        Self {
            stores: vec![SecretStoreConfiguration::environment()],
        }
    }
}

/// One store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretStoreConfiguration {
    /// What it is.
    pub source: SecretSource,
    /// `scopes`: what it is asked for; without it, everything.
    pub scopes: Option<Vec<ReferenceScope>>,
}

impl SecretStoreConfiguration {
    fn environment() -> Self {
        Self {
            source: SecretSource::Environment,
            scopes: None,
        }
    }
}

/// What a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// `environment`: variables of the host's process.
    Environment,
    /// `directory`: one file a secret, named by its name.
    Directory(PathBuf),
    /// `file`: `NAME=VALUE` lines.
    File(PathBuf),
    /// `command`: a program that prints them.
    Command(SecretCommand),
}

/// A program that prints secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretCommand {
    /// A name that is looked for in `PATH`, or a path.
    pub program: PathBuf,
    /// Its arguments, with `{name}`, `{identifier}` and `{scope}`.
    pub arguments: Vec<String>,
    /// `pass-environment`: the variables that it sees.
    pub environment: Vec<String>,
    /// `absent-exit-codes`: what it exits with where it has no such secret.
    pub absent_exit_codes: Vec<i32>,
    /// `timeout`: how long it may take.
    pub timeout: Option<Duration>,
}

/// Reads one table, or a list of them.
pub(super) fn read_secrets(field: &Field<'_>) -> Option<SecretsConfiguration> {
    let tables = match field.node.content {
        Content::Sequence(_) => field.items()?,
        _ => vec![field.clone()],
    };
    let mut stores: Vec<_> = tables.iter().filter_map(read_store).collect();
    let names_environment = |table: &Field<'_>| table.node.get("environment").is_some();
    if !tables.iter().any(names_environment) {
        stores.insert(0, SecretStoreConfiguration::environment());
    }
    Some(SecretsConfiguration { stores })
}

fn read_store(table: &Field<'_>) -> Option<SecretStoreConfiguration> {
    let mut fields = table.fields()?;
    let named: Vec<_> = KINDS
        .into_iter()
        .filter_map(|kind| Some((kind, fields.optional(kind)?)))
        .collect();
    let scopes = fields.optional("scopes");
    let scopes = scopes.and_then(|field| read_scopes(&field));
    let source = match named.as_slice() {
        [("environment", field)] => field
            .one_of(&[("true", true), ("false", false)])?
            .then_some(SecretSource::Environment),
        [("directory", field)] => path(field).map(SecretSource::Directory),
        [("file", field)] => path(field).map(SecretSource::File),
        [(_, field)] => {
            read_command(field, &mut fields, scopes.as_deref()).map(SecretSource::Command)
        }
        [] => {
            fields.missing(
                "no store is named",
                "write one of `directory`, `file`, `command` and `environment`",
            );
            None
        }
        [(first, _), (second, field), ..] => {
            field.problem(
                ProblemKind::InvalidValue,
                format!("`{first}` and `{second}` exclude each other"),
                "keep one of the two, or write each store under a [[secrets]] of its own",
            );
            None
        }
    };
    fields.finish();
    Some(SecretStoreConfiguration {
        source: source?,
        scopes,
    })
}

fn read_scopes(field: &Field<'_>) -> Option<Vec<ReferenceScope>> {
    let scopes = ReferenceScope::ALL.map(|scope| (scope.name(), scope));
    let items = field.items()?;
    items.iter().map(|item| item.one_of(&scopes)).collect()
}

fn read_command(
    field: &Field<'_>,
    fields: &mut Fields<'_>,
    scopes: Option<&[ReferenceScope]>,
) -> Option<SecretCommand> {
    let environment = fields.optional("pass-environment");
    let absent_exit_codes = fields.optional("absent-exit-codes");
    let timeout = fields.optional("timeout");
    let mut words = texts(field)?;
    if words.first().is_none_or(String::is_empty) {
        field.problem(
            ProblemKind::InvalidValue,
            "no program is named",
            "write the program and its arguments, such as `[\"pass\", \"show\", \"ci/{name}\"]`",
        );
        return None;
    }
    let program = PathBuf::from(words.remove(0));
    let command = SecretCommand {
        // A name alone is looked for in PATH.
        program: if program.components().count() > 1 {
            folder(field).join(program)
        } else {
            program
        },
        arguments: words,
        environment: match environment {
            Some(field) => texts(&field)?,
            None => Vec::new(),
        },
        absent_exit_codes: match absent_exit_codes {
            Some(field) => {
                let codes = field.items()?;
                let code = |field: &Field<'_>| i32::try_from(field.integer(1, 255)?).ok();
                codes.iter().map(code).collect::<Option<_>>()?
            }
            None => Vec::new(),
        },
        timeout: match timeout {
            Some(field) => Some(duration(&field)?),
            None => None,
        },
    };
    tells_secrets_apart(field, &command, scopes).then_some(command)
}

/// Reports a command that would print the same for two secrets.
fn tells_secrets_apart(
    field: &Field<'_>,
    command: &SecretCommand,
    scopes: Option<&[ReferenceScope]>,
) -> bool {
    let has = |text: &str| command.arguments.iter().any(|word| word.contains(text));
    let one_scope = scopes.is_some_and(|scopes| scopes.len() == 1);
    let problem = if has("{name}") || has("{identifier}") && (has("{scope}") || one_scope) {
        return true;
    } else if has("{identifier}") {
        "`{identifier}` is the same for `x`, `org.x` and `account.x`"
    } else {
        "no argument says which secret is meant"
    };
    field.problem(
        ProblemKind::InvalidValue,
        problem,
        "write `{name}`, or `{identifier}` with `{scope}`, or with `scopes` of one scope",
    );
    false
}

fn texts(field: &Field<'_>) -> Option<Vec<String>> {
    let items = field.items()?;
    let text = |field: &Field<'_>| field.text().map(ToOwned::to_owned);
    items.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Configuration;
    use crate::document::{SourceFile, render_plain};

    fn parse(text: &str) -> Result<Vec<SecretStoreConfiguration>, String> {
        let file = SourceFile::new("/etc/stepyard/stepyard.toml", text).unwrap();
        match Configuration::parse(&file) {
            Ok(configuration) => Ok(configuration.secrets.stores),
            Err(problems) => Err(render_plain(&problems)),
        }
    }

    fn everything(source: SecretSource) -> SecretStoreConfiguration {
        SecretStoreConfiguration {
            source,
            scopes: None,
        }
    }

    #[test]
    fn one_store_comes_after_the_environment() {
        let environment = everything(SecretSource::Environment);
        assert_eq!(parse("").unwrap(), std::slice::from_ref(&environment));
        assert_eq!(
            parse("[secrets]\nfile = 'keys.env'").unwrap(),
            [
                environment,
                everything(SecretSource::File("/etc/stepyard/keys.env".into()))
            ]
        );
    }

    #[test]
    fn several_stores_stand_in_their_order() {
        let stores = parse(
            "[[secrets]]
directory = '/run/secrets'
[[secrets]]
environment = true
[[secrets]]
command = ['pass', 'show', 'ci/{scope}/{identifier}']
scopes = ['org', 'account']
pass-environment = ['HOME', 'GNUPGHOME']
absent-exit-codes = [1]
timeout = '5s'
[[secrets]]
command = ['bin/vault', '{name}']
",
        )
        .unwrap();
        let pass = SecretCommand {
            program: "pass".into(),
            arguments: vec!["show".to_owned(), "ci/{scope}/{identifier}".to_owned()],
            environment: vec!["HOME".to_owned(), "GNUPGHOME".to_owned()],
            absent_exit_codes: vec![1],
            timeout: Some(Duration::from_secs(5)),
        };
        let vault = SecretCommand {
            program: "/etc/stepyard/bin/vault".into(),
            arguments: vec!["{name}".to_owned()],
            environment: Vec::new(),
            absent_exit_codes: Vec::new(),
            timeout: None,
        };
        assert_eq!(
            stores,
            [
                everything(SecretSource::Directory("/run/secrets".into())),
                everything(SecretSource::Environment),
                SecretStoreConfiguration {
                    source: SecretSource::Command(pass),
                    scopes: Some(vec![ReferenceScope::Organization, ReferenceScope::Account]),
                },
                everything(SecretSource::Command(vault)),
            ]
        );
    }

    #[test]
    fn the_environment_can_be_left_out() {
        let stores = parse("[[secrets]]\nenvironment = false\n[[secrets]]\nfile = '/a'\n");
        let file = everything(SecretSource::File("/a".into()));
        assert_eq!(stores.unwrap(), [file]);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, expected) in [
            (
                "directory = 'a'\nfile = 'b'",
                "3:8: secrets[0].file: `directory` and `file` exclude each other",
            ),
            ("scopes = ['org']", "2:1: secrets[0]: no store is named"),
            (
                "file = 'a'\ntimeout = '1s'",
                "3:1: secrets[0].timeout: unknown key",
            ),
            (
                "file = 'a'\nscopes = ['team']",
                "3:11: secrets[0].scopes[0]: `team` is not known here",
            ),
            (
                "command = []",
                "2:11: secrets[0].command: no program is named",
            ),
            (
                "command = 'pass'",
                "2:11: secrets[0].command: expected a list, found a single value",
            ),
            (
                "command = ['pass', '{nmae}']",
                "2:11: secrets[0].command: no argument says which secret is meant",
            ),
            (
                "command = ['pass', '{identifier}']",
                "2:11: secrets[0].command: `{identifier}` is the same for `x`, `org.x` and",
            ),
            (
                "command = ['pass', '{name}']\nabsent-exit-codes = [0]",
                "3:22: secrets[0].absent-exit-codes[0]: expected an integer from 1 to 255",
            ),
        ] {
            let error = parse(&format!("[[secrets]]\n{text}\n")).unwrap_err();
            let expected = format!("/etc/stepyard/stepyard.toml:{expected}");
            assert!(error.starts_with(&expected), "{error}");
        }
        let one = "[[secrets]]\ncommand = ['pass', '{identifier}']\nscopes = ['project']\n";
        parse(one).unwrap();
    }
}
