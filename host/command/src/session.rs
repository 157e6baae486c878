//! What the commands that load or run steps have in common: the operator's configuration, the
//! connectors, and the host that is built from them.

mod registries;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stepyard::audit::AuditFile;
use stepyard::auth::ConnectorAuthenticator;
use stepyard::build::PushRecords;
use stepyard::build::buildkit::{BuildKitDaemon, BuildKitEngine};
use stepyard::build::docker::{DockerEngine, DockerHost};
use stepyard::component::{CodeCache, LoadError};
use stepyard::configuration::{Configuration, EngineName, SecretSource};
use stepyard::connector::Connectors;
use stepyard::ecr::aws::AwsEcr;
use stepyard::policy::CedarPolicy;
use stepyard::registry::OciRegistry;
use stepyard::secret::{
    CommandSecrets, DirectorySecrets, EnvironmentSecrets, FileSecrets, ScopedSecrets, SecretStore,
    SecretStores,
};
use stepyard::{Component, ComponentSource, Host, HostBuilder, Limits, StepFailure, Workspace};

use crate::arguments::InputArguments;
use crate::exit::{Code, Failure};
use registries::endpoints;
pub(crate) use registries::{authenticator, component_registry};

/// Reads the operator's configuration: the file that is named, or the one of the user who runs
/// the command. Never one from the current folder, which in CI holds what somebody else wrote.
pub(crate) fn configuration(path: Option<&Path>) -> Result<Configuration, Failure> {
    match configuration_path(path) {
        Some(path) => Ok(Configuration::read(&path)?),
        None => Ok(Configuration::default()),
    }
}

/// Where the operator's configuration is, if there is one.
pub(crate) fn configuration_path(named: Option<&Path>) -> Option<PathBuf> {
    let own = || {
        base_folder("XDG_CONFIG_HOME", ".config")
            .map(|folder| folder.join("stepyard/stepyard.toml"))
            .filter(|path| path.is_file())
    };
    named.map(Path::to_owned).or_else(own)
}

/// Opens the workspace.
pub(crate) fn workspace(
    configuration: &Configuration,
    input: &InputArguments,
) -> Result<Workspace, Failure> {
    let workspace = Workspace::open(&input.workspace).map_err(|error| {
        Failure::input(
            format!(
                "the workspace {} cannot be opened: {error}",
                input.workspace.display()
            ),
            "name a folder with --workspace",
        )
    })?;
    require_apart(configuration, &input.workspace)?;
    Ok(workspace)
}

/// Where a file or folder is, or would be made.
fn resolved(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok().or_else(|| {
        let folder = path.parent()?.canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    })
}

/// Refuses a workspace that holds the operator's secrets, compiled code or caches: steps read it,
/// builds copy it, and whoever wrote it could have put something there.
fn require_apart(configuration: &Configuration, workspace: &Path) -> Result<(), Failure> {
    let secrets = configuration.secrets.stores.iter();
    let secrets = secrets.filter_map(|store| match &store.source {
        SecretSource::Environment => None,
        SecretSource::Directory(path) | SecretSource::File(path) => Some(("the secrets", path)),
        // A name alone is looked for in PATH.
        SecretSource::Command(command) => (command.program.components().count() > 1)
            .then_some(("the program that prints secrets", &command.program)),
    });
    let folders = [
        ("the OIDC token", &configuration.aws.oidc_token_file),
        ("the audit log", &configuration.audit.file),
        (
            "the cache of compiled components",
            &configuration.components.cache,
        ),
        ("the records of pushed images", &configuration.build.records),
        ("the caches of builds", &configuration.build.cache),
    ];
    let folders = folders
        .into_iter()
        .filter_map(|(what, path)| Some((what, path.as_ref()?)));
    let policies = configuration.policy.files.iter();
    let folders = folders.chain(policies.map(|path| ("the policy", path)));
    let workspace = workspace.canonicalize()?;
    for (what, path) in secrets.chain(folders) {
        if resolved(path).is_some_and(|path| path.starts_with(&workspace)) {
            return Err(Failure::input(
                format!(
                    "{} ({what}) is inside the workspace, where steps and builds can read it and \
                     others can write it",
                    path.display()
                ),
                "keep it elsewhere, or name another folder with --workspace",
            ));
        }
    }
    Ok(())
}

