use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use nexus_domain::{
    BotId, ButtonAction, Chat, ChatId, ChatKind, ChatState, Delivery, DeliveryState, Event, LeaseToken,
    Person, ProcessId, TelegramId, Update, UpdateId, UpdateState,
};
use nexus_storage::{ButtonRow, ChatFilter, Db};

use crate::deliveries::{delivery, stored};
use crate::people::{stored_bot, stored_user};
use crate::support::{at, stored_kb};

on_both_databases! {
    a_chat_is_found_again_and_brought_up_to_date
    an_update_counts_once_and_is_read_back_as_it_was_written
    a_batch_is_written_whole_and_nothing_of_it_twice
    a_chat_is_held_by_one_worker_at_a_time
    workers_who_race_take_different_chats
    a_chat_given_back_is_due_while_updates_wait
    a_lease_that_was_taken_over_fences_its_first_holder
    only_the_persons_own_cancel_counts
    chats_are_listed_newest_first
    one_process_serves_a_bot
    buttons_dialogues_and_files_are_kept_and_forgotten
    a_number_that_is_given_again_means_another_update
    what_was_said_long_ago_is_forgotten_and_the_rest_stays
}

const LEASE: Duration = Duration::from_secs(15);

pub(crate) fn chat(bot: BotId, telegram_chat_id: i64) -> Chat {
    Chat {
        id: ChatId::new(at(0)),
        bot_id: bot,
        telegram_chat_id,
        kind: if telegram_chat_id > 0 {
            ChatKind::Private
        } else {
            ChatKind::Group
        },
        title: (telegram_chat_id < 0).then(|| "Вопросы".to_owned()),
        state: ChatState::Active,
        created_at: at(0),
        last_message_at: at(0),
    }
}

pub(crate) async fn stored_chat(db: &Db, bot: BotId, telegram_chat_id: i64) -> Chat {
    arrived(db, chat(bot, telegram_chat_id)).await
}

async fn arrived(db: &Db, candidate: Chat) -> Chat {
    let chats = in_tx!(db, |tx| tx.chats().arrive(&[candidate]));
    chats.into_iter().next().unwrap()
}

fn update(chat: &Chat, update_id: i64, event: Event) -> Update {
    Update {
        id: UpdateId::new(at(0)),
        bot_id: chat.bot_id,
        update_id,
        chat_id: chat.id,
        user_id: None,
        topic_id: None,
        message_id: Some(update_id * 10),
        person: Some(Person {
            telegram_id: TelegramId::new(77).unwrap(),
            username: Some("anna".to_owned()),
            first_name: "Анна".to_owned(),
            last_name: None,
            language_code: Some("ru".to_owned()),
        }),
        event,
        state: UpdateState::Waiting,
        attempts: 0,
        trace_id: "docs.1".to_owned(),
        received_at: at(0),
    }
}

fn text(text: &str) -> Event {
    Event::Text {
        text: text.to_owned(),
    }
}

