//! What the server says can be read by teloxide, which the bot is written with.

use serde_json::json;
use telegram_simulator::Upload;
use teloxide::net::Download as _;
use teloxide::payloads::{GetUpdatesSetters as _, SendMessageSetters as _, SetWebhookSetters as _};
use teloxide::prelude::{Bot, Requester as _};
use teloxide::types::{
    BotCommand, ChatAction, ChatId, InlineKeyboardButton, InlineKeyboardMarkup, MessageId, ParseMode,
    ReplyParameters, UpdateKind, UserId,
};
use teloxide::{ApiError, RequestError};

use crate::{TOKEN, World, unlimited};

fn bot(world: &World) -> Bot {
    let client = teloxide::net::default_reqwest_settings()
        .no_proxy()
        .build()
        .unwrap();
    Bot::with_client(TOKEN, client).set_api_url(world.telegram.address().parse().unwrap())
}

#[tokio::test]
async fn every_kind_of_update_is_read() {
    let world = World::new(unlimited());
    let bot = bot(&world);
    let chat = world.private();
    let file = Upload::new("photo.jpg", "x");
    world.anna.sends_sticker(&chat, "👍");
    world.anna.sends_voice(&chat, &file);
    world.anna.sends_photo(&chat, &file);
    world.anna.sends_document(&chat, &file);
    world.anna.edits(&chat, 1, "/start @nexus_bot").unwrap();
    world.anna.blocks(&world.bot);
    world.anna.unblocks(&world.bot);
    let forum = world.telegram.forum("Forum", &[&world.bot]);
    let topic = forum.topic(&world.anna, "Rust");
    world.anna.replies(&topic, 1, "in the topic");
    let group = world.telegram.group("Team", &[]);
    world.anna.adds(&world.bot, &group);
    group.upgrades(&world.anna);
    world
        .anna
        .writes(&world.telegram.channel("News", &[&world.bot]), "news");
    world.sent(&chat, "a button").await;
    world.anna.presses_data(&chat, 6, "x");
    world.anna.presses_data(&chat, 99, "gone");

    let updates = bot.get_updates().timeout(1).await.unwrap();
    assert_eq!(updates.len(), world.bot.pending());
    for update in &updates {
        assert!(!matches!(update.kind, UpdateKind::Error(_)), "{update:?}");
    }
    assert!(matches!(&updates[1].kind, UpdateKind::Message(message) if message.sticker().is_some()));
    assert!(matches!(&updates[4].kind, UpdateKind::Message(message) if message.document().is_some()));
    assert!(matches!(updates[6].kind, UpdateKind::MyChatMember(_)));

    world.bot.receives("brand_new_kind", 1, json!({}));
    let last = bot.get_updates().offset(-1).await.unwrap();
    assert!(
        matches!(last[0].kind, UpdateKind::Error(_)),
        "and what nobody knows is no failure"
    );
}

#[tokio::test]
async fn a_conversation_works() {
    let world = World::new(unlimited());
    let bot = bot(&world);
    let chat = world.private();
    assert_eq!(bot.get_me().await.unwrap().username(), "nexus_bot");
    let button = InlineKeyboardButton::callback("Ok", "token");
    let sent = bot
        .send_message(ChatId(1001), "<b>Hi</b>")
        .parse_mode(ParseMode::Html)
        .reply_parameters(ReplyParameters::new(MessageId(1)))
        .reply_markup(InlineKeyboardMarkup::new([[button]]))
        .await
        .unwrap();
    assert_eq!((sent.text(), sent.id), (Some("Hi"), MessageId(2)));
    assert_eq!(sent.reply_to_message().unwrap().id, MessageId(1));
    let edited = bot.edit_message_text(ChatId(1001), sent.id, "Bye").await.unwrap();
    assert!(edited.edit_date().is_some());
    let query = world.anna.presses_data(&chat, 2, "token");
    bot.answer_callback_query(query.into()).await.unwrap();
    bot.send_chat_action(ChatId(1001), ChatAction::Typing)
        .await
        .unwrap();
    bot.delete_message(ChatId(1001), sent.id).await.unwrap();
    assert_eq!(
        bot.get_chat(ChatId(1001)).await.unwrap().first_name(),
        Some("Anna")
    );
    assert_eq!(bot.get_chat(UserId(1001)).await.unwrap().id, ChatId(1001));
    bot.set_my_commands([BotCommand::new("help", "Help")])
        .await
        .unwrap();
    assert_eq!(bot.get_my_commands().await.unwrap()[0].command, "help");
    bot.set_webhook("https://localhost:1/".parse().unwrap())
        .secret_token("s")
        .await
        .unwrap();
    assert_eq!(bot.get_webhook_info().await.unwrap().pending_update_count, 2);
    bot.delete_webhook().await.unwrap();
    assert_eq!(bot.get_webhook_info().await.unwrap().url, None);

    world.anna.sends_document(&chat, &Upload::new("a.txt", "content"));
    let update = bot.get_updates().offset(-1).await.unwrap().remove(0);
    let UpdateKind::Message(message) = update.kind else {
        panic!("{update:?}")
    };
    let file = bot
        .get_file(message.document().unwrap().file.id.clone())
        .await
        .unwrap();
    let mut content = Vec::new();
    bot.download_file(&file.path, &mut content).await.unwrap();
    assert_eq!(content, b"content");
}

#[tokio::test]
async fn refusals_are_known_by_name() {
    let world = World::new(unlimited());
    let bot = bot(&world);
    let chat = world.private();
    let refusal = async |chat: ChatId, text: &str| match bot.send_message(chat, text).await {
        Err(RequestError::Api(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(ChatId(1001), " ").await, ApiError::MessageTextIsEmpty);
    assert_eq!(refusal(ChatId(5), "x").await, ApiError::ChatNotFound);
    let id = world.sent(&chat, "same").await;
    let edit = bot
        .edit_message_text(ChatId(1001), MessageId(i32::try_from(id).unwrap()), "same")
        .await;
    assert!(matches!(
        edit,
        Err(RequestError::Api(ApiError::MessageNotModified))
    ));
    world.anna.blocks(&world.bot);
    assert_eq!(refusal(ChatId(1001), "x").await, ApiError::BotBlocked);
    let group = world.telegram.group("Team", &[&world.bot]);
    let grown = group.upgrades(&world.anna);
    let moved = bot.send_message(ChatId(group.id()), "x").await;
    assert!(matches!(moved, Err(RequestError::MigrateToChatId(id)) if id.0 == grown.id()));
}
