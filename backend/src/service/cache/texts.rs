//! What chat models wrote before, as the one who writes an answer now sees it.

use std::sync::Arc;

use async_trait::async_trait;
use nexus_domain::{ContentHash, Passage};
use nexus_rag::{KeptText, KeptTexts};
use nexus_storage::KbStamp;

use super::entry::{Content, Entry, contents};
use super::memory::standing;
use super::{Inner, shared};

#[derive(Debug)]
pub(super) struct Texts {
    cache: Arc<Inner>,
    /// Of the knowledge bases asked, before anything was searched.
    stamps: Vec<KbStamp>,
}

impl Texts {
    pub(super) fn new(cache: Arc<Inner>, stamps: &[KbStamp]) -> Self {
        Self {
            cache,
            stamps: stamps.to_vec(),
        }
    }

    /// Whether all of these texts still stand: who deletes one looks for what was made from it, and must find it or come first.
    async fn stand(&self, contents: &[Content]) -> bool {
        match standing(&self.cache.db, contents.iter().copied()).await {
            Ok(standing) => contents.iter().all(|content| standing.contains(content)),
            Err(error) => {
                tracing::warn!(%error, "a written text is not cached: whether its sources stand is not known");
                false
            }
        }
    }
}

#[async_trait]
impl KeptTexts for Texts {
    async fn text(&self, key: &ContentHash) -> Option<KeptText> {
        let cache = &self.cache;
        let known = match cache.memory.text(key) {
            Some(known) => Some(known),
            None => match &cache.shared {
                Some(shared) => {
                    let found = shared.get::<KeptText>(shared::TEXTS, key, &self.stamps).await;
                    found.map(|found| cache.memory.put_text(*key, found))
                }
                None => None,
            },
        };
        cache.metrics.cached("text", known.is_some());
        known.map(|known| known.value.clone())
    }

    async fn keep(&self, key: ContentHash, text: KeptText, read: &[&Passage]) {
        let entry = Entry::new(text, contents(read.iter().copied()), &self.stamps);
        if !self.stand(&entry.contents).await {
            return;
        }
        if let Some(shared) = &self.cache.shared {
            let confirmed = async || self.stand(&entry.contents).await;
            shared.put(shared::TEXTS, key, &entry, confirmed).await;
        }
        self.cache.memory.put_text(key, entry);
    }
}
