use nexus_domain::{Asked, Conversation};
use nexus_storage::Db;

use crate::chats::stored_chat;
use crate::people::{stored_bot, stored_user};
use crate::support::at;

on_both_databases! {
    a_conversation_is_of_one_person_in_one_topic_of_one_chat
    a_conversation_is_forgotten_when_nothing_is_asked
    a_conversation_goes_with_its_chat_and_its_bot
}

fn conversation(question: &str) -> Conversation {
    let mut conversation = Conversation::default();
    conversation.note(Asked {
        message_id: Some(7),
        question: question.to_owned(),
    });
    conversation
}

async fn a_conversation_is_of_one_person_in_one_topic_of_one_chat(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let (chat, other) = (stored_chat(db, bot, -5).await, stored_chat(db, bot, -6).await);
    let (anna, boris) = (stored_user(db, 77).await, stored_user(db, 78).await);
    let place = (chat.id, 0, anna);
    in_tx!(db, |tx| tx.conversations().put(
        place,
        &conversation("first"),
        at(5)
    ));
    let second = conversation("Как установить «Маяк»?\0 🔥");
    in_tx!(db, |tx| tx.conversations().put(place, &second, at(10)));
    let found = async |place| db.conversations().get(place, at(9)).await.unwrap();
    assert_eq!(found(place).await, Some(second.clone()));
    for elsewhere in [(chat.id, 4, anna), (chat.id, 0, boris), (other.id, 0, anna)] {
        assert_eq!(found(elsewhere).await, None);
        assert!(!in_tx!(db, |tx| tx.conversations().delete(elsewhere)));
    }
    let mut tx = db.begin().await.unwrap();
    let inside = tx.conversations().get(place, at(9)).await.unwrap();
    assert_eq!(inside, Some(second));
    drop(tx);
    assert!(in_tx!(db, |tx| tx.conversations().delete(place)));
    assert_eq!(found(place).await, None);
}

async fn a_conversation_is_forgotten_when_nothing_is_asked(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let chat = stored_chat(db, bot, 77).await;
    let place = (chat.id, 0, stored_user(db, 77).await);
    in_tx!(db, |tx| tx.conversations().put(
        place,
        &conversation("one"),
        at(10)
    ));
    assert_eq!(db.conversations().get(place, at(10)).await.unwrap(), None);
    assert_eq!(in_tx!(db, |tx| tx.conversations().delete_idle(at(9))), 0);
    assert!(db.conversations().get(place, at(9)).await.unwrap().is_some());
    assert_eq!(in_tx!(db, |tx| tx.conversations().delete_idle(at(10))), 1);
    assert_eq!(db.conversations().get(place, at(0)).await.unwrap(), None);
}

async fn a_conversation_goes_with_its_chat_and_its_bot(db: &Db) {
    let (bot, other) = (stored_bot(db, "docs").await, stored_bot(db, "other").await);
    let anna = stored_user(db, 77).await;
    let chats = [
        stored_chat(db, bot, 77).await,
        stored_chat(db, bot, -5).await,
        stored_chat(db, other, 77).await,
    ];
    for chat in &chats {
        let place = (chat.id, 0, anna);
        in_tx!(db, |tx| tx.conversations().put(
            place,
            &conversation("one"),
            at(1)
        ));
    }
    let left = async || {
        let mut left = Vec::new();
        for chat in &chats {
            let found = db.conversations().get((chat.id, 0, anna), at(0)).await.unwrap();
            left.push(found.is_some());
        }
        left
    };
    assert_eq!(in_tx!(db, |tx| tx.conversations().delete_of_chat(chats[0].id)), 1);
    assert_eq!(left().await, [false, true, true]);
    assert!(in_tx!(db, |tx| tx.bots().delete(bot, at(2))));
    assert_eq!(left().await, [false, false, true]);
}
