use std::collections::{HashMap, HashSet};
use std::time::Duration;

use nexus_domain::task::TaskPayload;
use nexus_domain::{Chunk, ChunkId, DocumentId, GenerationId, Passages, TaskState, VersionId};
use nexus_storage::{Db, VersionSize};

use crate::support::{Shelf, at, enqueued, new_task, stored_kb};

on_both_databases! {
    a_swept_version_takes_its_chunks_and_a_deleted_document_with_it
    a_current_version_is_never_swept
    a_deleted_document_stays_while_one_of_its_versions_does
    pending_versions_are_abandoned_when_their_task_is_settled_or_gone
    versions_wait_for_the_dense_index_of_a_generation
    a_current_version_stays_so_while_it_is_locked
    embeddings_go_with_the_last_chunk_of_their_text
    chunks_know_their_version_until_it_is_swept
}

async fn a_swept_version_takes_its_chunks_and_a_deleted_document_with_it(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (document, pending) = shelf.publish("a.md", &["one", "two"]).await;
    shelf.delete(document.id).await;
    let expected: Vec<_> = pending.chunks.iter().map(|chunk| chunk.id).collect();
    assert_eq!(
        db.versions().chunk_ids(document.version_id).await.unwrap(),
        expected
    );

    let mut tx = db.begin().await.unwrap();
    assert_eq!(
        tx.versions()
            .delete_versions(&[document.version_id])
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        tx.versions()
            .delete_versions(&[document.version_id])
            .await
            .unwrap(),
        0
    );
    tx.commit().await.unwrap();
    assert_eq!(db.versions().retired(10).await.unwrap(), []);
    assert_eq!(db.versions().chunk_ids(document.version_id).await.unwrap(), []);
    // The row itself is gone: its id could be written anew.
    let (again, _) = shelf.pend(document.id, "a.md", &["three"]).await;
    shelf.switch(&again).await;
    assert_eq!(shelf.texts(document.id).await, ["three"]);
}

async fn a_current_version_is_never_swept(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (document, _) = shelf.publish("a.md", &["one"]).await;
    let mut tx = db.begin().await.unwrap();
    assert_eq!(
        tx.versions()
            .delete_versions(&[document.version_id])
            .await
            .unwrap(),
        0
    );
    tx.commit().await.unwrap();
    assert_eq!(shelf.texts(document.id).await, ["one"]);
}

async fn a_deleted_document_stays_while_one_of_its_versions_does(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (old, _) = shelf.publish("a.md", &["old"]).await;
    let (new, _) = shelf.pend(old.id, "a.md", &["new"]).await;
    shelf.delete(old.id).await;
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.versions().delete_versions(&[old.version_id]).await.unwrap(), 1);
    tx.commit().await.unwrap();
    shelf.switch(&new).await;
    assert_eq!(
        db.documents().get(old.id).await.unwrap().unwrap().version_id,
        new.version_id
    );
}

async fn pending_versions_are_abandoned_when_their_task_is_settled_or_gone(db: &Db) {
    let mut shelf = Shelf::new(db, "kb").await;
    let mut expected = Vec::new();
    for state in [
        TaskState::Queued,
        TaskState::Running,
        TaskState::Failed,
        TaskState::Cancelled,
    ] {
        let task = nexus_domain::Task {
            state,
            ..new_task(Some(shelf.kb), TaskPayload::Sweep)
        };
        shelf.task = enqueued(db, task).await;
        let (_, pending) = shelf.pend(DocumentId::new(at(1)), "a.md", &["text"]).await;
        if state.is_settled() {
            expected.push((pending.version.id, shelf.kb));
        }
    }
    shelf.task = nexus_domain::TaskId::new(at(5));
    let (_, pending) = shelf.pend(DocumentId::new(at(1)), "a.md", &["text"]).await;
    expected.push((pending.version.id, shelf.kb));
    shelf.publish("b.md", &["not pending"]).await;

    assert_eq!(db.versions().abandoned(10).await.unwrap(), expected);
    let ids: Vec<_> = expected.iter().map(|(id, _)| *id).collect();
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.versions().delete_versions(&ids).await.unwrap(), 3);
    tx.commit().await.unwrap();
    assert_eq!(db.versions().abandoned(10).await.unwrap(), []);
}

