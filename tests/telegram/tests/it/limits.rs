//! Too much at once.

use std::time::Duration;

use serde_json::json;
use telegram_simulator::{Limit, Limits, Options};

use crate::World;

const fn limit(calls: u32, millis: u64, edits: bool) -> Option<Limit> {
    Some(Limit {
        calls,
        window: Duration::from_millis(millis),
        edits,
    })
}

fn limited(limits: Limits) -> World {
    World::new(Options {
        limits,
        ..Options::default()
    })
}

#[tokio::test]
async fn a_chat_takes_a_short_burst_and_then_says_when() {
    let world = limited(Limits::default());
    let chat = world.private();
    for text in ["one", "two", "three"] {
        world.sent(&chat, text).await;
    }
    let refused = world.send(&chat, "four").await;
    let wait = refused.body["parameters"]["retry_after"].as_u64().unwrap();
    assert!((1..=3).contains(&wait));
    assert_eq!(
        refused.refusal(),
        (429, format!("Too Many Requests: retry after {wait}").as_str())
    );
    assert_eq!(world.send(&chat, "now?").await.status, 429);
    let counters = world.telegram.counters();
    assert_eq!((counters.limited, counters.too_soon, counters.sent), (2, 1, 3));

    tokio::time::sleep(Duration::from_secs(wait)).await;
    world.sent(&chat, "now").await;
    assert_eq!(world.telegram.counters().too_soon, 1, "it has waited");
}

#[tokio::test]
async fn edits_count_in_groups_and_not_in_private_chats() {
    let limits = Limits {
        per_chat: limit(1, 60_000, false),
        per_group: limit(2, 60_000, true),
        overall: None,
    };
    let world = limited(limits);
    let edit = async |chat: i64, id: i64, text: &str| {
        let params = json!({ "chat_id": chat, "message_id": id, "text": text });
        world.call("editMessageText", params).await.status
    };
    let private = world.private();
    let id = world.sent(&private, "…").await;
    assert_eq!(edit(1001, id, "a").await, 200);
    assert_eq!(edit(1001, id, "b").await, 200);
    let group = world.telegram.group("Team", &[&world.bot]);
    let id = world.sent(&group, "…").await;
    assert_eq!(edit(group.id(), id, "a").await, 200);
    assert_eq!(edit(group.id(), id, "b").await, 429);
}

#[tokio::test]
async fn all_chats_share_the_overall_limit_which_can_be_lifted() {
    let world = limited(Limits {
        overall: limit(2, 60_000, true),
        ..Limits::none()
    });
    let chats: Vec<_> = (1..=3).map(|id| world.telegram.user(id, "Someone", "")).collect();
    let mut statuses = Vec::new();
    for user in &chats {
        let chat = world.bot.chat_with(user);
        user.writes(&chat, "hello");
        statuses.push(world.send(&chat, "hi").await.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
    world.telegram.set_limits(Limits::none());
    assert_eq!(
        world.send(&world.bot.chat_with(&chats[2]), "hi").await.status,
        200
    );
}
