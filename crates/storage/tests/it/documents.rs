use std::slice::from_ref;

use nexus_domain::{DocumentId, SourceId, TaskId, VersionId};
use nexus_storage::{Db, DocumentHead, MAX_PATH_BYTES, StorageError};

use crate::support::{Shelf, at, new_source, stored_kb};

on_both_databases! {
    a_document_and_its_chunks_are_read_back_byte_for_byte
    a_pending_version_is_not_seen_until_the_switch
    a_switch_replaces_what_was_shown_and_may_be_repeated
    a_retired_version_is_never_switched_on
    many_documents_switch_at_once
    heads_are_found_by_path
    documents_are_listed_by_path_page_by_page
    what_a_sync_did_not_meet_is_removed_and_the_rest_stays
    a_deleted_document_frees_its_path
    a_document_that_is_switched_after_its_deletion_lives_again
    what_an_attempt_left_pending_is_retired
    text_that_a_database_cannot_hold_is_refused_by_both
    two_live_documents_of_a_source_cannot_share_a_path
    a_document_goes_with_its_knowledge_base
}

async fn a_document_and_its_chunks_are_read_back_byte_for_byte(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let texts = [
        "  Привет,\r\n\tмир \u{1F980}\u{FEFF}",
        "",
        "e\u{301}=é; \u{1}\u{FFFD}",
    ];
    let (document, pending) = shelf.publish("docs/Руководство.md", &texts).await;
    assert_eq!(
        db.documents().get(document.id).await.unwrap(),
        Some(document.clone())
    );
    assert_eq!(
        db.chunks().of_document(document.id).await.unwrap(),
        pending.chunks
    );

    let indexable = db
        .chunks()
        .indexable_by_versions(&[document.version_id])
        .await
        .unwrap();
    assert!(indexable.iter().all(|row| row.document_title == document.title));
    assert_eq!(
        indexable.into_iter().map(|row| row.chunk).collect::<Vec<_>>(),
        pending.chunks
    );
}

async fn a_pending_version_is_not_seen_until_the_switch(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (document, _) = shelf.pend(DocumentId::new(at(1)), "a.md", &["one"]).await;
    assert_eq!(db.documents().get(document.id).await.unwrap(), None);
    assert_eq!(
        db.chunks()
            .indexable_by_versions(&[document.version_id])
            .await
            .unwrap(),
        []
    );
    assert_eq!(db.chunks().indexable_of_kb(shelf.kb, None, 10).await.unwrap(), []);
    shelf.switch(&document).await;
    assert_eq!(shelf.texts(document.id).await, ["one"]);
    assert_eq!(
        db.chunks()
            .indexable_of_kb(shelf.kb, None, 10)
            .await
            .unwrap()
            .len(),
        1
    );
}

async fn a_switch_replaces_what_was_shown_and_may_be_repeated(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (old, _) = shelf.publish("a.md", &["old"]).await;
    let (new, _) = shelf.pend(old.id, "a.md", &["new", "newer"]).await;
    for _ in 0..2 {
        shelf.switch(&new).await;
        assert_eq!(shelf.texts(old.id).await, ["new", "newer"]);
        assert_eq!(
            db.versions().retired(10).await.unwrap(),
            [(old.version_id, shelf.kb)]
        );
    }
    let stored = db.documents().get(old.id).await.unwrap().unwrap();
    assert_eq!(
        (stored.version_id, stored.created_at),
        (new.version_id, old.created_at)
    );
}

async fn a_retired_version_is_never_switched_on(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (current, _) = shelf.publish("a.md", &["current"]).await;
    let (late, _) = shelf.pend(current.id, "a.md", &["late"]).await;
    let mut tx = db.begin().await.unwrap();
    assert_eq!(
        tx.documents().retire_pending_of_task(shelf.task).await.unwrap(),
        1
    );
    tx.commit().await.unwrap();

    let (fine, _) = shelf.pend(DocumentId::new(at(1)), "b.md", &["fine"]).await;
    let mut tx = db.begin().await.unwrap();
    let error = tx
        .documents()
        .switch(&[fine, late.clone()], shelf.task)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StorageError::VersionNotPending(id) if id == late.version_id),
        "{error:?}"
    );
    drop(tx);
    assert_eq!(shelf.texts(current.id).await, ["current"]);
}