/// Stores an update and wakes its chat, like the inbox.
async fn arrives(db: &Db, update: &Update) -> bool {
    let mut tx = db.begin().await.unwrap();
    let new = tx.updates().insert(std::slice::from_ref(update)).await.unwrap();
    if !new.is_empty() {
        tx.chats()
            .wake(&[update.chat_id], update.received_at)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    !new.is_empty()
}

async fn claim(db: &Db, seconds: i64) -> Option<(ChatId, LeaseToken)> {
    let token = LeaseToken::new(at(seconds));
    let claimed = in_tx!(db, |tx| tx.chats().claim(at(seconds), LEASE, token));
    claimed.map(|claimed| (claimed.chat.id, token))
}

async fn a_chat_is_found_again_and_brought_up_to_date(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let first = chat(bot, -100);
    assert_eq!(arrived(db, first.clone()).await, first);
    let again = Chat {
        kind: ChatKind::Supergroup,
        title: Some("New\0".to_owned()),
        last_message_at: at(9),
        ..chat(bot, -100)
    };
    let refreshed = Chat {
        kind: ChatKind::Supergroup,
        title: Some("New␀".to_owned()),
        last_message_at: at(9),
        ..first
    };
    assert_eq!(arrived(db, again).await, refreshed);
    let found = db.chats().by_telegram_id(bot, -100).await.unwrap();
    assert_eq!(found, Some(refreshed.clone()));
    assert!(in_tx!(db, |tx| tx
        .chats()
        .set_state(refreshed.id, ChatState::Left)));
    assert!(!in_tx!(db, |tx| tx
        .chats()
        .set_state(refreshed.id, ChatState::Left)));
    in_tx!(db, |tx| tx.chats().move_to(refreshed.id, -1_001));
    let moved = db.chats().get(refreshed.id).await.unwrap().unwrap();
    assert_eq!((moved.telegram_chat_id, moved.state), (-1_001, ChatState::Left));
    let other = stored_bot(db, "other").await;
    assert_eq!(db.chats().by_telegram_id(other, -1_001).await.unwrap(), None);
}

async fn an_update_counts_once_and_is_read_back_as_it_was_written(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let chat = stored_chat(db, bot, 77).await;
    let full = Update {
        topic_id: Some(5),
        ..update(&chat, 1, text("Как? \0"))
    };
    let plain = Update {
        person: None,
        message_id: None,
        ..update(&chat, 2, Event::Left)
    };
    for update in [&full, &plain] {
        assert!(arrives(db, update).await);
        assert!(!arrives(db, update).await, "Telegram may send it again");
        let read = db.updates().by_number(bot, update.update_id).await.unwrap();
        assert_eq!(read.as_ref(), Some(update));
    }
    assert_eq!(db.updates().next(chat.id).await.unwrap().as_ref(), Some(&full));
    assert_eq!(in_tx!(db, |tx| tx.updates().begin(full.id)), Some(1));
    assert_eq!(in_tx!(db, |tx| tx.updates().begin(full.id)), Some(2));
    let user = stored_user(db, 77).await;
    let end = UpdateState::Handled;
    assert!(in_tx!(db, |tx| tx.updates().finish(
        full.id,
        end,
        Some(user),
        at(3)
    )));
    assert!(!in_tx!(db, |tx| tx.updates().finish(
        full.id,
        end,
        Some(user),
        at(3)
    )));
    assert_eq!(in_tx!(db, |tx| tx.updates().begin(full.id)), None);
    assert_eq!(db.updates().next(chat.id).await.unwrap(), Some(plain.clone()));
    assert_eq!(db.updates().waiting(chat.id).await.unwrap(), 1);
    let of_chat = db.updates().of_chat(chat.id, None, 10).await.unwrap();
    assert_eq!(
        of_chat.iter().map(|update| update.update_id).collect::<Vec<_>>(),
        [2, 1]
    );
    let of_message = db
        .updates()
        .of_message(chat.id, 10, plain.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((of_message.update_id, of_message.user_id), (1, Some(user)));
    assert_eq!(db.updates().of_message(chat.id, 10, full.id).await.unwrap(), None);
}

async fn a_batch_is_written_whole_and_nothing_of_it_twice(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let known = stored_chat(db, bot, 3).await;
    let candidates: Vec<_> = (1..=39).map(|telegram| chat(bot, telegram)).collect();
    let mut chats = in_tx!(db, |tx| tx.chats().arrive(&candidates));
    chats.sort_by_key(|chat| chat.telegram_chat_id);
    let written: Vec<_> = candidates
        .iter()
        .map(|chat| if chat.telegram_chat_id == 3 { &known } else { chat })
        .collect();
    assert_eq!(chats.iter().collect::<Vec<_>>(), written);
    let mut updates: Vec<_> = chats
        .iter()
        .zip(100..)
        .map(|(chat, number)| update(chat, number, text("?")))
        .collect();
    let number_17 = update(&chats[16], 116, text("the same number once more"));
    assert!(arrives(db, &updates[7]).await);
    updates.push(number_17.clone());
    let new = in_tx!(db, |tx| tx.updates().insert(&updates));
    let not_new = updates.iter().filter(|update| !new.contains(&update.id));
    assert_eq!(
        not_new.map(|update| update.id).collect::<Vec<_>>(),
        [updates[7].id, number_17.id]
    );
    let ids: Vec<_> = chats.iter().map(|chat| chat.id).collect();
    in_tx!(db, |tx| tx.chats().wake(&ids, at(0)));
    let mut claimed = HashSet::new();
    while let Some((chat, _)) = claim(db, 1).await {
        let next = db.updates().next(chat).await.unwrap().unwrap();
        let first = updates.iter().find(|update| update.chat_id == chat);
        assert_eq!(Some(&next), first, "the first of its number stands");
        claimed.insert(chat);
    }
    assert_eq!(claimed, ids.into_iter().collect());
}

async fn a_chat_is_held_by_one_worker_at_a_time(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let chat = stored_chat(db, bot, 77).await;
    assert!(!db.chats().any_due(at(1)).await.unwrap());
    assert_eq!(claim(db, 1).await, None, "nothing waits");
    arrives(db, &update(&chat, 1, text("?"))).await;
    assert!(db.chats().any_due(at(1)).await.unwrap());
    let (id, token) = claim(db, 1).await.unwrap();
    assert_eq!(id, chat.id);
    assert!(!db.chats().any_due(at(1)).await.unwrap());
    assert_eq!(claim(db, 1).await, None);
    let renewed = in_tx!(db, |tx| tx.chats().renew(chat.id, token, at(30)));
    assert_eq!(renewed, Some(-1));
    assert_eq!(claim(db, 20).await, None, "the lease goes on");
    assert!(claim(db, 30).await.is_some(), "and ends");
}

async fn workers_who_race_take_different_chats(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    for telegram in 1..=6 {
        let chat = stored_chat(db, bot, telegram).await;
        arrives(db, &update(&chat, telegram, text("?"))).await;
    }
    let claims = join_all((0..10).map(|_| claim(db, 1))).await;
    let mut taken: Vec<_> = claims.into_iter().flatten().map(|(chat, _)| chat).collect();
    // Of those who came at the same moment some may have gone away empty.
    while let Some((chat, _)) = claim(db, 1).await {
        taken.push(chat);
    }
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), 6);
}

