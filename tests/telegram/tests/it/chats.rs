//! Who may write where.

use serde_json::json;

use crate::{World, unlimited};

#[tokio::test]
async fn nobody_is_written_to_who_has_not_opened_the_chat() {
    let world = World::new(unlimited());
    let chat = world.bot.chat_with(&world.anna);
    let stranger = world.send(&chat, "hi").await;
    assert_eq!(stranger.refusal(), (400, "Bad Request: chat not found"));
    let group = world.telegram.group("Team", &[&world.bot]);
    world.anna.writes(&group, "I am here");
    let seen = world.send(&chat, "hi").await;
    assert_eq!(
        seen.refusal(),
        (403, "Forbidden: bot can't initiate conversation with a user")
    );
    world.anna.writes(&chat, "/start");
    assert_eq!(world.send(&chat, "hi").await.status, 200);
    let nowhere = world.call("sendMessage", json!({ "text": "hi" })).await;
    assert_eq!(nowhere.refusal(), (400, "Bad Request: chat_id is empty"));
}

#[tokio::test]
async fn who_has_blocked_the_bot_hears_nothing_until_they_write_again() {
    let world = World::new(unlimited());
    let chat = world.private();
    world.anna.blocks(&world.bot);
    let update = world.last_update().await;
    assert_eq!(update["my_chat_member"]["new_chat_member"]["status"], "kicked");
    let blocked = (403, "Forbidden: bot was blocked by the user");
    assert_eq!(world.send(&chat, "hi").await.refusal(), blocked);
    world.anna.unblocks(&world.bot);
    assert_eq!(
        world.last_update().await["my_chat_member"]["new_chat_member"]["status"],
        "member"
    );
    assert_eq!(world.send(&chat, "hi").await.status, 200);

    world.anna.is_deactivated();
    let gone = world.send(&chat, "hi").await;
    assert_eq!(gone.refusal(), (403, "Forbidden: user is deactivated"));
}

#[tokio::test]
async fn a_bot_out_of_a_group_cannot_write_there() {
    let world = World::new(unlimited());
    let group = world.telegram.group("Team", &[&world.bot]);
    let supergroup = world.telegram.supergroup("All", &[]);
    let never = world.send(&supergroup, "hi").await;
    assert_eq!(never.refusal(), (400, "Bad Request: chat not found"));

    world.anna.removes(&world.bot, &group);
    assert_eq!(
        world.last_update().await["my_chat_member"]["new_chat_member"]["status"],
        "kicked"
    );
    let kicked = world.send(&group, "hi").await;
    assert_eq!(
        kicked.refusal(),
        (403, "Forbidden: bot was kicked from the group chat")
    );
    world.anna.writes(&group, "is it gone?");
    assert!(
        world.last_update().await.get("message").is_none(),
        "it hears nothing either"
    );

    world.anna.adds(&world.bot, &supergroup);
    let joined = world.last_update().await;
    assert_eq!(joined["message"]["new_chat_members"][0]["id"], 4242);
    assert_eq!(world.send(&supergroup, "hi").await.status, 200);
    let params = json!({ "chat_id": supergroup.id() });
    assert_eq!(world.call("leaveChat", params).await.result(), true);
    let left = world.send(&supergroup, "hi").await;
    assert_eq!(
        left.refusal(),
        (403, "Forbidden: bot is not a member of the supergroup chat")
    );
}

#[tokio::test]
async fn members_come_and_go() {
    let world = World::new(unlimited());
    let group = world.telegram.group("Team", &[&world.bot]);
    world.anna.joins(&group);
    assert_eq!(
        world.last_update().await["message"]["new_chat_members"][0]["id"],
        1001
    );
    world.anna.leaves(&group);
    assert_eq!(
        world.last_update().await["message"]["left_chat_member"]["id"],
        1001
    );
}

#[tokio::test]
async fn a_group_that_grows_moves_to_another_id() {
    let world = World::new(unlimited());
    let group = world.telegram.group("Team", &[&world.bot]);
    let old = world.sent(&group, "before").await;
    let grown = group.upgrades(&world.anna);
    let updates = world.updates(-2).await;
    assert_eq!(updates[0]["message"]["chat"]["id"], group.id());
    assert_eq!(updates[0]["message"]["migrate_to_chat_id"], grown.id());
    assert_eq!(
        updates[1]["message"]["chat"],
        json!({ "id": grown.id(), "type": "supergroup", "title": "Team" })
    );
    assert_eq!(updates[1]["message"]["migrate_from_chat_id"], group.id());

    let refused = world.send(&group, "after").await;
    let upgraded = "Bad Request: group chat was upgraded to a supergroup chat";
    assert_eq!(refused.refusal(), (400, upgraded));
    assert_eq!(
        refused.body["parameters"],
        json!({ "migrate_to_chat_id": grown.id() })
    );
    assert_eq!(world.send(&grown, "after").await.status, 200);
    let params = json!({ "chat_id": grown.id(), "message_id": old + 5, "text": "x" });
    let edit = world.call("editMessageText", params).await;
    assert_eq!(
        edit.refusal(),
        (400, "Bad Request: message to edit not found"),
        "ids begin anew"
    );
}

#[tokio::test]
async fn topics_keep_their_messages() {
    let world = World::new(unlimited());
    let forum = world.telegram.forum("Forum", &[&world.bot]);
    let topic = forum.topic(&world.anna, "Rust");
    let id = topic.topic_id().unwrap();
    world.anna.writes(&topic, "a question");
    let update = world.last_update().await;
    assert_eq!(update["message"]["message_thread_id"], id);
    assert_eq!(update["message"]["is_topic_message"], true);
    assert_eq!(update["message"]["chat"]["is_forum"], true);
    let head = &update["message"]["reply_to_message"];
    assert_eq!(
        head["forum_topic_created"]["name"], "Rust",
        "as Telegram does in topics"
    );

    let send = async |thread: i64| {
        let params = json!({ "chat_id": forum.id(), "message_thread_id": thread, "text": "an answer" });
        world.call("sendMessage", params).await
    };
    assert_eq!(send(id).await.result()["message_thread_id"], id);
    assert_eq!(topic.messages().len(), 2);
    let unknown = (400, "Bad Request: message thread not found");
    assert_eq!(send(id + 100).await.refusal(), unknown);
    assert_eq!(send(1).await.refusal(), unknown, "the general topic");
    topic.delete_topic();
    assert_eq!(send(id).await.refusal(), unknown);
}

#[tokio::test]
async fn a_channel_speaks_for_itself() {
    let world = World::new(unlimited());
    let channel = world.telegram.channel("News", &[&world.bot]);
    world.anna.writes(&channel, "extra, extra");
    let post = world.last_update().await["channel_post"].clone();
    assert_eq!(post["sender_chat"]["id"], channel.id());
    assert!(post.get("from").is_none());
}