async fn many_documents_switch_at_once(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (documents, pending): (Vec<_>, Vec<_>) = (0..150)
        .map(|n| shelf.draft(DocumentId::new(at(1)), &format!("{n:03}.md"), &["one", "two"]))
        .unzip();
    let mut tx = db.begin().await.unwrap();
    tx.documents().write_pending(&pending).await.unwrap();
    tx.documents().switch(&documents, shelf.task).await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!(
        db.documents().list(shelf.kb, None, None, 1_000).await.unwrap(),
        documents
    );
    let versions: Vec<VersionId> = documents.iter().map(|document| document.version_id).collect();
    assert_eq!(
        db.chunks().indexable_by_versions(&versions).await.unwrap().len(),
        300
    );

    let mut ids = Vec::new();
    loop {
        let page = db
            .chunks()
            .indexable_of_kb(shelf.kb, ids.last().copied(), 70)
            .await
            .unwrap();
        if page.is_empty() {
            break;
        }
        ids.extend(page.into_iter().map(|row| row.chunk.id));
    }
    let mut expected: Vec<_> = pending
        .iter()
        .flat_map(|version| &version.chunks)
        .map(|chunk| chunk.id)
        .collect();
    expected.sort();
    assert_eq!(ids, expected);
}

async fn heads_are_found_by_path(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (document, _) = shelf.publish("a.md", &["one"]).await;
    let (gone, _) = shelf.publish("b.md", &["two"]).await;
    shelf.delete(gone.id).await;
    let mut paths: Vec<String> = (0..130).map(|n| format!("unknown/{n}")).collect();
    paths.extend(["a.md".to_owned(), "b.md".to_owned()]);
    let head = DocumentHead {
        id: document.id,
        path: "a.md".to_owned(),
        content_hash: document.content_hash,
        version_id: document.version_id,
    };
    assert_eq!(
        db.documents().heads_by_paths(shelf.source, &paths).await.unwrap(),
        [head]
    );
    assert_eq!(
        db.documents().heads_by_paths(shelf.source, &[]).await.unwrap(),
        []
    );
    assert_eq!(
        db.documents()
            .heads_by_paths(SourceId::new(at(0)), &paths)
            .await
            .unwrap(),
        []
    );
}

async fn documents_are_listed_by_path_page_by_page(db: &Db) {
    let mut shelf = Shelf::new(db, "kb").await;
    for path in ["b.md", "a/z.md", "Б.md"] {
        shelf.publish(path, &["text"]).await;
    }
    let first = shelf.source;
    let mut tx = db.begin().await.unwrap();
    shelf.source = tx
        .sources()
        .find_or_create(&new_source(shelf.kb, "other.zip"))
        .await
        .unwrap()
        .id;
    tx.commit().await.unwrap();
    shelf.publish("b.md", &["text"]).await;

    let all = pages(db, &shelf, None).await;
    assert_eq!(all, ["a/z.md", "b.md", "b.md", "Б.md"]);
    assert_eq!(pages(db, &shelf, Some(first)).await, ["a/z.md", "b.md", "Б.md"]);
    assert_eq!(pages(db, &shelf, Some(shelf.source)).await, ["b.md"]);
    let elsewhere = stored_kb(db, "elsewhere").await;
    let foreign = db
        .documents()
        .list(elsewhere, Some(first), None, 10)
        .await
        .unwrap();
    assert_eq!(foreign, [], "a source is no way into another knowledge base");
}

async fn pages(db: &Db, shelf: &Shelf<'_>, source: Option<SourceId>) -> Vec<String> {
    let mut seen: Vec<(String, DocumentId)> = Vec::new();
    loop {
        let after = seen.last().map(|(path, id)| (path.as_str(), *id));
        let page = db.documents().list(shelf.kb, source, after, 1).await.unwrap();
        if page.is_empty() {
            return seen.into_iter().map(|(path, _)| path).collect();
        }
        seen.extend(page.into_iter().map(|document| (document.path, document.id)));
    }
}