async fn a_chat_given_back_is_due_while_updates_wait(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let chat = stored_chat(db, bot, 77).await;
    let first = update(&chat, 1, text("?"));
    arrives(db, &first).await;
    let (_, token) = claim(db, 1).await.unwrap();
    assert!(in_tx!(db, |tx| tx.chats().release(chat.id, token, at(5))));
    assert_eq!(claim(db, 4).await, None, "it waits for its next attempt");
    let (_, token) = claim(db, 5).await.unwrap();
    let end = UpdateState::Handled;
    in_tx!(db, |tx| tx.updates().finish(first.id, end, None, at(5)));
    assert!(in_tx!(db, |tx| tx.chats().release(chat.id, token, at(5))));
    assert_eq!(claim(db, 100).await, None, "nothing waits any more");
    arrives(db, &update(&chat, 2, text("?"))).await;
    assert!(claim(db, 5).await.is_some());
}

async fn a_lease_that_was_taken_over_fences_its_first_holder(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let chat = stored_chat(db, bot, 77).await;
    arrives(db, &update(&chat, 1, text("?"))).await;
    let (_, slow) = claim(db, 1).await.unwrap();
    assert!(in_tx!(db, |tx| tx.chats().fence(chat.id, slow)));
    let (_, quick) = claim(db, 16).await.unwrap();
    assert!(!in_tx!(db, |tx| tx.chats().fence(chat.id, slow)));
    assert_eq!(in_tx!(db, |tx| tx.chats().renew(chat.id, slow, at(99))), None);
    assert!(!in_tx!(db, |tx| tx.chats().release(chat.id, slow, at(16))));
    assert!(in_tx!(db, |tx| tx.chats().fence(chat.id, quick)));
    // A process that knows that it is alone waits for nobody.
    assert_eq!(in_tx!(db, |tx| tx.chats().expire_leases(at(17))), 1);
    assert!(claim(db, 17).await.is_some());
}

async fn only_the_persons_own_cancel_counts(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let chat = stored_chat(db, bot, -100).await;
    let question = update(&chat, 5, text("?"));
    arrives(db, &question).await;
    let cancel = |update_id| {
        let event = Event::Command {
            name: "cancel".to_owned(),
            argument: String::new(),
        };
        update(&chat, update_id, event)
    };
    let mut somebodys = cancel(6);
    somebodys.person.as_mut().unwrap().telegram_id = TelegramId::new(78).unwrap();
    let elsewhere = Update {
        topic_id: Some(3),
        ..cancel(7)
    };
    for other in [somebodys, elsewhere, cancel(4)] {
        arrives(db, &other).await;
        assert!(!db.updates().is_cancelled(&question).await.unwrap());
    }
    arrives(db, &cancel(8)).await;
    assert!(db.updates().is_cancelled(&question).await.unwrap());
    in_tx!(db, |tx| tx.chats().cancel_to(chat.id, 6));
    in_tx!(db, |tx| tx.chats().cancel_to(chat.id, 8));
    let token = LeaseToken::new(at(1));
    let claimed = in_tx!(db, |tx| tx.chats().claim(at(1), LEASE, token)).unwrap();
    assert_eq!(claimed.cancelled_to, 8);
}

