//! What Telegram takes, what it refuses, and what people see.

use serde_json::{Value, json};
use telegram_simulator::{Author, Chat};

use crate::{Reply, World, unlimited};

async fn send_html(world: &World, chat: &Chat, html: &str) -> Reply {
    let params = json!({ "chat_id": chat.id(), "text": html, "parse_mode": "HTML" });
    world.call("sendMessage", params).await
}

async fn edit(world: &World, chat: &Chat, id: i64, text: &str) -> Reply {
    let params = json!({ "chat_id": chat.id(), "message_id": id, "text": text });
    world.call("editMessageText", params).await
}

#[tokio::test]
async fn people_see_text_and_formats_and_every_text_before() {
    let world = World::new(unlimited());
    let chat = world.private();
    let html = " \n<b>Да</b>, <a href=\"https://example.org/\">тут</a> 😀 \n";
    let sent = send_html(&world, &chat, html).await.result();
    assert_eq!(sent["text"], "Да, тут 😀");
    let entities = json!([
        { "type": "bold", "offset": 0, "length": 2 },
        { "type": "text_link", "offset": 4, "length": 3, "url": "https://example.org/" },
    ]);
    assert_eq!(sent["entities"], entities, "offsets move with the blanks");
    assert_eq!(sent["from"]["is_bot"], true);
    assert_eq!(
        sent["chat"],
        json!({ "id": 1001, "type": "private", "first_name": "Anna" })
    );

    let id = sent["message_id"].as_i64().unwrap();
    let edited = edit(&world, &chat, id, "1 < 2").await.result();
    assert!(edited["edit_date"].is_i64());
    let seen = chat.message(id).unwrap();
    assert_eq!((seen.text.as_str(), seen.html.as_str()), ("1 < 2", "1 &lt; 2"));
    assert_eq!((seen.edits, seen.author), (1, Author::Bot(4242)));
    assert_eq!(seen.earlier[0].text, "Да, тут 😀");
    assert_eq!(seen.earlier[0].html, html);
}

#[tokio::test]
async fn texts_that_nobody_could_read_are_refused() {
    let world = World::new(unlimited());
    let chat = world.private();
    let empty = (400, "Bad Request: message text is empty");
    assert_eq!(world.send(&chat, " \n ").await.refusal(), empty);
    assert_eq!(world.send(&chat, "").await.refusal(), empty);
    let refused = send_html(&world, &chat, "<b>open").await;
    assert_eq!(refused.status, 400);
    assert!(
        refused
            .refusal()
            .1
            .starts_with("Bad Request: can't parse entities: ")
    );

    // Formats do not count, and characters beyond the first plane count twice.
    let just = format!("<b>{}</b>", "😀".repeat(2048));
    assert_eq!(send_html(&world, &chat, &just).await.status, 200);
    let too_long = "😀".repeat(2048) + "!";
    let refused = world.send(&chat, &too_long).await;
    assert_eq!(refused.refusal(), (400, "Bad Request: message is too long"));
    let refused = edit(&world, &chat, 2, &too_long).await;
    assert_eq!(refused.refusal(), (400, "Bad Request: MESSAGE_TOO_LONG"));
    let raw = format!("{}x", "&amp;".repeat(7_000));
    let refused = send_html(&world, &chat, &raw).await;
    assert_eq!(refused.refusal(), (400, "Bad Request: text is too long"));
    let params = json!({ "chat_id": 1001, "text": "x", "parse_mode": "MarkdownV3" });
    let refused = world.call("sendMessage", params).await;
    assert_eq!(refused.refusal(), (400, "Bad Request: unsupported parse_mode"));
    assert_eq!(chat.messages().len(), 2);
}

#[tokio::test]
async fn buttons_are_checked_shown_and_taken_away() {
    let world = World::new(unlimited());
    let chat = world.private();
    let send = async |button: Value| {
        let markup = json!({ "inline_keyboard": [[button]] });
        let params = json!({ "chat_id": 1001, "text": "Choose", "reply_markup": markup });
        world.call("sendMessage", params).await
    };
    let data = |data: String| json!({ "text": "Ok", "callback_data": data });
    let invalid = (400, "Bad Request: BUTTON_DATA_INVALID");
    assert_eq!(
        send(data("я".repeat(32) + "!")).await.refusal(),
        invalid,
        "65 bytes"
    );
    assert_eq!(send(data(String::new())).await.refusal(), invalid);
    assert!(
        send(json!({ "text": "Ok" }))
            .await
            .refusal()
            .1
            .contains("Text buttons are unallowed")
    );
    let bad = json!({ "text": "Ok", "url": "javascript:alert(1)" });
    assert_eq!(
        send(bad).await.refusal(),
        (400, "Bad Request: BUTTON_URL_INVALID")
    );

    let sent = send(data("я".repeat(32))).await.result();
    let id = sent["message_id"].as_i64().unwrap();
    assert_eq!(sent["reply_markup"]["inline_keyboard"][0][0]["text"], "Ok");
    assert_eq!(
        chat.message(id).unwrap().keyboard[0][0].data,
        Some("я".repeat(32))
    );
    let params = json!({ "chat_id": 1001, "message_id": id });
    world
        .call("editMessageReplyMarkup", params.clone())
        .await
        .result();
    let seen = chat.message(id).unwrap();
    assert!(seen.keyboard.is_empty());
    assert_eq!((seen.edits, seen.earlier.len()), (1, 0), "the text is the same");
    let again = world.call("editMessageReplyMarkup", params).await;
    assert!(
        again
            .refusal()
            .1
            .starts_with("Bad Request: message is not modified")
    );
}

