//! The stages of a Dockerfile, and which of them a build runs.

use super::{
    BaseImage, BaseImages, Uncertainty, Usage,
    expansion::GlobalArguments,
    instructions::{Instruction, words},
};

/// The most stages that are told apart.
const MOST_STAGES: usize = 1_000;

/// Which stages a builder runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StagesBuilt {
    /// Those that the target needs, as BuildKit does.
    Needed,
    /// All up to the target, as Docker's classic builder does.
    UpToTarget,
}

#[derive(Default)]
struct Stage {
    name: Option<String>,
    sources: Vec<Source>,
}

/// Something that a stage takes files from.
struct Source {
    line: usize,
    name: String,
    usage: Usage,
}

enum Origin {
    Stage(usize),
    Image,
    Nothing,
}

pub(super) fn read(
    instructions: &[Instruction],
    target: Option<&str>,
    arguments: &[(String, String)],
    built: StagesBuilt,
    found: &mut BaseImages,
) {
    let stages = stages(instructions, arguments, found);
    let Some(target) = target_of(&stages, target, found) else {
        return;
    };
    let mut wanted = vec![built == StagesBuilt::UpToTarget; target];
    wanted.push(true);
    // A stage takes from earlier ones only, so that from the last to the first all is known.
    for (index, stage) in stages.iter().enumerate().take(target + 1).rev() {
        if !wanted.get(index).copied().unwrap_or(false) {
            continue;
        }
        for source in &stage.sources {
            match origin(&stages, index, source, found) {
                Origin::Stage(earlier) => {
                    if let Some(wanted) = wanted.get_mut(earlier) {
                        *wanted = true;
                    }
                }
                Origin::Image => found.images.push(BaseImage {
                    reference: source.name.clone(),
                    usage: source.usage,
                    line: source.line,
                }),
                Origin::Nothing => {}
            }
        }
    }
}

fn stages(
    instructions: &[Instruction],
    arguments: &[(String, String)],
    found: &mut BaseImages,
) -> Vec<Stage> {
    let mut global = GlobalArguments::new(arguments);
    let mut stages: Vec<Stage> = Vec::new();
    for instruction in instructions {
        let line = instruction.line;
        match (instruction.name.as_str(), stages.last_mut()) {
            ("FROM", _) => {
                if stages.len() == MOST_STAGES {
                    let why = format!("more than {MOST_STAGES} stages");
                    found.doubt(line, Uncertainty::NotUnderstood(why));
                    break;
                }
                let stage = begin(instruction, &global, found);
                if let Some(name) = &stage.name
                    && stages.iter().any(|other| other.name.as_ref() == Some(name))
                {
                    found.doubt(line, Uncertainty::DuplicateStage(name.clone()));
                }
                stages.push(stage);
            }
            ("ARG", None) => {
                if !global.declare(&instruction.arguments) {
                    let why = Uncertainty::Expansion(instruction.arguments.clone());
                    found.doubt(line, why);
                }
            }
            (name, None) => {
                let why = Uncertainty::NotUnderstood(format!("{name} before the first FROM"));
                found.doubt(line, why);
            }
            // What it keeps for later runs in a stage that begins with this one.
            ("ONBUILD", Some(stage)) => {
                let trigger = instruction.trigger(found);
                stage.sources.extend(sources(&trigger, found));
            }
            (_, Some(stage)) => stage.sources.extend(sources(instruction, found)),
        }
    }
    stages
}

fn begin(from: &Instruction, global: &GlobalArguments, found: &mut BaseImages) -> Stage {
    for flag in &from.flags {
        if !flag.starts_with("platform=") {
            found.doubt(
                from.line,
                Uncertainty::NotUnderstood(format!("FROM --{flag}")),
            );
        }
    }
    let words: Vec<&str> = from.arguments.split_whitespace().collect();
    let (written, name) = match words.as_slice() {
        [image] => (*image, None),
        [image, keyword, name] if keyword.eq_ignore_ascii_case("as") => {
            (*image, Some(name.to_ascii_lowercase()))
        }
        _ => {
            let why = Uncertainty::NotUnderstood(format!("FROM {}", from.arguments));
            found.doubt(from.line, why);
            return Stage::default();
        }
    };
    let mut stage = Stage {
        name,
        sources: Vec::new(),
    };
    match global.expand(written).filter(|image| !image.is_empty()) {
        Some(name) => stage.sources.push(Source {
            line: from.line,
            name,
            usage: Usage::Base,
        }),
        None => found.doubt(from.line, Uncertainty::Expansion(written.to_owned())),
    }
    stage
}

