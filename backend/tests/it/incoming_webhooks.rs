//! `POST /webhooks/n8n`: what is rightly signed is done once, and everything else leaves things as they are.

use std::time::Duration;

use nexus_domain::Clock as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, Reply, error, hmac, text};
use crate::test_app::{KB, TestApp};

const PATH: &str = "/webhooks/n8n";

/// A webhook as n8n has it.
struct Hook {
    api: Api,
    id: String,
    secret: String,
}

/// The headers of one delivery.
#[derive(Clone)]
struct Signed {
    webhook: String,
    delivery: String,
    timestamp: String,
    signature: String,
}

impl Hook {
    async fn new(app: &TestApp, maker: &Api, kb: &str) -> Self {
        let path = format!("/knowledge-bases/{kb}/incoming-webhooks");
        let (status, issued) = maker.post(&path, &json!({"name": "wiki of n8n"})).await;
        assert_eq!(status, 201, "{issued}");
        assert_eq!(issued["path"], "/api/v1/webhooks/n8n");
        Self {
            api: Api::nobody(app),
            id: text(&issued["webhook"]["id"]),
            secret: text(&issued["secret"]),
        }
    }

    fn sign(&self, app: &TestApp, delivery: &str, body: &str) -> Signed {
        let timestamp = (app.clock.now().as_micros() / 1_000_000).to_string();
        let signed = format!("{timestamp}.{delivery}.{body}");
        let tag = hex::encode(hmac(self.secret.as_bytes(), signed.as_bytes()));
        Signed {
            webhook: self.id.clone(),
            delivery: delivery.to_owned(),
            timestamp,
            signature: format!("v1={tag}"),
        }
    }

