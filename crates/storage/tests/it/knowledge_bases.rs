use std::collections::BTreeSet;

use nexus_domain::task::TaskPayload;
use nexus_domain::{GenerationId, KbId, KbRole, Quotas, UploadId, Visibility};
use nexus_storage::{Db, KbChange, KbStats, Stop, StorageError};

use crate::people::stored_user;
use crate::support::{NONE, Shelf, at, enqueued, ingest, new_kb, new_task, stored_kb};

on_both_databases! {
    one_is_read_back_as_it_was_written
    a_name_is_unique_among_live_ones_and_free_after_a_deletion
    names_are_listed_in_byte_order_page_by_page
    some_of_them_are_listed_page_by_page
    a_revision_rises_with_each_change_and_ends_with_the_knowledge_base
    renaming_keeps_the_names_unique
    statistics_count_what_is_current
    one_whose_import_failed_goes_if_nothing_has_come_into_it
    what_is_not_committed_never_happened
}

async fn one_is_read_back_as_it_was_written(db: &Db) {
    let kb = new_kb("Справочник");
    let mut tx = db.begin().await.unwrap();
    tx.knowledge_bases().insert(&kb).await.unwrap();
    assert_eq!(
        tx.knowledge_bases().get(kb.id).await.unwrap().as_ref(),
        Some(&kb),
        "a transaction reads its writes"
    );
    tx.commit().await.unwrap();

    assert_eq!(db.knowledge_bases().get(kb.id).await.unwrap().as_ref(), Some(&kb));
    assert_eq!(
        db.knowledge_bases().get_by_name("Справочник").await.unwrap(),
        Some(kb)
    );
    assert_eq!(
        db.knowledge_bases().get_by_name("with\0zero").await.unwrap(),
        None
    );
}

async fn a_name_is_unique_among_live_ones_and_free_after_a_deletion(db: &Db) {
    let old = stored_kb(db, "handbook").await;
    let mut tx = db.begin().await.unwrap();
    let taken = tx
        .knowledge_bases()
        .insert(&new_kb("handbook"))
        .await
        .unwrap_err();
    assert!(matches!(taken, StorageError::UniqueViolation(_)), "{taken:?}");
    drop(tx);

    let mut tx = db.begin().await.unwrap();
    assert!(tx.knowledge_bases().delete(old, at(5)).await.unwrap());
    assert!(
        !tx.knowledge_bases().delete(old, at(6)).await.unwrap(),
        "it is gone already"
    );
    tx.knowledge_bases().insert(&new_kb("handbook")).await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!(db.knowledge_bases().get(old).await.unwrap(), None);
    assert_ne!(
        db.knowledge_bases()
            .get_by_name("handbook")
            .await
            .unwrap()
            .unwrap()
            .id,
        old
    );
    assert_eq!(db.knowledge_bases().deleted(10).await.unwrap(), [old]);
    assert_eq!(db.knowledge_bases().list_ids().await.unwrap().len(), 1);
}

async fn names_are_listed_in_byte_order_page_by_page(db: &Db) {
    for name in ["b", "Б", "a", "B", "а"] {
        stored_kb(db, name).await;
    }
    let mut names: Vec<String> = Vec::new();
    loop {
        let page = db
            .knowledge_bases()
            .list(names.last().map(String::as_str), 2)
            .await
            .unwrap();
        if page.is_empty() {
            break;
        }
        names.extend(page.into_iter().map(|kb| kb.name));
    }
    assert_eq!(names, ["B", "a", "b", "Б", "а"]);
}

async fn some_of_them_are_listed_page_by_page(db: &Db) {
    let mut tx = db.begin().await.unwrap();
    let (mut among, mut names) = (BTreeSet::new(), Vec::new());
    for n in 0..150 {
        // The order of names is not that of ids, which are asked for in batches.
        let kb = new_kb(&format!("kb {:03}", n * 7 % 150));
        tx.knowledge_bases().insert(&kb).await.unwrap();
        if n % 10 != 0 {
            among.insert(kb.id);
            names.push(kb.name);
        }
    }
    let gone = *among.first().unwrap();
    tx.knowledge_bases().delete(gone, at(1)).await.unwrap();
    tx.commit().await.unwrap();
    names.retain(|name| name != "kb 007");
    names.sort();

    let mut listed: Vec<String> = Vec::new();
    loop {
        let after = listed.last().map(String::as_str);
        let page = db.knowledge_bases().list_among(&among, after, 40).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() == 40 || listed.len() + page.len() == names.len());
        listed.extend(page.into_iter().map(|kb| kb.name));
    }
    assert_eq!(listed, names);
    let none: BTreeSet<KbId> = BTreeSet::new();
    assert_eq!(db.knowledge_bases().list_among(&none, None, 9).await.unwrap(), []);
}

async fn a_revision_rises_with_each_change_and_ends_with_the_knowledge_base(db: &Db) {
    let id = stored_kb(db, "kb").await;
    let mut tx = db.begin().await.unwrap();
    assert_eq!(
        tx.knowledge_bases().bump_revision(id, at(1)).await.unwrap(),
        Some(2)
    );
    assert_eq!(
        tx.knowledge_bases().bump_revision(id, at(2)).await.unwrap(),
        Some(3)
    );
    tx.knowledge_bases()
        .set_lexical_average(id, 42_500)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let kb = db.knowledge_bases().get(id).await.unwrap().unwrap();
    assert_eq!(
        (kb.revision, kb.updated_at, kb.lexical_average_milli),
        (3, at(2), 42_500)
    );

    let mut tx = db.begin().await.unwrap();
    tx.knowledge_bases().delete(id, at(3)).await.unwrap();
    assert_eq!(tx.knowledge_bases().bump_revision(id, at(4)).await.unwrap(), None);
}