/// What one instruction within a stage takes files from.
fn sources(instruction: &Instruction, found: &mut BaseImages) -> Vec<Source> {
    let line = instruction.line;
    let mut names = Vec::new();
    for flag in &instruction.flags {
        let (flag, value) = flag.split_once('=').unwrap_or((flag, ""));
        match (instruction.name.as_str(), flag) {
            ("COPY", "from") => names.push(value),
            // The value is a line of comma-separated fields; quotes were refused.
            ("RUN", "mount") => names.extend(value.split(',').filter_map(|field| {
                let (key, value) = field.split_once('=')?;
                key.trim().eq_ignore_ascii_case("from").then_some(value)
            })),
            _ => {}
        }
    }
    if instruction.name == "ADD" {
        doubt_remote(instruction, found);
    }
    let mut sources = Vec::new();
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        if name.contains('$') {
            found.doubt(line, Uncertainty::Expansion(name.to_owned()));
        } else {
            sources.push(Source {
                line,
                name: name.to_owned(),
                usage: Usage::Files,
            });
        }
    }
    sources
}

/// `ADD` takes URLs and git repositories, and a variable may become one.
fn doubt_remote(add: &Instruction, found: &mut BaseImages) {
    let listed = add.arguments.starts_with('[');
    let arguments = add.arguments.replace(['[', ']', ','], " ");
    let text = if listed { &arguments } else { &add.arguments };
    let Some(words) = words(text) else {
        let why = Uncertainty::RemoteSource(add.arguments.clone());
        return found.doubt(add.line, why);
    };
    let sources = words.split_last().map_or(&[][..], |(_, sources)| sources);
    for source in sources {
        let first_segment = source.split('/').next().unwrap_or_default();
        let may_be_remote = source.contains("://")
            || (source.contains('@') && source.contains(':'))
            || first_segment.contains(['$', '\\', '`']);
        if may_be_remote {
            let why = Uncertainty::RemoteSource((*source).to_owned());
            found.doubt(add.line, why);
        }
    }
}

fn target_of(stages: &[Stage], target: Option<&str>, found: &mut BaseImages) -> Option<usize> {
    let index = match target {
        None => stages.len().checked_sub(1),
        Some(target) => position(stages, target)
            .or_else(|| target.parse().ok().filter(|index| *index < stages.len())),
    };
    if index.is_none() {
        let name = target.unwrap_or("to build").to_owned();
        found.doubt(1, Uncertainty::NoSuchStage(name));
    }
    index
}

fn position(stages: &[Stage], name: &str) -> Option<usize> {
    stages.iter().position(|stage| {
        stage
            .name
            .as_ref()
            .is_some_and(|own| own.eq_ignore_ascii_case(name))
    })
}

/// What the name in stage `index` means.
fn origin(stages: &[Stage], index: usize, source: &Source, found: &mut BaseImages) -> Origin {
    let name = &source.name;
    if source.usage == Usage::Files
        && let Ok(number) = name.parse::<usize>()
    {
        if number < index {
            return Origin::Stage(number);
        }
        found.doubt(source.line, Uncertainty::NoSuchStage(name.clone()));
        return Origin::Nothing;
    }
    match position(stages, name) {
        Some(earlier) if earlier < index => Origin::Stage(earlier),
        // A stage may have the name of the image that it begins with.
        Some(_) if source.usage == Usage::Base => Origin::Image,
        Some(_) => {
            found.doubt(source.line, Uncertainty::LaterStage(name.clone()));
            Origin::Image
        }
        None if name == "scratch" => Origin::Nothing,
        None => Origin::Image,
    }
}
