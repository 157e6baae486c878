use super::*;

fn of(text: &str, target: Option<&str>, arguments: &[(&str, &str)]) -> BaseImages {
    let arguments: Vec<_> = arguments
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    BaseImages::of_dockerfile(text, target, &arguments, StagesBuilt::Needed)
}

fn references(found: &BaseImages) -> Vec<&str> {
    let images = found.images.iter();
    images.map(|image| image.reference.as_str()).collect()
}

/// The images of a Dockerfile of which all can be told.
fn certain(text: &str, target: Option<&str>, arguments: &[(&str, &str)]) -> Vec<String> {
    let found = of(text, target, arguments);
    assert_eq!(found.uncertainties, [], "{text}");
    references(&found).into_iter().map(str::to_owned).collect()
}

#[test]
fn finds_the_images() {
    for (text, expected) in [
        ("FROM alpine", &["alpine"][..]),
        ("\u{feff}from alpine:3.20 as x", &["alpine:3.20"]),
        ("FROM scratch\nCOPY . /", &[]),
        ("# FROM no\n\n  FROM yes\r\n", &["yes"]),
        (
            "FROM --platform=$BUILDPLATFORM golang AS b\nFROM b",
            &["golang"],
        ),
        ("FROM a AS Base\nFROM BASE", &["a"]),
        ("FROM alpine AS alpine\nFROM alpine", &["alpine"]),
        ("FROM a AS x\nFROM b\nCOPY --from=x /f /", &["a", "b"]),
        ("FROM a\nFROM b\nCOPY --link --from=0 /f /", &["a", "b"]),
        ("FROM a\nCOPY --chown=1:2 --from=b:1 /f /", &["a", "b:1"]),
        (
            "FROM a\nRUN --mount=type=bind,from=b,target=/b \\\n  --mount=type=cache,target=/c,from=c true",
            &["a", "b", "c"],
        ),
        ("FROM a\nRUN echo --mount=from=b\nCOPY x --from=c", &["a"]),
        ("FROM a\nONBUILD COPY --from=b /f /", &["a", "b"]),
        ("FROM \\\n# comment\n\n  a \\  \n AS x", &["a"]),
        ("FROM a\nRUN x && \\", &["a"]),
        (
            "FROM a\nRUN echo \"<<EOF\" 'x <<EOF' a<<b $((1<<3)) <<<EOF\nCOPY --from=b / /",
            &["a", "b"],
        ),
        (
            "FROM a\nRUN <<EOF cat > /x\nFROM no\nEOF\nCOPY --from=b / /",
            &["a", "b"],
        ),
        (
            "FROM a\nRUN <<-\"E\" cat <<'F'\nFROM no\n\tE\nCOPY --from=no / /\nF\nCOPY --from=b / /",
            &["a", "b"],
        ),
        (
            "FROM a\nCOPY <<e <<f /x\n e\ne\n# x\\\nf\nCOPY --from=b / /",
            &["a", "b"],
        ),
        (
            "# syntax=docker/dockerfile:1.7@sha256:00\nFROM a",
            &["docker/dockerfile:1.7@sha256:00", "a"],
        ),
        (
            "#!/bin/sh\n#SYNTAX = mirror.test:5000/docker/dockerfile ignored\nFROM a",
            &["mirror.test:5000/docker/dockerfile", "a"],
        ),
        ("# a comment\n# syntax=docker/dockerfile:1\nFROM a", &["a"]),
        (
            "# escape=`\nFROM `\n a\nRUN dir c:\\\nCOPY --from=b / /",
            &["a", "b"],
        ),
        ("# escape=\\\nFROM a", &["a"]),
        ("FROM a\nADD x y.tar.gz /to/", &["a"]),
        ("FROM a\nADD [\"x y\", \"dir/${Z}\", \"$TO\"]", &["a"]),
    ] {
        assert_eq!(certain(text, None, &[]), expected, "{text}");
    }
}

#[test]
fn only_what_the_target_needs_unless_all_is_built() {
    let text = "FROM a AS one\nFROM b AS two\nFROM one AS three\nCOPY --from=d / /\nFROM e";
    for (target, needed, up_to) in [
        (Some("three"), &["a", "d"][..], &["a", "b", "d"][..]),
        (Some("TWO"), &["b"], &["a", "b"]),
        (Some("0"), &["a"], &["a"]),
        (None, &["e"], &["a", "b", "d", "e"]),
    ] {
        assert_eq!(certain(text, target, &[]), needed);
        let all = BaseImages::of_dockerfile(text, target, &[], StagesBuilt::UpToTarget);
        assert_eq!(references(&all), up_to);
    }
}

#[test]
fn variables_are_those_before_the_first_stage() {
    for (text, arguments, expected) in [
        ("ARG V=1\nFROM a:$V", &[][..], "a:1"),
        ("ARG V=1\nFROM a:${V}-x", &[("V", "2")][..], "a:2-x"),
        ("ARG V=1\nARG W=b:${V}\nFROM $W", &[], "b:1"),
        ("ARG V=\"1\" W='b'\nFROM $W:$V", &[], "b:1"),
        ("FROM a:${V:-3}", &[("V", "2")], "a:3"),
        ("ARG V\nFROM a:${V:-3}", &[("V", "2")], "a:2"),
        ("ARG V\nFROM a:${V:-3}", &[], "a:3"),
        ("ARG V=\nFROM a:x${V:-3}", &[], "a:x3"),
        ("ARG V=\nFROM a:x${V-3}", &[], "a:x"),
        ("ARG V=1\nFROM a${V:+:slim}", &[], "a:slim"),
        ("ARG V=\nFROM a${V:+:slim}", &[], "a"),
        ("ARG V=\nFROM a${V+:slim}", &[], "a:slim"),
        ("FROM a:$TARGETARCH", &[("TARGETARCH", "arm64")], "a:arm64"),
        ("FROM scratch AS x\nARG V=1\nFROM a:x$V", &[], "a:x"),
    ] {
        assert_eq!(certain(text, None, arguments), [expected], "{text}");
    }
}

