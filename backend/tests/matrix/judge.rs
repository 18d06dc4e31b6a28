//! Whether an answer is the one that the table wants.

use crate::cells::Cell;
use crate::requests::Answer;
use crate::table::{Target, Verdict, Way};
use crate::things::Kb;
use crate::world::World;

/// What tells of things that are there for each cell.
const LISTS: [(&str, &str); 7] = [
    ("GET", "/knowledge-bases"),
    ("GET", "/ingestion/tasks"),
    ("GET", "/sources"),
    ("GET", "/chats"),
    ("GET", "/chats/{id}/messages"),
    ("GET", "/dead-letters"),
    ("POST", "/bots/{code}/outbox"),
];

/// What is wrong with an answer.
pub fn judge(world: &World, cell: &Cell<'_>, answer: &Answer) -> Option<String> {
    let wrong = verdict(cell.verdict, answer)
        .or_else(|| content(world, cell, answer))
        .or_else(|| leak(world, cell, answer))?;
    let body: String = answer.text.chars().take(300).collect();
    Some(format!(
        "{}: {wrong}, got {} {body}",
        cell.describe(),
        answer.status
    ))
}

fn verdict(wanted: Verdict, answer: &Answer) -> Option<String> {
    let code = answer.json["error"]["code"].as_str().unwrap_or_default();
    let holds = match wanted {
        Verdict::Done => (200..300).contains(&answer.status),
        Verdict::Nothing => {
            answer.status == 200 && answer.json["items"].as_array().is_some_and(Vec::is_empty)
        }
        Verdict::Error(status, codes) => answer.status == status && codes.contains(&code),
    };
    (!holds).then(|| format!("wanted {wanted:?}"))
}

/// What is done is done indeed: lists list something, questions find the text, streams stream.
fn content(world: &World, cell: &Cell<'_>, answer: &Answer) -> Option<String> {
    if cell.verdict != Verdict::Done {
        return None;
    }
    let operation = cell.asked.operation;
    let lists = LISTS.iter().any(|(method, path)| operation.is(method, path));
    if lists && answer.json["items"].as_array().is_none_or(Vec::is_empty) {
        return Some("wanted something listed".to_owned());
    }
    if operation.path == "/notifications" && answer.json["queued"] != 1 {
        return Some("wanted somebody to be notified".to_owned());
    }
    let is_message = operation.path.ends_with("/stream");
    let is_streamed = cell.asked.way == Way::Stream;
    let streams = is_streamed || is_message || operation.path.ends_with("/events");
    let last = if is_streamed || is_message {
        "event: done"
    } else {
        "event: task"
    };
    if streams && !(answer.content_type.starts_with("text/event-stream") && answer.text.contains(last)) {
        return Some("wanted a stream to its end".to_owned());
    }
    let reads = operation.path.starts_with("/rag/")
        || operation.path.ends_with("/text")
        || operation.is("GET", "/knowledge-bases/{id}/sources/{source_id}");
    let text = match cell.asked.target {
        Target::Ours => world.ours.secret,
        Target::Theirs => world.theirs.secret,
        _ => return None,
    };
    (reads && !answer.text.contains(text)).then(|| format!("wanted the text {text:?}"))
}

/// Nobody hears anything of a knowledge base that they may not know of.
fn leak(world: &World, cell: &Cell<'_>, answer: &Answer) -> Option<String> {
    let hidden = [(&world.ours, cell.sees_ours), (&world.theirs, cell.sees_theirs)];
    if answer.text.contains(world.gone.kb.secret) {
        return Some("tells what was deleted".to_owned());
    }
    let mut hidden = hidden.into_iter().filter(|(_, sees)| !sees);
    let told = |kb: &Kb| {
        kb.marks()
            .into_iter()
            .find(|mark| answer.text.contains(mark))
            .map(str::to_owned)
    };
    let mark = hidden.find_map(|(kb, _)| told(kb))?;
    Some(format!("tells of {mark:?}"))
}
