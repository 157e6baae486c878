//! One target under LLVM's libFuzzer: the one that `STEPYARD_FUZZ_TARGET` names. `cargo xtask fuzz`
//! starts it.
#![no_main]

use std::sync::LazyLock;

use stepyard_fuzz::{TARGETS, Target};

static TARGET: LazyLock<Option<&Target>> = LazyLock::new(|| {
    let name = std::env::var("STEPYARD_FUZZ_TARGET").unwrap_or_default();
    TARGETS.iter().find(|target| target.name == name)
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some(target) = *TARGET {
        (target.run)(input);
    }
});
