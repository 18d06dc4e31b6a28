//! Outgoing webhooks: a real server tells a receiver that fails, falls silent, leads elsewhere and comes back.

use std::time::Duration;

use nexus_api::{CreateWebhook, ErrorCode, UpdateWebhook, WebhookDeliveryState, WebhookEvent};
use nexus_domain::Clock as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, error, hmac, text};
use crate::receiver::{Answer, Heard, Receiver};
use crate::test_app::{KB, Setup, TestApp};

/// Waits between the attempts, and a little more.
const WAITS: [u64; 7] = [10, 60, 5 * 60, 30 * 60, 2 * 3_600, 6 * 3_600, 12 * 3_600];

async fn app() -> TestApp {
    TestApp::with(Setup {
        settings: vec![
            ("NEXUS_WEBHOOKS_ALLOW_NETWORKS", "127.0.0.0/8".to_owned()),
            ("NEXUS_WEBHOOKS_TIMEOUT_SECONDS", "1".to_owned()),
        ],
        ..Setup::default()
    })
    .await
}

/// A webhook at the receiver: its id and its secret.
async fn subscribe(operator: &Api, receiver: &Receiver, events: Value) -> (String, String) {
    let body = json!({"url": format!("{}/hook?a=b", receiver.base), "events": events});
    let (status, issued) = operator.post("/webhooks", &body).await;
    assert_eq!(status, 201, "{issued}");
    let secret = text(&issued["secret"]);
    assert!(secret.starts_with("nxw_"), "{secret}");
    (text(&issued["webhook"]["id"]), secret)
}

/// Asks what nobody knows.
async fn ask_in_vain(operator: &Api, question: &str) {
    let body = json!({"question": question, "knowledge_bases": [KB]});
    let (status, answer) = operator.post("/rag/query", &body).await;
    assert_eq!((status, &answer["found"]), (200, &json!(false)), "{answer}");
}

