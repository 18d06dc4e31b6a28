//! A bot whose requests the backend wants to be signed.

use std::time::Duration;

use serde_json::json;
use telegram_simulator::{Options, Telegram, Upload};

use super::installation::{Installation, TOKEN};

const SETTING: &str = "NEXUS_BOT_SIGNING_SECRET";
const SOON: Duration = Duration::from_secs(60);

fn telegram() -> Telegram {
    let options = Options {
        tls: true,
        ..Options::default()
    };
    Telegram::start(options).expect("the simulated Telegram starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_signs_answers_and_takes_files() {
    let telegram = telegram();
    let handle = telegram.add_bot(TOKEN, "lamps_bot");
    let installation = Installation::new(&telegram).await.unwrap();
    let nexus = installation.start().await.unwrap();
    let secret = installation.demand_signatures(&nexus).await.unwrap();
    let bot = installation
        .bot(&telegram, &nexus, &[(SETTING, secret.as_str())])
        .unwrap();

    let user = telegram.user(80_000, "Anna", "en");
    let chat = handle.chat_with(&user);
    let question = user.writes(&chat, "Which colour has lamp number 3?");
    chat.wait_for(
        |message| message.id > question && message.text.contains("colour-3"),
        SOON,
    )
    .await
    .expect("the answer comes");

    let admin = installation.admin(&nexus).unwrap();
    let kb = admin.get("/knowledge-bases?name=lamps").await.unwrap();
    let kb = kb["items"][0]["id"].as_str().unwrap();
    let people = admin.get("/users").await.unwrap();
    let person = people["items"][0]["id"].as_str().unwrap();
    let member = format!("/knowledge-bases/{kb}/members/{person}");
    admin.put(&member, &json!({"role": "editor"})).await.unwrap();
    let file = Upload::new("lantern.md", "# Lantern\n\nThe lantern is blue.\n");
    let sent = user.sends_document(&chat, &file);
    let menu = chat.wait_for(|message| message.id > sent && !message.keyboard.is_empty(), SOON);
    let menu = menu.await.expect("the bot asks where to");
    user.presses_text(&chat, menu.id, "lamps")
        .expect("the button is there");
    chat.wait_for(|message| message.text.contains("Ready"), SOON)
        .await
        .expect("the file is read");
    bot.kill().await.unwrap();
    nexus.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_without_the_right_secret_ends_and_says_what_to_set() {
    let telegram = telegram();
    telegram.add_bot(TOKEN, "lamps_bot");
    let installation = Installation::new(&telegram).await.unwrap();
    let nexus = installation.start().await.unwrap();
    let secret = installation.demand_signatures(&nexus).await.unwrap();
    assert!(secret.starts_with("nxs_"));
    let without: &[(&str, &str)] = &[];
    let another: &[(&str, &str)] = &[(SETTING, "nxs_another")];
    for (settings, sentence) in [
        (without, "set NEXUS_BOT_SIGNING_SECRET to the secret"),
        (another, "NEXUS_BOT_SIGNING_SECRET is not the secret"),
    ] {
        let ended = installation.bot_that_ends(&telegram, &nexus, settings).await;
        let (status, said) = ended.unwrap();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains(sentence), "{said}");
        assert!(!said.contains("nxs_"), "{said}");
    }
    nexus.kill().await.unwrap();
}
