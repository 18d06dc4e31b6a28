//! Requests that read: lists, single things, searches, questions, the log.

use serde_json::json;

use crate::calls::Call;
use crate::maker::Maker;
use crate::world::{KbRole, Need, Role};

const READ: Need = Need::General(Role::Reader, "read");
/// What every knowledge base tells something about.
const TOPICS: &[&str] = &[
    "secret word",
    "what is the secret word of the pressure valve?",
    "секретное слово насоса",
    "pressure valve",
    "pumps",
];

pub fn public(make: &mut Maker<'_>) -> Option<Call> {
    let path = make.operation.strip_prefix("GET ").expect("it reads");
    let query = make.query(Vec::new());
    let word = make.word();
    let call = make.call(format!("{path}{query}"), Need::Nothing);
    Some(if word.is_ascii() {
        call.header("x-request-id", word)
    } else {
        call
    })
}

pub fn kbs(make: &mut Maker<'_>) -> Option<Call> {
    let mut pairs = Vec::new();
    let mut named = None;
    if make.rng.percent(50) {
        let kb = make.kb_held(KbRole::Reader);
        let of = &make.before.kbs[kb];
        if make.rng.percent(80) {
            pairs.push(("name", of.name.clone()));
            named = of.words.iter().find(|word| of.name.contains(*word));
            named = named.filter(|_| make.allowed(Need::InKb(kb, KbRole::Reader, "read")));
        } else {
            pairs.push(("name", make.word()));
        }
    }
    if let Some(word) = named {
        let query = make.query_of(pairs);
        return Some(make.call(format!("/knowledge-bases{query}"), READ).finds(word));
    }
    let query = make.query(pairs);
    Some(make.call(format!("/knowledge-bases{query}"), READ))
}

fn of_kb(make: &mut Maker<'_>, rest: &str, role: KbRole, scope: &'static str) -> Call {
    let query = make.query(Vec::new());
    if make.rng.percent(6) {
        let odd = make.odd_segment();
        return make.call(format!("/knowledge-bases/{odd}{rest}{query}"), Need::Never);
    }
    let kb = make.kb_held(role);
    let id = make.id_of(kb);
    make.call(
        format!("/knowledge-bases/{id}{rest}{query}"),
        Need::InKb(kb, role, scope),
    )
}

pub fn kb(make: &mut Maker<'_>) -> Option<Call> {
    let call = of_kb(make, "", KbRole::Reader, "read");
    let Need::InKb(kb, ..) = call.need else {
        return Some(call);
    };
    let kb = &make.before.kbs[kb];
    let told = kb.words.iter().find(|word| kb.description.contains(*word));
    Some(match told {
        Some(word) => call.finds(word),
        None => call,
    })
}

pub fn documents(make: &mut Maker<'_>) -> Option<Call> {
    Some(of_kb(make, "/documents", KbRole::Reader, "read"))
}

pub fn sources(make: &mut Maker<'_>) -> Option<Call> {
    Some(of_kb(make, "/sources", KbRole::Reader, "read"))
}

pub fn source_reports(make: &mut Maker<'_>) -> Option<Call> {
    let mut pairs = Vec::new();
    if make.rng.percent(60) {
        let kb = make.kb();
        pairs.push(("knowledge_base_id", make.before.kbs[kb].id.clone()));
    }
    if make.rng.percent(30) {
        let wanted = *make
            .rng
            .one(&[("stale", "true"), ("kind", "git"), ("state", "never")]);
        pairs.push((wanted.0, wanted.1.to_owned()));
    }
    let query = make.query(pairs);
    Some(make.call(format!("/sources{query}"), READ))
}

pub fn quality(make: &mut Maker<'_>) -> Option<Call> {
    Some(of_kb(make, "/quality", KbRole::Reader, "read"))
}

/// What it could not answer, for whoever reads the log; the texts of questions are told to nobody here.
pub fn gaps(make: &mut Maker<'_>) -> Option<Call> {
    let mut call = of_kb(make, "/gaps", KbRole::Owner, "logs");
    if let Some(need) = make.refused(Need::General(Role::Admin, "logs")) {
        call.need = need;
    }
    Some(call)
}

pub fn export(make: &mut Maker<'_>) -> Option<Call> {
    Some(of_kb(make, "/export", KbRole::Owner, "manage"))
}

pub fn members(make: &mut Maker<'_>) -> Option<Call> {
    Some(of_kb(make, "/members", KbRole::Owner, "manage"))
}

pub fn kb_usage(make: &mut Maker<'_>) -> Option<Call> {
    Some(of_kb(make, "/usage", KbRole::Reader, "read"))
}

pub fn kb_bots(make: &mut Maker<'_>) -> Option<Call> {
    Some(of_kb(make, "/bots", KbRole::Owner, "manage"))
}

