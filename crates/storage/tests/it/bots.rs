use nexus_domain::bot::{BotError, BotSettings};
use nexus_domain::{Bot, BotId, BotTexts, KbId, Quotas, Role};
use nexus_storage::{Db, StorageError};

use crate::people::{new_bot, new_session, new_token, stored_bot, stored_user};
use crate::support::{at, stored_kb};

on_both_databases! {
    a_bot_is_read_back_as_it_was_written
    a_code_is_unique_among_live_bots
    an_update_leaves_secrets_and_the_switch_alone
    secrets_come_and_go_sealed
    all_secrets_can_be_sealed_anew
    a_deleted_bot_loses_everything_that_it_could_call_with
    bots_are_listed_by_code_page_by_page
    changes_of_a_locked_bot_wait
}

/// A bot with a value in every field.
fn full(code: &str) -> Bot {
    Bot {
        description: Some("Отвечает на вопросы".to_owned()),
        is_active: false,
        telegram_bot_id: Some(5_768_337_691),
        has_telegram_token: true,
        addresses: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        max_role: Role::Editor,
        default_kbs: vec![KbId::new(at(0)), KbId::new(at(0))],
        texts: BotTexts {
            start: Some("Привет! \0".to_owned()),
            ..BotTexts::default()
        },
        settings: BotSettings {
            instructions: Some("Кратко".to_owned()),
            model: None,
            style: Some(nexus_domain::Style::Brief),
        },
        quotas: Quotas {
            tokens: Some(u64::MAX),
            ..Quotas::default()
        },
        person_quotas: Quotas {
            questions: Some(0),
            ..Quotas::default()
        },
        time_zone: "Asia/Vladivostok".parse().unwrap(),
        last_error: Some(BotError {
            message: "401".to_owned(),
            at: at(5),
        }),
        updated_at: at(6),
        ..new_bot(code)
    }
}

async fn a_bot_is_read_back_as_it_was_written(db: &Db) {
    for (bot, token) in [(new_bot("plain"), None), (full("full"), Some("v1.k.abc"))] {
        in_tx!(db, |tx| tx.bots().insert(&bot, token));
        assert_eq!(db.bots().get(bot.id).await.unwrap().as_ref(), Some(&bot));
        assert_eq!(db.bots().by_code(&bot.code).await.unwrap(), Some(bot));
    }
    assert_eq!(db.bots().get(BotId::new(at(0))).await.unwrap(), None);
    assert_eq!(db.bots().by_code("other\0").await.unwrap(), None);
    let mut tx = db.begin().await.unwrap();
    let odd = Bot {
        version: "1\0".to_owned(),
        ..new_bot("odd")
    };
    let error = tx.bots().insert(&odd, None).await.unwrap_err();
    assert!(matches!(error, StorageError::Invalid { .. }), "{error:?}");
}

async fn a_code_is_unique_among_live_bots(db: &Db) {
    let old = stored_bot(db, "docs").await;
    let mut tx = db.begin().await.unwrap();
    let taken = tx.bots().insert(&new_bot("docs"), None).await.unwrap_err();
    assert!(taken.is_unique_violation(), "{taken:?}");
    drop(tx);
    let other = new_bot("other");
    in_tx!(db, |tx| tx.bots().insert(&other, None));
    let mut tx = db.begin().await.unwrap();
    let renamed = Bot {
        code: "docs".to_owned(),
        ..other
    };
    assert!(
        tx.bots()
            .update(&renamed)
            .await
            .unwrap_err()
            .is_unique_violation()
    );
    drop(tx);
    assert!(in_tx!(db, |tx| tx.bots().delete(old, at(1))));
    let new = stored_bot(db, "docs").await;
    assert_eq!(db.bots().by_code("docs").await.unwrap().unwrap().id, new);
}

