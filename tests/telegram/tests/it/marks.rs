//! Commands and mentions in what people write.

use serde_json::{Value, json};

use crate::{World, unlimited};

async fn marks(world: &World, text: &str) -> Vec<(String, u64, u64)> {
    let chat = world.bot.chat_with(&world.anna);
    world.anna.writes(&chat, text);
    let message = world.last_update().await["message"].clone();
    let mark = |entity: &Value| {
        let number = |name: &str| entity[name].as_u64().unwrap();
        (
            entity["type"].as_str().unwrap().to_owned(),
            number("offset"),
            number("length"),
        )
    };
    message["entities"]
        .as_array()
        .into_iter()
        .flatten()
        .map(mark)
        .collect()
}

#[tokio::test]
async fn commands_and_mentions_are_marked_in_utf16_units() {
    let world = World::new(unlimited());
    let command = |offset, length| ("bot_command".to_owned(), offset, length);
    let mention = |offset, length| ("mention".to_owned(), offset, length);
    for (text, expected) in [
        ("/start", vec![command(0, 6)]),
        ("/ask@nexus_bot why", vec![command(0, 14)]),
        ("😀 /kb и @nexus_bot?", vec![command(3, 3), mention(9, 10)]),
        ("/one /two", vec![command(0, 4), command(5, 4)]),
        ("src/main.rs, /a/b, https://x.y/z", vec![]),
        ("a@example.org @abc", vec![]),
        ("нет@nexus_bot", vec![]),
        ("(@nexus_bot)", vec![mention(1, 10)]),
        ("/", vec![]),
        ("/старт", vec![]),
    ] {
        assert_eq!(marks(&world, text).await, expected, "{text}");
    }
}

#[tokio::test]
async fn captions_are_marked_too() {
    let world = World::new(unlimited());
    let chat = world.bot.chat_with(&world.anna);
    let upload = telegram_simulator::Upload::new("a.txt", "x").with_caption("/add");
    world.anna.sends_document(&chat, &upload);
    let message = world.last_update().await["message"].clone();
    assert_eq!(message["caption"], "/add");
    assert_eq!(
        message["caption_entities"][0],
        json!({ "type": "bot_command", "offset": 0, "length": 4 })
    );
    assert!(message.get("text").is_none());
}