async fn chats_are_listed_newest_first(db: &Db) {
    let (docs, other) = (stored_bot(db, "docs").await, stored_bot(db, "other").await);
    let mut ids = Vec::new();
    for (bot, telegram) in [(docs, 77), (other, 77), (docs, -5)] {
        ids.push(stored_chat(db, bot, telegram).await.id);
    }
    let list = async |filter: ChatFilter, before, limit| {
        let chats = db.chats().list(&filter, before, limit).await.unwrap();
        chats.into_iter().map(|chat| chat.id).collect::<Vec<_>>()
    };
    let all = ChatFilter::default();
    assert_eq!(list(all, None, 10).await, [ids[2], ids[1], ids[0]]);
    assert_eq!(list(all, Some(ids[2]), 1).await, [ids[1]]);
    let of_bot = ChatFilter {
        bot: Some(docs),
        ..all
    };
    assert_eq!(list(of_bot, None, 10).await, [ids[2], ids[0]]);
    let of_both = ChatFilter {
        telegram_chat: Some(77),
        ..of_bot
    };
    assert_eq!(list(of_both, None, 10).await, [ids[0]]);
}

async fn one_process_serves_a_bot(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let (one, two) = (ProcessId::new(at(0)), ProcessId::new(at(0)));
    let take = async |who, until, now| in_tx!(db, |tx| tx.bot_leases().take(bot, who, at(until), at(now)));
    assert!(take(one, 30, 0).await);
    assert!(!take(two, 40, 10).await);
    assert!(take(one, 50, 20).await, "it goes on");
    assert!(db.bot_leases().is_held(bot, one, at(49)).await.unwrap());
    assert!(!db.bot_leases().is_held(bot, two, at(49)).await.unwrap());
    assert!(
        !in_tx!(db, |tx| tx.bot_leases().fence(bot, one, at(50))),
        "it ends"
    );
    assert!(take(two, 80, 50).await);
    assert!(!in_tx!(db, |tx| tx.bot_leases().give_back(bot, one)));
    assert!(in_tx!(db, |tx| tx.bot_leases().give_back(bot, two)));
    assert!(take(one, 90, 51).await, "at once");
}

async fn buttons_dialogues_and_files_are_kept_and_forgotten(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let chat = stored_chat(db, bot, 77).await;
    let user = stored_user(db, 77).await;
    let message = stored(db, delivery(&chat, 1)).await;
    let button = ButtonRow {
        token: "token".to_owned(),
        chat_id: chat.id,
        user_id: Some(user),
        delivery_id: message.id,
        action: ButtonAction::ShowPassage { number: 3 },
        expires_at: at(10),
    };
    in_tx!(db, |tx| tx.buttons().insert(&button));
    assert_eq!(db.buttons().get("token").await.unwrap(), Some(button));
    for unknown in ["", "Token", "to\0ken", "🔥"] {
        assert_eq!(db.buttons().get(unknown).await.unwrap(), None);
    }
    assert_eq!(in_tx!(db, |tx| tx.buttons().delete_expired(at(9))), 0);
    assert_eq!(in_tx!(db, |tx| tx.buttons().delete_expired(at(10))), 1);

    let place = (chat.id, 0, user);
    in_tx!(db, |tx| tx.dialogues().put(place, &"first", at(5)));
    in_tx!(db, |tx| tx.dialogues().put(place, &"second", at(10)));
    let open = async |place, seconds| {
        let mut dialogues = db.dialogues();
        dialogues.get::<String>(place, at(seconds)).await.unwrap()
    };
    assert_eq!(open(place, 9).await.as_deref(), Some("second"));
    assert_eq!(open((chat.id, 4, user), 9).await, None);
    assert_eq!(open(place, 10).await, None);
    assert_eq!(in_tx!(db, |tx| tx.dialogues().delete_expired(at(10))), 1);
    assert!(!in_tx!(db, |tx| tx.dialogues().delete(place)));

    let kb = stored_kb(db, "handbook").await;
    let task = nexus_domain::TaskId::new(at(0));
    in_tx!(db, |tx| tx.telegram_files().put(kb, "unique", task, at(0)));
    assert_eq!(db.telegram_files().task(kb, "unique").await.unwrap(), Some(task));
    assert_eq!(db.telegram_files().task(kb, "other").await.unwrap(), None);
}