/// A document, or whatever else has an id.
fn document_id(make: &mut Maker<'_>) -> (String, Need, Option<usize>) {
    let kb = make.kb_held(KbRole::Reader);
    let of = &make.before.kbs[kb];
    let stolen = match make.rng.below(12) {
        0 => Some(make.odd_segment()),
        1 => Some(of.id.clone()),
        2 => make.rng.any(&of.tasks).cloned(),
        3 => make.rng.any(&of.sources).cloned(),
        _ => None,
    };
    if let Some(id) = stolen {
        return (id, Need::Never, None);
    }
    let main = make.rng.percent(50);
    let id = if main {
        of.documents[0].clone()
    } else {
        make.rng.one(&of.documents).clone()
    };
    let id = make.steal(kb, id);
    (id, Need::InKb(kb, KbRole::Reader, "read"), main.then_some(kb))
}

pub fn document(make: &mut Maker<'_>) -> Option<Call> {
    let (id, need, _) = document_id(make);
    Some(make.call(format!("/documents/{id}"), need))
}

pub fn document_text(make: &mut Maker<'_>) -> Option<Call> {
    let (id, need, main) = document_id(make);
    if make.rng.percent(30) {
        let word = make.word();
        let lines = *make
            .rng
            .one(&["first_line=1&last_line=3", "first_line=3", "first_line=0"]);
        let query = format!("{lines}&word={}", crate::calls::encoded(&word));
        return Some(make.call(format!("/documents/{id}/text?{query}"), need));
    }
    let call = make.call(format!("/documents/{id}/text"), need);
    Some(match main {
        Some(kb) => call.finds(&make.before.kbs[kb].words[0]),
        None => call,
    })
}

pub fn tasks(make: &mut Maker<'_>) -> Option<Call> {
    let mut pairs = Vec::new();
    if make.rng.percent(60) {
        let kb = make.kb();
        pairs.push(("knowledge_base", make.before.kbs[kb].id.clone()));
    } else if make.rng.percent(10) {
        pairs.push(("knowledge_base", make.odd()));
    }
    let query = make.query(pairs);
    Some(make.call(format!("/ingestion/tasks{query}"), READ))
}

pub fn task_id(make: &mut Maker<'_>, role: KbRole, scope: &'static str) -> (String, Need) {
    if make.rng.percent(6) {
        return (make.odd_segment(), Need::Never);
    }
    let kb = make.kb_held(role);
    let id = make.rng.one(&make.before.kbs[kb].tasks).clone();
    let id = make.steal(kb, id);
    (id, Need::InKb(kb, role, scope))
}

pub fn task(make: &mut Maker<'_>) -> Option<Call> {
    let (id, need) = task_id(make, KbRole::Reader, "read");
    let rest = make.operation.split("{id}").nth(1).unwrap_or_default();
    Some(make.call(format!("/ingestion/tasks/{id}{rest}"), need))
}

pub fn problems(make: &mut Maker<'_>) -> Option<Call> {
    let (id, need) = task_id(make, KbRole::Reader, "read");
    let query = make.query(Vec::new());
    Some(make.call(format!("/ingestion/tasks/{id}/problems{query}"), need))
}

/// Which knowledge bases are asked: all, one of the caller's, others, or what is none.
fn asked(make: &mut Maker<'_>) -> (Vec<String>, Need, Option<usize>) {
    let kb = make.kb_held(KbRole::Reader);
    let need = Need::InKb(kb, KbRole::Reader, "ask");
    match make.rng.below(10) {
        0..4 => {
            let own = Some(kb).filter(|_| make.allowed(need));
            (Vec::new(), Need::General(Role::Reader, "ask"), own)
        }
        4..8 => (vec![make.reference(kb)], need, Some(kb)),
        8 => {
            let mut kbs = vec![make.before.kbs[kb].id.clone()];
            let other = make.kb();
            kbs.push(make.before.kbs[other].name.clone());
            let both = make.allowed(need) && make.allowed(Need::InKb(other, KbRole::Reader, "ask"));
            let lacks = make
                .refused(need)
                .or(make.refused(Need::InKb(other, KbRole::Reader, "ask")));
            let need = if both {
                need
            } else {
                lacks.unwrap_or(Need::Nothing)
            };
            (kbs, need, None)
        }
        _ => (vec![make.odd()], Need::Never, None),
    }
}

/// A word that stands in the text of a knowledge base.
fn to_find(make: &mut Maker<'_>, kb: usize) -> String {
    let kb = &make.before.kbs[kb];
    let annex = kb.annex.as_ref().filter(|annex| !annex.document.is_empty());
    match annex.filter(|_| make.rng.percent(30)) {
        Some(annex) => annex.word.clone(),
        None => kb.words[0].clone(),
    }
}

