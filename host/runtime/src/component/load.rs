//! From bytes to a component that is ready to run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stepyard_grammar::Digest;
use tokio::sync::OnceCell;
use wasmtime::Engine;
use wasmtime::component::Linker;

use super::bindings::StepPre;
use super::code_cache::CodeCache;
use super::content::Content;
use super::imports::{self, Import};
use super::source::{ComponentSource, Location, Origin};
use super::state::RunState;
use crate::sharing::{FetchError, shown_reference};

/// The largest component that is loaded, in bytes. A Python step with its interpreter has 20 MiB.
pub(crate) const LARGEST_COMPONENT: u64 = 256 << 20;

/// A component that cannot be loaded.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum LoadError {
    /// No built-in step has this name.
    #[error("there is no built-in step called {name:?}")]
    #[diagnostic(help("the built-in steps are {}", known.join(", ")))]
    UnknownStep {
        /// The name.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// The file cannot be read.
    #[error("the component {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is too large.
    #[error("the component {name} has {size} bytes; at most {LARGEST_COMPONENT} are loaded")]
    TooLarge {
        /// The component.
        name: String,
        /// Its size in bytes.
        size: u64,
    },
    /// The bytes are not those that were asked for.
    #[error("the component {name} has the digest {found}, not {expected}")]
    #[diagnostic(help(
        "it is not the component that was pinned; get the right one, or pin this one if you trust it"
    ))]
    OtherDigest {
        /// The component.
        name: String,
        /// What was asked for.
        expected: Digest,
        /// What was found.
        found: Digest,
    },
    /// The component is neither built in nor pinned, and this host runs no other.
    #[error("the component {name} is not pinned, and only pinned components run here")]
    #[diagnostic(help(
        "the operator pins it with [components.\"NAME\"] in stepyard.toml, with path and digest or \
         with a reference, or leaves allow-unpinned = false out"
    ))]
    Unpinned {
        /// The component.
        name: String,
    },
    /// The registry does not hand the component out.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fetch(#[from] FetchError),
    /// The host was given no registries.
    #[error("the component {reference} is in a registry, and this host fetches from none")]
    NoRegistry {
        /// The reference.
        reference: String,
    },
    /// The bytes are no component.
    #[error("{name} is not a WebAssembly component: {problem}")]
    #[diagnostic(help("{help}"))]
    NotAComponent {
        /// The component.
        name: String,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        help: String,
    },
    /// The component imports something that this host does not have.
    #[error("the component {name} imports {import}, which this host does not offer")]
    #[diagnostic(help("{help}"))]
    UnknownImport {
        /// The component.
        name: String,
        /// The import.
        import: String,
        /// What to do.
        help: String,
    },
    /// The component does not fit into the world of steps.
    #[error("the component {name} is not a step: {problem}")]
    #[diagnostic(help(
        "a step exports `describe` and `run` of the world stepyard:step/step@0.1.0"
    ))]
    NotAStep {
        /// The component.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// What a step says that it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Such as `build-push-ecr`.
    pub name: String,
    /// A semantic version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// The JSON schema of its settings.
    pub settings_schema: serde_json::Value,
}

/// A loaded component. Cheap to clone; one serves any number of runs.
#[derive(Clone)]
pub struct Component {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    digest: Digest,
    origin: Origin,
    size: u64,
    imports: Vec<Import>,
    exports: Vec<String>,
    instance: StepPre<RunState>,
    description: OnceCell<Description>,
}

impl Component {
    /// What it is called in messages: a built-in step's name, or a file's.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The SHA-256 digest of its bytes.
    pub fn digest(&self) -> &Digest {
        &self.shared.digest
    }

    /// Where it comes from.
    pub fn origin(&self) -> Origin {
        self.shared.origin
    }

    /// The size of its bytes.
    pub fn size(&self) -> u64 {
        self.shared.size
    }

    /// What it can reach, found without running it.
    pub fn imports(&self) -> &[Import] {
        &self.shared.imports
    }

    /// The names of what it exports, sorted.
    pub fn exports(&self) -> &[String] {
        &self.shared.exports
    }

    /// Whether it can ask for the folders that it is given.
    pub(crate) fn opens_folders(&self) -> bool {
        let mut imports = self.shared.imports.iter();
        imports.any(|import| import.interface.starts_with("wasi:filesystem/preopens@"))
    }

    pub(crate) fn instance(&self) -> &StepPre<RunState> {
        &self.shared.instance
    }

    pub(crate) fn description_cell(&self) -> &OnceCell<Description> {
        &self.shared.description
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Component")
            .field("name", &self.shared.name)
            .field("digest", &self.shared.digest)
            .finish_non_exhaustive()
    }
}

/// The names of the steps that are part of this program.
pub(crate) fn built_in_names() -> impl Iterator<Item = &'static str> {
    super::built_in::COMPONENTS.iter().map(|(name, _)| *name)
}

