//! Buttons being pressed.

use std::time::Duration;

use serde_json::json;
use telegram_simulator::{Impossible, Options};

use crate::{World, unlimited};

async fn with_button(world: &World) -> i64 {
    let markup = json!({ "inline_keyboard": [[{ "text": "Yes", "callback_data": "y" }, { "text": "No", "callback_data": "n" }]] });
    let params = json!({ "chat_id": 1001, "text": "Sure?", "reply_markup": markup });
    world.call("sendMessage", params).await.result()["message_id"]
        .as_i64()
        .unwrap()
}

#[tokio::test]
async fn a_press_is_answered_once_and_in_time() {
    let world = World::new(unlimited());
    let chat = world.private();
    let message = with_button(&world).await;
    let query = world.anna.presses(&chat, message, 0, 1).unwrap();
    let update = world.last_update().await;
    assert_eq!(update["callback_query"]["id"], query.as_str());
    assert_eq!(update["callback_query"]["data"], "n");
    assert_eq!(update["callback_query"]["message"]["text"], "Sure?");

    let params = json!({ "callback_query_id": query, "text": "Ok then", "show_alert": true });
    assert_eq!(
        world.call("answerCallbackQuery", params.clone()).await.result(),
        true
    );
    assert_eq!(
        world.bot.callback_answer(&query),
        Some(("Ok then".to_owned(), true))
    );
    let again = world.call("answerCallbackQuery", params).await;
    assert!(again.refusal().1.starts_with("Bad Request: query is too old"));

    let second = world.anna.presses_text(&chat, message, "Yes").unwrap();
    assert_ne!(second, query);
    let long = json!({ "callback_query_id": second, "text": "x".repeat(201) });
    assert_eq!(
        world.call("answerCallbackQuery", long).await.refusal().1,
        "Bad Request: MESSAGE_TOO_LONG"
    );
}

#[tokio::test]
async fn a_late_answer_is_too_late() {
    let options = Options {
        callback_lifetime: Duration::ZERO,
        ..unlimited()
    };
    let world = World::new(options);
    let chat = world.private();
    let message = with_button(&world).await;
    let query = world.anna.presses(&chat, message, 0, 0).unwrap();
    let late = world
        .call("answerCallbackQuery", json!({ "callback_query_id": query }))
        .await;
    let words = "Bad Request: query is too old and response timeout expired or query ID is invalid";
    assert_eq!(late.refusal(), (400, words));
    assert_eq!(world.bot.callback_answer(&query), None);
}

#[tokio::test]
async fn what_is_not_there_is_pressed_only_on_purpose() {
    let world = World::new(unlimited());
    let chat = world.private();
    let message = with_button(&world).await;
    assert_eq!(
        world.anna.presses(&chat, message, 1, 0),
        Err(Impossible::NoButton { message })
    );
    world.anna.deletes(&chat, message).unwrap();
    let gone = Impossible::NoMessage { chat: 1001, message };
    assert_eq!(world.anna.presses(&chat, message, 0, 0), Err(gone));
    world.anna.presses_data(&chat, message, "anything at all");
    let update = world.last_update().await;
    assert_eq!(update["callback_query"]["data"], "anything at all");
    assert_eq!(
        update["callback_query"]["message"]["date"], 0,
        "an inaccessible message"
    );
}
