//! What was deleted cannot be had from what was said of it either: not from chats, nor from a file of the database.

use serde_json::Value;

use crate::api::{Api, text};
use crate::bot_process::{ANNA, Process, app, button, said};
use crate::test_app::{TestApp, archive, files_hold};

const WORD: &str = "xylocarpus";
const QUESTION: &str = "Which tree stands in the yard?";

fn yard(sentence: &str) -> String {
    format!("# Yard\n\n{sentence}\n\n# Gate\n\nThe gate is green and is closed at night.\n")
}

fn tree() -> String {
    yard(&format!(
        "The tree that stands in the middle of the yard is a {WORD} of forty years."
    ))
}

/// Asks, and has the passage shown; what the chat holds then.
async fn asked(app: &TestApp, operator: &Api, bot: &mut Process) -> Value {
    app.client
        .find_knowledge_base(crate::test_app::KB)
        .await
        .unwrap()
        .unwrap();
    bot.asks(ANNA, QUESTION).await;
    let answer = bot.delivered().await;
    assert!(answer["content"].to_string().contains(WORD), "{answer}");
    bot.presses(ANNA, &button(&answer, "passage")).await;
    let passage = bot.delivered().await;
    assert!(passage["content"].to_string().contains(WORD), "{passage}");
    let messages = messages(operator).await;
    assert!(messages.to_string().contains(WORD));
    assert!(kept(operator, &answer).await.to_string().contains(WORD));
    answer
}

/// The answer as it can be asked for again.
async fn kept(operator: &Api, delivery: &Value) -> Value {
    let id = text(&delivery["content"]["answer"]["id"]);
    let (status, kept) = operator.get(&format!("/answers/{id}")).await;
    assert_eq!(status, 200, "{kept}");
    kept
}

/// It says so, and holds nothing of it.
async fn is_deleted(operator: &Api, delivery: &Value) {
    let kept = kept(operator, delivery).await;
    assert!(
        kept["deleted"] == true && kept["text"].is_null() && !kept.to_string().contains(WORD),
        "{kept}"
    );
}

async fn messages(operator: &Api) -> Value {
    let (_, chats) = operator.get("/chats?bot=docs").await;
    let chat = text(&chats["items"][0]["id"]);
    operator.get(&format!("/chats/{chat}/messages")).await.1
}

async fn upload(app: &TestApp, yard: &str) {
    let files: [(&str, &[u8]); 2] = [("yard.md", yard.as_bytes()), ("other.md", b"# Other\n\nStays.\n")];
    let task = app.upload_archive("yard.tar.gz", &archive(&files)).await;
    app.settled(task).await;
    app.quiet().await;
}

fn are_erased(messages: &Value) -> bool {
    let items = messages["items"].as_array().unwrap();
    let out: Vec<_> = items.iter().filter(|item| item["direction"] == "out").collect();
    !out.is_empty()
        && out.iter().all(|item| said(item) == "text_deleted")
        && !messages.to_string().contains(WORD)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_document_goes_from_the_answers_that_quote_it() {
    let (app, operator, mut bot) = app(vec![]).await;
    upload(&app, &tree()).await;
    let answer = asked(&app, &operator, &mut bot).await;
    let kb = text(&answer["content"]["answer"]["citations"][0]["passage"]["knowledge_base_id"]);
    assert!(
        files_hold(app.data.path(), WORD),
        "the test looks where texts are"
    );

    let (_, documents) = operator.get(&format!("/knowledge-bases/{kb}/documents")).await;
    let items = documents["items"].as_array().unwrap();
    let yard = items
        .iter()
        .find(|document| document["path"] == "yard.md")
        .unwrap();
    let deleted = operator
        .delete(&format!("/documents/{}", text(&yard["id"])))
        .await;
    assert_eq!(deleted.0, 204);
    app.quiet().await;
    let now = messages(&operator).await;
    assert!(are_erased(&now), "{now}");
    is_deleted(&operator, &answer).await;
    assert!(
        !files_hold(app.data.path(), WORD),
        "the text is gone from the files of the database"
    );

    bot.presses(ANNA, &button(&answer, "more")).await;
    assert_eq!(said(&bot.delivered().await), "button_expired");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_document_lost_goes_and_what_was_edited_stays_as_it_was_answered() {
    let (app, operator, mut bot) = app(vec![]).await;
    upload(&app, &tree()).await;
    let answer = asked(&app, &operator, &mut bot).await;
    let edited = tree().replace("forty", "fifty");
    upload(&app, &edited).await;
    let before = messages(&operator).await;
    assert!(before.to_string().contains("forty"), "{before}");
    let replayed = kept(&operator, &answer).await;
    assert!(
        replayed["deleted"] == false && replayed["context_intact"] == true,
        "{replayed}"
    );
    assert!(replayed["text"].as_str().unwrap().contains("forty"), "{replayed}");

    // Whatever the passage became: when it goes, what was said of it goes.
    upload(&app, &yard("There is a bench.")).await;
    let now = messages(&operator).await;
    assert!(are_erased(&now), "{now}");
    is_deleted(&operator, &answer).await;
    assert!(!files_hold(app.data.path(), WORD));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_knowledge_base_goes_from_the_answers_that_quote_it() {
    let (app, operator, mut bot) = app(vec![]).await;
    upload(&app, &tree()).await;
    let answer = asked(&app, &operator, &mut bot).await;
    let (_, kbs) = operator.get("/knowledge-bases").await;
    let id = text(&kbs["items"][0]["id"]);
    assert_eq!(operator.delete(&format!("/knowledge-bases/{id}")).await.0, 204);
    app.quiet().await;
    assert!(are_erased(&messages(&operator).await));
    is_deleted(&operator, &answer).await;
    assert!(!files_hold(app.data.path(), WORD));
    app.end().await;
}
