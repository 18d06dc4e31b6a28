//! Bots introduce people, name them, and keep their settings; admins manage both.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, BOT_TOKEN, error, text};
use crate::test_app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn first_messages_at_once_make_one_person_and_one_subscription() {
    let app = TestApp::start().await;
    let (_, bot) = Api::operator(&app).register_bot("docs").await;
    let introduce = (0..20).map(|_| {
        let bot = bot.clone();
        tokio::spawn(async move {
            let body = json!({"bot": "docs", "telegram_id": 77, "first_name": "Анна", "username": "anna"});
            bot.post("/users/from-telegram", &body).await
        })
    });
    let mut created = (0, 0);
    let mut ids = std::collections::BTreeSet::new();
    for reply in introduce.collect::<Vec<_>>() {
        let (status, reply) = reply.await.unwrap();
        assert_eq!(status, 200, "{reply}");
        created.0 += usize::from(reply["user_created"] == true);
        created.1 += usize::from(reply["subscription_created"] == true);
        ids.insert((text(&reply["user"]["id"]), text(&reply["subscription"]["id"])));
    }
    assert_eq!((created, ids.len()), ((1, 1), 1));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_calls_for_itself_and_for_people_it_has_introduced() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let (id, bot) = operator.register_bot("docs").await;
    let (_, me) = bot.get("/auth/me").await;
    assert_eq!((&me["kind"], &me["bot"]["id"]), (&json!("bot"), &json!(id)));
    assert_eq!(me["bot"]["has_telegram_token"], true);

    let stranger = bot.named(78).get("/auth/me").await;
    assert_eq!(error(&stranger), (404, "not_found"));
    let user = bot.introduce("docs", 78).await;
    let (_, me) = bot.named(78).get("/auth/me").await;
    assert_eq!((&me["kind"], &me["user"]["id"]), (&json!("person"), &json!(user)));
    assert_eq!(me["role"], "reader");
    assert!(
        me.get("bot").is_none(),
        "a person is not shown the bot's own record"
    );

    // It introduces people to itself alone, names those alone, and one at a time.
    let (_, other) = operator.register_bot("other").await;
    assert_eq!(error(&other.named(78).get("/auth/me").await), (404, "not_found"));
    let body = json!({"bot": "other", "telegram_id": 78, "first_name": "A"});
    assert_eq!(
        error(&bot.post("/users/from-telegram", &body).await),
        (404, "not_found")
    );
    let body = json!({"bot": "docs", "telegram_id": 78, "first_name": "A"});
    let two = bot.named(79).post("/users/from-telegram", &body).await;
    assert_eq!(error(&two), (400, "conflicting_identity"));
    let twice = bot.named(78).named(79).get("/auth/me").await;
    assert_eq!(error(&twice), (400, "conflicting_identity"));
    assert_eq!(
        error(&operator.named(78).get("/auth/me").await),
        (400, "conflicting_identity")
    );
    let odd = bot.header("x-telegram-user-id", "abc").get("/auth/me").await;
    assert_eq!(error(&odd), (400, "invalid_request"));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_when_it_is_revoked_when_it_expires_and_while_the_bot_is_off() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let (id, bot) = operator.register_bot("docs").await;
    let me = async |api: &Api| api.get("/auth/me").await;

    operator.post(&format!("/bots/{id}/disable"), &json!({})).await;
    assert_eq!(error(&me(&bot).await), (403, "bot_disabled"));
    operator.post(&format!("/bots/{id}/enable"), &json!({})).await;
    assert_eq!(me(&bot).await.0, 200);

    let path = format!("/bots/{id}/tokens");
    let (_, issued) = operator
        .post(&path, &json!({"name": "short", "expires_in_days": 1}))
        .await;
    let short = operator.with(&text(&issued["token"]));
    app.clock.advance(Duration::from_secs(86_399));
    assert_eq!(me(&short).await.0, 200);
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(error(&me(&short).await), (401, "token_expired"));

    let (_, tokens) = operator.get(&path).await;
    assert_eq!(tokens["items"].as_array().unwrap().len(), 2);
    assert!(!tokens.to_string().contains("eyJ"), "a token is shown once");
    let first = text(&tokens["items"][1]["id"]);
    assert_eq!(operator.delete(&format!("{path}/{first}")).await.0, 204);
    assert_eq!(error(&me(&bot).await), (401, "token_revoked"));
    assert_eq!(operator.delete(&format!("{path}/{first}")).await.0, 404);

    for forged in [
        "eyJhbGciOiJub25lIn0.eyJqdGkiOiIxIn0.",
        "eyJ.a.b",
        "x",
        "eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
    ] {
        assert_eq!(
            error(&me(&operator.with(forged)).await),
            (401, "unauthorized"),
            "{forged}"
        );
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_and_a_role_hold_from_the_next_request_on() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let (bot_id, bot) = operator.register_bot("docs").await;
    let user = bot.introduce("docs", 80).await;
    let (path, person) = (format!("/users/{user}"), bot.named(80));

    assert_eq!(
        person.post("/knowledge-bases", &json!({"name": "mine"})).await.0,
        403
    );
    operator.patch(&path, &json!({"role": "admin"})).await;
    // Through a bot nobody does more than the bot lets them.
    assert_eq!(person.get("/auth/me").await.1["role"], "editor");
    assert_eq!(error(&person.get("/users").await), (403, "forbidden"));
    let (status, kb) = person.post("/knowledge-bases", &json!({"name": "mine"})).await;
    assert_eq!((status, &kb["my_role"]), (201, &json!("editor")));
    operator
        .patch(&format!("/bots/{bot_id}"), &json!({"max_role": "admin"}))
        .await;
    assert_eq!(person.get("/users").await.0, 200);

    assert_eq!(
        operator
            .patch(&path, &json!({"role": "reader", "blocked": true}))
            .await
            .0,
        409
    );
    let (_, other) = operator.register_bot("other").await;
    let second = other.introduce("other", 87).await;
    operator
        .patch(&format!("/users/{second}"), &json!({"role": "admin"}))
        .await;
    assert_eq!(operator.patch(&path, &json!({"blocked": true})).await.0, 200);
    assert_eq!(error(&person.get("/auth/me").await), (403, "user_blocked"));
    operator.patch(&path, &json!({"blocked": false})).await;
    assert_eq!(person.get("/auth/me").await.0, 200);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_admin_always_remains() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let (_, bot) = operator.register_bot("docs").await;
    let (one, two) = (bot.introduce("docs", 81).await, bot.introduce("docs", 82).await);
    let patch = async |user: &str, body: Value| operator.patch(&format!("/users/{user}"), &body).await;
    assert_eq!(patch(&one, json!({"role": "admin"})).await.0, 200);
    assert_eq!(
        error(&patch(&one, json!({"role": "reader"})).await),
        (409, "last_admin")
    );
    assert_eq!(
        error(&patch(&one, json!({"blocked": true})).await),
        (409, "last_admin")
    );
    assert_eq!(patch(&two, json!({"role": "admin"})).await.0, 200);
    assert_eq!(patch(&one, json!({"blocked": true})).await.0, 200);
    assert_eq!(error(&bot.named(81).get("/auth/me").await), (403, "user_blocked"));
    let body = json!({"bot": "docs", "telegram_id": 81, "first_name": "A"});
    assert_eq!(
        error(&bot.post("/users/from-telegram", &body).await),
        (403, "user_blocked")
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_themselves_and_bots_see_their_people() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let (_, docs) = operator.register_bot("docs").await;
    let (_, other) = operator.register_bot("other").await;
    let (anna, boris) = (docs.introduce("docs", 83).await, docs.introduce("docs", 84).await);
    let path = |user: &str| format!("/users/{user}");
    assert_eq!(docs.named(83).get(&path(&anna)).await.0, 200);
    assert_eq!(
        error(&docs.named(83).get(&path(&boris)).await),
        (404, "not_found")
    );
    assert_eq!(docs.get(&path(&boris)).await.0, 200);
    assert_eq!(error(&other.get(&path(&boris)).await), (404, "not_found"));
    assert_eq!(
        error(
            &docs
                .named(83)
                .patch(&path(&anna), &json!({"role": "admin"}))
                .await
        ),
        (403, "forbidden")
    );
    assert_eq!(
        error(
            &docs
                .named(83)
                .patch(&path(&boris), &json!({"blocked": true}))
                .await
        ),
        (404, "not_found")
    );

    other.introduce("other", 83).await;
    let bots = async |api: &Api| {
        let (status, page) = api.get(&format!("/users/{anna}/bots")).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| text(&item["bot"])).collect::<Vec<_>>()
    };
    assert_eq!(bots(&operator).await, ["docs", "other"]);
    assert_eq!(bots(&docs).await, ["docs"]);
    assert_eq!(bots(&other.named(83)).await, ["other"]);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_patched_at_the_version_that_was_read() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let (_, bot) = operator.register_bot("docs").await;
    let user = bot.introduce("docs", 85).await;
    let (_, bots) = bot.get(&format!("/users/{user}/bots")).await;
    let id = text(&bots["items"][0]["subscription"]["id"]);
    let patch = async |part: &str, version: Option<&str>, body: &Value| {
        let api = version.map_or(bot.clone(), |version| bot.header("if-match", version));
        api.patch(&format!("/subscriptions/{id}/{part}"), body).await
    };
    let body = json!({"lang": "ru", "kbs": ["a"]});
    assert_eq!(
        error(&patch("settings", None, &body).await),
        (428, "precondition_required")
    );
    let (status, first) = patch("settings", Some("\"1\""), &body).await;
    assert_eq!(
        (status, &first["settings"], &first["settings_version"]),
        (200, &body, &json!(2))
    );
    assert_eq!(
        error(&patch("settings", Some("\"1\""), &body).await),
        (412, "precondition_failed")
    );
    assert_eq!(
        error(&patch("settings", Some("odd"), &body).await),
        (400, "invalid_request")
    );
    for tag in ["\"odd\"", "*", "W/\"2\""] {
        let reply = patch("settings", Some(tag), &body).await;
        assert_eq!(error(&reply), (412, "precondition_failed"), "{tag}");
    }
    let (_, second) = patch("settings", Some("\"2\""), &json!({"lang": null})).await;
    assert_eq!(second["settings"], json!({"kbs": ["a"]}));
    // The other part has versions of its own.
    assert_eq!(patch("state", Some("\"1\""), &json!({"step": 3})).await.0, 200);
    for odd in [json!([1]), json!("x"), json!(null)] {
        assert_eq!(
            error(&patch("settings", Some("\"3\""), &odd).await),
            (422, "validation_failed"),
            "{odd}"
        );
    }
    let large = json!({"a": "x".repeat(20_000)});
    assert_eq!(
        error(&patch("settings", Some("\"3\""), &large).await),
        (422, "validation_failed")
    );

    // Ten writers at once: each version is written once.
    let writers = (0..10).map(|n| {
        let api = bot.header("if-match", "\"2\"");
        let path = format!("/subscriptions/{id}/state");
        tokio::spawn(async move { api.patch(&path, &json!({"writer": n})).await.0 })
    });
    let mut done = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        done.push(writer.await.unwrap());
    }
    done.sort_unstable();
    assert_eq!(done[0], 200);
    assert!(done[1..].iter().all(|status| *status == 412), "{done:?}");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_not_readable_in_the_database_and_never_returned() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let (id, _) = operator.register_bot("docs").await;
    let (_, issued) = operator
        .send(Method::POST, &format!("/bots/{id}/signing-secret"), None)
        .await;
    let secret = text(&issued["secret"]);
    let (_, bot) = operator.get(&format!("/bots/{id}")).await;
    assert!(!bot.to_string().contains(BOT_TOKEN) && !bot.to_string().contains(&secret));
    let data = app.end().await;
    for entry in std::fs::read_dir(data.path()).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for needle in [BOT_TOKEN, &secret, &BOT_TOKEN[11..]] {
            let found = bytes
                .windows(needle.len())
                .any(|window| window == needle.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_in_the_audit_log() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app).header("x-request-id", "trace-7");
    let (bot_id, bot) = operator.register_bot("docs").await;
    let user = bot.introduce("docs", 86).await;
    operator
        .patch(&format!("/users/{user}"), &json!({"role": "editor"}))
        .await;
    let kb = operator.knowledge_base("wiki").await;
    operator
        .put(&format!("/knowledge-bases/{kb}/bots/{bot_id}"), &json!({}))
        .await;
    operator.delete(&format!("/knowledge-bases/{kb}")).await;

    let actions = async |query: &str| {
        let (status, page) = operator.get(&format!("/logs{query}")).await;
        assert_eq!(status, 200, "{page}");
        page["items"].as_array().unwrap().clone()
    };
    let names = |items: &[Value]| items.iter().map(|item| text(&item["action"])).collect::<Vec<_>>();
    let all = actions("").await;
    assert_eq!(
        names(&all),
        [
            "knowledge_base.delete",
            "knowledge_base.bot_add",
            "knowledge_base.create",
            "user.update",
            "subscription.create",
            "user.create",
            "token.create",
            "bot.create"
        ]
    );
    assert!(all.iter().all(|entry| entry["address"] == "127.0.0.1"), "{all:?}");
    assert_eq!(all[0]["trace_id"], "trace-7");
    assert_eq!(
        names(&actions(&format!("?knowledge_base_id={kb}")).await).len(),
        3
    );
    let changed = actions(&format!("?target_id={user}&action=user.update")).await;
    assert_eq!(
        (changed.len(), &changed[0]["details"]["role"]),
        (1, &json!("editor"))
    );
    assert_eq!(
        names(&actions(&format!("?actor_id={bot_id}")).await),
        ["subscription.create", "user.create"]
    );
    assert_eq!(
        error(&operator.get("/logs?action=odd").await),
        (422, "validation_failed")
    );
    assert_eq!(error(&bot.get("/logs").await), (403, "forbidden"));
    assert!(!serde_json::to_string(&all).unwrap().contains(BOT_TOKEN));
    app.end().await;
}
