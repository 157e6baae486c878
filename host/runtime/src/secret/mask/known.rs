//! Finding many texts in one.

use std::ops::Range;
use std::sync::Arc;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::forms::{Form, SHORTEST, forms_of};

/// How many bytes all forms may have before the secrets that were not noted for longest are
/// forgotten.
const MOST_BYTES: usize = 64 << 20;
/// What stands for the rest of a text that was cut off.
const ELLIPSIS: &[u8] = "…".as_bytes();

/// The secrets that are known, and an index of their forms.
#[derive(Default)]
pub(super) struct Known {
    /// In the order in which they were last noted.
    secrets: Vec<Secret>,
    /// The forms of all secrets, sorted.
    forms: Vec<Arc<Form>>,
    starts: Starts,
    longest: usize,
    bytes: usize,
}

struct Secret {
    value: Zeroizing<Vec<u8>>,
    forms: Vec<Arc<Form>>,
}

impl Secret {
    fn bytes(&self) -> usize {
        self.forms.iter().map(|form| form.len()).sum()
    }
}

impl Known {
    pub(super) fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.secrets.len()
    }

    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    pub(super) fn note(&mut self, secret: &[u8]) {
        let known = |known: &Secret| known.value.as_slice() == secret;
        if let Some(index) = self.secrets.iter().position(known) {
            let secret = self.secrets.remove(index);
            self.secrets.push(secret);
            return;
        }
        let forms: Vec<_> = forms_of(secret).into_iter().map(Arc::new).collect();
        if forms.is_empty() {
            return;
        }
        let secret = Secret {
            value: Zeroizing::new(secret.to_vec()),
            forms,
        };
        self.bytes += secret.bytes();
        self.index(&secret.forms);
        self.secrets.push(secret);
        if self.bytes > MOST_BYTES {
            self.forget();
        }
    }

    fn index(&mut self, forms: &[Arc<Form>]) {
        for form in forms {
            self.starts.add(form.as_bytes());
            self.longest = self.longest.max(form.len());
        }
        self.forms.extend(forms.iter().cloned());
        // Merges two sorted runs.
        self.forms
            .sort_by(|left, right| left.as_str().cmp(right.as_str()));
    }

    /// Forgets the secrets that were not noted for longest, down to half of what is kept at most.
    fn forget(&mut self) {
        let mut bytes = 0;
        let kept = self
            .secrets
            .iter()
            .rev()
            .take_while(|secret| {
                bytes += secret.bytes();
                bytes <= MOST_BYTES / 2
            })
            .count();
        // The newest stays, however large it is.
        let forgotten = self.secrets.len() - kept.max(1);
        let secrets = self.secrets.split_off(forgotten);
        *self = Self::default();
        for secret in &secrets {
            self.bytes += secret.bytes();
            self.index(&secret.forms);
        }
        self.secrets = secrets;
    }

    /// The parts of `text` that are secret, in order and apart from one another. A line that ends in
    /// an ellipsis was cut off: what stands before it may be the beginning of a secret.
    pub(super) fn covered(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut covered: Vec<Range<usize>> = Vec::new();
        let mut line_end = None;
        for (position, start) in text.windows(SHORTEST).enumerate() {
            if !self.starts.may_have(start) {
                continue;
            }
            let rest = text.get(position..).unwrap_or_default();
            let length = self.longest_at(rest).or_else(|| {
                let known = line_end.filter(|end| *end >= position);
                let end = *line_end.insert(known.unwrap_or_else(|| position + line_length(rest)));
                let line = text.get(position..end)?.strip_suffix(ELLIPSIS)?;
                (line.len() >= SHORTEST && self.goes_on_from(line)).then_some(line.len())
            });
            let Some(length) = length else {
                continue;
            };
            let end = position + length;
            match covered.last_mut() {
                Some(last) if position <= last.end => last.end = last.end.max(end),
                _ => covered.push(position..end),
            }
        }
        covered
    }

    /// The length of the longest form that `text` begins with.
    fn longest_at(&self, text: &[u8]) -> Option<usize> {
        let mut text = text.get(..self.longest).unwrap_or(text);
        loop {
            // In sorted order, the forms that a text begins with stand before it, the longest last,
            // and between them only such as begin with them.
            let after = self.forms.partition_point(|form| form.as_bytes() <= text);
            let form = self.forms.get(after.checked_sub(1)?)?.as_bytes();
            let pairs = form.iter().zip(text);
            let common = pairs.take_while(|(left, right)| left == right).count();
            if common == form.len() {
                return Some(common);
            }
            if common < SHORTEST {
                return None;
            }
            text = text.get(..common)?;
        }
    }

    /// See [`super::Mask::safe_cut`].
    pub(super) fn safe_cut(&self, text: &[u8]) -> usize {
        let earliest = text.len().saturating_sub(self.longest.saturating_sub(1));
        let cut = (earliest..text.len())
            .find(|position| self.goes_on_from(text.get(*position..).unwrap_or_default()))
            .unwrap_or(text.len());
        self.covered(text)
            .into_iter()
            .find(|covered| covered.start < cut && cut < covered.end)
            .map_or(cut, |covered| covered.start)
    }

    /// Whether a form begins with `text` and is longer.
    fn goes_on_from(&self, text: &[u8]) -> bool {
        let after = self.forms.partition_point(|form| form.as_bytes() <= text);
        self.forms
            .get(after)
            .is_some_and(|form| form.as_bytes().starts_with(text))
    }
}