/// Loads a component: reads it, checks its digest, compiles it or takes the compiled code from
/// `cache`, and checks that the host has what it imports. Blocks for as long as compiling takes.
pub(crate) fn load(
    engine: &Engine,
    linker: &Linker<RunState>,
    cache: Option<&CodeCache>,
    source: ComponentSource,
    allows_unpinned: bool,
) -> Result<Component, LoadError> {
    let place = match &source.location {
        Location::Pinned { path, .. } => Some(path.clone()),
        _ => None,
    };
    let (name, origin, content) = find(source.location)?;
    if origin == Origin::Elsewhere && !allows_unpinned {
        return Err(LoadError::Unpinned { name });
    }
    let unreadable = |source| LoadError::Unreadable {
        path: content.path().to_owned(),
        source,
    };
    let (digest, size) = content.digest().map_err(unreadable)?;
    if let Some(expected) = source.digest
        && expected != digest
    {
        return Err(LoadError::OtherDigest {
            name: match place {
                Some(path) => format!("{name} ({})", path.display()),
                None => name,
            },
            expected,
            found: digest,
        });
    }
    let compiled = match cache.and_then(|cache| cache.load(engine, &digest)) {
        Some(compiled) => compiled,
        None => {
            let bytes = content.read(&digest).map_err(unreadable)?;
            let compiled = compile(engine, &name, &bytes)?;
            if let Some(cache) = cache {
                cache.store(engine, &digest, &compiled);
            }
            compiled
        }
    };
    let imports = imports::of(engine, &compiled);
    let instance = linker
        .instantiate_pre(&compiled)
        .map_err(|error| unlinkable(&name, &imports, &error))?;
    let instance = StepPre::new(instance).map_err(|error| LoadError::NotAStep {
        name: name.clone(),
        problem: format!("{error:#}"),
    })?;
    Ok(Component {
        shared: Arc::new(Shared {
            name,
            digest,
            origin,
            size,
            imports,
            exports: imports::exports(engine, &compiled),
            instance,
            description: OnceCell::new(),
        }),
    })
}

/// What a component is called, where it comes from, and its bytes.
fn find(location: Location) -> Result<(String, Origin, Content), LoadError> {
    match location {
        Location::BuiltIn(name) => {
            let component = super::built_in::COMPONENTS
                .iter()
                .find(|(known, _)| *known == name);
            match component {
                Some((_, bytes)) => Ok((name, Origin::BuiltIn, Content::Static(bytes))),
                None => Err(LoadError::UnknownStep {
                    name,
                    known: built_in_names().map(ToOwned::to_owned).collect(),
                }),
            }
        }
        Location::File(path) => {
            let name = path.file_name().unwrap_or(path.as_os_str());
            let name = name.to_string_lossy().into_owned();
            let content = in_file(&name, &path)?;
            Ok((name, Origin::Elsewhere, content))
        }
        Location::Pinned { name, path } => {
            let content = in_file(&name, &path)?;
            Ok((name, Origin::Pinned, content))
        }
        Location::Fetched {
            name,
            origin,
            fetched,
        } => {
            in_file(&name, &fetched.path)?;
            Ok((name, origin, Content::Fetched(fetched)))
        }
        Location::Registry { reference, .. } => Err(LoadError::NoRegistry {
            reference: shown_reference(&reference),
        }),
        Location::Bytes { name, bytes } => Ok((name, Origin::Elsewhere, Content::Held(bytes))),
    }
}

fn in_file(name: &str, path: &Path) -> Result<Content, LoadError> {
    let size = std::fs::metadata(path)
        .map_err(|source| LoadError::Unreadable {
            path: path.to_owned(),
            source,
        })?
        .len();
    match size > LARGEST_COMPONENT {
        true => Err(LoadError::TooLarge {
            name: name.to_owned(),
            size,
        }),
        false => Ok(Content::File(path.to_owned())),
    }
}

fn compile(
    engine: &Engine,
    name: &str,
    bytes: &[u8],
) -> Result<wasmtime::component::Component, LoadError> {
    let not_a_component = |problem: &str, help: &str| LoadError::NotAComponent {
        name: name.to_owned(),
        problem: problem.to_owned(),
        help: help.to_owned(),
    };
    // The header of a binary: the magic number, then a version and a layer (component model,
    // "Binary Format"); a core module has version 1 and layer 0.
    match bytes.get(..8) {
        Some([0x00, b'a', b's', b'm', 0x01, 0x00, 0x00, 0x00]) => Err(not_a_component(
            "it is a core module",
            "build it for the target wasm32-wasip2, or make a component of it with `wasm-tools \
             component new`",
        )),
        Some([0x00, b'a', b's', b'm', ..]) => {
            wasmtime::component::Component::from_binary(engine, bytes).map_err(|error| {
                not_a_component(
                    &format!("{error:#}"),
                    "the file is damaged, or was made with a toolchain that this version does \
                     not know; copy or build it again",
                )
            })
        }
        _ => Err(not_a_component(
            "it does not begin as a WebAssembly binary does",
            "name the file that the build wrote, such as target/wasm32-wasip2/release/NAME.wasm",
        )),
    }
}

/// Names the import that the host lacks, rather than what the linker says.
fn unlinkable(name: &str, imports: &[Import], error: &wasmtime::Error) -> LoadError {
    let problem = format!("{error:#}");
    let missing = imports
        .iter()
        .find(|import| problem.contains(&format!("`{}`", import.interface)));
    match missing {
        Some(import) => LoadError::UnknownImport {
            name: name.to_owned(),
            import: import.interface.clone(),
            help: "this host offers the interfaces log, auth, build, registry and ecr of \
                   stepyard:step@0.1.0, and those of WASI 0.2; build the component against these, \
                   or run it with a newer Stepyard"
                .to_owned(),
        },
        None => LoadError::NotAStep {
            name: name.to_owned(),
            problem,
        },
    }
}
