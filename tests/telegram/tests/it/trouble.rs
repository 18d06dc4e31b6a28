//! Trouble on purpose.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use telegram_simulator::{Trouble, TroubleKind};

use crate::{World, unlimited};

#[tokio::test]
async fn each_kind_of_trouble_is_what_it_says() {
    let world = World::new(unlimited());
    let chat = world.private();
    let get_in = |kind| world.telegram.set_trouble(Trouble::once("sendMessage", kind));
    let count = || chat.messages().len();

    get_in(TroubleKind::TooManyRequests);
    let refused = world.send(&chat, "x").await;
    assert_eq!(
        (refused.status, &refused.body["parameters"]["retry_after"]),
        (429, &json!(1))
    );
    get_in(TroubleKind::InternalServerError);
    assert_eq!(world.send(&chat, "x").await.refusal().0, 500);
    get_in(TroubleKind::BadGateway);
    let page = world.send(&chat, "x").await;
    assert_eq!(page.status, 502);
    assert!(matches!(&page.body, Value::String(html) if html.starts_with("<html>")));
    get_in(TroubleKind::ClosedBefore);
    let params = json!({ "chat_id": 1001, "text": "x" });
    assert!(world.try_call("sendMessage", params.clone()).await.is_err());
    assert_eq!(count(), 1, "nothing was carried out");

    get_in(TroubleKind::LostReply);
    assert!(world.try_call("sendMessage", params).await.is_err());
    assert_eq!(count(), 2, "it was carried out");
    get_in(TroubleKind::LateReply(Duration::from_millis(300)));
    let begun = Instant::now();
    assert_eq!(world.send(&chat, "y").await.status, 200, "once is once");
    assert!(begun.elapsed() >= Duration::from_millis(300));

    let statuses: Vec<_> = world
        .telegram
        .journal()
        .iter()
        .map(|entry| entry.status)
        .collect();
    assert_eq!(
        statuses,
        [Some(429), Some(500), Some(502), None, Some(200), Some(200)]
    );
    let lost = &world.telegram.journal()[4];
    assert_eq!(
        (lost.chat, lost.message, lost.trouble),
        (Some(1001), Some(2), Some(TroubleKind::LostReply))
    );
    let counters = world.telegram.counters();
    assert_eq!(
        (counters.troubled, counters.limited),
        (6, 0),
        "no limit was exceeded"
    );
}

#[tokio::test]
async fn updates_of_a_lost_reply_come_again() {
    let world = World::new(unlimited());
    world.private();
    world
        .telegram
        .set_trouble(Trouble::once("getUpdates", TroubleKind::LostReply));
    assert!(world.try_call("getUpdates", json!({})).await.is_err());
    assert_eq!(world.updates(0).await.len(), 1);
}

#[tokio::test]
async fn the_same_seed_brings_the_same_trouble() {
    let run = async |seed| {
        let world = World::new(unlimited());
        world.telegram.set_trouble(Trouble::at_rate(seed, 0.3));
        for _ in 0..60 {
            let _ = world.try_call("getMe", json!({})).await;
        }
        let journal = world.telegram.journal();
        journal.iter().map(|entry| entry.trouble).collect::<Vec<_>>()
    };
    let first = run(7).await;
    assert_eq!(first.len(), 60);
    let troubled = first.iter().flatten().count();
    assert!((8..=30).contains(&troubled), "{troubled} of 60");
    assert_eq!(run(7).await, first);
    assert_ne!(run(8).await, first);
}
