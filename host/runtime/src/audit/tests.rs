use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::*;
use crate::capability::{CapabilityError, ErrorKind};
use crate::event::{NoEvents, Reporter, StepStatus};
use crate::policy::{Access, Action, Decided, Decision, PolicyMode, Resource};
use crate::secret::Mask;
use crate::testing::principal;

fn reporter() -> Reporter {
    Reporter::new(Arc::new(NoEvents), "step")
}

fn open(path: &Path) -> AuditFile {
    AuditFile::open(path, AuditSync::Run).unwrap()
}

fn decided(secret: &str) -> Vec<Decided> {
    vec![Decided {
        access: Access::new(Action::UseSecret, Resource::Secret(secret.to_owned())),
        decision: Decision::permit("test"),
    }]
}

/// One run of two calls, the second of which fails. Gives the head that it prints.
fn one_run(sink: Arc<dyn AuditSink>, name: &str) -> AuditHead {
    let run = RunAudit::new(sink, reporter());
    run.begin(&principal(), PolicyMode::Enforce, None).unwrap();
    let intent = run.intent(1, &decided(name), AuditDecision::Permitted);
    intent.unwrap().returned(&Ok(()));
    let intent = run.intent(2, &decided(name), AuditDecision::Permitted);
    let failure = CapabilityError::unavailable("the registry is away");
    intent.unwrap().returned::<()>(&Err(failure));
    run.end(StepStatus::Failed, 0).unwrap().unwrap()
}

/// A log of two runs, and the heads that they printed.
fn log(folder: &TempDir) -> (PathBuf, Vec<AuditHead>) {
    let path = folder.path().join("audit.jsonl");
    let file = Arc::new(open(&path));
    let heads = vec![one_run(file.clone(), "first"), one_run(file, "second")];
    (path, heads)
}

fn verified(path: &Path, heads: &[AuditHead]) -> Result<AuditReport, AuditFault> {
    verify(path, heads, |_| {}).unwrap()
}

#[test]
fn a_log_as_it_was_written_holds() {
    let folder = TempDir::new().unwrap();
    let (path, heads) = log(&folder);
    let report = verified(&path, &heads).unwrap();
    assert_eq!(report.head.as_ref(), heads.last());
    assert_eq!(heads[1].sequence, 12);
    let mut lines = Vec::new();
    verify(&path, &[], |line| lines.push(line.clone()))
        .unwrap()
        .unwrap();
    let kinds: Vec<&str> = lines.iter().map(|line| line.text("record")).collect();
    let of_a_run = [
        "run-started",
        "intent",
        "outcome",
        "intent",
        "outcome",
        "run-finished",
    ];
    assert_eq!(kinds, [of_a_run, of_a_run].concat());
    assert_eq!(lines[1].text("component"), "sha256:0");
    assert_eq!(lines[4].text("result"), "failed");
    assert_eq!(lines[4].text("kind"), "unavailable");
    assert_ne!(lines[0].text("run"), lines[6].text("run"));
}

/// Something that is done to the lines of a log.
type Tampering = fn(&mut Vec<String>);

