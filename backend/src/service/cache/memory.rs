//! The part of the cache that lies in this process, and dies with it: bounded in bytes, least used first.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use nexus_domain::{ContentHash, KbId};
use nexus_rag::{KeptAnswer, KeptText};
use nexus_storage::{Db, StorageError};

use super::entry::{Content, Entry, Weight};

type Tier<T> = Cache<ContentHash, Arc<Entry<T>>>;

#[derive(Debug)]
pub(super) struct Memory {
    answers: Tier<KeptAnswer>,
    texts: Tier<KeptText>,
}

fn tier<T: Weight + Send + Sync + 'static>(bytes: u64, life: Duration) -> Tier<T> {
    Cache::builder()
        .max_capacity(bytes)
        .weigher(|_, entry: &Arc<Entry<T>>| entry.bytes())
        .time_to_live(life)
        .build()
}

impl Memory {
    pub(super) fn new(bytes: u64, life: Duration) -> Self {
        Self {
            answers: tier(bytes / 2, life),
            texts: tier(bytes / 2, life),
        }
    }

    pub(super) fn answer(&self, key: &ContentHash) -> Option<Arc<Entry<KeptAnswer>>> {
        self.answers.get(key)
    }

    pub(super) fn put_answer(&self, key: ContentHash, entry: Entry<KeptAnswer>) -> Arc<Entry<KeptAnswer>> {
        let entry = Arc::new(entry);
        self.answers.insert(key, Arc::clone(&entry));
        entry
    }

    pub(super) fn text(&self, key: &ContentHash) -> Option<Arc<Entry<KeptText>>> {
        self.texts.get(key)
    }

    pub(super) fn put_text(&self, key: ContentHash, entry: Entry<KeptText>) -> Arc<Entry<KeptText>> {
        let entry = Arc::new(entry);
        self.texts.insert(key, Arc::clone(&entry));
        entry
    }

    /// Answers of another revision are never asked for again. A text of a chat model may be, as long as all that it was made
    /// from stands.
    pub(super) async fn tidy(&self, db: &Db) -> Result<(), StorageError> {
        let answers: Vec<_> = self.answers.iter().collect();
        let texts: Vec<_> = self.texts.iter().collect();
        let of_answers = answers.iter().flat_map(|(_, entry)| entry.seen());
        let kbs = of_answers.chain(texts.iter().flat_map(|(_, entry)| entry.seen()));
        let kbs: BTreeSet<KbId> = kbs.map(|(kb, _)| kb).collect();
        let kbs: Vec<KbId> = kbs.into_iter().collect();
        let now: HashMap<KbId, i64> = db.knowledge_bases().revisions(&kbs).await?.into_iter().collect();
        let is_moved = |seen: &[(KbId, i64)]| seen.iter().any(|(kb, revision)| now.get(kb) != Some(revision));
        for (key, entry) in &answers {
            if is_moved(&entry.seen()) {
                self.answers.invalidate(&**key);
            }
        }
        let due: Vec<_> = texts
            .iter()
            .filter(|(_, entry)| is_moved(&entry.seen()))
            .collect();
        let standing = standing(
            db,
            due.iter().flat_map(|(_, entry)| entry.contents.iter().copied()),
        )
        .await?;
        for (key, entry) in due {
            if entry.contents.iter().all(|content| standing.contains(content)) {
                let seen = entry.seen().into_iter();
                let seen = seen.filter_map(|(kb, _)| Some((kb, *now.get(&kb)?)));
                entry.see(seen.collect());
            } else {
                self.texts.invalidate(&**key);
            }
        }
        self.answers.run_pending_tasks();
        self.texts.run_pending_tasks();
        Ok(())
    }

    /// How many answers and texts there are.
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.answers.iter().count(), self.texts.iter().count())
    }
}

/// Those of the texts that documents show.
pub(super) async fn standing(
    db: &Db,
    contents: impl Iterator<Item = Content>,
) -> Result<HashSet<Content>, StorageError> {
    let mut by_kb: BTreeMap<KbId, BTreeSet<ContentHash>> = BTreeMap::new();
    for (kb, content) in contents {
        by_kb.entry(kb).or_default().insert(content);
    }
    let mut standing = HashSet::new();
    for (kb, contents) in by_kb {
        let contents: Vec<ContentHash> = contents.into_iter().collect();
        let current = db.cached().current(kb, &contents).await?;
        standing.extend(current.into_iter().map(|content| (kb, content)));
    }
    Ok(standing)
}