pub fn search(make: &mut Maker<'_>) -> Option<Call> {
    let (kbs, need, one) = asked(make);
    let own = one.filter(|_| make.rng.percent(60));
    let text = match own {
        Some(kb) => to_find(make, kb),
        None if make.rng.percent(70) => make.word(),
        None => (*make.rng.one(TOPICS)).to_owned(),
    };
    let mode = if own.is_some() {
        "lexical"
    } else {
        *make.rng.one(&["lexical", "hybrid", "dense"])
    };
    let limit = *make.rng.one(&[1, 5, 10, 60]);
    let mut body = json!({"query": text, "knowledge_bases": kbs, "mode": mode, "limit": limit});
    if make.rng.percent(10) {
        body["distinct_documents"] = json!(true);
    }
    if own.is_none() && make.rng.percent(4) {
        let word = make.word();
        body[&word] = json!({"must": [{"key": "kb_id"}]});
    }
    let call = make.call("/rag/search", need).json(body);
    Some(match own {
        Some(_) => call.finds(&text),
        None => call,
    })
}

pub fn query(make: &mut Maker<'_>) -> Option<Call> {
    let (kbs, need, _) = asked(make);
    let text = if make.rng.percent(60) {
        let word = make.word();
        format!("what is {word}?")
    } else {
        (*make.rng.one(TOPICS)).to_owned()
    };
    let mode = *make
        .rng
        .one(&["lexical", "hybrid", "dense", "kanarekabcdabcdabcd"]);
    let mut body = json!({"question": text, "knowledge_bases": kbs});
    if mode != "hybrid" {
        body["mode"] = json!(mode);
    }
    let call = make.call("/rag/query", need).json(body);
    Some(if make.rng.percent(40) {
        call.header("accept", "text/event-stream")
    } else {
        call
    })
}

pub fn logs(make: &mut Maker<'_>) -> Option<Call> {
    let mut pairs = Vec::new();
    let kb = make.kb();
    let person = make.rng.below(make.before.people.len());
    match make.rng.below(5) {
        0 => pairs.push(("knowledge_base_id", make.before.kbs[kb].id.clone())),
        1 => pairs.push(("actor_id", make.before.people[person].id.clone())),
        2 => pairs.push(("action", "knowledge_base.create".to_owned())),
        3 => pairs.push(("action", make.word())),
        _ => {}
    }
    let query = make.query(pairs);
    Some(make.call(format!("/logs{query}"), Need::General(Role::Admin, "logs")))
}

/// What was asked, by whoever reads the log; the texts of questions are told to nobody here.
pub fn queries(make: &mut Maker<'_>) -> Option<Call> {
    let mut pairs = Vec::new();
    let kb = make.kb();
    let person = make.rng.below(make.before.people.len());
    let bot = make.rng.below(make.before.bots.len());
    match make.rng.below(6) {
        0 => pairs.push(("knowledge_base_id", make.before.kbs[kb].id.clone())),
        1 => pairs.push(("user_id", make.before.people[person].id.clone())),
        2 => pairs.push(("bot_id", make.before.bots[bot].id.clone())),
        3 => pairs.push(("found", "true".to_owned())),
        4 => pairs.push(("verdict", "bad".to_owned())),
        _ => {}
    }
    let query = make.query(pairs);
    Some(make.call(
        format!("/logs/queries{query}"),
        Need::General(Role::Admin, "logs"),
    ))
}

/// Calls of chat models, of which there is none here.
pub fn model_calls(make: &mut Maker<'_>) -> Option<Call> {
    let (_, path) = make.operation.split_once(' ').expect("method and path");
    let person = make.rng.below(make.before.people.len());
    let pairs = match make.rng.below(4) {
        0 => vec![("user_id", make.before.people[person].id.clone())],
        1 => vec![("model", make.word())],
        2 => vec![("purpose", "rewrite".to_owned())],
        _ => Vec::new(),
    };
    let query = make.query(pairs);
    Some(make.call(format!("{path}{query}"), Need::General(Role::Admin, "logs")))
}

/// The chat model itself is asked, and none is set up.
pub fn ask_model(make: &mut Maker<'_>) -> Option<Call> {
    let body = json!({"question": make.word()});
    Some(
        make.call("/ai/query", Need::General(Role::Reader, "ask"))
            .json(body),
    )
}

/// An answer that was never given. The table of rights tries those that were.
pub fn answer(make: &mut Maker<'_>) -> Option<Call> {
    let (method, path) = make.operation.split_once(' ').expect("method and path");
    let id = make.odd_segment();
    let call = make.call(path.replace("{id}", &id), Need::Never);
    Some(if method == "POST" {
        call.json(json!({"verdict": "bad"}))
    } else {
        call
    })
}

pub fn generations(make: &mut Maker<'_>) -> Option<Call> {
    Some(make.call("/generations", Need::General(Role::Admin, "manage")))
}