/// What is done, how, and what verification says without and with the printed heads.
const TAMPERINGS: &[(&str, Tampering, Option<&str>, &str)] = &[
    (
        "a word is changed",
        |lines| lines[7] = lines[7].replace("use-secret", "use-nothing"),
        Some("line 8: its bytes do not have the hash that it names: it was changed"),
        "line 8: its bytes do not have the hash that it names: it was changed",
    ),
    (
        "a line is left out",
        |lines| drop(lines.remove(3)),
        Some("line 4: record 5 follows record 3"),
        "line 4: record 5 follows record 3",
    ),
    (
        "two lines change places",
        |lines| lines.swap(3, 4),
        Some("line 4: record 5 follows record 3"),
        "line 4: record 5 follows record 3",
    ),
    (
        "a line is repeated",
        |lines| lines.insert(3, lines[2].clone()),
        Some("line 4: record 3 follows record 3"),
        "line 4: record 3 follows record 3",
    ),
    (
        "a line is put in",
        |lines| lines.insert(3, "{}".to_owned()),
        Some("line 4: it does not end with its hash"),
        "line 4: it does not end with its hash",
    ),
    (
        "the first line is cut off",
        |lines| drop(lines.remove(0)),
        Some("line 1: record 2 follows record 0"),
        "line 1: record 2 follows record 0",
    ),
    (
        "the last line is cut off",
        |lines| drop(lines.pop()),
        None,
        "the log ends with record 11: its end was cut off",
    ),
    (
        "the last run is cut off",
        |lines| lines.truncate(6),
        None,
        "the log ends with record 6: its end was cut off",
    ),
    (
        "all is cut off",
        Vec::clear,
        None,
        "line 1: a run printed the head 6:",
    ),
    (
        "a line gets a fitting hash, and those behind it do not",
        |lines| lines[7] = rehashed(&lines[7].replace("use-secret", "use-nothing"), None),
        Some("line 9: it does not follow the line before: that one was replaced"),
        "line 9: it does not follow the line before: that one was replaced",
    ),
    (
        "a line is changed and all hashes behind it are made anew",
        |lines| {
            lines[7] = rehashed(&lines[7].replace("use-secret", "use-nothing"), None);
            for line in 8..lines.len() {
                lines[line] = rehashed(&lines[line], Some(&lines[line - 1]));
            }
        },
        None,
        "line 12: a run printed the head 12:",
    ),
];

/// The line with the hash that its bytes have, behind another line.
fn rehashed(line: &str, previous: Option<&str>) -> String {
    const FIELD: usize = "\"hash\":\"".len() + 64 + "\"}".len();
    let mut content = line[..line.len() - FIELD - 1].to_owned();
    if let Some(previous) = previous {
        let hash = &previous[previous.len() - 66..previous.len() - 2];
        let at = content.find("\"previous\":\"").unwrap() + "\"previous\":\"".len();
        content.replace_range(at..at + 64, hash);
    }
    let hash = chain::hash(content.as_bytes());
    format!("{content},\"hash\":\"{hash}\"}}")
}

#[test]
fn what_was_done_to_a_log_shows() {
    for (what, tampering, without_heads, with_heads) in TAMPERINGS {
        let folder = TempDir::new().unwrap();
        let (path, heads) = log(&folder);
        let text = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        tampering(&mut lines);
        lines.push(String::new());
        fs::write(&path, lines.join("\n")).unwrap();
        match (verified(&path, &[]), without_heads) {
            (Ok(_), None) => {}
            (Err(fault), Some(expected)) => {
                let fault = fault.to_string();
                assert!(fault.starts_with(expected), "{what}: {fault}");
            }
            (result, _) => panic!("{what}: {result:?}"),
        }
        let fault = verified(&path, &heads).unwrap_err().to_string();
        assert!(fault.contains(with_heads), "{what}: {fault}");
    }
}

#[test]
fn a_line_that_a_crash_has_torn_is_named_by_the_next() {
    let folder = TempDir::new().unwrap();
    let (path, heads) = log(&folder);
    let text = fs::read_to_string(&path).unwrap();
    let torn = text.len() - 40;
    fs::write(&path, &text[..torn]).unwrap();
    // Nobody has said so yet.
    let fault = verified(&path, &[]).unwrap_err();
    assert_eq!(fault.line, 12);
    let next = one_run(Arc::new(open(&path)), "third");
    let report = verified(&path, &[heads[0].clone(), next.clone()]).unwrap();
    assert_eq!(report.torn, [12]);
    assert_eq!(report.head, Some(next));
    // It is no way to take a record away that a run has named.
    assert!(verified(&path, &heads).is_err());
}