/// A host without any capability: to look at components and to check settings. Those in registries
/// are fetched with the connectors of `authenticator` and the logins of docker.
pub(crate) fn bare_host(
    configuration: &Configuration,
    authenticator: Option<&ConnectorAuthenticator>,
) -> Result<HostBuilder, Failure> {
    let limits = configuration.limits.over(&Limits::default());
    let mut builder = Host::builder().limits(limits.clone());
    for (name, own) in &configuration.steps {
        builder = builder.limits_of(name, own.over(&limits));
    }
    if !configuration.components.allow_unpinned {
        builder = builder.refuse_unpinned();
    }
    builder = builder.component_registry(component_registry(configuration, authenticator)?);
    if let Some(folder) = &configuration.components.cache {
        let cache = CodeCache::open(folder.clone()).map_err(|error| {
            Failure::input(
                error.to_string(),
                "name another folder with `cache` under [components] of stepyard.toml",
            )
        })?;
        builder = builder.code_cache(cache);
    } else if let Some(cache) =
        cache_folder("components").and_then(|folder| CodeCache::open(folder).ok())
    {
        // Nobody asked for this folder, and a step compiles without it too.
        builder = builder.code_cache(cache);
    }
    Ok(builder)
}

/// The rules of the configuration, and of further files.
pub(crate) fn policy(
    configuration: &Configuration,
    further: &[PathBuf],
) -> Result<CedarPolicy, Failure> {
    let configured = &configuration.policy;
    let mut builder = CedarPolicy::builder();
    if configured.built_in {
        builder = builder.with_built_in_rules();
    }
    for path in configured.files.iter().chain(further) {
        builder = builder.file(path)?;
    }
    Ok(builder.build()?)
}

/// A host with every capability that the files configure.
pub(crate) fn host(
    configuration: &Configuration,
    connectors: Connectors,
    policy: CedarPolicy,
) -> Result<Host, Failure> {
    host_with(configuration, connectors, policy, |registry| registry)
}

/// The same host, whose requests to registries fail at the first attempt.
pub(crate) fn impatient_host(
    configuration: &Configuration,
    connectors: Connectors,
) -> Result<Host, Failure> {
    let policy = policy(configuration, &[])?;
    host_with(
        configuration,
        connectors,
        policy,
        OciRegistry::without_retries,
    )
}

fn host_with(
    configuration: &Configuration,
    connectors: Connectors,
    policy: CedarPolicy,
    change: fn(OciRegistry) -> OciRegistry,
) -> Result<Host, Failure> {
    let endpoints = endpoints(configuration, Some(&connectors))?;
    let authenticator = authenticator(configuration, connectors)?;
    let stores = authenticator.secret_stores().clone();
    let mut builder = bare_host(configuration, Some(&authenticator))?
        .ecr(AwsEcr::new(&authenticator))
        .authenticator(authenticator)
        .secret_stores(stores)
        .allow(configuration.build.allow.iter().copied())
        .build_rules(configuration.build.rules.clone())
        .policy(policy)
        .policy_mode(configuration.policy.mode)
        .registry(change(
            OciRegistry::new(endpoints.clone()).map_err(StepFailure)?,
        ));
    if let Some(file) = &configuration.audit.file {
        let log = AuditFile::open(file, configuration.audit.sync)
            .map_err(|error| Failure::new(Code::BadInput, error))?;
        builder = builder.audit(log);
    }
    if let Some(records) = push_records(configuration)? {
        builder = builder.push_records(records);
    }
    if let Some(folder) = &configuration.build.cache {
        builder = builder.build_cache_folder(folder);
    }
    if let Some(most) = configuration.limits.concurrent_builds {
        builder = builder.concurrent_builds(most);
    }
    let daemon = buildkit_daemon(configuration)?;
    let name = match daemon {
        Some(_) => EngineName::BuildKit,
        None => EngineName::Docker,
    };
    permit_engine(configuration, name)?;
    builder = match daemon {
        Some(daemon) => builder.engine(BuildKitEngine::new(daemon, endpoints)),
        None => {
            let docker_host = match &configuration.docker.host {
                Some(host) => DockerHost::Address(host.as_str().to_owned()),
                None => DockerHost::Automatic,
            };
            builder.engine(DockerEngine::new(docker_host, endpoints))
        }
    };
    Ok(builder.build()?)
}

