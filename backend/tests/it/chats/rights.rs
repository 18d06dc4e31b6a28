//! What is shown to whom, when rights come and go.

use std::time::Duration;

use serde_json::json;

use crate::api::text;
use crate::bot_process::{ANNA, QUESTION, app, button, said};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sees_no_knowledge_base_is_told_so() {
    let (app, operator, mut bot) = app(vec![]).await;
    let kb = text(&operator.get("/knowledge-bases").await.1["items"][0]["id"]);
    bot.asks(ANNA, QUESTION).await;
    assert_eq!(bot.delivered().await["content"]["answer"]["found"], true);
    let id = text(&operator.get("/bots").await.1["items"][0]["id"]);
    let closed = operator.delete(&format!("/knowledge-bases/{kb}/bots/{id}")).await;
    assert_eq!(closed.0, 204);
    bot.asks(ANNA, QUESTION).await;
    assert_eq!(said(&bot.delivered().await), "kb_none");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_loses_a_right_is_not_shown_what_was_made_with_it() {
    let (app, operator, mut bot) = app(vec![]).await;
    bot.asks(ANNA, QUESTION).await;
    let answer = bot.delivered().await;
    bot.asks(ANNA, QUESTION).await;
    let waiting = bot.next().await;
    bot.place(&waiting).await;
    // The answer is made; before it is handed out, the bot loses the knowledge base.
    let (_, chats) = operator.get("/chats").await;
    let path = format!("/chats/{}/messages", text(&chats["items"][0]["id"]));
    while operator.get(&path).await.1["items"][0]["delivery"] != "pending" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (_, kbs) = operator.get("/knowledge-bases").await;
    let (kb, id) = (text(&kbs["items"][0]["id"]), text(&chats["items"][0]["bot_id"]));
    assert_eq!(
        operator
            .delete(&format!("/knowledge-bases/{kb}/bots/{id}"))
            .await
            .0,
        204
    );
    let refused = bot.delivered().await;
    assert_eq!(
        (said(&refused).as_str(), &refused["id"]),
        ("error not_found", &waiting["id"])
    );
    bot.presses(ANNA, &button(&answer, "passage")).await;
    assert_eq!(said(&bot.delivered().await), "error not_found");

    // A person who is blocked is told so, and nothing else.
    let (_, users) = operator.get("/users").await;
    let user = text(&users["items"][0]["id"]);
    assert_eq!(
        operator
            .patch(&format!("/users/{user}"), &json!({"blocked": true}))
            .await
            .0,
        200
    );
    bot.asks(ANNA, QUESTION).await;
    assert_eq!(said(&bot.delivered().await), "error user_blocked");
    app.end().await;
}
