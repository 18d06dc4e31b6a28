//! Updates that are asked for.

use nexus_api::UpdateEvent;
use serde_json::{Value, json};

use super::telegram::Fault;
use super::{Process, World, question};

#[tokio::test]
async fn a_batch_is_stored_before_the_offset_moves() {
    let world = World::new().await;
    world.telegram.says(question(10, 1, "first"));
    world.telegram.says(question(11, 2, "second"));
    world.backend.change(|inside| inside.is_away = false);
    let process = world.start();
    world
        .backend
        .until(|inside| (inside.updates.len() == 2).then_some(()))
        .await;
    world
        .telegram
        .until(|inside| (inside.offset == 12).then_some(()))
        .await;

    world.backend.change(|inside| inside.is_away = true);
    world.telegram.says(question(12, 1, "third"));
    let calls = world.backend.change(|inside| inside.store_calls);
    world
        .backend
        .until(|inside| (inside.store_calls >= calls + 2).then_some(()))
        .await;
    assert_eq!(world.telegram.change(|inside| inside.offset), 12);
    world.backend.change(|inside| inside.is_away = false);
    world
        .telegram
        .until(|inside| (inside.offset == 13).then_some(()))
        .await;
    let stored = world.backend.change(|inside| inside.updates.len());
    assert_eq!(stored, 3);
    process.stop().await;
}

/// After a week without updates Telegram goes on with any number.
#[tokio::test]
async fn the_offset_follows_numbers_that_jump_back() {
    let world = World::new().await;
    world.telegram.says(question(900_000_001, 1, "before"));
    let process = world.start();
    world
        .telegram
        .until(|inside| (inside.offset == 900_000_002).then_some(()))
        .await;
    world.telegram.change(|inside| inside.updates.clear());
    world.telegram.says(question(77, 1, "after"));
    world
        .telegram
        .until(|inside| {
            let mut asked = inside.calls.iter().filter(|(method, _)| method == "getUpdates");
            asked.any(|(_, body)| body["offset"] == 78).then_some(())
        })
        .await;
    let stored = world.backend.change(|inside| {
        inside
            .updates
            .iter()
            .map(|update| update.update_id)
            .collect::<Vec<_>>()
    });
    assert_eq!(stored, [900_000_001, 77]);
    process.stop().await;
}

#[tokio::test]
async fn people_are_told_once_that_the_backend_is_away() {
    let world = World::new().await;
    let process = world.start();
    world.backend.has_holder().await;
    world.backend.change(|inside| inside.is_away = true);
    world.telegram.says(question(1, 5, "one"));
    world.telegram.says(question(2, 5, "two"));
    let told = "Сервер сейчас недоступен. Ваш вопрос сохранён, и я отвечу, как только связь восстановится. \
                Повторять вопрос не нужно.";
    world.telegram.reads(5, told).await;
    let calls = world.backend.change(|inside| inside.store_calls);
    world
        .backend
        .until(|inside| (inside.store_calls > calls).then_some(()))
        .await;
    assert_eq!(world.telegram.calls_of("sendMessage").len(), 1);
    world.backend.change(|inside| inside.is_away = false);
    world
        .backend
        .until(|inside| (inside.updates.len() == 2).then_some(()))
        .await;
    process.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_or_is_not_taken_costs_its_neighbours_nothing() {
    let world = World::new().await;
    world.backend.change(|inside| inside.refused.insert(4));
    let junk = json!({"update_id": 2, "message": {"text": 5}});
    let newer = json!({"update_id": 3, "purchased_paid_media": {}});
    for update in [
        question(1, 1, "a"),
        junk,
        newer,
        question(4, 1, "never"),
        question(5, 1, "b"),
    ] {
        world.telegram.says(update);
    }
    let process = world.start();
    world
        .telegram
        .until(|inside| (inside.offset == 6).then_some(()))
        .await;
    let stored: Vec<_> = world
        .backend
        .change(|inside| inside.updates.iter().map(|update| update.update_id).collect());
    assert_eq!(stored, [1, 5]);
    process.stop().await;
}

#[tokio::test]
async fn a_pressed_button_is_answered_when_it_is_stored() {
    let world = World::new().await;
    let process = world.start();
    world.telegram.says(json!({
        "update_id": 1,
        "callback_query": {
            "id": "press", "data": "token", "chat_instance": "x",
            "from": {"id": 5, "is_bot": false, "first_name": "A"},
            "message": {"message_id": 8, "date": 0, "chat": {"id": 5, "type": "private"}},
        },
    }));
    let answered = world.telegram.until(|inside| {
        let mut calls = inside.calls.iter();
        calls
            .find(|(method, _)| method == "answerCallbackQuery")
            .map(|(_, body)| body.clone())
    });
    assert_eq!(answered.await["callback_query_id"], "press");
    let event = world.backend.change(|inside| inside.updates[0].event.clone());
    assert_eq!(
        event,
        UpdateEvent::Button {
            token: "token".to_owned()
        }
    );
    process.stop().await;
}

#[tokio::test]
async fn a_batch_that_is_too_large_for_one_request_goes_in_several() {
    let world = World::new().await;
    for id in 0..100 {
        world.telegram.says(question(id, 1, &"щ".repeat(4_096)));
    }
    let process = world.start();
    world
        .backend
        .until(|inside| (inside.updates.len() == 100).then_some(()))
        .await;
    let batches = world.backend.change(|inside| inside.batches.clone());
    assert!(batches.len() > 1 && batches.len() < 10, "{batches:?}");
    process.stop().await;
}

#[tokio::test]
async fn a_webhook_that_somebody_has_set_is_removed_and_polling_recovers() {
    let world = World::new().await;
    world
        .telegram
        .change(|inside| inside.webhook = Some(json!({"url": "https://old.example"})));
    world.telegram.fails(
        "getUpdates",
        Fault::Refused(409, "Conflict: terminated by other getUpdates", Value::Null),
    );
    world.telegram.fails("getUpdates", Fault::Lost);
    let process = Process::start(world.config());
    world.telegram.says(question(1, 1, "a"));
    world
        .backend
        .until(|inside| (inside.updates.len() == 1).then_some(()))
        .await;
    assert!(world.telegram.change(|inside| inside.webhook.is_none()));
    process.stop().await;
}
