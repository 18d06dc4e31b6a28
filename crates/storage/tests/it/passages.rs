use nexus_domain::{ChunkId, DocumentId, Passage, Passages as _};
use nexus_storage::Db;

use crate::support::{Shelf, at, filter};

on_both_databases! {
    a_hit_becomes_a_passage_with_its_place
    ghosts_fall_out
    a_filter_is_kept
    many_hits_become_passages_at_once
}

async fn found(db: &Db, ids: &[ChunkId], kbs: &[nexus_domain::KbId]) -> Vec<Passage> {
    db.current(ids, &filter(kbs)).await.unwrap()
}

async fn a_hit_becomes_a_passage_with_its_place(db: &Db) {
    let shelf = Shelf::new(db, "Справочник").await;
    let (document, pending) = shelf.publish("docs/a.md", &["one", "two"]).await;
    let passages = found(db, &[pending.chunks[1].id], &[shelf.kb]).await;
    let expected = Passage {
        chunk: pending.chunks[1].clone(),
        kb_name: "Справочник".to_owned(),
        source_name: "guide.zip".to_owned(),
        document_path: document.path,
        document_title: document.title,
        format: document.format,
        document_link: document.link,
    };
    assert_eq!(
        expected.link().as_deref(),
        Some("https://example.org/docs/a.md#step-1"),
        "a passage leads to its place"
    );
    assert_eq!(passages, [expected]);
    assert_eq!(found(db, &[], &[shelf.kb]).await, []);
}

async fn ghosts_fall_out(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (document, old) = shelf.publish("a.md", &["old"]).await;
    let (new, pending) = shelf.pend(document.id, "a.md", &["new"]).await;
    let (gone, deleted) = shelf.publish("b.md", &["deleted"]).await;
    shelf.delete(gone.id).await;
    let ids = [
        old.chunks[0].id,
        pending.chunks[0].id,
        deleted.chunks[0].id,
        ChunkId::new(at(1)),
    ];

    let texts = |passages: Vec<Passage>| passages.into_iter().map(|p| p.chunk.text).collect::<Vec<_>>();
    assert_eq!(
        texts(found(db, &ids, &[shelf.kb]).await),
        ["old"],
        "pending, deleted and unknown ones are not seen"
    );
    shelf.switch(&new).await;
    assert_eq!(
        texts(found(db, &ids, &[shelf.kb]).await),
        ["new"],
        "replaced ones are not seen"
    );

    let mut tx = db.begin().await.unwrap();
    tx.knowledge_bases().delete(shelf.kb, at(9)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        found(db, &ids, &[shelf.kb]).await,
        [],
        "those of a deleted knowledge base are not seen"
    );
}

async fn a_filter_is_kept(db: &Db) {
    let (one, two) = (Shelf::new(db, "one").await, Shelf::new(db, "two").await);
    let (_, first) = one.publish("a.md", &["first"]).await;
    let (_, second) = two.publish("a.md", &["second"]).await;
    let ids = [first.chunks[0].id, second.chunks[0].id];
    assert_eq!(found(db, &ids, &[one.kb, two.kb]).await.len(), 2);
    let passages = found(db, &ids, &[two.kb]).await;
    assert_eq!(
        passages.into_iter().map(|p| p.chunk.id).collect::<Vec<_>>(),
        [second.chunks[0].id]
    );
    assert_eq!(found(db, &ids, &[]).await, []);
}

async fn many_hits_become_passages_at_once(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let texts: Vec<String> = (0..200).map(|n| format!("text {n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (document, pending) = shelf.pend(DocumentId::new(at(1)), "a.md", &texts).await;
    shelf.switch(&document).await;
    let ids: Vec<ChunkId> = pending.chunks.iter().map(|chunk| chunk.id).collect();
    let mut passages = found(db, &ids, &[shelf.kb]).await;
    passages.sort_by_key(|passage| passage.chunk.ordinal);
    assert_eq!(
        passages.into_iter().map(|p| p.chunk).collect::<Vec<_>>(),
        pending.chunks
    );
}
