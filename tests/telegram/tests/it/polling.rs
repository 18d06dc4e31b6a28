//! `getUpdates`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{SOON, World, unlimited};

fn texts(updates: &[Value]) -> Vec<&str> {
    updates
        .iter()
        .map(|update| update["message"]["text"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn updates_come_again_until_a_later_offset_confirms_them() {
    let world = World::new(unlimited());
    let chat = world.bot.chat_with(&world.anna);
    for text in ["one", "two", "three"] {
        world.anna.writes(&chat, text);
    }
    let updates = world.updates(0).await;
    assert_eq!(texts(&updates), ["one", "two", "three"]);
    assert_eq!(world.updates(0).await, updates, "nothing was confirmed");

    let second = updates[1]["update_id"].as_i64().unwrap();
    assert_eq!(second, updates[0]["update_id"].as_i64().unwrap() + 1);
    let params = json!({ "offset": second, "limit": 1 });
    let limited = world.call("getUpdates", params).await.result();
    assert_eq!(texts(limited.as_array().unwrap()), ["two"]);
    assert_eq!(world.bot.pending(), 2, "only the first is forgotten");
    assert_eq!(texts(&world.updates(-1).await), ["three"]);
    assert_eq!(world.bot.pending(), 1);
    assert!(world.updates(second + 2).await.is_empty());
    assert_eq!(world.telegram.counters().updates_confirmed, 3);
}

#[tokio::test]
async fn a_long_poll_ends_with_the_first_update_or_with_its_time() {
    let world = World::new(unlimited());
    let chat = world.bot.chat_with(&world.anna);
    let poll = world.call("getUpdates", json!({ "timeout": 30 }));
    let write = async {
        tokio::task::yield_now().await;
        world.anna.writes(&chat, "are you there?");
    };
    let (reply, ()) = tokio::time::timeout(SOON, async { tokio::join!(poll, write) })
        .await
        .unwrap();
    let updates = reply.result();
    assert_eq!(texts(updates.as_array().unwrap()), ["are you there?"]);

    let begun = Instant::now();
    let offset = world.bot.last_update() + 1;
    let none = world
        .call("getUpdates", json!({ "timeout": 1, "offset": offset }))
        .await
        .result();
    assert_eq!(none, json!([]));
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_second_poll_ends_the_first_and_a_webhook_ends_all() {
    let world = World::new(unlimited());
    let first = world.call("getUpdates", json!({ "timeout": 30 }));
    let second = async {
        // The first has arrived when it is counted.
        let arrived = || world.telegram.counters().calls == 1;
        world.telegram.wait_until(arrived, SOON).await.unwrap();
        world.call("getUpdates", json!({ "timeout": 30 })).await
    };
    let webhook = async {
        let ended = || {
            world
                .telegram
                .journal()
                .iter()
                .any(|entry| entry.status == Some(409))
        };
        world.telegram.wait_until(ended, SOON).await.unwrap();
        let url = "http://127.0.0.1:9/";
        world.call("setWebhook", json!({ "url": url })).await
    };
    let (first, second, set) = tokio::join!(first, second, webhook);
    assert_eq!(first.refusal().0, 409);
    assert!(
        first
            .refusal()
            .1
            .starts_with("Conflict: terminated by other getUpdates request")
    );
    assert_eq!(
        second.refusal(),
        (409, "Conflict: terminated by setWebhook request")
    );
    assert_eq!(set.result(), true);

    let third = world.call("getUpdates", json!({})).await;
    assert_eq!(third.refusal().0, 409);
    assert!(third.refusal().1.contains("webhook is active"));
    world.call("deleteWebhook", json!({})).await.result();
    assert_eq!(world.call("getUpdates", json!({})).await.result(), json!([]));
}

#[tokio::test]
async fn a_bot_is_told_the_kinds_that_it_asked_for_until_it_asks_for_others() {
    let world = World::new(unlimited());
    let chat = world.private();
    world
        .call("getUpdates", json!({ "allowed_updates": ["edited_message"] }))
        .await
        .result();
    let id = world.anna.writes(&chat, "no one hears this");
    world.anna.edits(&chat, id, "but this").unwrap();
    let last = world.last_update().await;
    assert_eq!(last["edited_message"]["text"], "but this");
    assert!(last["edited_message"]["edit_date"].is_i64());

    world
        .call("getUpdates", json!({ "allowed_updates": [] }))
        .await
        .result();
    world.bot.receives("chat_member", 1, json!({}));
    world.bot.receives("brand_new_kind", 1, json!({ "x": 1 }));
    let updates = world.updates(-2).await;
    assert_eq!(updates.last().unwrap()["brand_new_kind"], json!({ "x": 1 }));
    assert!(updates.iter().all(|update| update.get("chat_member").is_none()));
}

#[tokio::test]
async fn only_known_tokens_and_methods_are_served() {
    let world = World::new(unlimited());
    let get = async |path: &str| {
        let url = format!("{}{path}", world.telegram.address());
        let response = world.http.get(url).send().await.unwrap();
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap(),
        )
    };
    let (status, body) = get("/bot4242:wrong/getMe").await;
    assert_eq!((status, &body["description"]), (401, &json!("Unauthorized")));
    assert_eq!(
        body,
        json!({ "ok": false, "error_code": 401, "description": "Unauthorized" })
    );
    assert_eq!(get("/botnonsense/getMe").await.0, 404);
    assert_eq!(get("/").await.0, 404);
    assert_eq!(get("/bot4242:secret/makeCoffee").await.0, 404);
    let (status, body) = get("/bot4242:secret/GETME").await;
    assert_eq!((status, &body["result"]["username"]), (200, &json!("nexus_bot")));
}

#[tokio::test]
async fn parameters_come_in_every_way_that_telegram_reads() {
    let world = World::new(unlimited());
    let chat = world.private();
    let url = format!("{}/bot{}/sendMessage", world.telegram.address(), crate::TOKEN);
    let query = world.http.get(format!("{url}?chat_id=1001&text=a%20query"));
    let form = world
        .http
        .post(&url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("chat_id=1001&text=a+form&reply_parameters=%7B%22message_id%22%3A1%7D");
    let parts = reqwest::multipart::Form::new()
        .text("chat_id", "1001")
        .text("text", "parts");
    let multipart = world.http.post(&url).multipart(parts);
    for request in [query, form, multipart] {
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let messages = chat.messages();
    let texts: Vec<&str> = messages.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["hello", "a query", "a form", "parts"]);
    assert_eq!(messages[2].reply_to, Some(1));
}