#[test]
fn says_where_it_cannot_be_told() {
    for (text, expected) in [
        ("", "line 1: there is no stage \"to build\""),
        (
            "RUN x\nFROM a",
            "line 1: RUN before the first FROM is not understood",
        ),
        ("FROM a b", "line 1: FROM a b is not understood"),
        (
            "FROM a:$TARGETARCH",
            "line 1: \"a:$TARGETARCH\" depends on a value",
        ),
        ("FROM a:${V#x}", "line 1: \"a:${V#x}\" depends on a value"),
        (
            "FROM a:${V:-$W}",
            "line 1: \"a:${V:-$W}\" depends on a value",
        ),
        ("FROM \"a\"", "line 1: \"\\\"a\\\"\" depends on a value"),
        (
            "ARG V=1\nARG V\nFROM a:$V",
            "line 3: \"a:$V\" depends on a value",
        ),
        ("FROM $V", "line 1: \"$V\" depends on a value"),
        (
            "FROM a\nARG V=b\nCOPY --from=$V / /",
            "line 3: \"$V\" depends on a value",
        ),
        (
            "FROM a\nRUN --mount=from=${V} x",
            "line 2: \"${V}\" depends on a value",
        ),
        (
            "FROM a\nRUN --mount=\"from=b\" x",
            "line 2: the flag --mount=\"from=b\" is not",
        ),
        (
            "FROM a\nCOPY --from=1 / /",
            "line 2: there is no stage \"1\"",
        ),
        (
            "FROM a AS x\nCOPY --from=y / /\nFROM b AS y\nCOPY --from=x / /",
            "line 2: \"y\" names a later stage",
        ),
        (
            "FROM a AS x\nFROM b AS X",
            "line 2: two stages are called \"x\"",
        ),
        (
            "FROM a\nADD https://x.test/f /",
            "line 2: ADD https://x.test/f takes",
        ),
        (
            "FROM a\nADD [\"git@x.test:r\", \"/\"]",
            "line 2: ADD \"git@x.test:r\" takes",
        ),
        ("FROM a\nADD ${X} /", "line 2: ADD ${X} takes"),
        ("FROM a\nADD ht${X}/f /", "line 2: ADD ht${X}/f takes"),
        ("FROM a\nONBUILD ADD git://x /", "line 2: ADD git://x takes"),
        (
            "# syntax=other/frontend\nFROM a",
            "line 1: the frontend other/frontend may read",
        ),
        (
            "# x=y\n# escape=`\nFROM a",
            "line 2: the directive escape is not understood",
        ),
        (
            "{\"syntax\": \"x\"}",
            "line 1: the file's beginning is not understood",
        ),
        (
            "FROM a\nRUN x\\\\\nFROM b",
            "line 2: a line that ends with two escape characters",
        ),
        (
            "FROM a\nRUN <<EOF\nFROM b",
            "line 2: the heredoc EOF without an end",
        ),
        (
            "FROM a\nRUN it's <<EOF\nEOF",
            "line 2: what follows << is not understood",
        ),
        (
            "FROM a\nRUN <<\"A B\"\nA B",
            "line 2: what follows << is not understood",
        ),
        (
            "FROM a\nRUN <<cmd\nFROM b\ncmd",
            "line 2: what follows << is not understood",
        ),
        (
            "FROM a\nINCLUDE b",
            "line 2: the instruction INCLUDE is not understood",
        ),
    ] {
        let found = of(text, None, &[]);
        let told: Vec<_> = found
            .uncertainties
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(
            told.iter().any(|line| line.starts_with(expected)),
            "{text}: {told:?}"
        );
    }
    assert_eq!(of("FROM a", Some("b"), &[]).uncertainties.len(), 1);
}

#[test]
fn an_argument_chooses_the_frontend() {
    let found = of(
        "# syntax=docker/dockerfile:1\nFROM a",
        None,
        &[("BUILDKIT_SYNTAX", "x/y:1")],
    );
    assert_eq!(references(&found), ["x/y:1", "docker/dockerfile:1", "a"]);
    let usages: Vec<_> = found
        .images
        .iter()
        .map(|image| (image.line, image.usage))
        .collect();
    assert_eq!(
        usages,
        [(0, Usage::Frontend), (1, Usage::Frontend), (2, Usage::Base)]
    );
    assert_eq!(found.uncertainties.len(), 1);
}

#[test]
fn a_hostile_text_is_no_work_without_end() {
    let doubling: String = (1..60)
        .map(|number| format!("ARG V{number}=${{V{0}}}$V{0}\n", number - 1))
        .collect();
    let text = format!("ARG V0=xxxxxxxxxx\n{doubling}FROM $V59\n");
    let told = of(&text, None, &[]).uncertainties;
    assert!(matches!(told[..], [Uncertain { line: 61, .. }]), "{told:?}");

    let stages: String = (0..2_000)
        .map(|number| format!("FROM a AS s{number}\n"))
        .collect();
    let found = of(&stages, None, &[]);
    assert_eq!(found.images.len(), 1);
    assert_eq!(
        found.uncertainties[0].to_string(),
        "line 1001: more than 1000 stages is not understood"
    );

    let nonsense = "X\n".repeat(100_000);
    assert_eq!(of(&nonsense, None, &[]).uncertainties.len(), 100);
}
