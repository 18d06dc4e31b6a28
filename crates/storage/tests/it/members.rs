//! Members of knowledge bases, and the bots that they are open to.

use nexus_domain::{KbId, KbRole, UserId};
use nexus_storage::{Db, PurgeStep, StorageError};

use crate::people::{stored_bot, stored_user};
use crate::support::{at, stored_kb};

on_both_databases! {
    setting_and_removing_a_member_tells_the_role_before
    members_are_listed_page_by_page
    a_person_knows_the_live_knowledge_bases_they_are_a_member_of
    a_knowledge_base_is_opened_to_a_bot_once
    a_member_needs_a_person_and_a_knowledge_base
    a_purged_knowledge_base_takes_its_members_and_bots_along
}

async fn setting_and_removing_a_member_tells_the_role_before(db: &Db) {
    let (user, kb) = (stored_user(db, 7).await, stored_kb(db, "kb").await);
    let set = async |role, seconds| in_tx!(db, |tx| tx.members().set(kb, user, role, at(seconds)));
    assert_eq!(set(KbRole::Reader, 1).await, None);
    assert_eq!(set(KbRole::Owner, 2).await, Some(KbRole::Reader));
    let members = db.members().list(kb, None, 9).await.unwrap();
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].user, db.users().get(user).await.unwrap().unwrap());
    assert_eq!(
        (members[0].role, members[0].created_at),
        (KbRole::Owner, at(1)),
        "a member since the first role"
    );
    assert_eq!(
        in_tx!(db, |tx| tx.members().remove(kb, user)),
        Some(KbRole::Owner)
    );
    assert_eq!(in_tx!(db, |tx| tx.members().remove(kb, user)), None);
    assert_eq!(db.members().list(kb, None, 9).await.unwrap(), []);
}

async fn members_are_listed_page_by_page(db: &Db) {
    let (kb, other) = (stored_kb(db, "kb").await, stored_kb(db, "other").await);
    let mut ids = Vec::new();
    for telegram_id in 1..=7 {
        let user = stored_user(db, telegram_id).await;
        in_tx!(db, |tx| tx.members().set(kb, user, KbRole::Reader, at(1)));
        in_tx!(db, |tx| tx.members().set(other, user, KbRole::Editor, at(1)));
        ids.push(user);
    }
    let mut seen: Vec<UserId> = Vec::new();
    loop {
        let page = db.members().list(kb, seen.last().copied(), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.iter().all(|member| member.role == KbRole::Reader));
        seen.extend(page.into_iter().map(|member| member.user.id));
    }
    assert_eq!(seen, ids);
}

async fn a_person_knows_the_live_knowledge_bases_they_are_a_member_of(db: &Db) {
    let user = stored_user(db, 7).await;
    let (one, two, gone) = (
        stored_kb(db, "one").await,
        stored_kb(db, "two").await,
        stored_kb(db, "gone").await,
    );
    for (kb, role) in [(one, KbRole::Owner), (two, KbRole::Reader), (gone, KbRole::Owner)] {
        in_tx!(db, |tx| tx.members().set(kb, user, role, at(1)));
    }
    in_tx!(db, |tx| tx.knowledge_bases().delete(gone, at(2)));
    assert_eq!(
        db.members().of_user(user).await.unwrap(),
        [(one, KbRole::Owner), (two, KbRole::Reader)]
    );
}

async fn a_knowledge_base_is_opened_to_a_bot_once(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let (b, a) = (stored_bot(db, "b").await, stored_bot(db, "a").await);
    assert!(in_tx!(db, |tx| tx.kb_bots().add(kb, b, at(1))));
    assert!(!in_tx!(db, |tx| tx.kb_bots().add(kb, b, at(2))));
    assert!(in_tx!(db, |tx| tx.kb_bots().add(kb, a, at(3))));
    let codes = async || -> Vec<String> {
        let bots = db.kb_bots().list(kb).await.unwrap();
        bots.into_iter().map(|bot| bot.code).collect()
    };
    assert_eq!(codes().await, ["a", "b"]);
    assert!(in_tx!(db, |tx| tx.kb_bots().remove(kb, b)));
    assert!(!in_tx!(db, |tx| tx.kb_bots().remove(kb, b)));
    assert_eq!(codes().await, ["a"]);
}

async fn a_member_needs_a_person_and_a_knowledge_base(db: &Db) {
    let (user, kb) = (stored_user(db, 7).await, stored_kb(db, "kb").await);
    let (nobody, nowhere) = (UserId::new(at(0)), KbId::new(at(0)));
    for (kb, user) in [(kb, nobody), (nowhere, user)] {
        let mut tx = db.begin().await.unwrap();
        let error = match tx.members().set(kb, user, KbRole::Reader, at(1)).await {
            Err(error) => error,
            Ok(_) => tx.commit().await.unwrap_err(),
        };
        assert!(matches!(error, StorageError::ReferenceViolation(_)), "{error:?}");
    }
}

async fn a_purged_knowledge_base_takes_its_members_and_bots_along(db: &Db) {
    let (user, bot) = (stored_user(db, 7).await, stored_bot(db, "docs").await);
    let (kb, kept) = (stored_kb(db, "kb").await, stored_kb(db, "kept").await);
    for kb in [kb, kept] {
        in_tx!(db, |tx| tx.members().set(kb, user, KbRole::Owner, at(1)));
        in_tx!(db, |tx| tx.kb_bots().add(kb, bot, at(1)));
    }
    in_tx!(db, |tx| tx.knowledge_bases().delete(kb, at(2)));
    let step = in_tx!(db, |tx| tx.knowledge_bases().purge_step(kb, 10));
    assert_eq!(step, PurgeStep::Done);
    assert_eq!(db.members().list(kb, None, 9).await.unwrap(), []);
    assert_eq!(db.kb_bots().list(kb).await.unwrap(), []);
    assert_eq!(db.members().list(kept, None, 9).await.unwrap().len(), 1);
    assert_eq!(db.kb_bots().list(kept).await.unwrap().len(), 1);
}