async fn what_a_sync_did_not_meet_is_removed_and_the_rest_stays(db: &Db) {
    let mut shelf = Shelf::new(db, "kb").await;
    let (kept, _) = shelf.publish("kept.md", &["kept"]).await;
    let (changed, _) = shelf.publish("changed.md", &["old"]).await;
    let (missing, _) = shelf.publish("missing.md", &["missing"]).await;

    shelf.task = TaskId::new(at(20));
    let (new, _) = shelf.pend(changed.id, "changed.md", &["new"]).await;
    shelf.switch(&new).await;
    let mut tx = db.begin().await.unwrap();
    tx.documents().mark_seen(shelf.task, &[kept.id]).await.unwrap();
    assert_eq!(
        tx.documents()
            .remove_unseen(shelf.source, shelf.task, at(21))
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        tx.documents()
            .remove_unseen(shelf.source, shelf.task, at(22))
            .await
            .unwrap(),
        0
    );
    tx.commit().await.unwrap();

    let live: Vec<_> = db.documents().list(shelf.kb, None, None, 10).await.unwrap();
    assert_eq!(
        live.iter().map(|document| document.id).collect::<Vec<_>>(),
        [changed.id, kept.id]
    );
    let retired: Vec<_> = db
        .versions()
        .retired(10)
        .await
        .unwrap()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(retired, [changed.version_id, missing.version_id]);
}

async fn a_deleted_document_frees_its_path(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (old, _) = shelf.publish("a.md", &["old"]).await;
    assert!(shelf.delete(old.id).await);
    assert!(!shelf.delete(old.id).await);
    assert_eq!(db.documents().get(old.id).await.unwrap(), None);
    assert_eq!(shelf.texts(old.id).await, [""; 0]);
    let (new, _) = shelf.publish("a.md", &["new"]).await;
    assert_eq!(shelf.texts(new.id).await, ["new"]);
    assert_eq!(
        db.versions().retired(10).await.unwrap(),
        [(old.version_id, shelf.kb)]
    );
}

async fn a_document_that_is_switched_after_its_deletion_lives_again(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (old, _) = shelf.publish("a.md", &["old"]).await;
    let (new, _) = shelf.pend(old.id, "a.md", &["new"]).await;
    shelf.delete(old.id).await;
    shelf.switch(&new).await;
    assert_eq!(shelf.texts(old.id).await, ["new"]);
}

async fn what_an_attempt_left_pending_is_retired(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (shown, _) = shelf.publish("a.md", &["shown"]).await;
    let (left, _) = shelf.pend(DocumentId::new(at(1)), "b.md", &["left"]).await;
    let mut tx = db.begin().await.unwrap();
    assert_eq!(
        tx.documents()
            .retire_pending_of_task(TaskId::new(at(3)))
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        tx.documents().retire_pending_of_task(shelf.task).await.unwrap(),
        1
    );
    tx.commit().await.unwrap();
    assert_eq!(
        db.versions().retired(10).await.unwrap(),
        [(left.version_id, shelf.kb)]
    );
    assert_eq!(shelf.texts(shown.id).await, ["shown"]);
}

async fn text_that_a_database_cannot_hold_is_refused_by_both(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (document, pending) = shelf.draft(DocumentId::new(at(1)), "a.md", &["zero \0 byte"]);
    let mut tx = db.begin().await.unwrap();
    let error = tx.documents().write_pending(&[pending]).await.unwrap_err();
    assert!(matches!(error, StorageError::Invalid { .. }), "{error:?}");

    for path in [String::new(), "a\0b".to_owned(), "x".repeat(MAX_PATH_BYTES + 1)] {
        let odd = nexus_domain::Document {
            path,
            ..document.clone()
        };
        let error = tx.documents().switch(&[odd], shelf.task).await.unwrap_err();
        assert!(matches!(error, StorageError::Invalid { .. }), "{error:?}");
    }
    drop(tx);
    // The longest path fits every index, even one that does not compress.
    let path: String = (0..MAX_PATH_BYTES / 16)
        .map(|n| format!("{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        .collect();
    let (long, _) = shelf.publish(&path, &["text"]).await;
    assert_eq!(shelf.texts(long.id).await, ["text"]);
}

async fn two_live_documents_of_a_source_cannot_share_a_path(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    shelf.publish("a.md", &["one"]).await;
    let (second, _) = shelf.pend(DocumentId::new(at(2)), "a.md", &["two"]).await;
    let mut tx = db.begin().await.unwrap();
    let error = tx
        .documents()
        .switch(from_ref(&second), shelf.task)
        .await
        .unwrap_err();
    assert!(error.is_unique_violation(), "{error:?}");
}

async fn a_document_goes_with_its_knowledge_base(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (document, _) = shelf.publish("a.md", &["one"]).await;
    in_tx!(db, |tx| tx.knowledge_bases().delete(document.kb_id, at(9)));
    assert_eq!(db.documents().get(document.id).await.unwrap(), None);
}
