//! A text that is deleted goes from the messages that showed something of it, too, and from the answers that are kept.
//!
//! A message that loses one of its passages loses all that it said: what a model has written may hold something of any of
//! them. So does an answer, which keeps what it was made from besides. A passage that was edited is not deleted: what was answered from it stays as it was answered. One that lost a
//! sentence is.

use std::collections::{BTreeMap, HashMap, HashSet};

use nexus_domain::{ChunkId, Content, DocumentId, KbId, Say, VersionId};
use nexus_storage::{ShownBy, ShownText};

use super::context::WorkerContext;
use super::failure::Stopped;
use super::heartbeat::Running;

/// Messages and copies that are changed in one transaction.
const AT_ONCE: usize = 256;
/// Words in a row that are looked for.
const SHINGLE: usize = 3;
/// A passage of which so much (in hundredths) still stands in its document was edited, not deleted.
const EDITED_PERCENT: usize = 50;
/// So many words in a row that are gone are a sentence that was deleted, whatever stands there now.
const SENTENCE: usize = 5;

/// Before the rows of versions that nobody sees any more go.
pub async fn shown_of_versions(
    context: &WorkerContext,
    running: &Running,
    versions: &[VersionId],
) -> Result<(), Stopped> {
    let mut documents: BTreeMap<DocumentId, Vec<ShownText>> = BTreeMap::new();
    for shown in context.db.shown_passages().of_versions(versions).await? {
        documents.entry(shown.document).or_default().push(shown);
    }
    for (document, shown) in documents {
        running.check()?;
        let erased = if shown.iter().any(|shown| shown.is_live) {
            shown_of_edited(context, running, document, shown).await?
        } else {
            context.db.shown_passages().of_document(document).await?
        };
        for part in erased.chunks(AT_ONCE) {
            erase(context, running, part).await?;
        }
    }
    Ok(())
}

/// What shows something that a document has lost; what shows what was edited goes on with what has taken its place.
async fn shown_of_edited(
    context: &WorkerContext,
    running: &Running,
    document: DocumentId,
    shown: Vec<ShownText>,
) -> Result<Vec<ShownBy>, Stopped> {
    let now = context.db.chunks().of_document(document).await?;
    let found = tokio::task::spawn_blocking(move || {
        let now: Vec<Passage> = now.iter().map(|chunk| passage(chunk.id, &chunk.text)).collect();
        let mut heirs: HashMap<ChunkId, Option<ChunkId>> = HashMap::new();
        let (mut moved, mut erased) = (Vec::new(), Vec::new());
        for shown in shown {
            let heir = *heirs
                .entry(shown.chunk)
                .or_insert_with(|| heir(&shown.text, &now));
            match heir {
                Some(heir) => moved.push((shown, heir)),
                None => erased.push(shown.by),
            }
        }
        (moved, erased)
    });
    let (moved, erased) = found.await.map_err(|error| Stopped::internal(&error))?;
    for part in moved.chunks(AT_ONCE) {
        follow(context, running, part).await?;
    }
    Ok(erased)
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

async fn erase(context: &WorkerContext, running: &Running, shown: &[ShownBy]) -> Result<(), Stopped> {
    running.check()?;
    let mut tx = context.db.begin().await?;
    running.hold(&mut tx).await?;
    let content = Content::say(Say::TextDeleted);
    tx.shown_passages()
        .erase(shown, &content, context.clock.now())
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

/// A passage of the document as it is now.
type Passage = (ChunkId, HashSet<String>);

fn passage(chunk: ChunkId, text: &str) -> Passage {
    (chunk, shingles(&words(text)).into_iter().collect())
}

/// The passage that has taken the place of a text which was edited; `None` if the text, or a sentence of it, was deleted.
fn heir(text: &str, now: &[Passage]) -> Option<ChunkId> {
    let before = words(text);
    let rows = shingles(&before);
    // A word stands where a row of words that it belongs to stands.
    let mut stands = vec![false; before.len()];
    let mut kept = 0;
    for (at, row) in rows.iter().enumerate() {
        if now.iter().any(|(_, rows)| rows.contains(row)) {
            kept += 1;
            stands
                .iter_mut()
                .skip(at)
                .take(SHINGLE)
                .for_each(|word| *word = true);
        }
    }
    let lost = stands.split(|stands| *stands).map(<[bool]>::len).max();
    if lost.unwrap_or(0) >= SENTENCE || kept * 100 < rows.len() * EDITED_PERCENT {
        return None;
    }
    let in_common = |(_, now): &Passage| rows.iter().filter(|row| now.contains(*row)).count();
    now.iter()
        .max_by_key(|now| in_common(now))
        .map(|(chunk, _)| *chunk)
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_lowercase).collect()
}

/// Words that stand side by side; all of them where there are fewer.
fn shingles(words: &[String]) -> Vec<String> {
    if words.len() < SHINGLE {
        return vec![words.join(" ")];
    }
    words.windows(SHINGLE).map(|words| words.join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use nexus_domain::Timestamp;

    use super::*;

    const BEFORE: &str = "The pump runs at 40 bar and must be aired once a week. The password of the panel is swordfish for all. \
        Whoever opens the cover switches the pump off first.";

    fn is_followed(before: &str, now: &str) -> bool {
        let other = passage(
            ChunkId::new(Timestamp::from_micros(1)),
            "Something else stands here.",
        );
        let now = passage(ChunkId::new(Timestamp::from_micros(2)), now);
        let id = now.0;
        let heir = heir(before, &[other, now]);
        assert!(heir.is_none_or(|heir| heir == id));
        heir.is_some()
    }

    #[test]
    fn what_was_edited_is_not_deleted() {
        assert!(is_followed(BEFORE, &BEFORE.replace("40", "60")));
        assert!(is_followed(BEFORE, &format!("Foreword. {BEFORE} And so on.")));
        assert!(is_followed("Да", "да"));
    }

    #[test]
    fn a_text_or_a_sentence_that_is_gone_was_deleted() {
        assert!(!is_followed(
            BEFORE,
            "The lamp must be aired once a year. The pump runs."
        ));
        assert!(!is_followed(BEFORE, ""));
        assert!(!is_followed("Да", "Нет"));
        let password = "The password of the panel is swordfish for all. ";
        assert!(!is_followed(BEFORE, &BEFORE.replace(password, "")));
        assert!(!is_followed(
            BEFORE,
            &BEFORE.replace(password, "Ask the shift leader for what opens it. ")
        ));
    }
}
