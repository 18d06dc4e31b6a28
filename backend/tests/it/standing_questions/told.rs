//! Who is told what, and who is told nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use nexus_models::chat_stand_in::{ChatStandIn, Play};
use nexus_storage::testing::meddle;
use serde_json::json;

use super::{ANSWER, QUESTION, World, question_of};
use crate::api::text;
use crate::bot_process::{ANNA, Process, button, said};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_refused_is_told_once_when_there_is_an_answer() {
    let mut world = World::open_to_all(&[]).await;
    world.refused(ANNA, QUESTION).await;
    let asked_by = world.bot.updates * 10;
    world
        .refused(ANNA, "which cable does the Borealis pump need")
        .await;
    let asked_again_by = world.bot.updates * 10;
    assert_eq!(
        world.counts().await,
        BTreeMap::from([("open", 1)]),
        "one question"
    );
    // Something else comes first.
    world
        .added(
            "b.tar.gz",
            &[("b.md", b"# Kestrel valve\n\nThe Kestrel valve is red.\n")],
        )
        .await;
    world.looked().await;
    assert!(world.told().await.is_empty());
    world.added("c.tar.gz", &[ANSWER]).await;
    world.looked().await;
    let told = world.told().await;
    let [message] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(question_of(message), "which cable does the Borealis pump need");
    assert_ne!(asked_by, asked_again_by);
    assert_eq!(message["reply_to_message_id"], asked_again_by);
    assert_eq!(
        (&message["priority"], &message["telegram_chat_id"]),
        (&json!("notice"), &json!(ANNA))
    );
    let answer = &message["content"]["answer"];
    assert_eq!(answer["found"], true);
    assert_eq!(answer["citations"][0]["passage"]["document_path"], "pump.md");
    // It can be asked for again, and its buttons work.
    let kept = world
        .operator
        .get(&format!("/answers/{}", text(&answer["id"])))
        .await;
    assert_eq!((kept.0, &kept.1["found"]), (200, &json!(true)), "{kept:?}");
    world.bot.presses(ANNA, &button(message, "passage")).await;
    let passage = world.bot.delivered().await;
    assert!(text(&passage["content"]["passages"][0]["text"]).contains("K7"));
    // Never twice.
    world
        .added(
            "d.tar.gz",
            &[(
                "d.md",
                b"# Borealis pump\n\nThe Borealis pump needs a cable that is long.\n",
            )],
        )
        .await;
    world.looked().await;
    assert!(world.told().await.is_empty());
    assert_eq!(world.counts().await, BTreeMap::from([("told", 1)]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_before_is_no_news() {
    let mut world = World::open_to_all(&[]).await;
    let closed = world.operator.knowledge_base("closed").await;
    world.added_to(&closed, "a.tar.gz", &[ANSWER]).await;
    // Ids of one process never go back in time, and tests beside this one have clocks of their own, some of them the real one:
    // what comes now is to be later than any of them, and the bot's token has run out by then.
    world
        .app
        .clock
        .advance(Duration::from_secs(10 * 365 * 24 * 3_600));
    let (_, bots) = world.operator.get("/bots").await;
    let bot = text(&bots["items"][0]["id"]);
    let issued = world
        .operator
        .post(&format!("/bots/{bot}/tokens"), &json!({"name": "late"}))
        .await;
    world.bot = Process::start(&world.operator.with(&text(&issued.1["token"]))).await;
    world.refused(ANNA, QUESTION).await;
    // A right that is given is no news of a document, whatever comes beside it.
    let path = format!("/knowledge-bases/{closed}/bots/{bot}");
    assert!(world.operator.put(&path, &json!({})).await.0 < 300);
    let lamp: (&str, &[u8]) = ("lamp.md", b"# Lamp\n\nThe lamp is green.\n");
    world.added("b.tar.gz", &[lamp]).await;
    world.added_to(&closed, "b.tar.gz", &[lamp]).await;
    world.looked().await;
    assert!(world.told().await.is_empty());
    assert_eq!(world.counts().await, BTreeMap::from([("open", 1)]));
    world.bot.asks(ANNA, QUESTION).await;
    assert_eq!(world.bot.delivered().await["content"]["answer"]["found"], true);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_whose_row_is_damaged_keeps_nobody_else_waiting() {
    const BORIS: i64 = 78;
    let mut world = World::open_to_all(&[]).await;
    for person in [ANNA, BORIS] {
        world.refused(person, QUESTION).await;
    }
    let url = format!("sqlite:{}", world.app.data.path().join("nexus.db").display());
    let damage = format!(
        "UPDATE standing_questions SET chosen = 'no json'
         WHERE user_id = (SELECT id FROM users WHERE telegram_id = {ANNA})"
    );
    meddle(&url, &damage).await;
    world.added("b.tar.gz", &[ANSWER]).await;
    world.looked().await;
    let told = world.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["telegram_chat_id"], BORIS);
    assert_eq!(
        world.counts().await,
        BTreeMap::from([("told", 1), ("unreadable", 1)])
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_got_an_answer_or_has_forgotten_the_question_is_told_nothing() {
    const BORIS: i64 = 78;
    const VERA: i64 = 79;
    let mut world = World::open_to_all(&[]).await;
    for person in [ANNA, BORIS, VERA] {
        world.refused(person, QUESTION).await;
    }
    world.refused(80, "hello").await;
    assert_eq!(
        world.counts().await,
        BTreeMap::from([("open", 3)]),
        "a greeting asks for nothing"
    );
    world.bot.commands(BORIS, "new").await;
    assert_eq!(said(&world.bot.delivered().await), "forgotten");
    let mut edited = world.bot.update(
        VERA,
        json!({"kind": "edit", "text": "Who is the Kestrel valve from?"}),
    );
    edited["message_id"] = json!((world.bot.updates - 3) * 10);
    world.bot.pass_on(&[edited]).await;
    world.bot.delivered().await;
    assert_eq!(world.counts().await, BTreeMap::from([("open", 2)]));
    world.bot.commands(ANNA, "settings").await;
    let menu = world.bot.delivered().await;
    world.bot.presses(ANNA, &button(&menu, "notices")).await;
    world.bot.delivered().await;
    world.added("b.tar.gz", &[ANSWER]).await;
    world.looked().await;
    assert!(world.told().await.is_empty());
    // Anna asks again and hears it.
    world.bot.asks(ANNA, QUESTION).await;
    assert_eq!(world.bot.delivered().await["content"]["answer"]["found"], true);
    assert_eq!(
        world.counts().await,
        BTreeMap::from([("answered", 1), ("open", 1)])
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_told_in_the_topic_where_it_was_asked() {
    let mut world = World::open_to_all(&[]).await;
    let mut update = world.bot.update(ANNA, json!({"kind": "text", "text": QUESTION}));
    update["chat"] = json!({"id": -100, "kind": "supergroup", "title": "Team"});
    update["topic_id"] = json!(7);
    let asked_by = update["message_id"].clone();
    world.bot.pass_on(&[update]).await;
    world.bot.delivered().await;
    world.added("b.tar.gz", &[ANSWER]).await;
    world.looked().await;
    let told = world.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (
            &told[0]["telegram_chat_id"],
            &told[0]["topic_id"],
            &told[0]["reply_to_message_id"]
        ),
        (&json!(-100), &json!(7), &asked_by)
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_model_has_the_last_word() {
    let server = ChatStandIn::start([
        Play::refuses(500),
        Play::says("NO_ANSWER"),
        Play::says("It needs a shielded cable of type K7 [1][2]."),
    ])
    .await;
    let mut world = World::open_to_all(&[
        ("NEXUS_CHAT_URL", server.url()),
        ("NEXUS_CHAT_MODEL", "writer".to_owned()),
        ("NEXUS_CHAT_KEY", "chat-key".to_owned()),
        ("NEXUS_CHAT_ATTEMPTS", "1".to_owned()),
        ("NEXUS_CHAT_REST_SECONDS", "0".to_owned()),
    ])
    .await;
    world.refused(ANNA, QUESTION).await;
    let asked = server.calls();
    assert_eq!(asked, 0, "nothing was worth asking about");
    world.added("b.tar.gz", &[ANSWER]).await;
    // The model is away: it is looked again.
    world.looked().await;
    assert!(world.told().await.is_empty());
    assert_eq!(server.calls(), 1);
    world.app.clock.advance(Duration::from_secs(31));
    assert_eq!(world.bot.take_lease().await.0, 200);
    world.looked().await;
    assert!(world.told().await.is_empty(), "the model says that this is none");
    assert_eq!(server.calls(), 2);
    // What was rejected is not asked about again; what is new is.
    world
        .added("c.tar.gz", &[("c.md", b"# Lamps\n\nLamps are green.\n")])
        .await;
    world.looked().await;
    assert_eq!(server.calls(), 2);
    world
        .added(
            "d.tar.gz",
            &[(
                "d.md",
                b"# Borealis pump\n\nWhich cable does the Borealis pump need? One of type K7, shielded.\n",
            )],
        )
        .await;
    world.looked().await;
    let told = world.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["content"]["answer"]["generation"]["status"], "written");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stands_where_that_is_turned_off() {
    let mut world = World::open_to_all(&[("NEXUS_STANDING_KEEP_DAYS", "0".to_owned())]).await;
    world.refused(ANNA, QUESTION).await;
    assert!(world.counts().await.is_empty());
    world.end().await;
}
