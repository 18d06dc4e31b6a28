//! A text that is deleted goes from the messages that showed something of it, too.
//!
//! A message that loses one of its passages loses all that it said: what a model has written may hold something of any of
//! them. A passage that was edited is not deleted: what was answered from it stays as it was answered.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use nexus_domain::{ChunkId, Content, DeliveryId, DocumentId, KbId, Say, VersionId};
use nexus_storage::ShownText;

use super::context::WorkerContext;
use super::failure::Stopped;
use super::heartbeat::Running;

/// Messages that are changed in one transaction.
const AT_ONCE: usize = 256;
/// Words in a row that are looked for.
const SHINGLE: usize = 3;
/// A passage of which so much (in hundredths) still stands in its document was edited, not deleted.
const EDITED_PERCENT: usize = 50;

/// Before the rows of versions that nobody sees any more go.
pub async fn shown_of_versions(
    context: &WorkerContext,
    running: &Running,
    versions: &[VersionId],
) -> Result<(), Stopped> {
    let mut erased: HashSet<DeliveryId> = HashSet::new();
    let mut moved: Vec<(ShownText, ChunkId)> = Vec::new();
    let mut documents: HashMap<DocumentId, Vec<Words>> = HashMap::new();
    for shown in context.db.shown_passages().of_versions(versions).await? {
        if !shown.is_live {
            erased.extend(context.db.shown_passages().of_document(shown.document).await?);
            continue;
        }
        let now = match documents.entry(shown.document) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(words_of(context, shown.document).await?),
        };
        match heir(&shown.text, now) {
            Some(heir) => moved.push((shown, heir)),
            None => {
                erased.insert(shown.delivery);
            }
        }
    }
    for part in moved.chunks(AT_ONCE) {
        follow(context, running, part).await?;
    }
    let erased: Vec<DeliveryId> = erased.into_iter().collect();
    for part in erased.chunks(AT_ONCE) {
        erase(context, running, part).await?;
    }
    Ok(())
}

/// Before the rows of a deleted knowledge base go.
pub async fn shown_of_kb(context: &WorkerContext, running: &Running, kb: KbId) -> Result<(), Stopped> {
    loop {
        let part = context.db.shown_passages().of_kb(kb, AT_ONCE).await?;
        if part.is_empty() {
            return Ok(());
        }
        erase(context, running, &part).await?;
    }
}

async fn erase(context: &WorkerContext, running: &Running, deliveries: &[DeliveryId]) -> Result<(), Stopped> {
    running.check()?;
    let mut tx = context.db.begin().await?;
    running.hold(&mut tx).await?;
    let content = Content::say(Say::TextDeleted);
    tx.shown_passages()
        .erase(deliveries, &content, context.clock.now())
        .await?;
    tx.commit().await?;
    Ok(())
}

async fn follow(
    context: &WorkerContext,
    running: &Running,
    moved: &[(ShownText, ChunkId)],
) -> Result<(), Stopped> {
    running.check()?;
    let mut tx = context.db.begin().await?;
    running.hold(&mut tx).await?;
    for (shown, heir) in moved {
        tx.shown_passages().follow(shown, *heir).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// A passage, as rows of words.
type Words = (ChunkId, HashSet<String>);

/// What a document says now.
async fn words_of(context: &WorkerContext, document: DocumentId) -> Result<Vec<Words>, Stopped> {
    let chunks = context.db.chunks().of_document(document).await?;
    let words = chunks
        .iter()
        .map(|chunk| (chunk.id, shingles(&chunk.text).collect()));
    Ok(words.collect())
}

/// The passage that has taken the place of a text which was edited; `None` if the text was deleted.
fn heir(text: &str, now: &[Words]) -> Option<ChunkId> {
    let before: HashSet<String> = shingles(text).collect();
    let kept_in = |(_, words): &Words| before.intersection(words).count();
    let kept = before
        .iter()
        .filter(|shingle| now.iter().any(|(_, words)| words.contains(*shingle)));
    if kept.count() * 100 < before.len() * EDITED_PERCENT {
        return None;
    }
    now.iter()
        .max_by_key(|words| kept_in(words))
        .map(|(chunk, _)| *chunk)
}

/// Words that stand side by side; all of them where there are fewer.
fn shingles(text: &str) -> impl Iterator<Item = String> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let last = words.len().saturating_sub(SHINGLE);
    (0..=last).map(move |at| {
        words
            .iter()
            .skip(at)
            .take(SHINGLE)
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    })
}

#[cfg(test)]
mod tests {
    use nexus_domain::Timestamp;

    use super::*;

    #[test]
    fn what_was_edited_is_not_deleted() {
        let other = (
            ChunkId::new(Timestamp::from_micros(1)),
            shingles("Something else stands here.").collect(),
        );
        let heir_in = |before: &str, now: &str| {
            let now = (ChunkId::new(Timestamp::from_micros(2)), shingles(now).collect());
            let id = now.0;
            let heir = heir(before, &[other.clone(), now]);
            assert!(heir.is_none_or(|heir| heir == id));
            heir.is_some()
        };
        let before = "The pump runs at 40 bar and must be aired once a week.";
        assert!(heir_in(
            before,
            "The pump runs at 60 bar and must be aired once a week."
        ));
        assert!(heir_in(before, &format!("Foreword. {before} And so on.")));
        assert!(!heir_in(
            before,
            "The lamp must be aired once a year. The pump runs."
        ));
        assert!(!heir_in(before, ""));
        assert!(!heir_in("Да", "Нет") && heir_in("Да", "да"));
    }
}
