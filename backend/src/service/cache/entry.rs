//! What is kept, with what it was made from: so it goes when that goes.

use std::sync::{Mutex, PoisonError};

use nexus_domain::{ContentHash, KbId, Passage};
use nexus_rag::{AnswerStream, KeptAnswer, KeptText};
use nexus_storage::KbStamp;
use serde::{Deserialize, Serialize};

use crate::service::answers::KeptAs;

/// A text of a knowledge base.
pub type Content = (KbId, ContentHash);

/// What an entry takes besides its texts, about: with an answer, what is kept of it for replay.
const OVERHEAD: usize = 2_560;

/// A value and the texts that it was made from.
#[derive(Debug)]
pub struct Entry<T> {
    pub(super) value: T,
    pub(super) contents: Vec<Content>,
    /// In which revisions its texts were seen to stand.
    seen: Mutex<Vec<(KbId, i64)>>,
    /// Of an answer.
    pub(in crate::service) kept_as: KeptAs,
}

/// The same as it lies outside of this process.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Written<T> {
    pub(super) value: T,
    pub(super) contents: Vec<Content>,
}

impl<T> Entry<T> {
    pub(super) fn new(value: T, contents: Vec<Content>, stamps: &[KbStamp]) -> Self {
        let seen = stamps.iter().map(|stamp| (stamp.kb, stamp.revision)).collect();
        Self {
            value,
            contents,
            seen: Mutex::new(seen),
            kept_as: KeptAs::default(),
        }
    }

    /// The knowledge bases that it was made from, and their revisions.
    pub(super) fn seen(&self) -> Vec<(KbId, i64)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn see(&self, revisions: Vec<(KbId, i64)>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = revisions;
    }
}

impl Entry<KeptAnswer> {
    pub(super) fn kept_as(mut self, kept_as: KeptAs) -> Self {
        self.kept_as = kept_as;
        self
    }

    /// The answer as that of another question of the same words.
    pub(in crate::service) fn given_again(&self) -> AnswerStream {
        self.value.given_again()
    }
}

impl<T: Weight> Entry<T> {
    /// Bytes in memory, about.
    pub(super) fn bytes(&self) -> u32 {
        let bytes = self.value.weight() + self.contents.len() * size_of::<Content>() + OVERHEAD;
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// The texts of passages, each once.
pub(super) fn contents<'p>(passages: impl Iterator<Item = &'p Passage>) -> Vec<Content> {
    let contents = passages.map(|passage| (passage.chunk.kb_id, passage.chunk.content_hash));
    let mut contents: Vec<Content> = contents.collect();
    contents.sort_unstable();
    contents.dedup();
    contents
}

/// Bytes of a value in memory, about.
pub trait Weight {
    fn weight(&self) -> usize;
}

impl Weight for KeptAnswer {
    fn weight(&self) -> usize {
        self.bytes()
    }
}

impl Weight for KeptText {
    fn weight(&self) -> usize {
        self.model.len() + self.text.len()
    }
}
