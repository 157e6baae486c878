//! The page that lists the attacks, and the count in the README. `UPDATE_EXPECT=1` writes the page.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use crate::case::Case;

/// What stands on the page before its tables.
const HEAD: &str = "# Attacks

What a hostile component tries in the tests, and what its user reads then. Each attack is a file in \
`tests/cases/attacks`, which anybody can add to; the component is `tests/guests/attack`. An attack \
that succeeds fails the tests, and so does a *twin* that does not: with the change that stands in the \
last column the same attempt goes through, which shows that it is refused for that reason and no \
other. An attack that ends with `success` has got nothing: what it leaves is harmless, as its answer \
says. While an attack runs, another step runs on the same host, and afterwards a third: both must \
succeed.

`cargo xtask test -- --test attacks` runs them, and the variable `STEPYARD_ATTACK` chooses one by a \
part of its name. `cargo xtask mutants` lets the policy's gate say yes to one action after another, \
and shows that a test notices each.

What a component says of itself and what it logs is shown by the command, which gives no commands to \
terminals and CI systems (`::set-output`, `##vso[`): `host/command/tests/end_to_end/policies.rs` \
tries that in each form of output. A thousand runs at once are in `tests/tests/isolation`, and what a \
whole run leaves of its secrets is searched in `tests/tests/secrets`.

What a Dockerfile tries (base images by `ARG`, `COPY --from`, `ONBUILD` and frontends, rights for \
`RUN`) is in `host/command/tests/end_to_end/build_rules.rs`, because it takes engines of several kinds; \
what files of users try (aliases that explode, keys that repeat) is in `tests/cases/settings`.
";

fn page(cases: &[Case]) -> String {
    let mut page = HEAD.to_owned();
    let mut theme = "";
    for case in cases {
        let (of, name) = case.name.split_once('/').unwrap();
        if of != theme {
            theme = of;
            let title = format!("{}{}", of[..1].to_uppercase(), of[1..].replace('-', " "));
            writeln!(
                page,
                "\n## {title}\n| attack | tries to | ends with | answer | goes through with |\n\
                 | --- | --- | --- | --- | --- |"
            )
            .unwrap();
        }
        let cell = |text: &str| text.trim().replace('|', "\\|").replace('\n', " ");
        let kind = case.kind.as_deref().unwrap_or("success");
        let twin = case.twin.as_ref().map_or("–", |twin| twin.with.as_str());
        writeln!(
            page,
            "| {name} | {} | `{kind}` | {} | {} |",
            cell(&case.tries),
            cell(&case.answer),
            cell(twin)
        )
        .unwrap();
    }
    page
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name)
}

#[test]
fn the_page_lists_every_attack() {
    let page = page(&Case::all());
    let path = file("docs/attacks.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/attacks.md is out of date; UPDATE_EXPECT=1 writes it"
    );
}

#[test]
fn there_are_enough_and_the_readme_has_their_number() {
    let cases = Case::all();
    let twins = cases.iter().filter(|case| case.twin.is_some()).count();
    assert!(cases.len() >= 60, "{}", cases.len());
    let readme = fs::read_to_string(file("README.md")).unwrap();
    let sentence = format!(
        "{} [attacks](docs/attacks.md), {twins} of them with a twin",
        cases.len()
    );
    assert!(
        readme.contains(&sentence),
        "README.md does not say {sentence:?}"
    );
}
