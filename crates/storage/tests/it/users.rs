use futures::future::join_all;
use nexus_domain::{Person, Quotas, Role, TelegramId, User, UserId};
use nexus_storage::{Db, StorageError, UserChange, UserFilter};

use crate::people::{person, stored_bot, stored_user, subscription};
use crate::support::at;

on_both_databases! {
    a_person_is_made_once_and_keeps_their_rights_when_their_names_change
    first_messages_that_race_make_one_person_and_one_subscription
    people_are_listed_newest_first_page_by_page
    people_are_found_by_what_they_are
    two_admins_cannot_both_demote_the_other
    what_cannot_be_stored_is_refused
}

async fn a_person_is_made_once_and_keeps_their_rights_when_their_names_change(db: &Db) {
    let candidate = UserId::new(at(0));
    let (made, created) = in_tx!(db, |tx| tx.users().upsert(&person(7), candidate, at(1)));
    let expected = User {
        id: candidate,
        person: person(7),
        role: Role::Reader,
        blocked: false,
        quotas: Quotas::default(),
        created_at: at(1),
        updated_at: at(1),
    };
    assert_eq!((made, created), (expected.clone(), true));

    let quotas = Quotas {
        tokens: Some(5_000),
        ..Quotas::default()
    };
    let change = UserChange {
        role: Some(Role::Editor),
        blocked: Some(true),
        quotas: Some(quotas),
    };
    let changed = in_tx!(db, |tx| tx.users().update(candidate, &change, at(2)));
    let expected = User {
        role: Role::Editor,
        blocked: true,
        quotas,
        updated_at: at(2),
        ..expected
    };
    assert_eq!(changed, Some(expected.clone()));
    let nothing = UserChange::default();
    let changed = in_tx!(db, |tx| tx.users().update(candidate, &nothing, at(2)));
    assert_eq!(changed, Some(expected.clone()), "what is not given stays");

    let renamed = Person {
        username: None,
        first_name: "Ann".to_owned(),
        last_name: Some("Lee".to_owned()),
        language_code: None,
        ..person(7)
    };
    let (seen, created) = in_tx!(db, |tx| tx.users().upsert(&renamed, UserId::new(at(3)), at(3)));
    let expected = User {
        person: renamed,
        updated_at: at(3),
        ..expected
    };
    assert_eq!((seen, created), (expected.clone(), false));
    let telegram_id = TelegramId::new(7).unwrap();
    assert_eq!(db.users().get(candidate).await.unwrap(), Some(expected.clone()));
    assert_eq!(
        db.users().by_telegram_id(telegram_id).await.unwrap(),
        Some(expected)
    );

    let unknown = UserId::new(at(0));
    assert_eq!(db.users().get(unknown).await.unwrap(), None);
    assert_eq!(in_tx!(db, |tx| tx.users().update(unknown, &change, at(4))), None);
}

async fn first_messages_that_race_make_one_person_and_one_subscription(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let messages = (0..20).map(|n| {
        let db = db.clone();
        async move {
            let mut tx = db.begin().await.unwrap();
            let (user, new_user) = tx
                .users()
                .upsert(&person(7), UserId::new(at(n)), at(n))
                .await
                .unwrap();
            let candidate = nexus_domain::Subscription {
                last_interaction_at: at(n),
                ..subscription(user.id, bot)
            };
            let (kept, new_one) = tx.subscriptions().touch(&candidate).await.unwrap();
            tx.commit().await.unwrap();
            (user.id, kept.id, new_user, new_one)
        }
    });
    let seen = join_all(messages).await;
    assert!(
        seen.iter().all(|one| (one.0, one.1) == (seen[0].0, seen[0].1)),
        "{seen:?}"
    );
    assert_eq!(seen.iter().filter(|one| one.2).count(), 1, "one of them made it");
    assert_eq!(seen.iter().filter(|one| one.3).count(), 1);
    let all = db.users().list(&UserFilter::default(), None, 9).await.unwrap();
    assert_eq!(all.len(), 1);
    let subscriptions = db.subscriptions().of_user(all[0].id).await.unwrap();
    assert_eq!(subscriptions.len(), 1);
    assert_eq!(
        subscriptions[0].last_interaction_at,
        at(19),
        "the last one counts, in whatever order they came"
    );
}

