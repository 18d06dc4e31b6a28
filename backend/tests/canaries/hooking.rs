//! Requests about webhooks. Addresses that are told of events are for those who run the installation; programs that tell of a
//! knowledge base are its owners' business. What is told here is signed by nobody.

use serde_json::{Value, json};

use crate::calls::{Body, Call};
use crate::maker::Maker;
use crate::world::{KbRole, Need, Role};

const OPERATES: Need = Need::General(Role::Admin, "manage");
/// Of webhooks that are told: where nothing is sent to.
const URLS: &[&str] = &[
    "https://127.0.0.1:1/",
    "https://10.0.0.1/",
    "http://example.org/",
    "ftp://example.org/",
    "no address",
];

pub fn list(make: &mut Maker<'_>) -> Option<Call> {
    let query = make.query(Vec::new());
    Some(make.call(format!("/webhooks{query}"), OPERATES))
}

/// Sent by those alone who may not: a webhook would be told what the model does not follow.
pub fn create(make: &mut Maker<'_>) -> Option<Call> {
    let need = make.refused(OPERATES)?;
    let kb = make.kb();
    let kbs = [make.before.kbs[kb].id.clone()];
    let url = make.rng.one(URLS);
    let body = json!({"url": url, "events": ["question.refused", "feedback.given"], "knowledge_bases": kbs});
    Some(make.call("/webhooks", need).json(body))
}

/// About a webhook that is not there.
pub fn one(make: &mut Maker<'_>) -> Option<Call> {
    let (method, path) = make.operation.split_once(' ').expect("method and path");
    let need = make.refused(OPERATES).unwrap_or(Need::Never);
    let (id, delivery) = (make.odd_segment(), make.odd_segment());
    let path = path.replace("{id}", &id).replace("{delivery_id}", &delivery);
    let call = make.call(path, need);
    Some(if method == "PATCH" {
        call.json(json!({"events": ["feedback.given"], "enabled": true}))
    } else {
        call
    })
}

pub fn incoming(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb_held(KbRole::Owner);
    let path = format!("/knowledge-bases/{}/incoming-webhooks", make.id_of(kb));
    let query = make.query(Vec::new());
    Some(make.call(format!("{path}{query}"), Need::InKb(kb, KbRole::Owner, "manage")))
}

pub fn create_incoming(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb();
    let need = make.refused(Need::InKb(kb, KbRole::Owner, "manage"))?;
    let path = format!("/knowledge-bases/{}/incoming-webhooks", make.id_of(kb));
    let name = make.word();
    Some(make.call(path, need).json(json!({ "name": name })))
}

pub fn delete_incoming(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb();
    let need = make
        .refused(Need::InKb(kb, KbRole::Owner, "manage"))
        .unwrap_or(Need::Never);
    let id = make.rng.id();
    let path = format!("/knowledge-bases/{}/incoming-webhooks/{id}", make.id_of(kb));
    Some(make.call(path, need))
}

pub fn tell(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb();
    let source = make.rng.any(&make.before.kbs[kb].sources).cloned();
    let body = match make.rng.below(4) {
        0 => json!({"action": "invalidate"}),
        1 => json!({"action": "resync", "source": source}),
        2 => json!({"action": "upsert", "path": "a.md", "content": make.word()}),
        _ => json!({"action": "delete", "path": Value::from(make.word())}),
    };
    let (webhook, tag) = (make.rng.id(), "0".repeat(64));
    let mut call = make.call("/webhooks/n8n", Need::Never);
    call.body = Body::Raw("application/json", body.to_string());
    if make.rng.percent(10) {
        return Some(call);
    }
    let call = call
        .header("x-nexus-webhook", webhook)
        .header("x-nexus-delivery", "exec-1");
    let call = call.header("x-nexus-timestamp", "1767312001");
    Some(call.header("x-nexus-signature", format!("v1={tag}")))
}