fn change(name: &str) -> KbChange {
    KbChange {
        name: name.to_owned(),
        description: "new".to_owned(),
        visibility: Visibility::Everyone,
        quotas: Quotas {
            questions: Some(100),
            ..Quotas::default()
        },
    }
}

async fn renaming_keeps_the_names_unique(db: &Db) {
    let (one, two) = (stored_kb(db, "one").await, stored_kb(db, "two").await);
    let mut tx = db.begin().await.unwrap();
    let renamed = tx
        .knowledge_bases()
        .update(one, &change("three"), at(7))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (
            renamed.name.as_str(),
            renamed.description.as_str(),
            renamed.updated_at
        ),
        ("three", "new", at(7))
    );
    assert_eq!(
        (renamed.visibility, renamed.quotas),
        (change("").visibility, change("").quotas)
    );
    let read = tx.knowledge_bases().get(one).await.unwrap();
    assert_eq!(read, Some(renamed));
    let quotas = tx.knowledge_bases().list_quotas().await.unwrap();
    assert_eq!(quotas, [(one, change("").quotas), (two, Quotas::default())]);
    let taken = tx
        .knowledge_bases()
        .update(one, &change("two"), at(8))
        .await
        .unwrap_err();
    assert!(taken.is_unique_violation());
    drop(tx);

    let mut tx = db.begin().await.unwrap();
    let unknown = nexus_domain::KbId::new(at(0));
    assert_eq!(
        tx.knowledge_bases()
            .update(unknown, &change("four"), at(8))
            .await
            .unwrap(),
        None
    );
}

async fn statistics_count_what_is_current(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (first, pending) = shelf.publish("a.md", &["one two", "three"]).await;
    shelf.publish("b.md", &["four five six"]).await;
    shelf.pend(first.id, "a.md", &["not yet", "seen"]).await;
    let (gone, _) = shelf.publish("c.md", &["gone"]).await;
    shelf.delete(gone.id).await;

    let generation = GenerationId(1);
    let mut tx = db.begin().await.unwrap();
    tx.versions()
        .set_embedded(&[pending.version.id], generation, true)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let stats = KbStats {
        documents: 2,
        chunks: 3,
        embedded_chunks: 2,
        term_total: 6,
    };
    assert_eq!(
        db.knowledge_bases().stats(shelf.kb, generation).await.unwrap(),
        stats
    );
    let stats = KbStats {
        embedded_chunks: 0,
        ..stats
    };
    assert_eq!(db.knowledge_bases().stats(shelf.kb, NONE).await.unwrap(), stats);
    assert_eq!(
        db.knowledge_bases()
            .stats(shelf.kb, GenerationId(2))
            .await
            .unwrap(),
        stats
    );
    let empty = stored_kb(db, "empty").await;
    assert_eq!(
        db.knowledge_bases().stats(empty, generation).await.unwrap(),
        KbStats::default()
    );
}

async fn one_whose_import_failed_goes_if_nothing_has_come_into_it(db: &Db) {
    let import = async |name: &str| {
        let kb = stored_kb(db, name).await;
        let payload = TaskPayload::ImportKb {
            upload_id: UploadId::new(at(0)),
            trusts_vectors: false,
        };
        let task = enqueued(db, new_task(Some(kb), payload)).await;
        (kb, task)
    };
    let (failed, filled, used, waiting, changed, shared, made) = (
        import("failed").await,
        import("filled").await,
        import("used").await,
        import("waiting").await,
        import("changed").await,
        import("shared").await,
        stored_kb(db, "made by hand").await,
    );
    for (_, task) in [failed, filled, used, changed, shared] {
        in_tx!(db, |tx| tx.tasks().request_state(task, Stop::Cancel, at(10)));
    }
    Shelf::in_kb(db, filled.0).await;
    enqueued(db, ingest(used.0)).await;
    in_tx!(db, |tx| tx.knowledge_bases().bump_revision(changed.0, at(20)));
    for telegram_id in [1, 2] {
        let user = stored_user(db, telegram_id).await;
        in_tx!(db, |tx| tx.members().set(shared.0, user, KbRole::Editor, at(5)));
    }
    let gone = async |before| {
        in_tx!(db, |tx| tx
            .knowledge_bases()
            .delete_never_filled(at(before), at(50)))
    };
    assert_eq!(gone(9).await, [], "its maker has yet to read why");
    assert_eq!(gone(10).await, [failed.0]);
    assert_eq!(gone(99).await, []);
    assert_eq!(db.knowledge_bases().get(failed.0).await.unwrap(), None);
    for kb in [filled.0, used.0, waiting.0, changed.0, shared.0, made] {
        assert!(db.knowledge_bases().get(kb).await.unwrap().is_some());
    }
    stored_kb(db, "failed").await;
}

async fn what_is_not_committed_never_happened(db: &Db) {
    let mut tx = db.begin().await.unwrap();
    tx.knowledge_bases().insert(&new_kb("dropped")).await.unwrap();
    drop(tx);
    let mut tx = db.begin().await.unwrap();
    tx.knowledge_bases().insert(&new_kb("rolled back")).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(db.knowledge_bases().list(None, 10).await.unwrap(), []);
}
