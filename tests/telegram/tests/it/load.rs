//! Many chats and many updates.

use std::time::{Duration, Instant};

use serde_json::json;
use telegram_simulator::Author;

use crate::webhooks::Receiver;
use crate::{SOON, World, unlimited};

#[tokio::test]
async fn thousands_of_chats_and_updates_are_no_burden() {
    const CHATS: i64 = 2_000;
    let world = World::new(unlimited());
    let begun = Instant::now();
    for round in 0..3 {
        for id in 1..=CHATS {
            let user = world.telegram.user(id, "Someone", "");
            user.writes(&world.bot.chat_with(&user), &format!("question {round}"));
        }
    }
    let mut offset = 0;
    let mut taken = 0;
    while let Some(last) = {
        let updates = world.updates(offset).await;
        taken += i64::try_from(updates.len()).unwrap();
        updates.last().map(|update| update["update_id"].as_i64().unwrap())
    } {
        offset = last + 1;
    }
    assert_eq!(taken, 3 * CHATS);
    assert_eq!(world.telegram.counters().updates_confirmed, 6_000);
    // 500 a second would be 12 seconds.
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_keeps_up_with_500_updates_a_second() {
    let world = World::new(unlimited());
    let url = format!("http://{}/", Receiver::default().start().await);
    world.call("setWebhook", json!({ "url": url })).await.result();
    let begun = Instant::now();
    for round in 0..10 {
        for id in 1..=200 {
            let user = world.telegram.user(id, "Someone", "");
            user.writes(&world.bot.chat_with(&user), &format!("question {round}"));
        }
    }
    let all_taken = || world.bot.pending() == 0;
    world.telegram.wait_until(all_taken, SOON).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    let journal = world.telegram.journal();
    assert_eq!(
        journal.iter().filter(|entry| entry.method == "webhook").count(),
        2_000
    );
}

#[tokio::test]
async fn a_wait_sees_what_happens_meanwhile_and_ends_when_nothing_does() {
    let world = World::new(unlimited());
    let chat = world.private();
    let wait = chat.wait_for(|message| message.author == Author::Bot(4242), SOON);
    let send = world.send(&chat, "there");
    let (seen, _) = tokio::join!(wait, send);
    assert_eq!(seen.unwrap().text, "there");
    let never = world
        .telegram
        .wait_until(|| false, Duration::from_millis(50))
        .await;
    assert_eq!(never.unwrap_err().0, Duration::from_millis(50));
    assert_eq!(world.call("getMe", json!({})).await.status, 200);
}
