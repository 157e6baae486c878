//! A guest that stopped, as one readable error.

use std::fmt::Write;
use std::time::Duration;

use wasmtime::component::ResourceTableError;
use wasmtime::{FrameInfo, PoolConcurrencyLimitError, Trap, WasmBacktrace};

use super::limits::{CountLimitReached, CpuLimitReached, Limits, MemoryLimitReached};

/// How many frames of a backtrace are shown.
const MOST_FRAMES: usize = 20;

/// Why a guest did not return.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum GuestFailure {
    /// It asked for more memory than it may have.
    #[error("the step needs more memory than its limit of {} MiB", .limit >> 20)]
    #[diagnostic(help(
        "raise `memory` under [limits] of stepyard.toml, or let the step hold less at once"
    ))]
    Memory {
        /// The limit, in bytes.
        limit: usize,
    },
    /// It computed for longer than it may.
    #[error("the step has computed for {limit:?}, which is its limit of CPU time")]
    #[diagnostic(help(
        "raise `cpu-time` under [limits] of stepyard.toml if the step is meant to compute for so long"
    ))]
    CpuTime {
        /// The limit.
        limit: Duration,
    },
    /// It has used up something that is counted.
    #[error("the step {what}: its limit is {limit}")]
    #[diagnostic(help(
        "raise `{key}` under [limits] of stepyard.toml, or let the step use less at once"
    ))]
    Count {
        /// What it does, for a person.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// What it is called in stepyard.toml.
        key: &'static str,
    },
    /// This process runs as many components as it can hold.
    #[error("the step cannot start: this process runs as many components as it can hold")]
    #[diagnostic(help("run fewer steps at once"))]
    Crowded,
    /// It stopped by a fault of its own.
    #[error("{message}")]
    #[diagnostic(help("{help}"))]
    Trapped {
        /// What happened, the end of its standard error and the Wasm backtrace.
        message: String,
        /// What to do.
        help: String,
    },
}

impl GuestFailure {
    /// Explains `error`. `printed` is the end of the guest's standard error, where a panic leaves
    /// its message.
    pub(crate) fn explain(error: &wasmtime::Error, printed: &str, limits: &Limits) -> Self {
        if let Some(reached) = error.downcast_ref::<MemoryLimitReached>() {
            return Self::Memory {
                limit: reached.limit,
            };
        }
        if let Some(reached) = error.downcast_ref::<CpuLimitReached>() {
            return Self::CpuTime {
                limit: reached.limit,
            };
        }
        if let Some(&CountLimitReached { what, limit, key }) = error.downcast_ref() {
            return Self::Count { what, limit, key };
        }
        if let Some(ResourceTableError::Full) = error.downcast_ref() {
            return Self::Count {
                what: "holds too many handles (credentials, requests, images, files …)",
                limit: limits.resources,
                key: "resources",
            };
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return Self::Crowded;
        }
        let mut message = headline(error, printed);
        if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
            write_backtrace(&mut message, backtrace);
        }
        Self::Trapped {
            message,
            help: "this is a fault of the step, not of its settings; report it to the step's \
                   author"
                .to_owned(),
        }
    }
}

fn headline(error: &wasmtime::Error, printed: &str) -> String {
    if let Some(panic) = panic_message(printed) {
        return format!("the step panicked: {panic}");
    }
    if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        return format!("the step ended itself with exit status {}", exit.0);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => "the step aborted".to_owned(),
        Some(Trap::StackOverflow) => {
            "the step called itself too deep: its stack is used up".to_owned()
        }
        Some(trap) => format!("the step stopped: {trap}"),
        None => format!("the step stopped: {}", error.root_cause()),
    }
}

/// The message of a Rust panic at the end of what was printed: its place and its text.
fn panic_message(printed: &str) -> Option<String> {
    let (_, panic) = printed.rsplit_once("thread '")?;
    let (_, panic) = panic.split_once("panicked at ")?;
    let panic = panic.split("\nnote: ").next().unwrap_or(panic);
    let (place, text) = panic.split_once(":\n").unwrap_or(("", panic));
    let text = crate::event::printable(text.trim());
    Some(if place.is_empty() {
        text
    } else {
        format!("{text} (at {})", crate::event::printable(place))
    })
}

fn write_backtrace(message: &mut String, backtrace: &WasmBacktrace) {
    let frames: Vec<String> = backtrace.frames().iter().map(shown).collect();
    let frames = without_panicking(&frames);
    // Writing to a string cannot fail.
    let _ = write!(message, "\nWasm backtrace:");
    for (index, frame) in frames.iter().take(MOST_FRAMES).enumerate() {
        let _ = write!(message, "\n  {index}: {frame}");
    }
    if frames.len() > MOST_FRAMES {
        let _ = write!(message, "\n  … {} more", frames.len() - MOST_FRAMES);
    }
}

/// The frames below Rust's own ones that turn a panic into a trap: these say nothing of its cause.
fn without_panicking(frames: &[String]) -> &[String] {
    let own = |frame: &String| frame.starts_with("core::panicking::");
    let Some(first) = frames.iter().position(own) else {
        return frames;
    };
    let count = frames
        .iter()
        .skip(first)
        .take_while(|frame| own(frame))
        .count();
    frames.get(first + count..).unwrap_or_default()
}

fn shown(frame: &FrameInfo) -> String {
    let symbol = frame.symbols().first();
    let name = symbol
        .and_then(|symbol| symbol.name())
        .or_else(|| frame.func_name())
        .unwrap_or("<unnamed function>");
    let mut text = crate::event::printable(&demangled(name));
    if let Some(symbol) = symbol
        && let (Some(file), Some(line)) = (symbol.file(), symbol.line())
    {
        // Writing to a string cannot fail.
        let _ = write!(text, " at {}:{line}", crate::event::printable(file));
    }
    text
}

fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

#[cfg(test)]
mod tests {
    use super::{panic_message, without_panicking};

    #[test]
    fn a_panic_is_found_at_the_end_of_what_was_printed() {
        let printed = "before\n\nthread 'main' (1) panicked at src/lib.rs:7:5:\nno \u{1b}[31mluck\nat all\nnote: run with `RUST_BACKTRACE=1`\n";
        assert_eq!(
            panic_message(printed).as_deref(),
            Some("no luck\nat all (at src/lib.rs:7:5)")
        );
        assert_eq!(panic_message("nothing of the kind"), None);
    }

    #[test]
    fn a_backtrace_begins_where_the_panic_was() {
        let frames = [
            "abort",
            "core::panicking::panic_fmt",
            "core::panicking::panic_bounds_check",
            "step::run",
            "run",
        ]
        .map(ToOwned::to_owned);
        assert_eq!(without_panicking(&frames), ["step::run", "run"]);
        assert_eq!(without_panicking(&frames[..1]), ["abort"]);
    }
}
