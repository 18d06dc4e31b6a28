//! Updates that Telegram sends.

use nexus_bot::config::Config;
use serde_json::Value;

use super::{Process, World, question};

const SECRET: &str = "a-secret-of-the-webhook";

/// A webhook on a port that was free a moment ago.
fn webhook(world: &World) -> (Config, String) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap().to_string();
    drop(free);
    let config = world.config_with(&[
        ("NEXUS_BOT_WEBHOOK_URL", "https://bot.example/hook"),
        ("NEXUS_BOT_WEBHOOK_LISTEN", &listen),
        ("NEXUS_BOT_WEBHOOK_SECRET", SECRET),
    ]);
    (config, format!("http://{listen}/hook"))
}

async fn sends(to: &str, secret: Option<&str>, update: &Value) -> u16 {
    let client = reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .build()
        .unwrap();
    let mut request = client.post(to).json(update);
    if let Some(secret) = secret {
        request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn only_telegram_is_listened_to_and_answered_when_the_update_is_stored() {
    let world = World::new().await;
    let (config, to) = webhook(&world);
    let process = Process::start(config);
    let set = world.telegram.until(|inside| inside.webhook.clone()).await;
    assert_eq!(set["url"], "https://bot.example/hook");
    assert_eq!(set["secret_token"], SECRET);
    assert_eq!(set["allowed_updates"].as_array().unwrap().len(), 4);

    let update = question(1, 1, "a");
    assert_eq!(sends(&to, None, &update).await, 401);
    assert_eq!(sends(&to, Some("wrong"), &update).await, 401);
    assert_eq!(world.backend.change(|inside| inside.store_calls), 0);
    assert_eq!(sends(&to, Some(SECRET), &update).await, 200);
    assert_eq!(world.backend.change(|inside| inside.updates.len()), 1);
    // Again, as Telegram does when it has not heard the answer.
    assert_eq!(sends(&to, Some(SECRET), &update).await, 200);
    assert_eq!(world.backend.change(|inside| inside.updates.len()), 1);

    world.backend.change(|inside| inside.is_away = true);
    assert_eq!(sends(&to, Some(SECRET), &question(2, 1, "b")).await, 503);
    world.backend.change(|inside| inside.is_away = false);
    assert_eq!(sends(&to, Some(SECRET), &question(2, 1, "b")).await, 200);
    process.stop().await;
    // What comes while nobody listens waits at Telegram.
    assert!(world.telegram.change(|inside| inside.webhook.is_some()));
}

#[tokio::test]
async fn updates_that_come_together_are_stored_together() {
    let world = World::new().await;
    let (config, to) = webhook(&world);
    let process = Process::start(config);
    world.telegram.until(|inside| inside.webhook.clone()).await;
    let updates: Vec<_> = (0..60).map(|id| question(id, id + 1, "?")).collect();
    let sent = updates.iter().map(|update| sends(&to, Some(SECRET), update));
    let answers = futures::future::join_all(sent).await;
    assert!(answers.iter().all(|status| *status == 200));
    let (stored, batches) = world
        .backend
        .change(|inside| (inside.updates.len(), inside.batches.len()));
    assert_eq!(stored, 60);
    assert!(batches < 60, "{batches}");
    process.stop().await;
}