async fn an_update_leaves_secrets_and_the_switch_alone(db: &Db) {
    let bot = new_bot("docs");
    in_tx!(db, |tx| tx.bots().insert(&bot, Some("v1.k.abc")));
    let changed = Bot {
        id: bot.id,
        ..full("renamed")
    };
    assert!(in_tx!(db, |tx| tx.bots().update(&changed)));
    let expected = Bot {
        is_active: true,
        telegram_bot_id: None,
        last_error: None,
        ..changed.clone()
    };
    assert_eq!(db.bots().get(bot.id).await.unwrap(), Some(expected.clone()));
    assert!(!in_tx!(db, |tx| tx.bots().update(&new_bot("unknown"))));

    let off = in_tx!(db, |tx| tx.bots().set_active(bot.id, false, at(8)));
    let expected = Bot {
        is_active: false,
        updated_at: at(8),
        ..expected
    };
    assert_eq!(off, Some(expected.clone()));
    let unknown = BotId::new(at(0));
    assert_eq!(in_tx!(db, |tx| tx.bots().set_active(unknown, true, at(8))), None);

    let error = changed.last_error;
    assert!(in_tx!(db, |tx| tx.bots().set_error(bot.id, error.as_ref())));
    assert_eq!(db.bots().get(bot.id).await.unwrap().unwrap().last_error, error);
    assert!(in_tx!(db, |tx| tx.bots().set_error(bot.id, None)));
    assert_eq!(db.bots().get(bot.id).await.unwrap(), Some(expected));
    assert!(!in_tx!(db, |tx| tx.bots().set_error(unknown, None)));
}

async fn secrets_come_and_go_sealed(db: &Db) {
    let id = stored_bot(db, "docs").await;
    assert_eq!(db.bots().sealed_telegram_token(id).await.unwrap(), None);
    assert!(in_tx!(db, |tx| tx.bots().set_telegram_token(
        id,
        Some(("v1.k.abc", 57)),
        at(1)
    )));
    assert!(in_tx!(db, |tx| tx.bots().set_signing_secret(
        id,
        Some("v1.k.def"),
        at(2)
    )));
    let bot = db.bots().get(id).await.unwrap().unwrap();
    assert!(bot.has_telegram_token && bot.signs_requests);
    assert_eq!((bot.telegram_bot_id, bot.updated_at), (Some(57), at(2)));
    let (token, secret) = (
        db.bots().sealed_telegram_token(id).await.unwrap(),
        db.bots().sealed_signing_secret(id).await.unwrap(),
    );
    assert_eq!(
        (token.as_deref(), secret.as_deref()),
        (Some("v1.k.abc"), Some("v1.k.def"))
    );

    assert!(in_tx!(db, |tx| tx.bots().set_telegram_token(id, None, at(3))));
    assert!(in_tx!(db, |tx| tx.bots().set_signing_secret(id, None, at(4))));
    let bot = db.bots().get(id).await.unwrap().unwrap();
    assert!(!bot.has_telegram_token && !bot.signs_requests);
    assert_eq!(bot.telegram_bot_id, Some(57), "whose bot it was stays known");
    assert_eq!(db.bots().sealed_signing_secret(id).await.unwrap(), None);
    let unknown = BotId::new(at(0));
    assert!(!in_tx!(db, |tx| tx.bots().set_telegram_token(
        unknown,
        None,
        at(3)
    )));
    assert!(!in_tx!(db, |tx| tx.bots().set_signing_secret(
        unknown,
        None,
        at(3)
    )));
}

async fn all_secrets_can_be_sealed_anew(db: &Db) {
    let (one, two) = (new_bot("one"), new_bot("two"));
    in_tx!(db, |tx| tx.bots().insert(&one, Some("old one")));
    in_tx!(db, |tx| tx.bots().insert(&two, None));
    stored_bot(db, "none").await;
    in_tx!(db, |tx| tx.bots().set_signing_secret(
        two.id,
        Some("old two"),
        at(1)
    ));
    let sealed = in_tx!(db, |tx| tx.bots().sealed_values());
    assert_eq!(
        sealed,
        [
            (one.id, Some("old one".to_owned()), None),
            (two.id, None, Some("old two".to_owned()))
        ]
    );
    in_tx!(db, |tx| tx.bots().reseal(one.id, Some("new one"), None));
    in_tx!(db, |tx| tx.bots().reseal(two.id, None, Some("new two")));
    let sealed = in_tx!(db, |tx| tx.bots().sealed_values());
    assert_eq!(
        sealed,
        [
            (one.id, Some("new one".to_owned()), None),
            (two.id, None, Some("new two".to_owned()))
        ]
    );
    assert_eq!(db.bots().get(two.id).await.unwrap().unwrap().updated_at, at(1));
}

