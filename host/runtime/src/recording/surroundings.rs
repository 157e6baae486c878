//! What a step reads of time and chance without a call of the contract: observed while it is
//! recorded, and the same again when it is replayed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

use super::ExchangeSink;

/// How many readings of clocks are kept in memory before they are told.
const MOST_WAITING: usize = 1_000;

/// How much later each reading is than the one before, where no recording says it: a step that waits
/// for a time must see it come.
const PACE: Duration = Duration::from_micros(1);

/// What a step read of time and chance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Surroundings {
    /// What all random numbers are made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
    /// What the clock on the wall showed, each time that it was read.
    #[serde(with = "times", skip_serializing_if = "Vec::is_empty")]
    pub time: Vec<OffsetDateTime>,
    /// What the clock showed that measures how long things take, each time that it was read:
    /// nanoseconds since any beginning.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub monotonic: Vec<u64>,
}

impl Surroundings {
    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what was read later.
    pub fn extend(&mut self, later: Self) {
        self.seed = self.seed.take().or(later.seed);
        self.time.extend(later.time);
        self.monotonic.extend(later.monotonic);
    }
}

/// What random numbers are made from, written in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Seed([u8; 32]);

/// What a seed must be.
#[derive(Debug, thiserror::Error)]
#[error("expected a seed of 64 hexadecimal digits")]
pub struct SeedError;

// Whoever knows the seed knows what a step took for unpredictable.
impl std::fmt::Debug for Seed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Seed(…)")
    }
}

impl TryFrom<String> for Seed {
    type Error = SeedError;

    fn try_from(text: String) -> Result<Self, SeedError> {
        let mut seed = [0; 32];
        hex::decode_to_slice(&text, &mut seed).map_err(|_| SeedError)?;
        Ok(Self(seed))
    }
}

impl From<Seed> for String {
    fn from(seed: Seed) -> Self {
        hex::encode(seed.0)
    }
}

mod times {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    pub(super) fn serialize<S: Serializer>(
        times: &[OffsetDateTime],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let texts = times
            .iter()
            .map(|time| time.format(&Rfc3339).map_err(serde::ser::Error::custom));
        serializer.collect_seq(texts.collect::<Result<Vec<String>, _>>()?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<OffsetDateTime>, D::Error> {
        let read = |text: String| {
            OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| {
                D::Error::custom(format!(
                    "expected a time such as 2026-01-31T12:00:00Z, found {text}"
                ))
            })
        };
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.into_iter().map(read).collect()
    }
}

/// Notes what a step reads, and tells it.
pub(crate) struct Observer {
    sink: Arc<dyn ExchangeSink>,
    waiting: Mutex<Surroundings>,
}

impl Observer {
    pub(super) fn new(sink: Arc<dyn ExchangeSink>) -> Self {
        Self {
            sink,
            waiting: Mutex::default(),
        }
    }

    /// Tells what was read and not told yet.
    pub(crate) fn tell(&self) {
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        if !waiting.is_empty() {
            self.sink.observed(waiting);
        }
    }

    fn note(&self, note: impl FnOnce(&mut Surroundings)) {
        let mut waiting = lock(&self.waiting);
        note(&mut waiting);
        let is_full = waiting.time.len() + waiting.monotonic.len() >= MOST_WAITING;
        drop(waiting);
        if is_full {
            self.tell();
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.tell();
    }
}

/// Time and chance of a run that is replayed.
#[derive(Debug)]
pub(crate) struct ReplayedTime(Mutex<Readings>);

#[derive(Debug)]
struct Readings {
    seed: Seed,
    time: VecDeque<OffsetDateTime>,
    monotonic: VecDeque<u64>,
    last_time: OffsetDateTime,
    last_monotonic: u64,
}

impl Default for ReplayedTime {
    fn default() -> Self {
        Self::new(Surroundings::default())
    }
}

impl ReplayedTime {
    pub(super) fn new(surroundings: Surroundings) -> Self {
        Self(Mutex::new(Readings {
            seed: surroundings.seed.unwrap_or(Seed([0; 32])),
            time: surroundings.time.into(),
            monotonic: surroundings.monotonic.into(),
            // The beginning of 2026: like any other, and the same each time.
            last_time: OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600),
            last_monotonic: 0,
        }))
    }

    /// Lets time pass that the step waits for.
    pub(crate) fn pass(&self, duration: Duration) {
        let mut readings = lock(&self.0);
        readings.last_time = later(readings.last_time, duration);
        let nanoseconds = nanoseconds(duration);
        readings.last_monotonic = readings.last_monotonic.saturating_add(nanoseconds);
    }