#[test]
fn runs_of_several_processes_make_one_chain() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("audit.jsonl");
    let heads: Mutex<Vec<AuditHead>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // Each opens the file anew, as another process does.
                for number in 0..10 {
                    let head = one_run(Arc::new(open(&path)), &format!("run {number}"));
                    heads.lock().unwrap().push(head);
                }
            });
        }
    });
    let heads = heads.into_inner().unwrap();
    let report = verified(&path, &heads).unwrap();
    assert_eq!(report.head.unwrap().sequence, 4 * 10 * 6);
}

#[test]
fn a_file_that_is_not_the_operators_own_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = TempDir::new().unwrap();
    let (path, _) = log(&folder);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o622)).unwrap();
    let link = folder.path().join("link.jsonl");
    std::os::unix::fs::symlink("/dev/null", &link).unwrap();
    let missing = folder.path().join("missing/audit.jsonl");
    for (path, expected) in [
        (path.as_path(), "closed to others' writing"),
        (&link, "symbolic link"),
        (&missing, "No such file"),
        (Path::new("/dev/full"), "it is no regular file"),
        (folder.path(), "directory"),
    ] {
        let error = AuditFile::open(path, AuditSync::Run).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
}

#[test]
fn a_file_is_made_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = TempDir::new().unwrap();
    let (path, _) = log(&folder);
    let mode = fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_cannot_be_continued_is_not() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("audit.jsonl");
    fs::write(&path, "these are notes\n").unwrap();
    let run = RunAudit::new(Arc::new(open(&path)), reporter());
    let begun = run.begin(&principal(), PolicyMode::Enforce, None);
    let error = begun.unwrap_err().to_string();
    assert!(
        error.contains("its last line cannot be continued"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "these are notes\n");
}

/// Keeps the records as JSON, as an embedder may.
#[derive(Default)]
struct Kept(Mutex<Vec<serde_json::Value>>);

impl AuditSink for Kept {
    fn record(&self, entry: &AuditEntry<'_>) -> Result<(), AuditError> {
        let record = serde_json::to_value(entry).unwrap();
        self.0.lock().unwrap().push(record);
        Ok(())
    }

    fn end_of_run(&self) -> Result<Option<AuditHead>, AuditError> {
        Ok(None)
    }
}

#[test]
fn secrets_are_masked_and_long_messages_cut() {
    let mask = Mask::default();
    mask.note("hunter2-hunter2");
    let kept = Arc::new(Kept::default());
    let run = RunAudit::new(kept.clone(), reporter().masking(mask));
    run.begin(&principal(), PolicyMode::Enforce, None).unwrap();
    let intent = run.intent(1, &decided("hunter2-hunter2"), AuditDecision::Denied);
    let long = CapabilityError::new(ErrorKind::Unavailable, "ä".repeat(5_000));
    intent.unwrap().returned::<()>(&Err(long));
    let records = kept.0.lock().unwrap();
    assert_eq!(records[1]["accesses"][0]["resource"], "secret ***");
    let message = records[2]["message"].as_str().unwrap();
    assert_eq!(message.len(), 2_000);
}

#[test]
fn a_call_that_is_given_up_has_an_outcome() {
    let kept = Arc::new(Kept::default());
    let run = RunAudit::new(kept.clone(), reporter());
    drop(run.intent(1, &decided("npm"), AuditDecision::Permitted));
    assert_eq!(kept.0.lock().unwrap()[1]["result"], "interrupted");
}

#[test]
fn no_outcome_waits_longer_than_the_file_is_open() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("audit.jsonl");
    let records = || fs::read_to_string(&path).unwrap().lines().count();
    let run = RunAudit::new(Arc::new(open(&path)), reporter());
    let begin = |call| run.intent(call, &decided("npm"), AuditDecision::Permitted);
    let long = begin(1).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(5));
    long.returned(&Ok(()));
    assert_eq!(records(), 2, "a call that took long is recorded at once");
    begin(2).unwrap().returned(&Ok(()));
    assert!(records() >= 3);
    begin(3).unwrap().returned(&Ok(()));
    assert!(records() >= 5, "what waited comes with the next record");
    drop(run);
    assert_eq!(records(), 6);
    verified(&path, &[]).unwrap();
}
