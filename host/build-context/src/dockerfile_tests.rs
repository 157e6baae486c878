use std::{fs, os::unix::fs::symlink, pin::pin};

use cap_std::ambient_authority;
use futures_util::StreamExt;

use super::*;

/// A workspace with these files, inside a folder that has a `secret` beside the workspace.
fn workspace(files: &[(&str, &str)]) -> (tempfile::TempDir, Dir) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("workspace")).unwrap();
    fs::write(folder.path().join("secret"), "FROM secret").unwrap();
    for (path, content) in files {
        let path = folder.path().join("workspace").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let workspace =
        Dir::open_ambient_dir(folder.path().join("workspace"), ambient_authority()).unwrap();
    (folder, workspace)
}

async fn sent(context: BuildContext) -> Vec<(String, String)> {
    let mut stream = pin!(context.into_archive().into_stream());
    let mut tar = Vec::new();
    while let Some(chunk) = stream.next().await {
        tar.extend_from_slice(&chunk.unwrap());
    }
    let mut archive = tar::Archive::new(tar.as_slice());
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        (path, content)
    });
    entries.collect()
}

fn names(sent: &[(String, String)]) -> Vec<&str> {
    sent.iter().map(|(path, _)| path.as_str()).collect()
}

#[test]
fn finds_the_dockerfile() {
    let (_folder, workspace) = workspace(&[
        ("Dockerfile", "FROM a"),
        ("app/Dockerfile", "FROM b"),
        ("app/docker/prod", "FROM c"),
        ("docker/prod", "FROM d"),
    ]);
    for (context, dockerfile, in_context, in_workspace, text) in [
        (".", None, "Dockerfile", "Dockerfile", "FROM a"),
        ("", None, "Dockerfile", "Dockerfile", "FROM a"),
        ("app", None, "Dockerfile", "app/Dockerfile", "FROM b"),
        ("./app/", None, "Dockerfile", "app/Dockerfile", "FROM b"),
        (
            "docker/../app",
            None,
            "Dockerfile",
            "app/Dockerfile",
            "FROM b",
        ),
        (
            ".",
            Some("app/Dockerfile"),
            "app/Dockerfile",
            "app/Dockerfile",
            "FROM b",
        ),
        (
            "app",
            Some("app/docker/prod"),
            "docker/prod",
            "app/docker/prod",
            "FROM c",
        ),
        (
            "app",
            Some("docker/prod"),
            RESERVED_NAME,
            "docker/prod",
            "FROM d",
        ),
        (
            "app",
            Some("Dockerfile"),
            RESERVED_NAME,
            "Dockerfile",
            "FROM a",
        ),
        ("docker", Some("prod"), "prod", "docker/prod", "FROM d"),
    ] {
        let context = BuildContext::open(&workspace, context, dockerfile).unwrap();
        let found = context.dockerfile();
        assert_eq!(found.path_in_context, in_context);
        assert_eq!(found.path_in_workspace, in_workspace);
        assert_eq!(found.text, text);
    }
}

#[test]
fn nothing_leads_out_of_the_workspace() {
    let (folder, workspace) = workspace(&[
        ("Dockerfile", "FROM a"),
        ("app/Dockerfile", "FROM b"),
        ("leak/x", ""),
    ]);
    let at = |path: &str| folder.path().join("workspace").join(path);
    symlink("..", at("up")).unwrap();
    symlink("/etc", at("etc")).unwrap();
    symlink("../secret", at("Leak")).unwrap();
    symlink("../../secret", at("leak/Dockerfile")).unwrap();
    symlink("../../secret", at("app/.dockerignore")).unwrap();
    let secret = folder.path().join("secret").to_str().unwrap().to_owned();
    for (context, dockerfile) in [
        ("..", None),
        ("/", None),
        ("/etc", None),
        ("app/../..", None),
        ("up", None),
        ("up/workspace", None),
        ("etc", None),
        ("leak", None),
        ("app", None),
        (".", Some("../secret")),
        (".", Some(secret.as_str())),
        (".", Some("app/../../secret")),
        (".", Some("Leak")),
        (".", Some("up/secret")),
        (".", Some("etc/passwd")),
    ] {
        match BuildContext::open(&workspace, context, dockerfile) {
            Err(ContextError::OutsideWorkspace { .. }) => {}
            Err(error) => panic!("{context} {dockerfile:?}: {error}"),
            Ok(_) => panic!("{context} {dockerfile:?} was opened"),
        }
    }
    for path in ["..", "/etc", "up", "etc"] {
        let opened = BuildContext::open_folder(&workspace, path);
        assert!(
            matches!(opened, Err(ContextError::OutsideWorkspace { .. })),
            "{path}"
        );
    }
    let file = BuildContext::open_folder(&workspace, "Dockerfile");
    assert!(matches!(file, Err(ContextError::NotADirectory { .. })));
    assert!(BuildContext::open_folder(&workspace, "app").is_ok());
}