async fn people_are_listed_newest_first_page_by_page(db: &Db) {
    let mut ids = Vec::new();
    for telegram_id in 1..=7 {
        ids.push(stored_user(db, telegram_id).await);
    }
    ids.reverse();
    let mut seen: Vec<UserId> = Vec::new();
    loop {
        let before = seen.last().copied();
        let page = db.users().list(&UserFilter::default(), before, 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|user| user.id));
    }
    assert_eq!(seen, ids);
}

async fn people_are_found_by_what_they_are(db: &Db) {
    let (one, two) = (stored_user(db, 1).await, stored_user(db, 2).await);
    let change = UserChange {
        role: Some(Role::Admin),
        blocked: Some(true),
        quotas: None,
    };
    in_tx!(db, |tx| tx.users().update(one, &change, at(1)));
    let found = async |filter: UserFilter| {
        let found = db.users().list(&filter, None, 9).await.unwrap();
        found.into_iter().map(|user| user.id).collect::<Vec<_>>()
    };
    let any = UserFilter::default();
    let of_role = |role| UserFilter {
        role: Some(role),
        ..any.clone()
    };
    assert_eq!(found(of_role(Role::Admin)).await, [one]);
    assert_eq!(found(of_role(Role::Reader)).await, [two]);
    let open = UserFilter {
        blocked: Some(false),
        ..any.clone()
    };
    assert_eq!(found(open).await, [two]);
    let named = |name: &str| UserFilter {
        username: Some(name.to_owned()),
        ..any.clone()
    };
    assert_eq!(found(named("user_2")).await, [two]);
    assert_eq!(found(named("user_\0")).await, []);
    let by_id = UserFilter {
        telegram_id: TelegramId::new(1),
        ..any.clone()
    };
    assert_eq!(found(by_id).await, [one]);
}

async fn two_admins_cannot_both_demote_the_other(db: &Db) {
    let admin = UserChange {
        role: Some(Role::Admin),
        ..UserChange::default()
    };
    let demoted = UserChange {
        role: Some(Role::Editor),
        ..UserChange::default()
    };
    let (one, two) = (stored_user(db, 1).await, stored_user(db, 2).await);
    let (blocked, reader) = (stored_user(db, 3).await, stored_user(db, 4).await);
    let blocked_admin = UserChange {
        blocked: Some(true),
        ..admin
    };
    for (id, change) in [(one, admin), (two, admin), (blocked, blocked_admin)] {
        in_tx!(db, |tx| tx.users().update(id, &change, at(1)));
    }
    assert_eq!(in_tx!(db, |tx| tx.users().lock_admins()), [one, two]);
    let demotions = [one, two].map(|other| {
        let db = db.clone();
        async move {
            let mut tx = db.begin().await.unwrap();
            let admins = tx.users().lock_admins().await.unwrap();
            if admins.len() > 1 {
                tx.users().update(other, &demoted, at(2)).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
    });
    join_all(demotions).await;
    assert_eq!(in_tx!(db, |tx| tx.users().lock_admins()).len(), 1);
    assert_eq!(db.users().get(reader).await.unwrap().unwrap().role, Role::Reader);
}

async fn what_cannot_be_stored_is_refused(db: &Db) {
    let odd = Person {
        last_name: Some("a\0b".to_owned()),
        ..person(7)
    };
    let mut tx = db.begin().await.unwrap();
    let error = tx
        .users()
        .upsert(&odd, UserId::new(at(0)), at(0))
        .await
        .unwrap_err();
    assert!(matches!(error, StorageError::Invalid { .. }), "{error:?}");
}
