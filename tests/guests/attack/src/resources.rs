//! Using up the machine.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::stepyard::step::build::Request;
use crate::stepyard::step::{auth, log};
use crate::{Got, Settings};

pub(crate) fn attack(name: &str, settings: &Settings) -> Option<Got> {
    let times = settings.number("times");
    Some(match name {
        "compute" => {
            let begin = Instant::now();
            let most = Duration::from_millis(settings.number("milliseconds"));
            let mut rounds = 0_u64;
            while begin.elapsed() < most {
                for round in 0..10_000 {
                    rounds = black_box(rounds.wrapping_add(round));
                }
            }
            Ok("computed".to_owned())
        }
        "recurse" => Ok(recurse(times).to_string()),
        "allocate" => {
            let bytes = usize::try_from(times).unwrap_or(usize::MAX);
            let held = black_box(vec![1_u8; bytes]);
            Ok(format!("{} bytes", held.len()))
        }
        "hold-handles" => {
            let mut held = Vec::new();
            for _ in 0..times {
                held.push(Request::new());
            }
            Ok(format!("{} handles", held.len()))
        }
        "call" => {
            for _ in 0..times {
                if let Err(error) = auth::anonymous(settings.text("registry")) {
                    return Some(Err(error));
                }
            }
            Ok("called".to_owned())
        }
        "log-lines" => {
            for line in 0..times {
                log::write(log::Level::Info, &format!("line {line}"));
            }
            Ok("logged".to_owned())
        }
        "begin-phases" => {
            for phase in 0..times {
                log::begin_phase(&format!("phase {phase}"));
            }
            Ok("begun".to_owned())
        }
        "log-debug-lines" => {
            for _ in 0..times {
                log::write(log::Level::Debug, "");
            }
            Ok("logged".to_owned())
        }
        "print-lines" => {
            for line in 0..times {
                println!("line {line}");
            }
            Ok("printed".to_owned())
        }
        "note" => {
            let request = Request::new();
            let text = settings.text("text").repeat(1_000);
            for number in 0..times {
                request.add_label(&format!("label{number}"), &text);
            }
            Ok("noted".to_owned())
        }
        "open-files" => {
            let mut held = Vec::new();
            for _ in 0..times {
                match std::fs::File::open(settings.text("path")) {
                    Ok(file) => held.push(file),
                    Err(error) => return Some(Err(crate::failed(error))),
                }
            }
            Ok(format!("{} files", held.len()))
        }
        "wait" => {
            std::thread::sleep(Duration::from_millis(settings.number("milliseconds")));
            Ok("waited".to_owned())
        }
        "panic" => panic!("{}", settings.text("text")),
        "abort" => std::process::abort(),
        "exit" => std::process::exit(0),
        _ => return None,
    })
}

/// Needs stack for each call, whatever the compiler makes of it.
fn recurse(times: u64) -> u64 {
    let page = black_box([times; 64]);
    if times == 0 {
        return page[0];
    }
    recurse(times - 1).wrapping_add(black_box(page)[63])
}
