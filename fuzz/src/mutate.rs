//! Inputs that are made of others, in the same way each time.

use fastrand::Rng;

/// The longest input, in bytes.
const LONGEST: usize = 8 << 10;

/// Makes inputs of seeds and words.
pub struct Mutator<'a> {
    random: Rng,
    seeds: &'a [Vec<u8>],
    words: &'a [&'a str],
}

impl<'a> Mutator<'a> {
    /// One that makes the same inputs for the same arguments.
    pub fn new(seeds: &'a [Vec<u8>], words: &'a [&'a str], start: u64) -> Self {
        Self {
            random: Rng::with_seed(start),
            seeds,
            words,
        }
    }

    /// The next input: a seed, or nothing, after some changes.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.seed();
        for _ in 0..self.random.usize(1..=8) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn seed(&mut self) -> Vec<u8> {
        if self.seeds.is_empty() || self.random.u8(..) < 16 {
            return Vec::new();
        }
        let index = self.random.usize(..self.seeds.len());
        self.seeds.get(index).cloned().unwrap_or_default()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.random.usize(..=input.len());
        let length = self.random.usize(..=16.min(input.len() - at));
        match self.random.u8(..8) {
            0 => drop(input.drain(at..at + length)),
            1 => {
                let copied: Vec<u8> = input.iter().skip(at).take(length).copied().collect();
                let to = self.random.usize(..=input.len());
                input.splice(to..to, copied);
            }
            2 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << self.random.u8(..8);
                }
            }
            3 => input.insert(at, self.random.u8(..)),
            4 => {
                // The beginning of this one, and the end of another.
                let other = self.seed();
                let from = self.random.usize(..=other.len());
                input.truncate(at);
                input.extend(other.iter().skip(from));
            }
            _ => {
                let words = self.words.len().max(1);
                let index = self.random.usize(..words);
                let word = self.words.get(index).copied().unwrap_or("\0");
                input.splice(at..at, word.bytes());
            }
        }
    }
}