async fn versions_wait_for_the_dense_index_of_a_generation(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    stored_kb(db, "empty").await;
    let (first, _) = shelf.publish("a.md", &["one", "two"]).await;
    let (second, _) = shelf.publish("b.md", &["three"]).await;
    shelf.pend(first.id, "a.md", &["pending"]).await;
    let size = |id, chunk_count| VersionSize { id, chunk_count };
    let (one, two) = (GenerationId(1), GenerationId(2));

    let waiting = db.versions().unembedded(shelf.kb, one, None, 10).await.unwrap();
    assert_eq!(waiting, [size(first.version_id, 2), size(second.version_id, 1)]);
    let mut tx = db.begin().await.unwrap();
    tx.versions()
        .set_embedded(&[first.version_id], one, true)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        db.versions().unembedded(shelf.kb, one, None, 10).await.unwrap(),
        [size(second.version_id, 1)]
    );
    assert_eq!(
        db.versions()
            .unembedded(shelf.kb, two, None, 10)
            .await
            .unwrap()
            .len(),
        2,
        "a new model starts over"
    );
    assert_eq!(db.versions().kbs_unembedded(one).await.unwrap(), [shelf.kb]);

    let mut tx = db.begin().await.unwrap();
    tx.versions()
        .set_embedded(&[second.version_id], one, true)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(db.versions().kbs_unembedded(one).await.unwrap(), []);

    // Another model has an index of its own, and takes nothing from this one.
    let mut tx = db.begin().await.unwrap();
    let gone = VersionId::new(at(0));
    tx.versions()
        .set_embedded(&[second.version_id, gone], two, true)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(db.versions().kbs_unembedded(one).await.unwrap(), []);
    let waiting = db.versions().unembedded(shelf.kb, two, None, 10).await.unwrap();
    assert_eq!(waiting, [size(first.version_id, 2)]);
    let after = db
        .versions()
        .unembedded(shelf.kb, two, Some(first.version_id), 10)
        .await
        .unwrap();
    assert_eq!(after, []);
    for (generation, embedded) in [(one, 3), (two, 1)] {
        let stats = db.knowledge_bases().stats(shelf.kb, generation).await.unwrap();
        assert_eq!((stats.chunks, stats.embedded_chunks), (3, embedded));
    }

    // What holds no vectors is known to hold none.
    let mut tx = db.begin().await.unwrap();
    tx.versions()
        .set_embedded(&[first.version_id], GenerationId(3), false)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for (generation, has_vectors) in [
        (one, true),
        (two, true),
        (GenerationId(3), false),
        (GenerationId(4), false),
    ] {
        let found = db.versions().has_vectors(shelf.kb, generation).await.unwrap();
        assert_eq!(found, has_vectors, "{generation}");
    }

    // A lost index is forgotten alone.
    let mut tx = db.begin().await.unwrap();
    tx.versions().reset_embedded(shelf.kb, two).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        db.versions()
            .unembedded(shelf.kb, two, None, 10)
            .await
            .unwrap()
            .len(),
        2
    );
    assert_eq!(db.versions().kbs_unembedded(one).await.unwrap(), []);
}

async fn a_current_version_stays_so_while_it_is_locked(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (document, _) = shelf.publish("a.md", &["one"]).await;
    let (gone, _) = shelf.publish("b.md", &["two"]).await;
    let mut tx = db.begin().await.unwrap();
    assert!(tx.documents().delete(gone.id, at(1)).await.unwrap());
    tx.commit().await.unwrap();

    let mut held = db.begin().await.unwrap();
    let current = held
        .versions()
        .lock_current(&[document.version_id, gone.version_id])
        .await
        .unwrap();
    assert_eq!(current, HashSet::from([document.version_id]));
    let retiring = {
        let db = db.clone();
        tokio::spawn(async move {
            let mut tx = db.begin().await.unwrap();
            tx.documents().delete(document.id, at(2)).await.unwrap();
            tx.commit().await.unwrap();
        })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!retiring.is_finished(), "whoever retires it waits");
    held.commit().await.unwrap();
    retiring.await.unwrap();
}

async fn embeddings_go_with_the_last_chunk_of_their_text(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (gone, old) = shelf.publish("a.md", &["only here", "in both"]).await;
    let (_, kept) = shelf.publish("b.md", &["in both"]).await;
    let chunks = [old.chunks, kept.chunks].concat();
    let hashes: Vec<_> = chunks.iter().map(|chunk| chunk.content_hash).collect();
    assert_eq!(hashes[1], hashes[2]);
    let mut tx = db.begin().await.unwrap();
    tx.embeddings()
        .put_many("e5", &[(hashes[0], vec![1.0]), (hashes[1], vec![2.0])])
        .await
        .unwrap();
    assert!(tx.documents().delete(gone.id, at(1)).await.unwrap());
    tx.versions().delete_versions(&[gone.version_id]).await.unwrap();
    tx.commit().await.unwrap();
    let left = db.embeddings().get_many("e5", &hashes).await.unwrap();
    assert_eq!(left.into_keys().collect::<Vec<_>>(), [hashes[1]]);
}

async fn chunks_know_their_version_until_it_is_swept(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let many: Vec<_> = (0..70).map(|n| format!("passage {n}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let (manual, one) = shelf.publish("a.md", &many).await;
    let (note, two) = shelf.publish("b.md", &["two"]).await;
    shelf.delete(note.id).await;
    let ids_of = |chunks: &[Chunk]| chunks.iter().map(|chunk| chunk.id).collect::<Vec<_>>();
    let [of_manual, of_note] = [ids_of(&one.chunks), ids_of(&two.chunks)];
    let nobodys = ChunkId::new(at(1));
    let asked = [&of_manual[..], &of_note, &[nobodys]].concat();
    let versions = db.versions_of(&asked).await.unwrap();
    assert_eq!(versions.len(), 71);
    assert!(of_manual.iter().all(|id| versions[id] == manual.version_id));
    assert_eq!(versions[&of_note[0]], note.version_id, "deleted, not yet swept");

    let mut tx = db.begin().await.unwrap();
    tx.versions().delete_versions(&[note.version_id]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(db.versions_of(&of_note).await.unwrap(), HashMap::new());
    assert_eq!(db.versions_of(&[]).await.unwrap(), HashMap::new());
}
