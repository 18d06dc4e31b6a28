use nexus_domain::{SourceId, SourceKind};
use nexus_storage::Db;

use crate::support::{Shelf, at, new_source, stored_kb};

on_both_databases! {
    a_source_is_found_by_kind_and_name
    callers_that_race_get_the_same_source
    sources_are_listed_with_their_documents
    a_source_needs_its_knowledge_base
}

async fn a_source_is_found_by_kind_and_name(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let archive = new_source(kb, "docs");
    let files = nexus_domain::Source {
        kind: SourceKind::Files,
        ..new_source(kb, "docs")
    };
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.sources().find_or_create(&archive).await.unwrap(), archive);
    assert_eq!(
        tx.sources().find_or_create(&files).await.unwrap(),
        files,
        "another kind is another source"
    );
    assert_eq!(
        tx.sources()
            .find_or_create(&new_source(kb, "docs"))
            .await
            .unwrap()
            .id,
        archive.id
    );
    tx.sources().touch(archive.id, at(8)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        db.sources().get(archive.id).await.unwrap().unwrap().updated_at,
        at(8)
    );
    assert_eq!(db.sources().get(SourceId::new(at(0))).await.unwrap(), None);
}

async fn callers_that_race_get_the_same_source(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let racers = (0..8).map(|_| {
        let db = db.clone();
        async move {
            let mut tx = db.begin().await.unwrap();
            let source = tx
                .sources()
                .find_or_create(&new_source(kb, "docs"))
                .await
                .unwrap();
            tx.commit().await.unwrap();
            source.id
        }
    });
    let ids = futures::future::join_all(racers).await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(db.sources().list(kb).await.unwrap().len(), 1);
}

async fn sources_are_listed_with_their_documents(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    shelf.publish("a.md", &["one"]).await;
    let (gone, _) = shelf.publish("b.md", &["two"]).await;
    shelf.delete(gone.id).await;
    let mut tx = db.begin().await.unwrap();
    tx.sources()
        .find_or_create(&new_source(shelf.kb, "empty.zip"))
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let sources = db.sources().list(shelf.kb).await.unwrap();
    let counts: Vec<_> = sources
        .iter()
        .map(|row| (row.source.name.as_str(), row.documents))
        .collect();
    assert_eq!(counts, [("empty.zip", 0), ("guide.zip", 1)]);
}

async fn a_source_needs_its_knowledge_base(db: &Db) {
    let mut tx = db.begin().await.unwrap();
    let orphan = new_source(nexus_domain::KbId::new(at(0)), "docs");
    let error = match tx.sources().find_or_create(&orphan).await {
        Err(error) => error,
        Ok(_) => tx.commit().await.unwrap_err(),
    };
    assert!(
        matches!(error, nexus_storage::StorageError::ReferenceViolation(_)),
        "{error:?}"
    );
}
