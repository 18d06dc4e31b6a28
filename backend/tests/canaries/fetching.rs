//! Requests about sources that are fetched. What they name is nowhere: a repository that is not there, or a port of this
//! machine that nobody listens at, so no word comes in by them. Their names and addresses are words enough.

use serde_json::{Value, json};

use crate::api::hmac;
use crate::calls::{Body, Call};
use crate::maker::Maker;
use crate::test_app::archive;
use crate::world::{Hook, Kb, KbRole, Need};

/// Where nothing is to be fetched from, whoever asks.
const FORBIDDEN: &[&str] = &[
    "https://10.0.0.1",
    "https://169.254.169.254/latest",
    "https://[::1]:8080",
    "http://example.org",
    "ssh://git@example.org",
    "https://me:word@example.org",
    "ftp://example.org",
    "no address",
];
const CRONS: &[&str] = &[
    "30 4 * * *",
    "0 0 1 1 *",
    "*/15 * * * 1-5",
    "* * * * *",
    "0 0 30 2 *",
];

pub fn git(make: &mut Maker<'_>) -> Option<Call> {
    Some(add(make, "file:///nowhere", json!({})))
}

pub fn web(make: &mut Maker<'_>) -> Option<Call> {
    Some(add(make, "https://127.0.0.1:1/web", json!({"max_pages": 5})))
}

pub fn wiki(make: &mut Maker<'_>) -> Option<Call> {
    if make.rng.percent(30) {
        return Some(export(make));
    }
    let engine = *make.rng.one(&["mediawiki", "dokuwiki", "git", "xwiki"]);
    Some(add(make, "https://127.0.0.1:1/wiki", json!({ "engine": engine })))
}

/// A remote source of a knowledge base, of a few names: one of the same name gets the new address.
fn add(make: &mut Maker<'_>, site: &str, mut body: Value) -> Call {
    let kb = make.kb_held(KbRole::Editor);
    let (word, need) = fed(make, kb);
    let site = if make.rng.percent(15) {
        *make.rng.one(FORBIDDEN)
    } else {
        site
    };
    body["url"] = json!(format!("{site}/{word}.git"));
    body["knowledge_base"] = json!(make.reference(kb));
    if make.rng.percent(60) {
        body["source"] = json!(format!("repo {word}"));
    }
    if make.rng.percent(40) {
        body["credential"] = credential(make);
    }
    if make.rng.percent(20) {
        body["schedule"] = schedule(make);
    }
    if make.rng.percent(4) {
        body[make.word()] = json!(1);
    }
    send(make, need).json(body)
}

/// A dump or export as a form.
fn export(make: &mut Maker<'_>) -> Call {
    let kb = make.kb_held(KbRole::Editor);
    let (word, need) = fed(make, kb);
    let text = format!("# Export\n\nThe secret word of the pressure valve is {word}.\n");
    let kb = make.reference(kb);
    let mut call = send(make, need);
    call.body = Body::Form {
        kb,
        source: Some("export".to_owned()),
        name: "export.tar.gz".to_owned(),
        content: archive(&[("export.md", text.as_bytes())]),
    };
    call
}

fn send(make: &mut Maker<'_>, need: Need) -> Call {
    let path = make.operation.strip_prefix("POST ").expect("it is a POST");
    let call = make.call(path, need);
    if make.rng.percent(30) {
        let key = make.idempotency_key();
        return call.header("idempotency-key", key);
    }
    call
}

/// The word to send: somebody else's where it is refused, else one that all may read who see the source.
fn fed(make: &mut Maker<'_>, kb: usize) -> (String, Need) {
    let need = Need::InKb(kb, KbRole::Editor, "ingest");
    let word = if make.refused(need).is_some() {
        make.word()
    } else {
        make.before.kbs[kb].words[0].clone()
    };
    (word, need)
}

/// Whoever's word is its secret: nobody ever reads it.
fn credential(make: &mut Maker<'_>) -> Value {
    let token = make.word();
    match make.rng.below(4) {
        0 => json!({"user": make.word(), "token": token}),
        1 => json!({"user": format!("{token}:"), "token": token}),
        2 => json!({"token": format!("{token}\u{7}")}),
        _ => json!({ "token": token }),
    }
}

fn schedule(make: &mut Maker<'_>) -> Value {
    match make.rng.below(6) {
        0 => json!({"cron": make.word()}),
        1 => json!({"cron": "30 4 * * *", "time_zone": make.word()}),
        _ => json!({"cron": make.rng.one(CRONS), "time_zone": "Europe/Moscow"}),
    }
}

/// A request about a source: now and then about one of another knowledge base, or about none.
fn at(make: &mut Maker<'_>, kb: usize, source: String, need: Need) -> Call {
    let (_, path) = make.operation.split_once(' ').expect("method and path");
    let (source, need) = match make.rng.below(16) {
        0 => (make.odd_segment(), Need::Never),
        1 | 2 => (source_of_another(make, kb), Need::Never),
        _ => (make.steal(kb, source), need),
    };
    let id = if make.rng.percent(50) {
        make.id_of(kb)
    } else {
        make.before.kbs[kb].id.clone()
    };
    let path = path.replace("{id}", &id).replace("{source_id}", &source);
    make.call(path, need)
}

