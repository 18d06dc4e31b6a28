use nexus_domain::{Action, AuditEntry, AuditId, BotId, CallerKind, KbId, Target, TargetKind, UserId};
use nexus_storage::{AuditFilter, Db, StorageError};
use serde_json::Map;

use crate::people::entry;
use crate::support::at;

on_both_databases! {
    an_entry_is_read_back_as_it_was_written
    entries_are_listed_newest_first_page_by_page
    entries_are_found_by_who_what_where_and_when
    an_entry_is_written_with_what_it_tells_of_or_not_at_all
}

async fn an_entry_is_read_back_as_it_was_written(db: &Db) {
    let full = AuditEntry {
        actor_kind: CallerKind::Person,
        actor_id: Some(UserId::new(at(0)).as_uuid()),
        bot_id: Some(BotId::new(at(0))),
        kb_id: Some(KbId::new(at(0))),
        ..entry(at(1))
    };
    let bare = AuditEntry {
        details: Map::new(),
        address: None,
        ..entry(at(2))
    };
    for entry in [&full, &bare] {
        in_tx!(db, |tx| tx.audit().insert(entry));
    }
    let all = db.audit().list(&AuditFilter::default(), None, 9).await.unwrap();
    assert_eq!(all, [bare, full]);
    let mut tx = db.begin().await.unwrap();
    let odd = AuditEntry {
        trace_id: "\0".to_owned(),
        ..entry(at(3))
    };
    let error = tx.audit().insert(&odd).await.unwrap_err();
    assert!(matches!(error, StorageError::Invalid { .. }), "{error:?}");
}

async fn entries_are_listed_newest_first_page_by_page(db: &Db) {
    let mut ids: Vec<AuditId> = Vec::new();
    for n in 0..7 {
        let entry = entry(at(n / 3));
        in_tx!(db, |tx| tx.audit().insert(&entry));
        ids.push(entry.id);
    }
    ids.reverse();
    let mut seen: Vec<AuditId> = Vec::new();
    loop {
        let before = seen.last().copied();
        let page = db.audit().list(&AuditFilter::default(), before, 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|entry| entry.id));
    }
    assert_eq!(seen, ids);
}

async fn entries_are_found_by_who_what_where_and_when(db: &Db) {
    let (actor, kb) = (UserId::new(at(0)).as_uuid(), KbId::new(at(0)));
    let early = AuditEntry {
        actor_id: Some(actor),
        kb_id: Some(kb),
        ..entry(at(10))
    };
    let late = AuditEntry {
        action: Action::BotDelete,
        target: Target {
            kind: TargetKind::Bot,
            id: BotId::new(at(0)).to_string(),
        },
        ..entry(at(20))
    };
    for entry in [&early, &late] {
        in_tx!(db, |tx| tx.audit().insert(entry));
    }
    let any = AuditFilter::default();
    let cases = [
        (
            AuditFilter {
                actor_id: Some(actor),
                ..any.clone()
            },
            vec![early.id],
        ),
        (
            AuditFilter {
                target_id: Some(late.target.id.clone()),
                ..any.clone()
            },
            vec![late.id],
        ),
        (
            AuditFilter {
                target_id: Some("\0".to_owned()),
                ..any.clone()
            },
            vec![],
        ),
        (
            AuditFilter {
                kb_id: Some(kb),
                ..any.clone()
            },
            vec![early.id],
        ),
        (
            AuditFilter {
                action: Some(Action::BotDelete),
                ..any.clone()
            },
            vec![late.id],
        ),
        (
            AuditFilter {
                from: Some(at(10)),
                until: Some(at(20)),
                ..any.clone()
            },
            vec![early.id],
        ),
        (
            AuditFilter {
                from: Some(at(11)),
                ..any.clone()
            },
            vec![late.id],
        ),
        (
            AuditFilter {
                kb_id: Some(kb),
                action: Some(Action::BotDelete),
                ..any.clone()
            },
            vec![],
        ),
    ];
    for (filter, expected) in cases {
        let found = db.audit().list(&filter, None, 9).await.unwrap();
        let found: Vec<_> = found.into_iter().map(|entry| entry.id).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

async fn an_entry_is_written_with_what_it_tells_of_or_not_at_all(db: &Db) {
    let mut tx = db.begin().await.unwrap();
    tx.audit().insert(&entry(at(1))).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(
        db.audit().list(&AuditFilter::default(), None, 9).await.unwrap(),
        []
    );
}
