//! What other runs of the same component, at the same time or before, have left: variables, memory,
//! files of the scratch folder, handles.

use std::fs;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::calls::login;
use crate::stepyard::step::log;
use crate::{Got, Settings, failed};

/// A variable of the component.
static REMEMBERED: AtomicBool = AtomicBool::new(false);

/// How many bytes of memory are filled and searched.
const BYTES: usize = 32 << 20;

/// What memory is filled with.
const FILLING: u64 = 0x5eed_5eed_5eed_5eed;

pub(crate) fn attack(name: &str, settings: &Settings) -> Option<Got> {
    let path = settings.text("path");
    Some(match name {
        "hold" => hold(settings),
        "recall" => recall(),
        "remember-and-recall" => {
            REMEMBERED.store(true, Ordering::Relaxed);
            recall()
        }
        "fill-memory" => {
            fill_memory();
            Ok("filled".to_owned())
        }
        "search-memory" => search_memory(),
        "fill-and-search-memory" => {
            fill_memory();
            search_memory()
        }
        "write-and-read-file" => fs::write(path, "held")
            .and_then(|()| fs::read_to_string(path))
            .map_err(failed),
        _ => return None,
    })
}

/// Has everything that another run might want, and goes on.
fn hold(settings: &Settings) -> Got {
    REMEMBERED.store(true, Ordering::Relaxed);
    fs::write(settings.text("path"), "held").map_err(failed)?;
    let credential = login(settings)?;
    log::write(log::Level::Info, "holding");
    std::thread::sleep(Duration::from_secs(600));
    drop(credential);
    Ok("held".to_owned())
}

fn recall() -> Got {
    match REMEMBERED.load(Ordering::Relaxed) {
        true => Ok("remembered".to_owned()),
        false => Err(failed("nothing is remembered")),
    }
}

fn fill_memory() {
    black_box(vec![black_box(FILLING); BYTES / 8]);
}

/// Looks through memory that nobody in this run has written to, unless it was filled.
fn search_memory() -> Got {
    let mut memory: Vec<u64> = Vec::with_capacity(BYTES / 8);
    // SAFETY: any bits are a `u64`; what this memory holds is what is tried here.
    #[expect(clippy::uninit_vec, reason = "as said")]
    unsafe {
        memory.set_len(BYTES / 8);
    }
    let memory = black_box(memory);
    match memory.iter().any(|word| *word == black_box(FILLING)) {
        true => Ok("found".to_owned()),
        false => Err(failed("nothing is found")),
    }
}
