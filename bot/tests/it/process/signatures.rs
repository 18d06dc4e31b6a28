//! A bot whose requests must be signed.

use nexus_api::Content;
use nexus_bot::{RunError, Unsigned};
use uuid::Uuid;

use super::{Process, World, delivery, question, text};

const SECRET: &str = "nxs_the-secret-of-the-bot";
const SETTING: &str = "NEXUS_BOT_SIGNING_SECRET";

async fn world() -> World {
    let world = World::new().await;
    world
        .backend
        .change(|inside| inside.signing_secret = Some(SECRET));
    world
}

impl World {
    fn start_signing(&self, secret: &str) -> Process {
        Process::start(self.config_with(&[(SETTING, secret)]))
    }
}

fn why(error: &RunError) -> Unsigned {
    match error {
        RunError::Unsigned(why) => *why,
        other => panic!("it ends for another reason: {other}"),
    }
}

#[tokio::test]
async fn with_its_secret_a_process_signs_whatever_it_says() {
    let world = world().await;
    let process = world.start_signing(SECRET);
    world.telegram.says(question(1, 1, "a"));
    world
        .backend
        .until(|inside| (inside.updates.len() == 1).then_some(()))
        .await;
    let answer = delivery(7, Some(text("an answer")));
    world.backend.send(answer.clone());
    world.backend.report(answer.id, "sent").await;
    process.stop().await;
    let (unsigned, holder) = world.backend.change(|inside| (inside.unsigned, inside.holder));
    assert_eq!((unsigned, holder), (0, None));
}

#[tokio::test]
async fn a_file_is_signed_and_arrives_as_it_was() {
    let world = world().await;
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    world
        .telegram
        .change(|inside| inside.files.insert("zip".to_owned(), bytes.clone()));
    let process = world.start_signing(SECRET);
    let file = delivery(
        7,
        Some(Content::FetchFile {
            file_id: "zip".to_owned(),
            file_name: "docs.zip".to_owned(),
            is_archive: true,
            knowledge_base_id: Uuid::from_u128(9),
            telegram_user_id: 555,
        }),
    );
    world.backend.send(file.clone());
    world.backend.report(file.id, "sent").await;
    world.backend.change(|inside| {
        assert_eq!((inside.uploads.len(), inside.unsigned), (1, 0));
        let body = &inside.uploads[0].body;
        assert!(body.windows(bytes.len()).any(|window| window == bytes));
    });
    process.stop().await;
}

#[tokio::test]
async fn without_a_secret_a_process_ends_with_a_word_on_what_to_set() {
    let world = world().await;
    let error = world.start().end().await;
    assert_eq!(why(&error), Unsigned::NoSecret);
    assert!(error.to_string().contains(SETTING), "{error}");
    assert_eq!(world.backend.change(|inside| inside.unsigned), 1);
}

#[tokio::test]
async fn a_wrong_secret_ends_the_process_and_stands_in_no_message() {
    let world = world().await;
    let error = world.start_signing("nxs_another").end().await;
    assert_eq!(why(&error), Unsigned::WrongSecret);
    let said = error.to_string();
    assert!(said.contains(SETTING) && !said.contains("nxs_"), "{said}");
    assert_eq!(world.backend.change(|inside| inside.unsigned), 1);
}

#[tokio::test]
async fn a_secret_that_is_replaced_ends_the_process_that_serves() {
    let world = world().await;
    let process = world.start_signing(SECRET);
    world.backend.has_holder().await;
    world
        .backend
        .change(|inside| inside.signing_secret = Some("nxs_a-new-one"));
    assert_eq!(why(&process.end().await), Unsigned::WrongSecret);
}

#[tokio::test]
async fn a_clock_that_is_off_is_waited_for_without_haste() {
    let world = world().await;
    world.backend.change(|inside| inside.seconds_ahead = 400);
    let began = std::time::Instant::now();
    let process = world.start_signing(SECRET);
    world
        .backend
        .until(|inside| (inside.unsigned >= 2).then_some(()))
        .await;
    assert!(began.elapsed() >= std::time::Duration::from_secs(1));
    world.backend.change(|inside| inside.seconds_ahead = 0);
    world.backend.has_holder().await;
    process.stop().await;
}