async fn a_number_that_is_given_again_means_another_update(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let chat = stored_chat(db, bot, 77).await;
    let mut known = Vec::new();
    for round in 0..3_i64 {
        let again = Update {
            id: UpdateId::new(at(round * 10)),
            received_at: at(round * 10),
            ..update(&chat, 5, text("Как?"))
        };
        assert!(arrives(db, &again).await, "round {round}");
        let answer = Delivery {
            update_id: Some(5),
            ..delivery(&chat, round * 10)
        };
        known.push((again.id, stored(db, answer).await.id));
        let free = async |before| in_tx!(db, |tx| tx.updates().give_number_free(bot, 5, at(before)));
        assert!(!free(1_000).await, "it waits");
        let end = UpdateState::Handled;
        assert!(in_tx!(db, |tx| tx.updates().finish(again.id, end, None, at(3))));
        assert!(!free(round * 10).await, "Telegram may send it again");
        assert!(free(round * 10 + 1).await);
        assert_eq!(db.updates().by_number(bot, 5).await.unwrap(), None);
    }
    for (round, (update, answer)) in known.into_iter().enumerate() {
        let number = -1 - i64::try_from(round).unwrap();
        let found = db.updates().by_number(bot, number).await.unwrap().unwrap();
        let answers = db.deliveries().of_update(bot, number).await.unwrap();
        assert_eq!((found.id, answers.len()), (update, 1), "the answer stays with it");
        assert_eq!(answers[0].id, answer);
    }
}

async fn what_was_said_long_ago_is_forgotten_and_the_rest_stays(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let chat = stored_chat(db, bot, 77).await;
    let mut updates = Vec::new();
    for n in 0..6_i64 {
        let said = Update {
            id: UpdateId::new(at(n * 10)),
            received_at: at(n * 10),
            ..update(&chat, n, text("Как?"))
        };
        assert!(arrives(db, &said).await);
        // The first one waits for ever.
        if n > 0 {
            let end = UpdateState::Handled;
            assert!(in_tx!(db, |tx| tx.updates().finish(
                said.id,
                end,
                None,
                at(n * 10)
            )));
        }
        updates.push(said.id);
    }
    let old = db.updates().old(at(40), 2).await.unwrap();
    assert_eq!(old, updates[1..3]);
    let old = db.updates().old(at(40), 10).await.unwrap();
    assert_eq!(old, updates[1..4]);
    assert_eq!(in_tx!(db, |tx| tx.updates().forget(&old)), 3);
    assert_eq!(in_tx!(db, |tx| tx.updates().forget(&[updates[0]])), 0, "it waits");
    let left = db.updates().of_chat(chat.id, None, 10).await.unwrap();
    let left: Vec<_> = left.iter().map(|update| update.id).collect();
    assert_eq!(left, [updates[5], updates[4], updates[0]]);

    let old = |state| Delivery {
        state,
        due_at: None,
        ..delivery(&chat, 0)
    };
    let gone = stored(db, old(DeliveryState::Sent)).await;
    let button = ButtonRow {
        token: "token".to_owned(),
        chat_id: chat.id,
        user_id: None,
        delivery_id: gone.id,
        action: ButtonAction::More,
        expires_at: at(1_000),
    };
    in_tx!(db, |tx| tx.buttons().insert(&button));
    let dead = stored(db, old(DeliveryState::Dead)).await;
    let waits = stored(db, delivery(&chat, 0)).await;
    let card = old(DeliveryState::Sent);
    in_tx!(db, |tx| tx.deliveries().insert(&card, Some(at(1_000))));
    let edited = Delivery {
        updated_at: at(50),
        ..old(DeliveryState::Sent)
    };
    let edited = stored(db, edited).await;
    let found = db.deliveries().old(at(40), 10).await.unwrap();
    assert_eq!(found, [gone.id, dead.id]);
    assert_eq!(db.deliveries().old(at(40), 1).await.unwrap(), [gone.id]);
    let all = [found.as_slice(), &[waits.id, card.id, edited.id]].concat();
    assert_eq!(in_tx!(db, |tx| tx.deliveries().forget(&all, at(40))), 2);
    assert_eq!(db.buttons().get("token").await.unwrap(), None);
    let left = db.deliveries().of_chat(chat.id, None, 10).await.unwrap();
    let left: HashSet<_> = left.iter().map(|delivery| delivery.id).collect();
    assert_eq!(left, HashSet::from([waits.id, card.id, edited.id]));
}