/// Refuses an engine that the operator has not listed.
fn permit_engine(configuration: &Configuration, engine: EngineName) -> Result<(), Failure> {
    let Some(permitted) = &configuration.build.engines else {
        return Ok(());
    };
    if permitted.contains(&engine) {
        return Ok(());
    }
    let names: Vec<&str> = permitted.iter().map(|engine| engine.name()).collect();
    let permitted = match names.as_slice() {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    Err(Failure::input(
        format!(
            "the engine {} would build, and engines under [build] of stepyard.toml permits {permitted}",
            engine.name()
        ),
        "name a permitted one with `engine` under [build], and where it is",
    ))
}

/// The BuildKit daemon that builds, unless a Docker Engine does: the operator's choice, or else a
/// daemon that is named at all.
fn buildkit_daemon(configuration: &Configuration) -> Result<Option<BuildKitDaemon>, Failure> {
    if configuration.build.engine == Some(EngineName::Docker) {
        return Ok(None);
    }
    let configured = &configuration.buildkit;
    let mut daemon = match &configured.host {
        Some(host) => Some(BuildKitDaemon {
            address: host.as_str().to_owned(),
            certificates: None,
            origin: "the configured BuildKit host".to_owned(),
        }),
        None => BuildKitDaemon::of_environment(),
    };
    if let Some(daemon) = &mut daemon
        && let Some(certificates) = &configured.certificates
    {
        daemon.certificates = Some(certificates.clone());
    }
    if daemon.is_none() && configuration.build.engine == Some(EngineName::BuildKit) {
        return Err(Failure::input(
            "stepyard.toml chooses the engine buildkit, and nothing says where the daemon is",
            "set `host` under [buildkit], or BUILDKIT_HOST",
        ));
    }
    Ok(daemon)
}

/// Where it is recorded what was pushed.
fn push_records(configuration: &Configuration) -> Result<Option<PushRecords>, Failure> {
    if let Some(folder) = &configuration.build.records {
        return PushRecords::open(folder.clone())
            .map(Some)
            .map_err(|error| {
                Failure::input(
                    error.to_string(),
                    "name another folder with `records` under [build] of stepyard.toml",
                )
            });
    }
    // Nobody asked for this folder, and a build is made without it too.
    Ok(cache_folder("pushed").and_then(|folder| PushRecords::open(folder).ok()))
}

fn secret_stores(configuration: &Configuration) -> Result<SecretStores, Failure> {
    let mut stores = Vec::new();
    for configured in &configuration.secrets.stores {
        let store = secret_store(&configured.source)?;
        stores.push(match &configured.scopes {
            Some(scopes) => Arc::new(ScopedSecrets::new(store, scopes.clone())),
            None => store,
        });
    }
    Ok(SecretStores::new(stores))
}

fn secret_store(source: &SecretSource) -> Result<Arc<dyn SecretStore>, Failure> {
    Ok(match source {
        SecretSource::Environment => Arc::new(EnvironmentSecrets),
        SecretSource::Directory(path) => Arc::new(DirectorySecrets::new(path)),
        SecretSource::File(path) => Arc::new(FileSecrets::read(path).map_err(|error| {
            Failure::input(
                error.to_string(),
                "the file is named under [secrets] of stepyard.toml",
            )
        })?),
        SecretSource::Command(command) => {
            let store = CommandSecrets::new(&command.program, command.arguments.clone())
                .environment(command.environment.clone())
                .absent_exit_codes(command.absent_exit_codes.clone());
            Arc::new(match command.timeout {
                Some(timeout) => store.timeout(timeout),
                None => store,
            })
        }
    })
}

/// A folder for what can be made again.
fn cache_folder(name: &str) -> Option<PathBuf> {
    base_folder("XDG_CACHE_HOME", ".cache").map(|cache| cache.join("stepyard").join(name))
}

/// A folder of the XDG base directory specification: what `variable` names, or `default` below the
/// home folder.
fn base_folder(variable: &str, default: &str) -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(default)))
}

/// Reads the connectors of the command line.
pub(crate) fn connectors(arguments: &InputArguments) -> Result<Connectors, Failure> {
    Ok(Connectors::read(&arguments.connectors)?)
}

/// Loads a component for a person who named it.
pub(crate) async fn load(host: &Host, source: ComponentSource) -> Result<Component, Failure> {
    host.load(source).await.map_err(|error| {
        let code = match &error {
            LoadError::Fetch(error) if error.is_of_registry() => Code::Failed,
            _ => Code::BadInput,
        };
        Failure::new(code, error)
    })
}