async fn a_deleted_bot_loses_everything_that_it_could_call_with(db: &Db) {
    let (bot, other) = (new_bot("docs"), stored_bot(db, "other").await);
    in_tx!(db, |tx| tx.bots().insert(&bot, Some("v1.k.abc")));
    let (user, kb) = (stored_user(db, 7).await, stored_kb(db, "kb").await);
    let (token, kept) = (new_token(bot.id), new_token(other));
    let (inside, outside) = (new_session(user, Some(bot.id)), new_session(user, None));
    let mut tx = db.begin().await.unwrap();
    for token in [&token, &kept] {
        tx.service_tokens().insert(token).await.unwrap();
    }
    for session in [&inside, &outside] {
        tx.sessions().insert(session).await.unwrap();
    }
    for bot in [bot.id, other] {
        tx.kb_bots().add(kb, bot, at(1)).await.unwrap();
    }
    tx.bots()
        .set_signing_secret(bot.id, Some("v1.k.def"), at(1))
        .await
        .unwrap();
    tx.commit().await.unwrap();

    assert!(in_tx!(db, |tx| tx.bots().delete(bot.id, at(9))));
    assert!(!in_tx!(db, |tx| tx.bots().delete(bot.id, at(10))));

    assert_eq!(db.bots().get(bot.id).await.unwrap(), None);
    assert_eq!(db.bots().by_code("docs").await.unwrap(), None);
    assert_eq!(db.bots().list(None, 9).await.unwrap().len(), 1);
    assert_eq!(in_tx!(db, |tx| tx.bots().lock(bot.id)), None);
    assert_eq!(in_tx!(db, |tx| tx.bots().sealed_values()), []);
    assert_eq!(db.bots().sealed_telegram_token(bot.id).await.unwrap(), None);
    assert!(!in_tx!(db, |tx| tx.bots().update(&bot)));
    let revoked = async |id| {
        let token = db.service_tokens().find(id).await.unwrap().unwrap();
        token.revoked_at
    };
    assert_eq!(
        (revoked(token.id).await, revoked(kept.id).await),
        (Some(at(9)), None)
    );
    assert_eq!(db.rights().token(token.id).await.unwrap(), None);
    let standing = db.rights().session(inside.id).await.unwrap().unwrap();
    assert_eq!(
        (standing.session.revoked_at, standing.bot_is_active),
        (Some(at(9)), Some(false))
    );
    let standing = db.rights().session(outside.id).await.unwrap().unwrap();
    assert_eq!(
        (standing.session.revoked_at, standing.bot_is_active),
        (None, None)
    );
    let open: Vec<_> = db.kb_bots().list(kb).await.unwrap();
    assert_eq!(open.into_iter().map(|bot| bot.id).collect::<Vec<_>>(), [other]);
    assert_eq!(db.rights().grants(None, Some(bot.id)).await.unwrap(), []);
}

async fn bots_are_listed_by_code_page_by_page(db: &Db) {
    for code in ["d", "a", "b_2", "b-1", "c"] {
        stored_bot(db, code).await;
    }
    let mut codes: Vec<String> = Vec::new();
    loop {
        let page = db.bots().list(codes.last().map(String::as_str), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        codes.extend(page.into_iter().map(|bot| bot.code));
    }
    assert_eq!(codes, ["a", "b-1", "b_2", "c", "d"]);
}

/// Each of these reads the bot, adds one to what it read and writes it.
async fn changes_of_a_locked_bot_wait(db: &Db) {
    let id = stored_bot(db, "docs").await;
    in_tx!(db, |tx| tx.bots().set_active(id, true, at(0)));
    let changes = (0..8).map(|_| {
        let db = db.clone();
        async move {
            let mut tx = db.begin().await.unwrap();
            let mut bot = tx.bots().lock(id).await.unwrap().unwrap();
            bot.name.push('!');
            assert!(tx.bots().update(&bot).await.unwrap());
            tx.commit().await.unwrap();
        }
    });
    futures::future::join_all(changes).await;
    let name = db.bots().get(id).await.unwrap().unwrap().name;
    assert_eq!(name.matches('!').count(), 8);
}