#[tokio::test]
async fn an_edit_needs_a_message_of_the_bot_and_something_new() {
    let world = World::new(unlimited());
    let chat = world.private();
    let id = world.sent(&chat, "one").await;
    let same = edit(&world, &chat, id, " one ").await;
    assert_eq!(same.status, 400);
    assert!(
        same.refusal()
            .1
            .starts_with("Bad Request: message is not modified: specified new message")
    );
    let theirs = edit(&world, &chat, 1, "mine").await;
    assert_eq!(theirs.refusal(), (400, "Bad Request: message can't be edited"));
    let none = (400, "Bad Request: message to edit not found");
    assert_eq!(edit(&world, &chat, 99, "x").await.refusal(), none);
    world.anna.deletes(&chat, id).unwrap();
    assert_eq!(edit(&world, &chat, id, "x").await.refusal(), none);
    let unnamed = world
        .call("editMessageText", json!({ "chat_id": 1001, "text": "x" }))
        .await;
    assert_eq!(
        unnamed.refusal(),
        (400, "Bad Request: message identifier is not specified")
    );
}

#[tokio::test]
async fn replies_need_their_message_unless_told_otherwise() {
    let world = World::new(unlimited());
    let chat = world.private();
    let reply = async |to: i64, anyway: bool| {
        let parameters = json!({ "message_id": to, "allow_sending_without_reply": anyway });
        let params = json!({ "chat_id": 1001, "text": "re", "reply_parameters": parameters });
        world.call("sendMessage", params).await
    };
    let sent = reply(1, false).await.result();
    assert_eq!(sent["reply_to_message"]["text"], "hello");
    assert!(sent["reply_to_message"].get("reply_to_message").is_none());
    world.anna.deletes(&chat, 1).unwrap();
    let refused = reply(1, false).await;
    assert_eq!(
        refused.refusal(),
        (400, "Bad Request: message to be replied not found")
    );
    let id = reply(1, true).await.result()["message_id"].as_i64().unwrap();
    assert_eq!(chat.message(id).unwrap().reply_to, None);
}

#[tokio::test]
async fn a_bot_deletes_its_own_and_in_private_chats_all() {
    let world = World::new(unlimited());
    let private = world.private();
    let group = world.telegram.supergroup("Team", &[&world.bot]);
    let theirs = world.anna.writes(&group, "mine");
    let delete = async |chat: &Chat, id: i64| {
        world
            .call("deleteMessage", json!({ "chat_id": chat.id(), "message_id": id }))
            .await
    };
    assert_eq!(delete(&private, 1).await.result(), true);
    let gone = (400, "Bad Request: message to delete not found");
    assert_eq!(delete(&private, 1).await.refusal(), gone);
    let refused = delete(&group, theirs).await;
    assert_eq!(
        refused.refusal(),
        (400, "Bad Request: message can't be deleted for everyone")
    );

    let own = world.sent(&group, "own").await;
    let params = json!({ "chat_id": group.id(), "message_ids": [own, theirs, 77] });
    assert_eq!(world.call("deleteMessages", params).await.result(), true);
    let left: Vec<i64> = group.messages().iter().map(|message| message.id).collect();
    assert_eq!(left, [theirs]);
    assert_eq!(group.all_messages().len(), 2);
    let none = world
        .call("deleteMessages", json!({ "chat_id": 1001, "message_ids": [] }))
        .await;
    assert_eq!(
        none.refusal(),
        (400, "Bad Request: message identifiers are not specified")
    );
}

#[tokio::test]
async fn drafts_show_in_private_chats_until_the_message_comes() {
    let world = World::new(unlimited());
    let chat = world.private();
    let group = world.telegram.group("Team", &[&world.bot]);
    let draft = async |chat: &Chat, id: i64| {
        let params = json!({ "chat_id": chat.id(), "draft_id": id, "text": "I think" });
        world.call("sendMessageDraft", params).await
    };
    assert_eq!(draft(&chat, 7).await.result(), true);
    assert_eq!(chat.draft().as_deref(), Some("I think"));
    assert_eq!(draft(&group, 7).await.status, 400);
    assert_eq!(draft(&chat, 0).await.status, 400);
    world.sent(&chat, "I think so").await;
    assert_eq!(chat.draft(), None);
    let typing = world
        .call("sendChatAction", json!({ "chat_id": 1001, "action": "typing" }))
        .await;
    assert_eq!(typing.result(), true);
    let dancing = world
        .call("sendChatAction", json!({ "chat_id": 1001, "action": "dancing" }))
        .await;
    assert_eq!(
        dancing.refusal(),
        (400, "Bad Request: wrong parameter action in request")
    );
}