    /// Reads the clock that measures how long things take.
    pub(crate) fn monotonic(&self) -> u64 {
        let mut readings = lock(&self.0);
        let next = readings.last_monotonic.saturating_add(nanoseconds(PACE));
        readings.last_monotonic = readings.monotonic.pop_front().unwrap_or(next);
        readings.last_monotonic
    }

    fn time(&self) -> OffsetDateTime {
        let mut readings = lock(&self.0);
        let next = later(readings.last_time, PACE);
        readings.last_time = readings.time.pop_front().unwrap_or(next);
        readings.last_time
    }

    fn seed(&self) -> Seed {
        lock(&self.0).seed
    }
}

fn later(time: OffsetDateTime, duration: Duration) -> OffsetDateTime {
    time.saturating_add(duration.try_into().unwrap_or(time::Duration::MAX))
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives a run clocks and random numbers that are observed.
pub(super) fn observe(observer: &Arc<Observer>, wasi: &mut WasiCtxBuilder) -> std::io::Result<()> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
    let seed = Seed(seed);
    observer.note(|read| read.seed = Some(seed));
    randomness(seed, wasi);
    wasi.wall_clock(Observed::by(observer))
        .monotonic_clock(Observed::by(observer));
    Ok(())
}

/// Gives a run the clocks and random numbers of another one.
pub(super) fn repeat(time: &Arc<ReplayedTime>, wasi: &mut WasiCtxBuilder) {
    randomness(time.seed(), wasi);
    wasi.wall_clock(Repeated(time.clone()))
        .monotonic_clock(Repeated(time.clone()));
}

fn randomness(seed: Seed, wasi: &mut WasiCtxBuilder) {
    let stream = |number| {
        let mut random = ChaCha20Rng::from_seed(seed.0);
        random.set_stream(number);
        random
    };
    let mut hashes = stream(2);
    let hashes = (u128::from(hashes.next_u64()) << 64) | u128::from(hashes.next_u64());
    wasi.secure_random(stream(0))
        .insecure_random(stream(1))
        .insecure_random_seed(hashes);
}

/// The machine's clocks.
struct Observed {
    observer: Arc<Observer>,
    begin: Instant,
}

impl Observed {
    fn by(observer: &Arc<Observer>) -> Self {
        Self {
            observer: observer.clone(),
            begin: Instant::now(),
        }
    }
}

impl HostWallClock for Observed {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        let now = OffsetDateTime::now_utc();
        self.observer.note(|read| read.time.push(now));
        since_1970(now)
    }
}

impl HostMonotonicClock for Observed {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        let now = nanoseconds(self.begin.elapsed());
        self.observer.note(|read| read.monotonic.push(now));
        now
    }
}

/// The clocks of a recording.
struct Repeated(Arc<ReplayedTime>);

impl HostWallClock for Repeated {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        since_1970(self.0.time())
    }
}

impl HostMonotonicClock for Repeated {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        self.0.monotonic()
    }
}

fn since_1970(time: OffsetDateTime) -> Duration {
    (time - OffsetDateTime::UNIX_EPOCH)
        .try_into()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_it_expects() {
        let read = serde_json::from_str::<Surroundings>;
        let one = r#"{"seed":"SEED","time":["2026-01-31T12:00:00.5Z"],"monotonic":[7]}"#
            .replace("SEED", &"ab".repeat(32));
        let written = serde_json::to_string(&read(&one).unwrap()).unwrap();
        assert_eq!(written, one);
        assert_eq!(serde_json::to_string(&read("{}").unwrap()).unwrap(), "{}");
        for (faulty, expected) in [
            (
                r#"{"time": ["yesterday"]}"#,
                "such as 2026-01-31T12:00:00Z, found yesterday",
            ),
            (r#"{"seed": "abc"}"#, "64 hexadecimal digits"),
            (r#"{"clock": []}"#, "unknown field `clock`"),
        ] {
            let error = read(faulty).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn time_is_that_of_the_recording_and_goes_on_behind_it() {
        let second = Duration::from_secs(1);
        let recorded = OffsetDateTime::UNIX_EPOCH + 5 * second;
        let time = ReplayedTime::new(Surroundings {
            time: vec![recorded],
            monotonic: vec![3, 9],
            ..Surroundings::default()
        });
        // What is recorded after a wait holds it already.
        assert_eq!(time.monotonic(), 3);
        time.pass(second);
        assert_eq!(time.monotonic(), 9);
        assert_eq!(time.time(), recorded);
        time.pass(second);
        assert_eq!(time.monotonic(), 9 + 1_000_000_000 + 1_000);
        assert_eq!(time.time(), recorded + second + PACE);
    }
}
