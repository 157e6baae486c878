//! Which images from elsewhere a build of a Dockerfile takes, read from its text.
//!
//! Reading follows BuildKit's `frontend/dockerfile/parser` and `dockerfile2llb`. Where builders
//! differ, or the text alone does not say, the answer is an [`Uncertainty`] and never a guess: who
//! decides by the answer must treat any of them as "cannot be told".
//!
//! One thing is seen by no reader of the text: the `ONBUILD` triggers that a base image brings.

mod expansion;
mod instructions;
mod stages;

pub use stages::StagesBuilt;

/// The most reasons that are kept: one is enough not to know.
const MOST_UNCERTAINTIES: usize = 100;

/// What a build takes from elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseImages {
    /// The images in the order of the Dockerfile, each use on its own.
    pub images: Vec<BaseImage>,
    /// Why the images may be not all, or not all that the build takes.
    pub uncertainties: Vec<Uncertain>,
}

/// One use of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// The image with its variables put in, otherwise as it is written.
    pub reference: String,
    /// What it is used for.
    pub usage: Usage,
    /// The line of the instruction, counted from 1; 0 for the build argument `BUILDKIT_SYNTAX`.
    pub line: usize,
}

/// What an image is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// `FROM`: a stage begins with it.
    Base,
    /// `COPY --from` or `RUN --mount=from=…`: files are taken from it.
    Files,
    /// `# syntax=`: BuildKit reads the Dockerfile with it.
    Frontend,
}

/// A place where the text does not say what the build takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Uncertain {
    /// The line of the instruction, counted from 1.
    pub line: usize,
    /// Why.
    pub why: Uncertainty,
}

/// Why the text does not say what the build takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Uncertainty {
    /// `ADD` of something from the network, or of something that a variable decides.
    #[error("ADD {0} takes, or may take, a file from the network")]
    RemoteSource(String),
    /// A reference whose variables have no value here, or a form that is not understood.
    #[error("{0:?} depends on a value that the Dockerfile and the build arguments do not give")]
    Expansion(String),
    /// A reference to a later stage, which builders understand differently.
    #[error("{0:?} names a later stage, which not every builder looks at")]
    LaterStage(String),
    /// Two stages of one name.
    #[error("two stages are called {0:?}")]
    DuplicateStage(String),
    /// No stage has the name or number.
    #[error("there is no stage {0:?}")]
    NoSuchStage(String),
    /// A frontend that may read the text in its own way.
    #[error("the frontend {0} may read the file in a way of its own")]
    Frontend(String),
    /// An instruction, flag or layout that is not understood.
    #[error("{0} is not understood")]
    NotUnderstood(String),
}

impl BaseImages {
    /// Reads a Dockerfile for a build of `target` (none is the last stage) with these build
    /// arguments.
    ///
    /// The platform has no influence: a reference names the same image index for all of them. A
    /// reference that depends on the platform's arguments (`TARGETARCH` …) is uncertain, unless
    /// the build arguments give them.
    pub fn of_dockerfile(
        text: &str,
        target: Option<&str>,
        arguments: &[(String, String)],
        built: StagesBuilt,
    ) -> Self {
        let mut found = Self::default();
        let file = instructions::read(text, &mut found);
        found.frontend(file.syntax, arguments);
        stages::read(&file.instructions, target, arguments, built, &mut found);
        found.images.sort_by_key(|image| image.line);
        found.uncertainties.sort_by_key(|uncertain| uncertain.line);
        found
    }

    fn doubt(&mut self, line: usize, why: Uncertainty) {
        let uncertain = Uncertain { line, why };
        let is_full = self.uncertainties.len() == MOST_UNCERTAINTIES;
        if !is_full && !self.uncertainties.contains(&uncertain) {
            self.uncertainties.push(uncertain);
        }
    }

    fn frontend(&mut self, directive: Option<(usize, String)>, arguments: &[(String, String)]) {
        let argument = arguments
            .iter()
            .rev()
            .find(|(name, _)| name == "BUILDKIT_SYNTAX")
            .map(|(_, value)| (0, value.clone()));
        for (line, value) in argument.into_iter().chain(directive) {
            let reference = value
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned();
            let name = reference.split('@').next().unwrap_or_default();
            let name = match name.rsplit_once(':') {
                Some((name, tag)) if !tag.contains('/') => name,
                _ => name,
            };
            let is_docker = ["docker/dockerfile", "docker/dockerfile-upstream"]
                .iter()
                .any(|own| name == *own || name.ends_with(&format!("/{own}")));
            if !is_docker {
                self.doubt(line, Uncertainty::Frontend(reference.clone()));
            }
            self.images.push(BaseImage {
                reference,
                usage: Usage::Frontend,
                line,
            });
        }
    }
}

#[cfg(test)]
mod tests;
