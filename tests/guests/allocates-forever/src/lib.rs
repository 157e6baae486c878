//! Takes memory without an end.

use stepyard_sdk::prelude::*;

#[settings]
struct AllocatesForever {}

impl Step for AllocatesForever {
    const NAME: &str = "allocates-forever";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "Takes memory without an end";

    fn run(self) -> Result<Outcome, Error> {
        let mut taken = Vec::new();
        loop {
            // Written to, so that no optimiser and no lazy page leaves it out.
            taken.push(vec![0xa5_u8; 1 << 20]);
            std::hint::black_box(&taken);
        }
    }
}

stepyard_sdk::step!(AllocatesForever);
