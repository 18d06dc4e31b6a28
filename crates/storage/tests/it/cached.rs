//! What a cache of answers asks the rows.

use std::collections::HashSet;

use nexus_domain::{GenerationId, KbId};
use nexus_storage::{Db, KbQuality};

use crate::support::{Shelf, at, stored_kb};

on_both_databases! {
    a_stamp_moves_with_all_that_an_answer_is_made_from
    only_what_a_document_shows_stands
}

async fn a_stamp_moves_with_all_that_an_answer_is_made_from(db: &Db) {
    let (shelf, other) = (Shelf::new(db, "kb").await, stored_kb(db, "other").await);
    let kb = shelf.kb;
    let stamp = async || {
        let stamps = db.cached().stamps(&[other, kb, KbId::new(at(1))]).await.unwrap();
        assert_eq!(stamps.len(), 2, "there is no third one");
        assert!(stamps.is_sorted_by_key(|stamp| stamp.kb));
        *stamps.iter().find(|stamp| stamp.kb == kb).unwrap()
    };
    let first = stamp().await;
    assert!(!first.moving && first.calibrated_at.is_none());
    in_tx!(db, |tx| tx.knowledge_bases().bump_revision(kb, at(50)));
    let raised = stamp().await;
    assert_eq!((raised.revision, raised.updated_at), (first.revision + 1, at(50)));
    let measured = KbQuality {
        mode: "lexical".to_owned(),
        revision: 1,
        chunks: 1,
        generation: GenerationId::NONE,
        questions: 1,
        measured: "{}".to_owned(),
        calibrated_at: at(60),
    };
    in_tx!(db, |tx| tx.kb_quality().put(kb, &measured));
    assert_eq!(stamp().await.calibrated_at, Some(at(60)));
    let (document, _) = shelf.publish("a.md", &["old"]).await;
    assert!(!stamp().await.moving, "what is current does not move");
    let (new, _) = shelf.pend(document.id, "a.md", &["new"]).await;
    assert!(stamp().await.moving, "points of a version that comes");
    shelf.switch(&new).await;
    assert!(stamp().await.moving, "points of a version that goes");
}

async fn only_what_a_document_shows_stands(db: &Db) {
    let (shelf, other) = (Shelf::new(db, "kb").await, stored_kb(db, "other").await);
    let (document, old) = shelf.publish("a.md", &["old", "both"]).await;
    let (new, pending) = shelf.pend(document.id, "a.md", &["both", "new"]).await;
    let hashes: HashSet<_> = old
        .chunks
        .iter()
        .chain(&pending.chunks)
        .map(|chunk| chunk.content_hash)
        .collect();
    let hashes: Vec<_> = hashes.into_iter().collect();
    let of = |chunks: &[nexus_domain::Chunk]| {
        chunks
            .iter()
            .map(|chunk| chunk.content_hash)
            .collect::<HashSet<_>>()
    };
    assert_eq!(
        db.cached().current(shelf.kb, &hashes).await.unwrap(),
        of(&old.chunks)
    );
    assert!(db.cached().current(other, &hashes).await.unwrap().is_empty());
    assert!(db.cached().current(shelf.kb, &[]).await.unwrap().is_empty());
    shelf.switch(&new).await;
    assert_eq!(
        db.cached().current(shelf.kb, &hashes).await.unwrap(),
        of(&pending.chunks)
    );
    let gone = db
        .cached()
        .of_versions(&[old.chunks[0].version_id])
        .await
        .unwrap();
    let gone: HashSet<_> = gone.into_iter().collect();
    let expected: HashSet<_> = old
        .chunks
        .iter()
        .map(|chunk| (shelf.kb, chunk.content_hash))
        .collect();
    assert_eq!(gone, expected);
    shelf.delete(document.id).await;
    assert!(db.cached().current(shelf.kb, &hashes).await.unwrap().is_empty());
}
