//! Each target with its seeds, with what once found a fault, and with some thousands of inputs more:
//! the same ones each time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed assumption fails the test"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use stepyard_fuzz::mutate::Mutator;
use stepyard_fuzz::{TARGETS, Target, regressions, seeds};

/// Tries an input. Where a property does not hold, the input is kept in a file.
fn attempt(target: &Target, input: &[u8], from: &str) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_ok() {
        return;
    }
    let name = target.name;
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-input"));
    std::fs::write(&file, input).unwrap();
    panic!(
        "the target {name} fails with an input of {from}:\n{:?}\nit is in {}; once the fault is \
         mended, keep it: cp {} fuzz/regressions/{name}/WHAT-IT-SHOWED",
        String::from_utf8_lossy(input),
        file.display(),
        file.display()
    );
}

fn all(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    for (file, input) in regressions(target) {
        attempt(target, &input, &file.display().to_string());
    }
    let seeds = seeds(target);
    for seed in &seeds {
        attempt(target, seed, "its seeds");
    }
    let mut inputs = Mutator::new(&seeds, target.words, 1);
    for _ in 0..target.inputs {
        attempt(target, &inputs.next_input(), "the mutations");
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                all(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_tried() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }

        #[test]
        fn what_found_a_fault_belongs_to_a_target() {
            for folder in std::fs::read_dir("regressions").into_iter().flatten().flatten() {
                let name = folder.file_name();
                let is_known = TARGETS.iter().any(|target| *target.name == *name);
                assert!(is_known, "regressions/{}", name.display());
            }
        }
    };
}

targets! {
    pipeline connectors configuration expression reference amount image_pattern policy ignore
    dockerfile audit boundary
}
