//! One process serves a bot.

use std::time::{Duration, Instant};

use nexus_bot::RunError;
use serde_json::{Value, json};
use uuid::Uuid;

use super::telegram::Fault;
use super::{Process, World, delivery, question, text};

#[tokio::test]
async fn a_second_process_waits_until_the_first_gives_the_lease_back() {
    let world = World::new().await;
    let first = world.start();
    let holder = world.backend.has_holder().await;
    let second = world.start();
    // The first keeps it beyond its time, and serves.
    let until = Instant::now() + Duration::from_secs(3);
    world
        .backend
        .until(|_| (Instant::now() > until).then_some(()))
        .await;
    world.telegram.says(question(1, 1, "a"));
    world
        .backend
        .until(|inside| (inside.updates.len() == 1).then_some(()))
        .await;
    assert_eq!(world.backend.has_holder().await, holder);
    first.stop().await;
    world
        .backend
        .until(|inside| inside.holder.filter(|(now, _)| *now != holder))
        .await;
    let answer = delivery(7, Some(text("from the second")));
    world.backend.send(answer.clone());
    world.backend.report(answer.id, "sent").await;
    second.stop().await;
    assert!(
        world
            .backend
            .change(|inside| inside.holder.is_none() && inside.holders.len() == 2)
    );
}

#[tokio::test]
async fn a_process_that_has_lost_its_lease_stops_and_comes_back() {
    let world = World::new().await;
    let process = world.start();
    let holder = world.backend.has_holder().await;
    let other = Uuid::new_v4();
    let until = Instant::now() + Duration::from_secs(2);
    world
        .backend
        .change(|inside| inside.holder = Some((other, until)));
    world.telegram.says(question(1, 1, "for the other"));
    world
        .backend
        .until(|inside| inside.holder.filter(|(now, _)| *now == holder))
        .await;
    assert!(Instant::now() >= until);
    world
        .backend
        .until(|inside| (inside.updates.len() == 1).then_some(()))
        .await;
    process.stop().await;
}

#[tokio::test]
async fn nothing_is_sent_when_the_lease_has_run_out_and_everything_when_it_is_good_again() {
    let world = World::new().await;
    let process = world.start();
    world.backend.has_holder().await;
    world.backend.change(|inside| inside.is_away = true);
    let until = Instant::now() + Duration::from_secs(3);
    world
        .backend
        .until(|_| (Instant::now() > until).then_some(()))
        .await;
    world.backend.change(|inside| inside.is_away = false);
    let answer = delivery(7, Some(text("still here")));
    world.backend.send(answer.clone());
    world.backend.report(answer.id, "sent").await;
    process.stop().await;
}

#[tokio::test]
async fn a_bot_that_is_turned_off_has_no_webhook_and_comes_back() {
    let world = World::new().await;
    world.backend.change(|inside| inside.is_disabled = true);
    world
        .telegram
        .change(|inside| inside.webhook = Some(json!({"url": "https://old.example"})));
    let process = world.start();
    world
        .telegram
        .until(|inside| inside.webhook.is_none().then_some(()))
        .await;
    world.backend.change(|inside| inside.is_disabled = false);
    world.telegram.says(question(1, 1, "a"));
    world
        .backend
        .until(|inside| (inside.updates.len() == 1).then_some(()))
        .await;
    world.backend.change(|inside| inside.is_disabled = true);
    let holder = world.backend.change(|inside| inside.holder.take());
    assert!(holder.is_some());
    world.backend.change(|inside| inside.is_disabled = false);
    world.backend.has_holder().await;
    process.stop().await;
}

#[tokio::test]
async fn a_wrong_token_ends_the_process_and_stands_in_no_message() {
    let world = World::new().await;
    let config = world.config_with(&[("NEXUS_BOT_TOKEN", "42:another-secret")]);
    let error = Process::start(config).end().await;
    assert!(matches!(error, RunError::TokenRefused(_)));
    assert!(!error.to_string().contains("another-secret"), "{error}");
}

#[tokio::test]
async fn a_start_waits_for_telegram_and_then_tells_it_the_commands() {
    let world = World::new().await;
    world
        .telegram
        .fails("getMe", Fault::Refused(500, "Internal Server Error", Value::Null));
    world.telegram.fails("getMe", Fault::Lost);
    let process = world.start();
    let russian = world.telegram.until(|inside| {
        let mut calls = inside.calls.iter();
        calls
            .find(|(_, body)| body["language_code"] == "ru")
            .map(|(_, body)| body.clone())
    });
    let help = json!({"command": "help", "description": "Что я умею"});
    assert_eq!(russian.await["commands"][0], help);
    process.stop().await;
}
