use futures::future::join_all;
use nexus_domain::subscription::Part;
use nexus_domain::{Subscription, SubscriptionId};
use nexus_storage::Db;
use serde_json::{Map, json};

use crate::people::{object, stored_bot, stored_user, subscription};
use crate::support::at;

on_both_databases! {
    a_subscription_is_read_back_as_it_was_written
    a_touch_changes_the_time_alone_and_never_back
    a_part_is_set_where_its_version_is_known
    of_changes_to_one_version_one_is_taken
}

async fn a_subscription_is_read_back_as_it_was_written(db: &Db) {
    let user = stored_user(db, 7).await;
    let (one, two) = (stored_bot(db, "one").await, stored_bot(db, "two").await);
    let full = Subscription {
        settings: object(json!({"язык": "ru", "nested": {"list": [1, 2.5, null, true, "\0"]}})),
        settings_version: 4,
        state: object(json!({"step": 3})),
        state_version: 9,
        last_interaction_at: at(5),
        ..subscription(user, one)
    };
    let plain = subscription(user, two);
    for candidate in [&full, &plain] {
        let touched = in_tx!(db, |tx| tx.subscriptions().touch(candidate));
        assert_eq!(touched, (candidate.clone(), true));
        let read = db.subscriptions().get(candidate.id).await.unwrap();
        assert_eq!(read.as_ref(), Some(candidate));
    }
    assert_eq!(
        db.subscriptions().by(user, two).await.unwrap().as_ref(),
        Some(&plain)
    );
    assert_eq!(db.subscriptions().of_user(user).await.unwrap(), [full, plain]);
    let stranger = stored_user(db, 8).await;
    assert_eq!(db.subscriptions().by(stranger, one).await.unwrap(), None);
    assert_eq!(db.subscriptions().of_user(stranger).await.unwrap(), []);
}

async fn a_touch_changes_the_time_alone_and_never_back(db: &Db) {
    let (user, bot) = (stored_user(db, 7).await, stored_bot(db, "docs").await);
    let first = subscription(user, bot);
    in_tx!(db, |tx| tx.subscriptions().touch(&first));
    for (seconds, seen) in [(5, 5), (3, 5), (8, 8)] {
        let again = Subscription {
            settings: object(json!({"other": true})),
            settings_version: 70,
            state_version: 70,
            installed_at: at(seconds),
            last_interaction_at: at(seconds),
            ..subscription(user, bot)
        };
        let expected = Subscription {
            last_interaction_at: at(seen),
            ..first.clone()
        };
        let touched = in_tx!(db, |tx| tx.subscriptions().touch(&again));
        assert_eq!(touched, (expected, false));
    }
}

async fn a_part_is_set_where_its_version_is_known(db: &Db) {
    let (user, bot) = (stored_user(db, 7).await, stored_bot(db, "docs").await);
    let first = subscription(user, bot);
    in_tx!(db, |tx| tx.subscriptions().touch(&first));
    let (dark, light) = (
        object(json!({"theme": "dark"})),
        object(json!({"theme": "light"})),
    );

    let set = in_tx!(db, |tx| tx.subscriptions().set_part(
        first.id,
        Part::Settings,
        &dark,
        1
    ));
    let expected = Subscription {
        settings: dark,
        settings_version: 2,
        ..first.clone()
    };
    assert_eq!(set, Some(expected.clone()));
    let stale = in_tx!(db, |tx| tx.subscriptions().set_part(
        first.id,
        Part::Settings,
        &light,
        1
    ));
    assert_eq!(stale, None);
    assert_eq!(
        db.subscriptions().get(first.id).await.unwrap(),
        Some(expected.clone()),
        "a stale version changes nothing"
    );

    let set = in_tx!(db, |tx| tx.subscriptions().set_part(
        first.id,
        Part::State,
        &light,
        1
    ));
    let expected = Subscription {
        state: light,
        state_version: 2,
        ..expected
    };
    assert_eq!(set, Some(expected), "each part has a version of its own");
    let unknown = SubscriptionId::new(at(0));
    let gone = in_tx!(db, |tx| tx.subscriptions().set_part(
        unknown,
        Part::State,
        &Map::new(),
        1
    ));
    assert_eq!(gone, None);
}

async fn of_changes_to_one_version_one_is_taken(db: &Db) {
    let (user, bot) = (stored_user(db, 7).await, stored_bot(db, "docs").await);
    let first = subscription(user, bot);
    in_tx!(db, |tx| tx.subscriptions().touch(&first));
    let changes = (0..10).map(|n| {
        let (db, id) = (db.clone(), first.id);
        async move {
            let object = object(json!({ "n": n }));
            in_tx!(db, |tx| tx.subscriptions().set_part(id, Part::State, &object, 1))
        }
    });
    let taken: Vec<_> = join_all(changes).await.into_iter().flatten().collect();
    assert_eq!(taken.len(), 1);
    let read = db.subscriptions().get(first.id).await.unwrap();
    assert_eq!(read.as_ref(), taken.first());
}
