use nexus_domain::{GitRemote, PathFilter, Remote, Schedule, SourceId, SourceKind, TaskPayload};
use nexus_storage::{Db, SealedSource};

use crate::support::{Shelf, at, enqueued, new_source, new_task, stored_kb};

on_both_databases! {
    a_source_is_found_by_kind_and_name
    callers_that_race_get_the_same_source
    sources_are_listed_with_their_documents
    a_source_needs_its_knowledge_base
    settings_of_a_remote_source_come_back
    secrets_come_back_sealed_and_are_sealed_anew
    a_credential_comes_with_the_address_that_it_is_for
    who_changes_a_source_sees_what_the_one_before_has_made_of_it
    documents_that_a_sync_did_not_meet_are_counted
    a_due_time_is_taken_once
    a_sync_that_waits_is_known_by_its_source
    a_deleted_source_goes_with_its_documents
    fingerprints_tell_what_is_known
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
    tx.commit().await.unwrap();
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

fn remote(url: &str) -> Remote {
    Remote::Git(GitRemote {
        url: url.to_owned(),
        branch: Some("main".to_owned()),
        folder: None,
        filter: PathFilter {
            include: vec!["*.md".to_owned()],
            exclude: vec![],
        },
    })
}

fn git(kb: nexus_domain::KbId) -> nexus_domain::Source {
    nexus_domain::Source {
        kind: SourceKind::Git,
        remote: Some(remote("https://example.org/a.git")),
        ..new_source(kb, "docs")
    }
}

async fn stored(db: &Db, source: &nexus_domain::Source) -> nexus_domain::Source {
    let mut tx = db.begin().await.unwrap();
    let stored = tx.sources().find_or_create(source).await.unwrap();
    tx.commit().await.unwrap();
    stored
}

async fn settings_of_a_remote_source_come_back(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let source = stored(db, &git(kb)).await;
    assert_eq!(source, git_like(&source, kb));
    let mut tx = db.begin().await.unwrap();
    tx.sources()
        .synced(source.id, Some("commit 1"), at(5))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let synced = db.sources().get(source.id).await.unwrap().unwrap();
    assert_eq!(synced.sync.state.as_deref(), Some("commit 1"));
    assert_eq!(synced.sync.synced_at, Some(at(5)));

    let moved = remote("https://example.org/b.git");
    let mut tx = db.begin().await.unwrap();
    tx.sources().set_remote(source.id, &moved, at(6)).await.unwrap();
    tx.commit().await.unwrap();
    let changed = db.sources().get(source.id).await.unwrap().unwrap();
    assert_eq!(changed.remote, Some(moved));
    assert_eq!(
        changed.sync.state, None,
        "what was read under other settings says nothing"
    );
}

fn git_like(source: &nexus_domain::Source, kb: nexus_domain::KbId) -> nexus_domain::Source {
    nexus_domain::Source {
        id: source.id,
        ..git(kb)
    }
}

async fn secrets_come_back_sealed_and_are_sealed_anew(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let source = stored(db, &git(kb)).await;
    let sealed = async || {
        let found = db.sources().with_credential(source.id).await.unwrap();
        found.unwrap().1
    };
    assert_eq!(sealed().await, None);
    let mut tx = db.begin().await.unwrap();
    tx.sources()
        .set_credential(source.id, Some("sealed"), at(1))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let found = db.sources().get(source.id).await.unwrap().unwrap();
    assert!(found.has_credential && !found.has_webhook);

    let mut tx = db.begin().await.unwrap();
    let all = tx.sources().sealed_values().await.unwrap();
    assert_eq!(all.len(), 1);
    let again = SealedSource {
        credential: Some("sealed anew".to_owned()),
        ..all[0].clone()
    };
    tx.sources().reseal(&again).await.unwrap();
    tx.sources()
        .set_webhook_secret(source.id, Some("hook"), at(2))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(sealed().await.as_deref(), Some("sealed anew"));
    let hook = db.sources().sealed_webhook_secret(source.id).await.unwrap();
    assert_eq!(hook.as_deref(), Some("hook"));

    let mut tx = db.begin().await.unwrap();
    tx.sources().delete(source.id, at(3)).await.unwrap();
    assert!(
        tx.sources().sealed_values().await.unwrap().is_empty(),
        "a deleted source keeps no secret"
    );
    tx.commit().await.unwrap();
}

async fn a_credential_comes_with_the_address_that_it_is_for(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let source = stored(db, &git(kb)).await;
    let mut tx = db.begin().await.unwrap();
    tx.sources()
        .set_credential(source.id, Some("for a"), at(1))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let (read, credential) = db.sources().with_credential(source.id).await.unwrap().unwrap();
    assert_eq!(
        (read.remote, credential),
        (source.remote, Some("for a".to_owned()))
    );

    let moved = remote("https://elsewhere.example.org/a.git");
    let mut tx = db.begin().await.unwrap();
    tx.sources().set_remote(source.id, &moved, at(2)).await.unwrap();
    tx.sources().set_credential(source.id, None, at(2)).await.unwrap();
    tx.commit().await.unwrap();
    let (read, credential) = db.sources().with_credential(source.id).await.unwrap().unwrap();
    assert_eq!((read.remote, credential), (Some(moved), None));
    let mut tx = db.begin().await.unwrap();
    tx.sources().delete(source.id, at(3)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(db.sources().with_credential(source.id).await.unwrap(), None);
}

async fn who_changes_a_source_sees_what_the_one_before_has_made_of_it(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let source = stored(db, &git(kb)).await;
    let mut first = db.begin().await.unwrap();
    let found = first.sources().find_or_create(&git(kb)).await.unwrap();
    assert!(!found.has_credential);
    let second = {
        let (db, candidate) = (db.clone(), git(kb));
        tokio::spawn(async move {
            let mut tx = db.begin().await.unwrap();
            let found = tx.sources().find_or_create(&candidate).await.unwrap();
            tx.commit().await.unwrap();
            found
        })
    };
    // Long enough for a second one that does not wait to have looked.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    first
        .sources()
        .set_credential(source.id, Some("sealed"), at(1))
        .await
        .unwrap();
    first.commit().await.unwrap();
    assert!(
        second.await.unwrap().has_credential,
        "else it would leave a credential with an address that it moves"
    );
}

async fn documents_that_a_sync_did_not_meet_are_counted(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (a, _) = shelf.publish("a.md", &["one"]).await;
    shelf.publish("b.md", &["two"]).await;
    let task = enqueued(db, new_task(Some(shelf.kb), TaskPayload::EmbedKb)).await;
    let mut tx = db.begin().await.unwrap();
    tx.documents().mark_seen(task, &[a.id]).await.unwrap();
    tx.commit().await.unwrap();
    let met = db.documents().met_by(shelf.source, task).await.unwrap();
    assert_eq!((met.known, met.missed), (2, 1));

    let mut tx = db.begin().await.unwrap();
    tx.sources()
        .set_remote(shelf.source, &remote("https://example.org/b.git"), at(6))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let met = db.documents().met_by(shelf.source, task).await.unwrap();
    assert_eq!(
        (met.known, met.missed),
        (0, 0),
        "of other settings nothing is expected"
    );
}

async fn a_due_time_is_taken_once(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let source = stored(db, &git(kb)).await;
    let schedule = Schedule {
        cron: "0 4 * * *".to_owned(),
        time_zone: "Europe/Moscow".to_owned(),
    };
    let mut tx = db.begin().await.unwrap();
    tx.sources()
        .set_schedule(source.id, Some((&schedule, at(10))), at(1))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(db.sources().due(at(9), 10).await.unwrap().is_empty());
    let due = db.sources().due(at(10), 10).await.unwrap();
    assert_eq!(due[0].schedule.as_ref(), Some(&schedule));
    let takers = (0..4).map(|_| async {
        let mut tx = db.begin().await.unwrap();
        let taken = tx
            .sources()
            .take_due(source.id, at(10), Some(at(20)))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        taken
    });
    let taken = futures::future::join_all(takers).await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
    assert!(db.sources().due(at(19), 10).await.unwrap().is_empty());
    assert_eq!(db.sources().due(at(20), 10).await.unwrap().len(), 1);
}

async fn a_sync_that_waits_is_known_by_its_source(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let source = stored(db, &git(kb)).await;
    let payload = TaskPayload::SyncSource {
        source_id: source.id,
        dry_run: false,
        accept_removals: false,
        again: None,
    };
    let task = new_task(Some(kb), payload);
    let mut tx = db.begin().await.unwrap();
    tx.tasks().enqueue(&task).await.unwrap();
    tx.sources().set_task(source.id, task.id, at(1)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(db.sources().waiting_task(source.id).await.unwrap(), Some(task.id));
    let place = db.tasks().place(task.id).await.unwrap();
    assert_eq!((place.before, place.is_kept_waiting), (0, false));

    let second = new_task(Some(kb), TaskPayload::RebuildLexical);
    let mut tx = db.begin().await.unwrap();
    tx.tasks().enqueue(&second).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        db.tasks().place(task.id).await.unwrap().before,
        1,
        "what comes before by its kind counts"
    );
    let mut tx = db.begin().await.unwrap();
    let minute = std::time::Duration::from_secs(60);
    tx.tasks()
        .claim(at(2), minute, crate::support::token())
        .await
        .unwrap()
        .unwrap();
    tx.commit().await.unwrap();
    let place = db.tasks().place(task.id).await.unwrap();
    assert_eq!((place.before, place.is_kept_waiting), (0, true));
}

async fn a_deleted_source_goes_with_its_documents(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (document, _) = shelf.publish("a.md", &["one"]).await;
    let mut tx = db.begin().await.unwrap();
    assert!(tx.sources().delete(shelf.source, at(5)).await.unwrap());
    assert_eq!(
        tx.documents()
            .delete_of_source(shelf.source, at(5))
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        tx.sources().forget_deleted().await.unwrap(),
        0,
        "its documents are not swept yet"
    );
    tx.commit().await.unwrap();
    assert_eq!(db.sources().get(shelf.source).await.unwrap(), None);
    assert_eq!(db.documents().get(document.id).await.unwrap(), None);
    assert!(db.sources().list(shelf.kb).await.unwrap().is_empty());

    // Its name is free at once.
    let named_so = stored(db, &new_source(shelf.kb, "guide.zip")).await;
    assert_ne!(named_so.id, shelf.source);

    let retired = db.versions().retired(10).await.unwrap();
    let versions: Vec<_> = retired.into_iter().map(|(id, _)| id).collect();
    let mut tx = db.begin().await.unwrap();
    tx.versions().delete_versions(&versions).await.unwrap();
    assert_eq!(tx.sources().forget_deleted().await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert!(db.empty_log().await.unwrap());
}

async fn fingerprints_tell_what_is_known(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (document, _) = shelf.publish("a.md", &["one"]).await;
    let known = db.documents().fingerprints(shelf.source).await.unwrap();
    assert_eq!(known, [("a.md".to_owned(), "blob a.md".to_owned())]);
    let mut tx = db.begin().await.unwrap();
    for (fingerprint, is_moved) in [("blob 1", true), ("blob 2", false)] {
        let moved = tx
            .documents()
            .note_provenance(document.id, Some(fingerprint), Some("https://example.org/2"))
            .await;
        assert_eq!(moved.unwrap(), is_moved, "whether its link is another one");
    }
    tx.commit().await.unwrap();
    let found = db.documents().get(document.id).await.unwrap().unwrap();
    assert_eq!(found.fingerprint.as_deref(), Some("blob 2"));
    assert_eq!(found.link.as_deref(), Some("https://example.org/2"));
    assert_eq!(found.version_id, document.version_id, "no new version came of it");
    assert_eq!(db.documents().count_of_source(shelf.source).await.unwrap(), 1);
    assert_eq!(db.documents().paths(shelf.source).await.unwrap(), ["a.md"]);
}
