//! Chats: people ask their bots about words that they may hear of, and about others.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::{all, items};
use crate::api::text;
use crate::client::Client;
use crate::outbox::update_id;
use crate::rng::Rng;
use crate::world::{Message, Who, World};

/// About so many people ask.
const ASKING: usize = 120;
/// Largest batch.
const BATCH: usize = 100;
/// An answer takes milliseconds; the bound is for a machine that does much else.
const LONGEST_ANSWER: Duration = Duration::from_secs(60);

pub async fn chats(client: &Client, world: &mut World, rng: &mut Rng) {
    let step = (world.subscriptions.len() / ASKING).max(1);
    for bot in 0..world.bots.len() {
        let asking = world.subscriptions.iter().step_by(step);
        let asking: Vec<usize> = asking.filter(|of| of.bot == bot).map(|of| of.person).collect();
        let updates: Vec<Value> = asking
            .into_iter()
            .take(BATCH)
            .map(|person| asks(world, rng, bot, person))
            .collect();
        if updates.is_empty() {
            continue;
        }
        let path = format!("/bots/{}/updates", world.bots[bot].code);
        let body = json!({ "updates": updates });
        let (status, reply) = client
            .act(world, Who::Bot(bot), Method::POST, &path, Some(&body))
            .await;
        assert_eq!(status, 202, "{path}: {reply}");
        look_up(client, world, bot).await;
    }
    assert!(!world.messages.is_empty(), "somebody was answered");
}

/// In every second question is a word that the person may hear of, if there is one.
fn asks(world: &World, rng: &mut Rng, bot: usize, person: usize) -> Value {
    let seen = world.kbs(Who::Named { bot, person }, true);
    let kb = match rng.any(&seen).filter(|_| rng.percent(50)) {
        Some(kb) => *kb,
        None => rng.below(world.kbs.len()),
    };
    let word = rng.one(&world.kbs[kb].words);
    let telegram_id = world.people[person].telegram_id;
    json!({
        "update_id": update_id(rng, person),
        "chat": {"id": telegram_id, "kind": "private"},
        "message_id": 1,
        "from": {"telegram_id": telegram_id, "first_name": "Анна"},
        "event": {"kind": "text", "text": format!("what is {word} good for?")},
    })
}

/// Waits for the answers in all chats of a bot; their ids and those of the chats.
async fn look_up(client: &Client, world: &mut World, bot: usize) {
    let chats = items(client, world, &format!("/chats?bot={}&", world.bots[bot].code)).await;
    let chats: Vec<String> = chats.iter().map(|chat| text(&chat["id"])).collect();
    let answered = {
        let world = &*world;
        all(chats.iter().map(|chat| answered(client, world, chat))).await
    };
    world.chats.extend(chats);
    for message in answered.into_iter().flatten() {
        let person = world.people.iter().position(|of| message["user_id"] == of.id);
        // Who is blocked is not asked after: what they are told is for nobody.
        if let Some(person) = person {
            let id = text(&message["id"]);
            world.messages.push(Message { id, bot, person });
        }
    }
}

/// What the bot has said in a chat, once it is written.
async fn answered(client: &Client, world: &World, chat: &str) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let mut messages = items(client, world, &format!("/chats/{chat}/messages?")).await;
        messages.retain(|message| message["direction"] == "out" && message["delivery"] != "writing");
        if !messages.is_empty() {
            return messages;
        }
        assert!(
            began.elapsed() < LONGEST_ANSWER,
            "nothing is answered in the chat {chat}"
        );
    }
}