#[test]
fn errors_say_what_is_wrong() {
    let (folder, workspace) = workspace(&[
        ("file", ""),
        ("bad/Dockerfile", "FROM a"),
        ("bad/.dockerignore", "a\n[b\n"),
        ("empty/x", ""),
    ]);
    let at = |path: &str| folder.path().join("workspace").join(path);
    fs::write(at("latin"), b"FROM a\n# \xe9\n").unwrap();
    fs::write(at("large"), vec![b'#'; 1024 * 1024 + 1]).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    for (context, dockerfile, message) in [
        (
            "none",
            None,
            "build context \"none\" does not exist in the workspace",
        ),
        ("file", None, "build context \"file\" is not a directory"),
        (
            "empty",
            None,
            "Dockerfile \"Dockerfile\" does not exist in the workspace",
        ),
        (
            ".",
            Some("none"),
            "Dockerfile \"none\" does not exist in the workspace",
        ),
        (".", Some("bad"), "Dockerfile \"bad\" is not a regular file"),
        (
            ".",
            Some("pipe"),
            "Dockerfile \"pipe\" is not a regular file",
        ),
        (
            ".",
            Some("latin"),
            "Dockerfile \"latin\", line 2: the text is not UTF-8",
        ),
        (
            ".",
            Some("large"),
            "Dockerfile \"large\" is larger than 1048576 bytes",
        ),
        (
            "bad",
            None,
            "bad/.dockerignore, line 2: invalid pattern \"[b\": a '[' has no ']'",
        ),
    ] {
        let Err(error) = BuildContext::open(&workspace, context, dockerfile) else {
            panic!("{context} {dockerfile:?}")
        };
        assert_eq!(error.to_string(), message);
    }
    assert!(BuildContext::open(&workspace, "a\0b", None).is_err());
}

#[tokio::test]
async fn sends_the_dockerfile_and_the_ignore_file_even_if_ignored() {
    let (_folder, workspace) = workspace(&[
        ("docker/Dockerfile", "FROM a"),
        ("docker/other", ""),
        (".dockerignore", "*\n"),
        ("x", ""),
    ]);
    let context = BuildContext::open(&workspace, ".", Some("docker/Dockerfile")).unwrap();
    assert_eq!(
        names(&sent(context).await),
        [".dockerignore", "docker/", "docker/Dockerfile"]
    );
}

#[tokio::test]
async fn the_dockerfiles_own_ignore_file_goes_first() {
    let (_folder, workspace) = workspace(&[
        ("Dockerfile", "FROM a"),
        ("Dockerfile.dockerignore", "x"),
        (".dockerignore", "y"),
        ("x", ""),
        ("y", ""),
    ]);
    let context = BuildContext::open(&workspace, ".", None).unwrap();
    assert_eq!(
        names(&sent(context).await),
        [
            ".dockerignore",
            "Dockerfile",
            "Dockerfile.dockerignore",
            "y"
        ]
    );
}

#[tokio::test]
async fn a_dockerfile_from_outside_is_hidden_in_the_context() {
    let files = [
        ("Dockerfile", "FROM a"),
        ("app/x", ""),
        ("app/y", ""),
        ("other/.dockerignore", "y"),
        ("other/y", ""),
    ];
    let (folder, workspace) = workspace(&files);
    let context = BuildContext::open(&workspace, "app", Some("Dockerfile")).unwrap();
    let ignored = format!(".dockerignore\n{RESERVED_NAME}\n");
    let all = sent(context).await;
    assert_eq!(names(&all), [RESERVED_NAME, ".dockerignore", "x", "y"]);
    assert!(all.contains(&(RESERVED_NAME.to_owned(), "FROM a".to_owned())));
    assert!(all.contains(&(".dockerignore".to_owned(), ignored)));

    let context = BuildContext::open(&workspace, "other", Some("Dockerfile")).unwrap();
    let all = sent(context).await;
    assert_eq!(names(&all).len(), 2);
    assert!(all.contains(&(".dockerignore".to_owned(), format!("y\n{RESERVED_NAME}\n"))));

    // A link in the context to a Dockerfile outside of it would dangle in the engine.
    symlink(
        "../Dockerfile",
        folder.path().join("workspace/app/Dockerfile"),
    )
    .unwrap();
    let context = BuildContext::open(&workspace, "app", None).unwrap();
    assert_eq!(context.dockerfile().path_in_context, RESERVED_NAME);
}
