//! Stems and term ids.

use std::borrow::Cow;
use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

use rust_stemmers::{Algorithm, Stemmer};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::chars::{is_cyrillic, is_latin};

/// A longer word is data: it is indexed as it stands.
const MAX_STEMMED_BYTES: usize = 96;

/// The id under which the lexical index knows a stemmed term: the low 32 bits of its XXH3. Stable for all time; two of
/// a million different terms share an id with a probability of 1 : 4,300 each.
pub fn term_id(term: &str) -> u32 {
    let bytes = xxh3_64(term.as_bytes()).to_le_bytes();
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// Snowball's Russian stem of a Cyrillic word, its English stem of a Latin one; other words stay as they are.
pub(crate) fn stem(word: &str) -> Cow<'_, str> {
    if word.len() > MAX_STEMMED_BYTES {
        return Cow::Borrowed(word);
    }
    let algorithm = if word.chars().all(|c| is_latin(c) || c == '\'') {
        Algorithm::English
    } else if word.chars().all(is_cyrillic) {
        Algorithm::Russian
    } else {
        return Cow::Borrowed(word);
    };
    Stemmer::create(algorithm).stem(word)
}

/// Stems and hashes a word; what this thread met lately is remembered.
pub(crate) fn stemmed_id(word: &str) -> u32 {
    RECENT.with_borrow_mut(|recent| recent.stemmed_id(word))
}

thread_local! {
    static RECENT: RefCell<Recent> = RefCell::new(Recent::new());
}

/// 4,096 words x 16 bytes: fits the second-level cache and holds nine words of ten of running text.
const SLOTS: usize = 4_096;

/// Words of this thread by 64-bit hash, each new one in the place of the last one with the same slot. The hash is
/// seeded at random, so that nobody can write two words that are taken for each other.
struct Recent {
    seed: u64,
    slots: Vec<(u64, u32)>,
}

impl Recent {
    fn new() -> Self {
        Self {
            seed: RandomState::new().hash_one(0_u8),
            slots: vec![(0, term_id("")); SLOTS],
        }
    }

    fn stemmed_id(&mut self, word: &str) -> u32 {
        let key = xxh3_64_with_seed(word.as_bytes(), self.seed).max(1);
        let slot = usize::from(key.to_le_bytes()[0]) | (usize::from(key.to_le_bytes()[1]) << 8);
        let slot = &mut self.slots[slot % SLOTS];
        if slot.0 != key {
            *slot = (key, term_id(&stem(word)));
        }
        slot.1
    }
}
