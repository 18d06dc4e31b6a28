//! Requests that change knowledge bases and what is in them. One that would change who sees what is sent by those alone who
//! may not; the others' changes are made between the requests (`changes`), where the model follows them.

use serde_json::{Value, json};

use crate::calls::{Body, Call};
use crate::maker::Maker;
use crate::reading::task_id;
use crate::test_app::{archive, empty_bundle};
use crate::world::{KbRole, Need, Role};

/// The name is always one that is taken.
pub fn create_kb(make: &mut Maker<'_>) -> Option<Call> {
    let (kb, name) = make.taken_name();
    let mut body = json!({"name": name, "visibility": "everyone"});
    if make.rng.percent(60) {
        body["description"] = json!(make.before.kbs[kb].description);
    }
    // The operator made them, and may get them again by the key that it used.
    let need = match make.who {
        crate::world::Who::Operator => Need::Nothing,
        _ => Need::Never,
    };
    let call = make.call("/knowledge-bases", need).json(body);
    let key = make.idempotency_key();
    Some(if make.rng.percent(70) {
        call.header("idempotency-key", key)
    } else {
        call
    })
}

/// The name is always one that is taken.
pub fn import_kb(make: &mut Maker<'_>) -> Option<Call> {
    let (_, name) = make.taken_name();
    let content = empty_bundle(&make.word());
    let mut call = make.call("/knowledge-bases/import", Need::Never);
    call.body = Body::Import { name, content };
    Some(call)
}

pub fn update_kb(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb_held(KbRole::Owner);
    let need = Need::InKb(kb, KbRole::Owner, "manage");
    let path = format!("/knowledge-bases/{}", make.id_of(kb));
    if make.refused(need).is_some() {
        let word = make.word();
        let body = *make.rng.one(&["visibility", "name", "description"]);
        let body = match body {
            "visibility" => json!({"visibility": "everyone"}),
            field => json!({ field: word }),
        };
        return Some(make.call(path, need).json(body));
    }
    if make.rng.percent(50) {
        let (other, name) = make.taken_name();
        let need = if other == kb { Need::Nothing } else { Need::Never };
        return Some(make.call(path, need).json(json!({ "name": name })));
    }
    let same = &make.before.kbs[kb].description;
    Some(make.call(path, need).json(json!({ "description": same })))
}

pub fn delete_kb(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb();
    let need = make.refused(Need::InKb(kb, KbRole::Owner, "manage"))?;
    let path = format!("/knowledge-bases/{}", make.id_of(kb));
    Some(make.call(path, need))
}

pub fn set_member(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb();
    let need = make.refused(Need::InKb(kb, KbRole::Owner, "manage"))?;
    let person = make.rng.below(make.before.people.len());
    let person = make.before.people[person].id.clone();
    let path = format!("/knowledge-bases/{}/members/{person}", make.id_of(kb));
    let role = make.rng.one(&KbRole::ALL).word();
    Some(make.call(path, need).json(json!({ "role": role })))
}

pub fn remove_member(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb();
    let need = Need::InKb(kb, KbRole::Owner, "manage");
    let (people, need) = if make.refused(need).is_some() {
        let members = &make.before.kbs[kb].members;
        let people = members
            .keys()
            .map(|person| make.before.people[*person].id.clone());
        (people.collect(), need)
    } else {
        // Nobody ever makes these members.
        (make.before.spare.people.clone(), Need::Never)
    };
    let person = make.rng.any(&people)?.clone();
    let path = format!("/knowledge-bases/{}/members/{person}", make.id_of(kb));
    Some(make.call(path, need))
}

fn at_bot(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb();
    let need = Need::InKb(kb, KbRole::Owner, "manage");
    let (bot, need) = if make.refused(need).is_some() {
        let bot = make.rng.below(make.before.bots.len());
        (make.before.bots[bot].id.clone(), need)
    } else {
        (make.rng.id(), Need::Never)
    };
    let path = format!("/knowledge-bases/{}/bots/{bot}", make.id_of(kb));
    Some(make.call(path, need))
}

pub fn open_to_bot(make: &mut Maker<'_>) -> Option<Call> {
    at_bot(make)
}

pub fn close_to_bot(make: &mut Maker<'_>) -> Option<Call> {
    at_bot(make)
}

/// Those who may delete a document that is neither the first of its knowledge base nor in its annex; uploads bring others.
pub fn delete_document(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb_held(KbRole::Editor);
    let need = Need::InKb(kb, KbRole::Editor, "ingest");
    let of = &make.before.kbs[kb];
    let is_refused = make.refused(need).is_some();
    let kept =
        |id: &String| *id == of.documents[0] || of.annex.as_ref().is_some_and(|annex| *id == annex.document);
    let documents: Vec<&String> = of.documents.iter().filter(|id| is_refused || !kept(id)).collect();
    let id = (*make.rng.any(&documents)?).clone();
    let id = make.steal(kb, id);
    Some(make.call(format!("/documents/{id}"), need))
}

pub fn upload_file(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb_held(KbRole::Editor);
    let (word, need) = fed(make, kb);
    let name = format!("note-{}.md", make.rng.below(5));
    let text = format!("# Notes\n\nThe secret word of the pressure valve is {word}.\n");
    Some(upload(make, kb, need, None, (name, text.into_bytes())))
}

pub fn upload_archive(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb_held(KbRole::Editor);
    let (word, need) = fed(make, kb);
    if make.rng.percent(30) {
        let file = (format!("{word}.zip"), b"PK\x03\x04 broken off".to_vec());
        return Some(upload(make, kb, need, Some(word), file));
    }
    let text = format!("# Sync\n\nСекретное слово насоса: {word}.\n");
    let content = archive(&[("sync.md", text.as_bytes()), ("bad.bin", b"\0\x01\x02\0")]);
    let file = ("sync.tar.gz".to_owned(), content);
    Some(upload(make, kb, need, Some("sync".to_owned()), file))
}

/// The word to send: somebody else's where it is refused; else it would be found from now on where it does not belong.
fn fed(make: &mut Maker<'_>, kb: usize) -> (String, Need) {
    let need = Need::InKb(kb, KbRole::Editor, "ingest");
    let word = if make.refused(need).is_some() {
        make.word()
    } else {
        make.before.kbs[kb].words[0].clone()
    };
    (word, need)
}

fn upload(
    make: &mut Maker<'_>,
    kb: usize,
    need: Need,
    source: Option<String>,
    (name, content): (String, Vec<u8>),
) -> Call {
    let kb = make.reference(kb);
    let path = make.operation.strip_prefix("POST ").expect("it is a POST");
    let mut call = make.call(path, need);
    if make.rng.percent(40) {
        call = call.header("idempotency-key", make.idempotency_key());
    }
    call.body = Body::Form {
        kb,
        source,
        name,
        content,
    };
    call
}

pub fn control_task(make: &mut Maker<'_>) -> Option<Call> {
    let (id, need) = task_id(make, KbRole::Editor, "ingest");
    let path = make.operation.strip_prefix("POST ").expect("it is a POST");
    Some(make.call(path.replace("{id}", &id), need).json(Value::Null))
}

/// There is one generation, and it is in use: neither operation changes anything.
pub fn generation(make: &mut Maker<'_>) -> Option<Call> {
    let (_, path) = make.operation.split_once(' ').expect("method and path");
    let id = *make.rng.one(&["1", "0", "2", "-1", "x", "99999999999999999999"]);
    Some(make.call(path.replace("{id}", id), Need::General(Role::Admin, "manage")))
}
