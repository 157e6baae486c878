//! Computes without an end.

use std::hint::black_box;

use stepyard_sdk::prelude::*;

#[settings]
struct LoopsForever {}

impl Step for LoopsForever {
    const NAME: &str = "loops-forever";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Computes without an end";

    fn run(self) -> Result<Outcome, Error> {
        let mut count = 0_u64;
        loop {
            count = black_box(count.wrapping_add(1));
        }
    }
}

stepyard_sdk::step!(LoopsForever);
