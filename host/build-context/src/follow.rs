//! Where the symbolic links on a path lead.

use std::collections::BTreeSet;

use cap_std::fs::Dir;

use crate::{ContextError, ignore::clean, pattern::Pattern};

/// The paths that must be kept so that each of `paths` can be resolved: itself and, for each symbolic
/// link on the way, the link and where it leads, as if `root` were `/`. A `*`, `?` or `[` in a path
/// stands for the links that match. The result holds patterns for [`IncludeRules`]; it is empty where
/// the root itself is among them, which means all.
///
/// Follows `FollowLinks` of `github.com/tonistiigi/fsutil`.
///
/// [`IncludeRules`]: crate::IncludeRules
///
/// # Errors
/// If a directory or a link on the way cannot be read; what does not exist is no error.
pub fn follow_links<'path>(
    root: &Dir,
    paths: impl IntoIterator<Item = &'path str>,
) -> Result<Vec<String>, ContextError> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<String> = paths.into_iter().map(rooted).collect();
    while let Some(path) = waiting.pop() {
        follow(root, &path, &mut found, &mut waiting)?;
    }
    if found.contains("") {
        return Ok(Vec::new());
    }
    let mut kept: Vec<String> = Vec::new();
    for path in found {
        // What lies in a kept directory is kept with it.
        let within_last = kept
            .last()
            .and_then(|last| path.strip_prefix(last.as_str()))
            .is_some_and(|rest| rest.starts_with('/'));
        if !within_last {
            kept.push(path);
        }
    }
    Ok(kept)
}

/// Goes along one path until its end or the first link, whose targets then wait.
fn follow(
    root: &Dir,
    path: &str,
    found: &mut BTreeSet<String>,
    waiting: &mut Vec<String>,
) -> Result<(), ContextError> {
    let ends = path.match_indices('/').map(|(end, _)| end);
    for end in ends.chain([path.len()]) {
        let (walked, rest) = path.split_at_checked(end).unwrap_or((path, ""));
        let targets = targets(root, walked)?;
        if targets.is_empty() && !rest.is_empty() {
            continue;
        }
        // A link that was met before leads nowhere new.
        if found.insert(walked.to_owned()) {
            waiting.extend(
                targets
                    .iter()
                    .map(|target| rooted(&format!("{target}{rest}"))),
            );
        }
        break;
    }
    Ok(())
}

/// Where the links that the path names lead, from the root on.
fn targets(root: &Dir, path: &str) -> Result<Vec<String>, ContextError> {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let in_directory = |name: &str| match directory {
        "" => name.to_owned(),
        _ => format!("{directory}/{name}"),
    };
    let failed = |source| ContextError::on_entry("read", path, source);
    if !has_wildcards(name) {
        let target = link_target(root, path)?;
        return Ok(target.into_iter().collect());
    }
    // Within one name `**` means no more than `*`.
    let mut single = name.to_owned();
    while single.contains("**") {
        single = single.replace("**", "*");
    }
    let Ok(pattern) = Pattern::compile(&single) else {
        return Ok(Vec::new());
    };
    let entries = match root.read_dir(if directory.is_empty() { "." } else { directory }) {
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut targets = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let Some(name) = name.to_str().filter(|name| pattern.matches(name)) else {
            continue;
        };
        targets.extend(link_target(root, &in_directory(&literal(name)))?);
    }
    Ok(targets)
}

/// Where a link leads, from the root on; `None` for all else.
fn link_target(root: &Dir, path: &str) -> Result<Option<String>, ContextError> {
    if path.is_empty() {
        return Ok(None);
    }
    let target = match root.read_link_contents(unescape(path)) {
        Ok(target) => target,
        // It is something else than a link.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => return Ok(None),
        Err(error) if is_missing(&error) => return Ok(None),
        Err(source) => return Err(ContextError::on_entry("read", path, source)),
    };
    match target.into_os_string().into_string() {
        Ok(target) if target.starts_with('/') => Ok(Some(literal(&target))),
        Ok(target) => {
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            Ok(Some(format!("{directory}/{}", literal(&target))))
        }
        Err(_) => Err(ContextError::NameNotText {
            what: "the link's target",
            path: path.to_owned(),
        }),
    }
}

fn is_missing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename
    )
}

/// The path without `.`, `..` and doubled `/`, relative to the root, above which nothing is.
fn rooted(path: &str) -> String {
    clean(&format!("/{path}"))
        .trim_start_matches('/')
        .to_owned()
}

/// The pattern that matches this very text.
pub fn literal(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '*' | '?' | '[' | '!') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// The text that a pattern without wildcards matches.
fn unescape(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        text.extend(match character {
            '\\' => characters.next(),
            _ => Some(character),
        });
    }
    text
}

/// Whether a name holds an unescaped wildcard.
fn has_wildcards(name: &str) -> bool {
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                characters.next();
            }
            '*' | '?' | '[' => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix};

    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn finds_what_a_path_needs() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("dir/sub")).unwrap();
        fs::write(at("dir/sub/file"), "").unwrap();
        for (link, target) in [
            ("to-file", "dir/sub/file"),
            ("to-dir", "dir"),
            ("absolute", "/dir/sub"),
            ("dir/up", "../to-file"),
            ("out", "../../etc/passwd"),
            ("self", "self"),
            ("ping", "pong"),
            ("pong", "ping/x"),
            ("root", "."),
            ("odd", "a[b"),
            ("chain", "to-dir/up"),
        ] {
            unix::fs::symlink(target, at(link)).unwrap();
        }
        let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        for (paths, expected) in [
            (&["missing"][..], &["missing"][..]),
            (&["missing/x/y"], &["missing/x/y"]),
            (&["dir/sub/file/x"], &["dir/sub/file/x"]),
            (&["dir/sub"], &["dir/sub"]),
            (&["/dir//./sub/"], &["dir/sub"]),
            (&["to-file"], &["dir/sub/file", "to-file"]),
            (&["to-dir/sub"], &["dir/sub", "to-dir"]),
            (&["absolute/file"], &["absolute", "dir/sub/file"]),
            (&["dir/up"], &["dir/sub/file", "dir/up", "to-file"]),
            (
                &["chain"],
                &["chain", "dir/sub/file", "dir/up", "to-dir", "to-file"],
            ),
            (&["out"], &["etc/passwd", "out"]),
            (&["self"], &["self"]),
            (&["ping"], &["ping", "pong"]),
            (&["to-*"], &["dir", "to-*"]),
            (
                &["t*/sub/f**e"],
                &["dir/sub/f**e", "dir/sub/file/sub/f**e", "t*"],
            ),
            (&["[x"], &["[x"]),
            (&["odd"], &["a\\[b", "odd"]),
            (&["dir", "dir/sub/file"], &["dir"]),
            (&["."], &[]),
            (&["dir", "root"], &[]),
            (&[], &[]),
        ] {
            let found = follow_links(&root, paths.iter().copied()).unwrap();
            assert_eq!(found, expected, "{paths:?}");
        }
    }
}
