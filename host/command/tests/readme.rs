//! Runs the commands that the documentation shows.
//!
//! A block that begins with ```` ```console ```` and has the line `<!-- run -->` before it is run:
//! each of its lines `$ stepyard …`, in a folder that holds the files of the blocks above it in
//! the same page (those whose first line is `# file: NAME`, or `// file: NAME`). What the block shows below a command
//! is what it must print; a line `...` stands for any lines, and `…` within one for any text.
//! `<!-- run N -->` expects the exit code N.
//!
//! Of other commands such a block may have three, which go with `stepyard local-ecr … > FILE &`:
//! `. ./FILE`, and `aws ecr create-repository --repository-name NAME`, whose request the test makes
//! itself. The server listens on a free port, for which the pages write the default one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed assumption fails the test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The blocks to be run that the pages had when they were counted last: a block whose mark is
/// misspelt must not go unnoticed.
const FEWEST_BLOCKS: usize = 6;
/// Where `stepyard local-ecr` listens in the pages.
const DEFAULT_ADDRESS: &str = "127.0.0.1:5100";

/// A fenced block, and the line before it.
struct Block<'a> {
    line: usize,
    mark: &'a str,
    language: &'a str,
    lines: Vec<&'a str>,
}

impl Block<'_> {
    /// The exit code that the block's commands must have, where it is to be run.
    fn expected_code(&self) -> Option<i32> {
        let mark = self.mark.strip_prefix("<!-- run")?.strip_suffix("-->")?;
        match mark.trim() {
            "" => Some(0),
            code => Some(code.parse().unwrap()),
        }
    }
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    let mut before = "";
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.lines.push(line),
            (None, Some(language)) => {
                open = Some(Block {
                    line: index + 1,
                    mark: before,
                    language,
                    lines: Vec::new(),
                });
            }
            (None, None) => {}
        }
        before = line;
    }
    blocks
}

/// The commands of a console block, each with the lines that it must print.
fn commands<'a>(block: &Block<'a>) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut commands: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in &block.lines {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command, Vec::new())),
            (None, Some((_, output))) => output.push(line),
            (None, None) => {}
        }
    }
    commands
}

/// Whether `found` is `expected`, in which a line `...` stands for any lines.
fn matches(expected: &[&str], found: &[&str]) -> bool {
    match (expected.split_first(), found.split_first()) {
        (None, None) => true,
        (Some((&"...", rest)), _) => {
            (0..=found.len()).any(|skipped| matches(rest, found.get(skipped..).unwrap_or_default()))
        }
        (Some((line, rest)), Some((found_line, found_rest))) => {
            matches_line(line, found_line) && matches(rest, found_rest)
        }
        _ => false,
    }
}

/// Whether `found` is `expected`, in which `…` stands for any text.
fn matches_line(expected: &str, found: &str) -> bool {
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = found.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

/// Where the commands of a page run.
struct Shell {
    folder: tempfile::TempDir,
    /// Where a `stepyard local-ecr` of the page listens.
    address: String,
    environment: BTreeMap<String, String>,
    servers: Vec<Child>,
}

impl Drop for Shell {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

impl Shell {
    fn new() -> Self {
        // Free again once the listener is dropped.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            address: listener.local_addr().unwrap().to_string(),
            environment: BTreeMap::new(),
            servers: Vec::new(),
        }
    }

    fn write(&self, name: &str, text: &str) {
        let text = text.replace(DEFAULT_ADDRESS, &self.address);
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn stepyard(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stepyard"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .envs(&self.environment);
        command
    }

    /// Runs a command and returns its exit code and what it prints: the output, then the errors.
    /// Nothing where it is one of those that go with a server.
    fn run(&mut self, command: &str) -> Option<(Option<i32>, String)> {
        if let Some(file) = command.strip_prefix(". ./") {
            let text = fs::read_to_string(self.folder.path().join(file)).unwrap();
            let exports = text.lines().filter_map(|line| {
                let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
                Some((name.to_owned(), value.to_owned()))
            });
            self.environment.extend(exports);
            return None;
        }
        if let Some(name) = command.strip_prefix("aws ecr create-repository --repository-name ") {
            self.create_repository(name);
            return None;
        }
        let arguments = command.strip_prefix("stepyard ");
        let arguments = arguments.unwrap_or_else(|| panic!("{command} cannot be run"));
        if let Some(server) = arguments.strip_suffix(" &") {
            let (arguments, file) = server.split_once(" > ").unwrap();
            self.serve(arguments, file);
            return None;
        }
        let output = self.stepyard(arguments).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        Some((
            output.status.code(),
            text.replace(&self.address, DEFAULT_ADDRESS),
        ))
    }

    /// Starts a server, and waits until it has printed where it listens.
    fn serve(&mut self, arguments: &str, file: &str) {
        let mut server = self
            .stepyard(arguments)
            .args(["--listen", &self.address])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let mut text = String::new();
        while !text.contains("AWS_DEFAULT_REGION=") {
            text.push_str(&lines.next().unwrap().unwrap());
            text.push('\n');
        }
        self.write(file, &text);
        self.servers.push(server);
    }

    fn create_repository(&self, name: &str) {
        let body = format!("{{\"repositoryName\":\"{name}\"}}");
        let request = format!(
            "POST / HTTP/1.0\r\nHost: {}\r\nContent-Length: {}\r\n\
             Content-Type: application/x-amz-json-1.1\r\n\
             X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.CreateRepository\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=page/20260101/us-east-1/ecr/aws4_request, \
             SignedHeaders=host, Signature=0\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 "), "{answer}");
    }
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md")];
    for folder in ["docs", "docs/steps"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

#[test]
fn commands_print_what_the_pages_show() {
    let mut count = 0;
    let mut faults = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let mut shell = Shell::new();
        for block in blocks(&text) {
            if let Some((first, lines)) = block.lines.split_first()
                && let Some(name) = ["# file: ", "// file: "]
                    .iter()
                    .find_map(|mark| first.strip_prefix(mark))
            {
                shell.write(name, &(lines.join("\n") + "\n"));
            }
            let Some(code) = block.expected_code() else {
                continue;
            };
            assert_eq!(
                block.language,
                "console",
                "{}:{}",
                page.display(),
                block.line
            );
            count += 1;
            for (command, expected) in commands(&block) {
                let Some((found_code, found)) = shell.run(command) else {
                    continue;
                };
                let found_lines: Vec<&str> = found.lines().collect();
                let as_shown = expected.is_empty() || matches(&expected, &found_lines);
                if found_code != Some(code) || !as_shown {
                    faults.push(format!(
                        "{}:{}: {command}\nended with {found_code:?} and printed:\n{found}",
                        page.display(),
                        block.line
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count >= FEWEST_BLOCKS, "only {count} blocks are run");
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for rest in text.split("](").skip(1) {
            let target = rest.split(')').next().unwrap_or_default();
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") && !page.with_file_name(file).exists() {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links: {broken:#?}");
}