fn source_of_another(make: &mut Maker<'_>, kb: usize) -> String {
    let other = make.kb();
    let source = make.rng.any(&make.before.kbs[other].sources).cloned();
    match source.filter(|_| other != kb) {
        Some(source) => make.steal(other, source),
        None => make.rng.id(),
    }
}

fn any_source(make: &mut Maker<'_>, kb: usize) -> String {
    let source = make.rng.any(&make.before.kbs[kb].sources).cloned();
    source.unwrap_or_else(|| make.rng.id())
}

pub fn source(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb_held(KbRole::Reader);
    let need = Need::InKb(kb, KbRole::Reader, "read");
    let of = &make.before.kbs[kb];
    let (hook, word) = (of.hook.clone(), of.words[0].clone());
    let Some(hook) = hook.filter(|_| make.rng.percent(60)) else {
        let source = any_source(make, kb);
        return Some(at(make, kb, source, need));
    };
    let call = at(make, kb, hook.source, need);
    Some(match call.need {
        // Its name and its address tell the word.
        Need::InKb(..) => call.finds(&word),
        _ => call,
    })
}

pub fn update(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb_held(KbRole::Editor);
    let source = any_source(make, kb);
    let call = at(make, kb, source, Need::InKb(kb, KbRole::Editor, "ingest"));
    let body = match make.rng.below(6) {
        0 => json!({"credential": null}),
        1 => json!({"schedule": null}),
        2 => json!({"schedule": schedule(make)}),
        3 => json!({"schedule": schedule(make), "credential": credential(make)}),
        4 => json!({ make.word(): true }),
        _ => json!({"credential": credential(make)}),
    };
    Some(call.json(body))
}

pub fn sync(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb_held(KbRole::Editor);
    let source = any_source(make, kb);
    let call = at(make, kb, source, Need::InKb(kb, KbRole::Editor, "ingest"));
    let body = match make.rng.below(5) {
        0 => json!({ make.word(): true }),
        1 => json!({"dry_run": true}),
        _ => json!({}),
    };
    Some(call.json(body))
}

/// Ends a source, or its webhook, or makes the webhook another secret. Those who may do so to what nobody asks for by name:
/// fetched sources that never held a document, and that the test itself signs nothing for.
pub fn lose(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb_held(KbRole::Editor);
    let need = Need::InKb(kb, KbRole::Editor, "ingest");
    let of = &make.before.kbs[kb];
    let from = if make.refused(need).is_some() {
        &of.sources
    } else {
        &of.remotes
    };
    let source = make.rng.any(from)?.clone();
    Some(at(make, kb, source, need))
}

/// A webhook from anybody: signed for the source, for another one, or not at all.
pub fn webhook(make: &mut Maker<'_>) -> Option<Call> {
    let hooked: Vec<(&Kb, &Hook)> = hooked(make).collect();
    let (kb, hook) = *make.rng.one(&hooked);
    let other = make.rng.one(&hooked).1;
    let body = format!(r#"{{"ref":"refs/heads/{}"}}"#, make.word());
    let proof = match make.rng.below(10) {
        0..4 => Some(by_signature(&hook.secret, &body)),
        4 => Some(("x-gitlab-token", hook.secret.clone())),
        5 => Some(by_signature(&other.secret, &body)),
        6 => Some(("x-gitlab-token", other.secret.clone())),
        7 => Some(("x-hub-signature-256", format!("sha256={}", make.rng.id()))),
        8 => Some(by_signature("", &body)),
        _ => None,
    };
    let right = [
        by_signature(&hook.secret, &body),
        ("x-gitlab-token", hook.secret.clone()),
    ];
    let is_right = proof.as_ref().is_some_and(|proof| right.contains(proof));
    let need = if is_right && !kb.deleted {
        Need::Nothing
    } else {
        make.stolen = Some(hook.source.clone());
        Need::Never
    };
    let mut call = make.call(format!("/webhooks/sources/{}", hook.source), need);
    call.body = Body::Raw("application/json", body);
    Some(match proof {
        Some((header, value)) => call.header(header, value),
        None => call,
    })
}

fn hooked<'a>(make: &Maker<'a>) -> impl Iterator<Item = (&'a Kb, &'a Hook)> + use<'a> {
    let kbs = make.before.kbs.iter();
    kbs.filter_map(|kb| Some((kb, kb.hook.as_ref()?)))
}

fn by_signature(secret: &str, body: &str) -> (&'static str, String) {
    let tag = hex::encode(hmac(secret.as_bytes(), body.as_bytes()));
    ("x-hub-signature-256", format!("sha256={tag}"))
}