async fn deliveries(operator: &Api, id: &str) -> Vec<Value> {
    let (status, page) = operator.get(&format!("/webhooks/{id}/deliveries")).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

/// The newest delivery, once it is as `is` wants it.
async fn until(operator: &Api, id: &str, is: impl Fn(&Value) -> bool) -> Value {
    let found = async {
        loop {
            let newest = deliveries(operator, id).await.into_iter().next();
            if let Some(newest) = newest.filter(|newest| is(newest)) {
                return newest;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), found)
        .await
        .unwrap()
}

/// Checks what everybody can check who has the secret; the body.
fn proven(heard: &Heard, secret: &str) -> Value {
    let header = |name: &str| heard.headers[name].clone();
    let body: Value = serde_json::from_slice(&heard.body).unwrap();
    assert_eq!(body["id"], header("x-nexus-delivery"));
    let mut signed = format!("{}.{}.", header("x-nexus-timestamp"), header("x-nexus-delivery")).into_bytes();
    signed.extend_from_slice(&heard.body);
    let tag = hex::encode(hmac(secret.as_bytes(), &signed));
    assert_eq!(header("x-nexus-signature"), format!("v1={tag}"));
    assert_eq!(header("content-type"), "application/json");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_stalls_or_leads_elsewhere_is_told_again_until_it_arrives() {
    let app = app().await;
    let operator = Api::operator(&app);
    operator.knowledge_base(KB).await;
    let (mut receiver, mut elsewhere) = (Receiver::start().await, Receiver::start().await);
    let (id, secret) = subscribe(&operator, &receiver, json!(["question.refused"])).await;
    receiver.answers([
        Answer::Status(500),
        Answer::Silence,
        Answer::Redirect(format!("{}/inside", elsewhere.base)),
    ]);
    ask_in_vain(&operator, "Where is the walrus?").await;
    let mut told = Vec::new();
    for (number, (wait, why)) in [(10, "500"), (60, "nothing came within 1 s"), (300, "redirects")]
        .into_iter()
        .enumerate()
    {
        let heard = receiver.heard().await;
        assert_eq!(heard.path, "/hook?a=b");
        told.push((
            heard.headers["x-nexus-timestamp"].clone(),
            proven(&heard, &secret),
        ));
        let failed = until(&operator, &id, |delivery| {
            delivery["attempts"] == number + 1
                && delivery["last_error"].is_string()
                && delivery["last_error"].as_str().unwrap().contains(why)
        })
        .await;
        assert_eq!(failed["state"], "pending", "{failed}");
        app.clock.advance(Duration::from_secs(wait));
    }
    let heard = receiver.heard().await;
    told.push((
        heard.headers["x-nexus-timestamp"].clone(),
        proven(&heard, &secret),
    ));
    let arrived = until(&operator, &id, |delivery| delivery["state"] == "delivered").await;
    assert_eq!(
        (&arrived["attempts"], &arrived["last_status"]),
        (&json!(4), &json!(204))
    );
    assert!(
        arrived["last_error"].is_null() && arrived["next_attempt_at"].is_null(),
        "{arrived}"
    );
    assert!(
        told.windows(2).all(|pair| pair[0].1 == pair[1].1),
        "the same each time: {told:?}"
    );
    assert!(
        told.windows(2).all(|pair| pair[0].0 != pair[1].0),
        "signed anew: {told:?}"
    );
    let body = &told[0].1;
    assert_eq!(
        (&body["event"], &body["id"]),
        (&json!("question.refused"), &arrived["id"])
    );
    assert_eq!(body["data"]["question"], "Where is the walrus?");
    assert_eq!(elsewhere.unheard(), 0, "nobody is led into the network");
    assert_eq!(receiver.unheard(), 0, "what has arrived is not told again");
    let path = format!("/webhooks/{id}/deliveries/{}/retry", text(&arrived["id"]));
    let reply = operator.send(Method::POST, &path, None).await;
    assert_eq!(error(&reply), (409, "delivery_state"));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_arrives_is_given_up_and_can_be_sent_by_hand() {
    let app = app().await;
    let operator = Api::operator(&app);
    operator.knowledge_base(KB).await;
    let mut receiver = Receiver::start().await;
    let (id, secret) = subscribe(&operator, &receiver, json!(["question.refused"])).await;
    receiver.answers(vec![Answer::Status(503); 8]);
    ask_in_vain(&operator, "Where is the walrus?").await;
    for (number, wait) in WAITS.into_iter().enumerate() {
        receiver.heard().await;
        let again = app.clock.now().plus(Duration::from_secs(wait)).to_datetime();
        let failed = until(&operator, &id, |delivery| {
            delivery["next_attempt_at"] == json!(again)
        })
        .await;
        assert_eq!(
            (&failed["attempts"], &failed["last_status"]),
            (&json!(number + 1), &json!(503))
        );
        app.clock.advance(Duration::from_secs(wait));
    }
    receiver.heard().await;
    let dead = until(&operator, &id, |delivery| delivery["state"] == "dead").await;
    assert_eq!(
        (&dead["attempts"], &dead["last_status"]),
        (&json!(8), &json!(503)),
        "{dead}"
    );
    app.clock.advance(Duration::from_secs(24 * 3_600));
    let path = format!("/webhooks/{id}/deliveries/{}/retry", text(&dead["id"]));
    let (status, again) = operator.send(Method::POST, &path, None).await;
    assert_eq!(
        (status, &again["state"], &again["attempts"]),
        (200, &json!("pending"), &json!(0))
    );
    let heard = receiver.heard().await;
    assert_eq!(proven(&heard, &secret)["id"], dead["id"]);
    until(&operator, &id, |delivery| delivery["state"] == "delivered").await;
    assert_eq!(receiver.unheard(), 0);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_into_the_own_network_unless_the_settings_say_so() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let receiver = Receiver::start().await;
    let port = receiver.base.rsplit(':').next().unwrap().to_owned();
    for url in [
        receiver.base.clone(),
        format!("https://localhost:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        "https://169.254.169.254/latest".to_owned(),
        "https://10.0.0.1/".to_owned(),
        "http://example.org/".to_owned(),
        "ftp://example.org/".to_owned(),
        "https://me:word@example.org/".to_owned(),
        "nonsense".to_owned(),
        format!("https://example.org/{}", "x".repeat(3_000)),
    ] {
        let body = json!({"url": url, "events": ["task.ended"]});
        let reply = operator.post("/webhooks", &body).await;
        assert_eq!(error(&reply), (422, "validation_failed"), "{url}: {}", reply.1);
        assert_eq!(reply.1["error"]["details"]["field"], "url");
    }
    for (body, field) in [
        (json!({"url": "https://example.org/", "events": []}), "events"),
        (
            json!({"url": "https://example.org/", "events": ["task.ended"],
                "knowledge_bases": [uuid::Uuid::new_v4()]}),
            "knowledge_bases",
        ),
    ] {
        let reply = operator.post("/webhooks", &body).await;
        assert_eq!(error(&reply), (422, "validation_failed"));
        assert_eq!(reply.1["error"]["details"]["field"], field);
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hears_what_it_asked_for_of_the_knowledge_bases_that_it_asked_for() {
    let app = app().await;
    let operator = Api::operator(&app);
    let kb = operator.knowledge_base(KB).await;
    let other = operator.knowledge_base("other").await;
    let (mut all, mut narrow) = (Receiver::start().await, Receiver::start().await);
    let events = json!([
        "task.ended",
        "knowledge_base.changed",
        "question.refused",
        "feedback.given"
    ]);
    let (all_id, secret) = subscribe(&operator, &all, events.clone()).await;
    let (narrow_id, _) = subscribe(&operator, &narrow, events).await;
    let path = format!("/webhooks/{narrow_id}");
    let change = json!({"knowledge_bases": [other], "events": ["knowledge_base.changed", "task.ended"]});
    let (status, changed) = operator.patch(&path, &change).await;
    assert_eq!(
        (status, &changed["knowledge_bases"]),
        (200, &json!([other])),
        "{changed}"
    );
    assert_eq!(changed["events"], json!(["task.ended", "knowledge_base.changed"]));

    let task = app.ingest(&[("a.md", b"# A\n\nThe lamp is turquoise.\n")]).await;
    let ended = proven(&all.heard().await, &secret);
    assert_eq!(ended["event"], "task.ended");
    assert_eq!(ended["data"]["task_id"], task.id.to_string());
    assert_eq!(
        (
            &ended["data"]["state"],
            &ended["data"]["kind"],
            &ended["data"]["counts"]["documents_indexed"]
        ),
        (&json!("succeeded"), &json!("ingest_upload"), &json!(1))
    );
    let (_, found) = operator.get(&format!("/knowledge-bases/{kb}")).await;
    app.clock.advance(Duration::from_secs(2));
    let changed = proven(&all.heard().await, &secret);
    assert_eq!(changed["event"], "knowledge_base.changed");
    assert_eq!(
        changed["data"],
        json!({"knowledge_base_id": kb, "revision": found["revision"], "deleted": false}),
        "one for all batches"
    );
    assert_eq!(deliveries(&operator, &narrow_id).await, [Value::Null; 0]);
    let (status, _) = operator.delete(&format!("/knowledge-bases/{other}")).await;
    assert_eq!(status, 204);
    app.clock.advance(Duration::from_secs(2));
    let heard = narrow.heard().await;
    let heard: Value = serde_json::from_slice(&heard.body).unwrap();
    assert_eq!(
        (&heard["data"]["knowledge_base_id"], &heard["data"]["deleted"]),
        (&json!(other), &json!(true))
    );
    all.heard().await;

    // Turned off, it waits.
    let off = operator
        .patch(&format!("/webhooks/{all_id}"), &json!({"enabled": false}))
        .await;
    assert_eq!(off.1["enabled"], false);
    ask_in_vain(&operator, "Where is the walrus?").await;
    let before = deliveries(&operator, &all_id).await.len();
    operator
        .patch(&format!("/webhooks/{all_id}"), &json!({"enabled": true}))
        .await;
    assert_eq!(
        deliveries(&operator, &all_id).await.len(),
        before,
        "what it missed, it missed"
    );
    let (status, _) = operator.delete(&format!("/webhooks/{all_id}")).await;
    assert_eq!(status, 204);
    assert_eq!(
        operator.get(&format!("/webhooks/{all_id}/deliveries")).await.0,
        404
    );
    assert_eq!((all.unheard(), narrow.unheard()), (0, 0));
    let (_, listed) = operator.get("/webhooks").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert!(
        !listed.to_string().contains("nxw_"),
        "a secret is shown once: {listed}"
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_webhook_that_stays_turned_off_is_given_up() {
    let app = TestApp::with(Setup {
        settings: vec![
            ("NEXUS_WEBHOOKS_ALLOW_NETWORKS", "127.0.0.0/8".to_owned()),
            ("NEXUS_WORKER_SWEEP_SECONDS", "1".to_owned()),
        ],
        ..Setup::default()
    })
    .await;
    let operator = Api::operator(&app);
    operator.knowledge_base(KB).await;
    let mut receiver = Receiver::start().await;
    let (id, secret) = subscribe(&operator, &receiver, json!(["question.refused"])).await;
    receiver.answers([Answer::Status(500)]);
    ask_in_vain(&operator, "Where is the walrus?").await;
    let first = proven(&receiver.heard().await, &secret);
    until(&operator, &id, |delivery| delivery["last_status"] == 500).await;
    let webhook = id.parse().unwrap();
    let turned = |enabled| UpdateWebhook {
        enabled: Some(enabled),
        ..UpdateWebhook::default()
    };
    let off = app.client.update_webhook(webhook, &turned(false)).await.unwrap();
    assert!(!off.enabled);
    app.clock.advance(Duration::from_secs(25 * 3_600));
    let dead = until(&operator, &id, |delivery| delivery["state"] == "dead").await;
    assert_eq!(dead["last_error"], "the webhook was turned off");
    assert!(dead["next_attempt_at"].is_null(), "{dead}");
    // It can be sent again like any other.
    app.client.update_webhook(webhook, &turned(true)).await.unwrap();
    let dead = text(&dead["id"]).parse().unwrap();
    let again = app.client.retry_webhook_delivery(webhook, dead).await.unwrap();
    assert_eq!((again.id, again.state), (dead, WebhookDeliveryState::Pending));
    assert_eq!(proven(&receiver.heard().await, &secret), first);
    until(&operator, &id, |delivery| delivery["state"] == "delivered").await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_makes_a_webhook_follows_and_deletes_it() {
    let app = app().await;
    let operator = Api::operator(&app);
    operator.knowledge_base(KB).await;
    let mut receiver = Receiver::start().await;
    let new = CreateWebhook {
        url: format!("{}/hook", receiver.base),
        events: vec![WebhookEvent::QuestionRefused],
        knowledge_bases: None,
        enabled: true,
    };
    let issued = app.client.create_webhook(&new).await.unwrap();
    let id = issued.webhook.id;
    assert_eq!(
        (&issued.webhook.url, &issued.webhook.events),
        (&new.url, &new.events)
    );
    let page = app.client.webhooks(None).await.unwrap();
    assert_eq!(page.items, std::slice::from_ref(&issued.webhook));
    assert_eq!(app.client.webhook(id).await.unwrap(), issued.webhook);

    ask_in_vain(&operator, "Where is the walrus?").await;
    let told = proven(&receiver.heard().await, &issued.secret);
    until(&operator, &id.to_string(), |delivery| {
        delivery["state"] == "delivered"
    })
    .await;
    let page = app.client.webhook_deliveries(id, None).await.unwrap();
    let [delivery] = page.items.as_slice() else {
        panic!("{page:?}")
    };
    assert_eq!(told["id"], delivery.id.to_string());
    assert_eq!(
        (delivery.state, delivery.event, delivery.last_status),
        (
            WebhookDeliveryState::Delivered,
            WebhookEvent::QuestionRefused,
            Some(204)
        )
    );
    let refused = app.client.retry_webhook_delivery(id, delivery.id).await;
    assert_eq!(refused.unwrap_err().code(), Some(ErrorCode::DeliveryState));

    app.client.delete_webhook(id).await.unwrap();
    let gone = app.client.webhook(id).await.unwrap_err();
    assert_eq!(gone.code(), Some(ErrorCode::NotFound));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_receiver_keeps_nobody_else_waiting() {
    let app = app().await;
    let operator = Api::operator(&app);
    operator.knowledge_base(KB).await;
    let (mut slow, mut quick) = (Receiver::start().await, Receiver::start().await);
    let (slow_id, _) = subscribe(&operator, &slow, json!(["question.refused"])).await;
    subscribe(&operator, &quick, json!(["question.refused"])).await;
    slow.answers(vec![Answer::Silence; 20]);
    for number in 0..10 {
        ask_in_vain(&operator, &format!("Where is walrus {number}?")).await;
    }
    for _ in 0..10 {
        quick.heard().await;
    }
    assert!(slow.unheard() <= 10, "one at a time");
    let waiting = deliveries(&operator, &slow_id).await;
    assert!(
        waiting.iter().all(|delivery| delivery["state"] == "pending"),
        "{waiting:?}"
    );
    app.stop_now().await;
}