/// The bytes before the end of the line.
fn line_length(text: &[u8]) -> usize {
    let end = text.iter().position(|byte| *byte == b'\n');
    end.unwrap_or(text.len())
}

/// Which four bytes a form may begin with: a set that says yes too often, but seldom.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
struct Starts(Vec<u64>);

impl Starts {
    const BITS: u32 = 16;

    fn add(&mut self, form: &[u8]) {
        self.0.resize(1 << (Self::BITS - 6), 0);
        let (word, bit) = Self::place(form);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    fn may_have(&self, start: &[u8]) -> bool {
        let (word, bit) = Self::place(start);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    fn place(start: &[u8]) -> (usize, u64) {
        let bytes = start.first_chunk().copied().unwrap_or_default();
        // Multiplicative hashing: the upper bits depend on all bytes.
        let hash = u32::from_le_bytes(bytes).wrapping_mul(0x9E37_79B1) >> (32 - Self::BITS);
        ((hash >> 6) as usize, 1 << (hash & 63))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(length: usize) -> Vec<u8> {
        (0..length)
            .map(|_| fastrand::alphanumeric() as u8)
            .collect()
    }

    /// Compares with a search that tries every form at every place.
    #[test]
    fn finds_what_a_plain_search_finds() {
        let letters = |length: usize| -> String {
            (0..length)
                .map(|_| fastrand::choice(['a', 'b', 'c']).unwrap())
                .collect()
        };
        for _ in 0..200 {
            let mut known = Known::default();
            for _ in 0..fastrand::usize(1..10) {
                known.note(letters(fastrand::usize(4..9)).as_bytes());
            }
            let text = letters(200);
            let mut expected = vec![false; text.len()];
            for form in &known.forms {
                for (start, _) in text
                    .match_indices("")
                    .filter(|(start, _)| text[*start..].starts_with(form.as_str()))
                {
                    expected[start..start + form.len()].fill(true);
                }
            }
            let mut found = vec![false; text.len()];
            for range in known.covered(text.as_bytes()) {
                found[range].fill(true);
            }
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn what_was_not_noted_for_longest_is_forgotten() {
        let mut known = Known::default();
        let large = 2 << 20;
        let (first, second) = (random(20), random(20));
        known.note(&first);
        known.note(&second);
        known.note(&random(large));
        known.note(&second);
        let mut noted = 0;
        while known.covered(&first).len() == 1 {
            known.note(&random(large));
            noted += 1;
            assert!(noted < 100, "nothing is ever forgotten");
        }
        assert!(known.bytes <= MOST_BYTES);
        let last = random(large);
        known.note(&last);
        assert_eq!(
            known.covered(&last),
            std::iter::once(0..large).collect::<Vec<_>>()
        );
    }
}
