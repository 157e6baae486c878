//! Files of users and operators.

use stepyard::configuration::Configuration;
use stepyard::connector::Connectors;
use stepyard::document::{Problems, SourceFile, render_plain};
use stepyard::pipeline::Pipeline;

pub(crate) fn pipeline(input: &[u8]) {
    read(input, |file| Pipeline::parse(file).map(drop));
}

pub(crate) fn connectors(input: &[u8]) {
    read(input, |file| {
        Connectors::parse(std::slice::from_ref(file)).map(drop)
    });
}

pub(crate) fn configuration(input: &[u8]) {
    read(input, |file| Configuration::parse(file).map(drop));
}

/// What is wrong with a file has its place in it, and can be shown.
fn read(input: &[u8], parse: impl Fn(&SourceFile) -> Result<(), Problems>) {
    let text = String::from_utf8_lossy(input);
    let Ok(file) = SourceFile::new("input", &text) else {
        return;
    };
    let Err(problems) = parse(&file) else {
        return;
    };
    assert!(
        problems.iter().next().is_some(),
        "an error without a problem"
    );
    let lines = text.lines().count() + 1;
    for problem in problems.iter() {
        if let Some((_, line, column)) = problem.position() {
            assert!((1..=lines).contains(&line), "line {line} of {lines}");
            assert!(column > 0, "column {column}");
        }
    }
    let shown = render_plain(&problems);
    let is_plain = |char: char| char == '\n' || char == '\t' || !char.is_control();
    assert!(shown.chars().all(is_plain), "{shown:?}");
}
