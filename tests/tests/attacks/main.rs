//! What a hostile component tries, and what answers. Each attack is a file in `tests/cases/attacks`:
//! it must fail with the answer that stands there, while the host and other runs go on. Where that is
//! possible it has a twin, which one more line of policy or configuration lets through, so that the
//! attack fails for the right reason. `docs/attacks.md` lists them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption fails the test"
)]

mod case;
mod made;
mod pages;
mod world;

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::case::Case;
use crate::world::World;

/// How many attacks run at once: each has a host of its own, which reserves addresses.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_attack_fails_and_every_twin_succeeds() {
    let world = Arc::new(World::new().await);
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let wanted = std::env::var("STEPYARD_ATTACK").unwrap_or_default();
    let cases = Case::all();
    let chosen = cases.into_iter().filter(|case| case.name.contains(&wanted));
    let attacks = chosen.map(|case| {
        let (world, slots) = (world.clone(), slots.clone());
        tokio::spawn(async move {
            let _slot = slots.acquire().await.unwrap();
            case.attempt(&world).await
        })
    });
    let attacks: Vec<_> = attacks.collect();
    let mut faults = Vec::new();
    for attack in attacks {
        faults.extend(attack.await.unwrap());
    }
    world.assert_untouched();
    assert!(
        faults.is_empty(),
        "{} faults; STEPYARD_ATTACK=NAME runs one attack\n\n{}",
        faults.len(),
        faults.join("\n\n")
    );
}