    async fn send(&self, signed: &Signed, body: &str) -> Reply {
        let request = self
            .api
            .request(Method::POST, PATH)
            .header("x-nexus-webhook", &signed.webhook)
            .header("x-nexus-delivery", &signed.delivery)
            .header("x-nexus-timestamp", &signed.timestamp)
            .header("x-nexus-signature", &signed.signature)
            .body(body.to_owned());
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    async fn tell(&self, app: &TestApp, delivery: &str, action: &Value) -> Reply {
        let body = action.to_string();
        self.send(&self.sign(app, delivery, &body), &body).await
    }

    /// Tells, and waits until it is done.
    async fn done(&self, app: &TestApp, delivery: &str, action: &Value) -> Value {
        let (status, heard) = self.tell(app, delivery, action).await;
        assert_eq!(status, 202, "{heard}");
        let task = app.settled(text(&heard["task_id"]).parse().unwrap()).await;
        assert_eq!(task.state, nexus_api::TaskState::Succeeded, "{:?}", task.error);
        heard
    }
}

async fn revision(operator: &Api, kb: &str) -> i64 {
    let (_, found) = operator.get(&format!("/knowledge-bases/{kb}")).await;
    found["revision"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_altered_old_or_unknown_changes_nothing() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let kb = operator.knowledge_base(KB).await;
    let hook = Hook::new(&app, &operator, &kb).await;
    let other = Hook::new(&app, &operator, &kb).await;
    let body = json!({"action": "invalidate"}).to_string();
    let before = revision(&operator, &kb).await;
    let right = hook.sign(&app, "exec-1", &body);
    let unknown = uuid::Uuid::new_v4().to_string();
    let of_another = other.sign(&app, "exec-1", &body).signature;
    let with = |change: &dyn Fn(&mut Signed)| {
        let mut signed = right.clone();
        change(&mut signed);
        signed
    };
    for (signed, sent, reason) in [
        (
            with(&|it| it.signature = format!("v1={}", "0".repeat(64))),
            body.as_str(),
            "mismatch",
        ),
        (with(&|it| it.signature = of_another.clone()), &body, "mismatch"),
        (with(&|it| it.delivery = "exec-2".to_owned()), &body, "mismatch"),
        (with(&|it| it.webhook = unknown.clone()), &body, "mismatch"),
        (with(&|it| it.webhook = other.id.clone()), &body, "mismatch"),
        (right.clone(), r#"{"action":"invalidate" }"#, "mismatch"),
        (with(&|it| it.webhook = "no-id".to_owned()), &body, "malformed"),
        (
            with(&|it| it.signature = it.signature[3..].to_owned()),
            &body,
            "malformed",
        ),
        (
            with(&|it| it.signature = it.signature.to_uppercase()),
            &body,
            "malformed",
        ),
        (with(&|it| it.delivery = "a.b".to_owned()), &body, "malformed"),
        (
            with(&|it| it.timestamp = "yesterday".to_owned()),
            &body,
            "malformed",
        ),
    ] {
        let reply = hook.send(&signed, sent).await;
        assert_eq!(error(&reply), (401, "signature_invalid"), "{}", reply.1);
        assert_eq!(reply.1["error"]["details"]["reason"], reason);
    }
    let bare = hook
        .api
        .request(Method::POST, PATH)
        .body(body.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), 401);
    app.clock.advance(Duration::from_secs(301));
    let reply = hook.send(&right, &body).await;
    assert_eq!(reply.1["error"]["details"]["reason"], "stale", "{}", reply.1);
    // Nobody's body is read on beyond what a delivery may hold.
    let long = json!({"action": "upsert", "path": "a.md", "content": "x".repeat(1_100_000)}).to_string();
    let reply = hook.send(&hook.sign(&app, "exec-3", &long), &long).await;
    assert_eq!(error(&reply), (413, "payload_too_large"));
    assert_eq!(revision(&operator, &kb).await, before);
    let (status, heard) = hook.tell(&app, "exec-1", &json!({"action": "invalidate"})).await;
    assert_eq!(
        (status, &heard["revision"]),
        (200, &json!(before + 1)),
        "its id is not used up: {heard}"
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_written_changed_and_removed_each_delivery_once() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let kb = operator.knowledge_base(KB).await;
    let hook = Hook::new(&app, &operator, &kb).await;
    let write = |text: &str| {
        json!({"action": "upsert", "source": "pages", "path": "guide/lamp.md",
            "content": format!("# Lamp\n\nThe lamp is {text}.\n")})
    };
    let heard = hook.done(&app, "exec-1", &write("turquoise")).await;
    assert_eq!(
        app.found("turquoise").await,
        ["guide/lamp.md"],
        "its folder is kept"
    );
    let again = hook.tell(&app, "exec-1", &write("crimson")).await;
    assert_eq!(again.0, 200);
    assert_eq!(
        again.1,
        json!({"knowledge_base_id": kb, "repeated": true, "task_id": heard["task_id"],
            "source_id": heard["source_id"]})
    );
    app.quiet().await;
    assert!(app.found("crimson").await.is_empty(), "a repeat does nothing");
    let base64 = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        "# Lamp\n\nThe lamp is crimson.\n",
    );
    let source = text(&heard["source_id"]);
    let change =
        json!({"action": "upsert", "source": source, "path": "guide/lamp.md", "content_base64": base64});
    assert_eq!(
        hook.done(&app, "exec-2", &change).await["source_id"],
        heard["source_id"]
    );
    assert_eq!(app.found("crimson").await, ["guide/lamp.md"]);
    assert!(app.found("turquoise").await.is_empty());
    hook.done(
        &app,
        "exec-3",
        &json!({"action": "upsert", "path": "b.md", "content": "A saffron word."}),
    )
    .await;

    // An archive is a document like others here: nothing is unpacked, and so it cannot be read.
    let zip = crate::test_app::archive(&[("inside.md", b"A heliotrope word.")]);
    let zip = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, zip);
    hook.done(
        &app,
        "exec-4",
        &json!({"action": "upsert", "path": "x.tar.gz", "content_base64": zip}),
    )
    .await;
    assert!(app.found("heliotrope").await.is_empty());

    // Told one after the other, done one after the other.
    let (_, last) = hook.tell(&app, "exec-5", &write("violet")).await;
    let remove = json!({"action": "delete", "source": "pages", "path": "guide/lamp.md"});
    hook.done(&app, "exec-6", &remove).await;
    let written = app.settled(text(&last["task_id"]).parse().unwrap()).await;
    assert_eq!(written.counts.documents_indexed, 1);
    assert!(app.found("violet").await.is_empty() && app.found("crimson").await.is_empty());
    assert_eq!(app.found("saffron").await, ["b.md"], "others stay");
    let (_, page) = operator.get(&format!("/knowledge-bases/{kb}/documents")).await;
    let document = text(&page["items"][0]["id"]);
    let removed = hook
        .done(&app, "exec-7", &json!({"action": "delete", "document": document}))
        .await;
    let task = app.settled(text(&removed["task_id"]).parse().unwrap()).await;
    assert_eq!(
        (task.kind, task.counts.documents_removed),
        (nexus_api::TaskKind::RemoveDocument, 1)
    );
    assert!(app.found("saffron").await.is_empty());
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_named_is_invalidated_and_what_is_not_there_is_told() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    app.ingest(&[
        ("docs/a.md", b"# A\n\nOne."),
        ("docs/b.md", b"# B\n\nTwo."),
        ("c.md", b"# C\n\nThree."),
    ])
    .await;
    let (_, page) = operator.get(&format!("/knowledge-bases?name={KB}")).await;
    let kb = text(&page["items"][0]["id"]);
    app.quiet().await;
    let hook = Hook::new(&app, &operator, &kb).await;
    let (_, page) = operator.get(&format!("/knowledge-bases/{kb}/documents")).await;
    let document = text(&page["items"][0]["id"]);
    let mut before = revision(&operator, &kb).await;
    for (number, (what, documents)) in [
        (json!({}), Value::Null),
        (json!({"source": "docs.tar.gz"}), json!(3)),
        (json!({"path_prefix": "docs/"}), json!(2)),
        (json!({"path_prefix": "docs/", "source": "docs.tar.gz"}), json!(2)),
        (json!({"path_prefix": "docs%"}), json!(0)),
        (json!({"document": document}), json!(1)),
    ]
    .into_iter()
    .enumerate()
    {
        let mut action = what;
        action["action"] = json!("invalidate");
        let (status, heard) = hook.tell(&app, &format!("i-{number}"), &action).await;
        assert_eq!(
            (status, &heard["documents"]),
            (200, &documents),
            "{action}: {heard}"
        );
        before += 1;
        assert_eq!(heard["revision"], before);
        assert!(heard["task_id"].is_null(), "nothing is fetched");
    }
    let elsewhere = operator.knowledge_base("elsewhere").await;
    let theirs = Hook::new(&app, &operator, &elsewhere).await;
    for (action, wrong) in [
        (
            json!({"action": "invalidate", "document": document}),
            (404, "not_found"),
        ),
        (
            json!({"action": "delete", "document": document}),
            (404, "not_found"),
        ),
        (
            json!({"action": "resync", "source": "docs.tar.gz"}),
            (404, "not_found"),
        ),
        (json!({"action": "delete", "path": "a.md"}), (404, "not_found")),
        (
            json!({"action": "upsert", "path": "../a.md", "content": "x"}),
            (422, "validation_failed"),
        ),
        (
            json!({"action": "upsert", "path": "a\u{0}.md", "content": "x"}),
            (422, "validation_failed"),
        ),
        (
            json!({"action": "upsert", "path": "", "content": "x"}),
            (422, "validation_failed"),
        ),
        (
            json!({"action": "upsert", "path": "a.md"}),
            (422, "validation_failed"),
        ),
        (
            json!({"action": "upsert", "path": "a.md", "content": "x", "source": "a\nb"}),
            (422, "validation_failed"),
        ),
        (
            json!({"action": "upsert", "path": "a.md", "content_base64": "%"}),
            (422, "validation_failed"),
        ),
        (
            json!({"action": "invalidate", "path_prefix": "\u{0}"}),
            (422, "validation_failed"),
        ),
        (
            json!({"action": "invalidate", "path_prefix": "a", "document": document}),
            (422, "validation_failed"),
        ),
        (json!({"action": "delete"}), (422, "validation_failed")),
        (json!({"action": "explode"}), (422, "validation_failed")),
        (
            json!({"action": "invalidate", "odd": 1}),
            (422, "validation_failed"),
        ),
        (json!(["invalidate"]), (422, "validation_failed")),
    ] {
        let reply = theirs.tell(&app, "same-id", &action).await;
        assert_eq!(error(&reply), wrong, "{action}: {}", reply.1);
    }
    let reply = hook
        .tell(&app, "r-1", &json!({"action": "resync", "source": "docs.tar.gz"}))
        .await;
    assert_eq!(error(&reply), (409, "task_state"), "an upload cannot be fetched");
    let reply = hook.send(&hook.sign(&app, "r-2", "{"), "{").await;
    assert_eq!(error(&reply), (400, "invalid_request"));
    assert_eq!(
        revision(&operator, &elsewhere).await,
        0,
        "what is refused raises nothing"
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_fetched_again_when_n8n_says_so() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let kb = operator.knowledge_base(KB).await;
    let git = json!({"knowledge_base": KB, "source": "wiki", "url": "https://nowhere.example.invalid/a.git"});
    let (status, first) = operator.post("/ingestion/git", &git).await;
    assert_eq!(status, 202, "{first}");
    operator
        .send(
            Method::POST,
            &format!("/ingestion/tasks/{}/cancel", text(&first["task_id"])),
            None,
        )
        .await;
    app.settled(text(&first["task_id"]).parse().unwrap()).await;
    let hook = Hook::new(&app, &operator, &kb).await;
    let before = revision(&operator, &kb).await;
    let resync = json!({"action": "resync", "source": "wiki"});
    let (status, heard) = hook.tell(&app, "exec-9", &resync).await;
    assert_eq!(
        (status, &heard["source_id"]),
        (202, &first["source_id"]),
        "{heard}"
    );
    assert_eq!(heard["revision"], before + 1);
    let task = app
        .client
        .task(text(&heard["task_id"]).parse().unwrap())
        .await
        .unwrap();
    assert_eq!(task.kind, nexus_api::TaskKind::SyncSource);
    let (status, again) = hook.tell(&app, "exec-9", &resync).await;
    assert_eq!(
        (status, &again["repeated"], &again["task_id"]),
        (200, &json!(true), &heard["task_id"])
    );
    app.client.cancel_task(task.id).await.unwrap();
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_may_do_what_its_maker_may_and_no_longer() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let kb = operator.knowledge_base(KB).await;
    let invalidate = json!({"action": "invalidate"});
    let key = json!({"name": "n8n", "role": "admin", "knowledge_bases": [kb]});
    let (_, key) = operator.post("/api-keys", &key).await;
    let of_key = Hook::new(&app, &operator.with(&text(&key["key"])), &kb).await;
    let (id, bot) = operator.register_bot("docs").await;
    let person = bot.introduce("docs", 42).await;
    let most = json!({"max_role": "admin"});
    operator.patch(&format!("/bots/{id}"), &most).await;
    let member = format!("/knowledge-bases/{kb}/members/{person}");
    operator.put(&member, &json!({"role": "owner"})).await;
    let of_person = Hook::new(&app, &bot.named(42), &kb).await;
    for hook in [&of_key, &of_person] {
        assert_eq!(hook.tell(&app, "1", &invalidate).await.0, 200);
    }
    operator.put(&member, &json!({"role": "editor"})).await;
    assert_eq!(
        of_person.tell(&app, "2", &invalidate).await.0,
        200,
        "an editor feeds, too"
    );
    operator.put(&member, &json!({"role": "reader"})).await;
    let reply = of_person.tell(&app, "3", &invalidate).await;
    assert_eq!(error(&reply), (403, "forbidden"));
    operator
        .patch(&format!("/users/{person}"), &json!({"blocked": true}))
        .await;
    let reply = of_person.tell(&app, "4", &invalidate).await;
    assert_eq!(error(&reply), (403, "user_blocked"));
    operator
        .delete(&format!("/api-keys/{}", text(&key["api_key"]["id"])))
        .await;
    let reply = of_key.tell(&app, "5", &invalidate).await;
    assert_eq!(error(&reply), (401, "token_revoked"));

    let path = format!("/knowledge-bases/{kb}/incoming-webhooks");
    let (_, listed) = operator.get(&path).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert!(
        listed["items"][0]["used_at"].is_string() && !listed.to_string().contains("nxi_"),
        "{listed}"
    );
    let own = Hook::new(&app, &operator, &kb).await;
    assert_eq!(operator.delete(&format!("{path}/{}", own.id)).await.0, 204);
    let reply = own.tell(&app, "6", &invalidate).await;
    assert_eq!(
        error(&reply),
        (401, "signature_invalid"),
        "as if it had never been"
    );
    app.end().await;
}
