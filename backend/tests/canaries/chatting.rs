//! Requests of people and of admins about what is said in chats. What admins say to people holds no word, unless it is
//! refused.

use serde_json::json;

use crate::calls::Call;
use crate::maker::Maker;
use crate::serving::a_delivery;
use crate::world::{Need, Role, Who};

const USERS: Need = Need::General(Role::Admin, "users");
const BOTS: Need = Need::General(Role::Admin, "bots");
const PLAIN: &str = "The pumps rest at noon.";

pub fn dead_letters(make: &mut Maker<'_>) -> Option<Call> {
    let mut pairs = Vec::new();
    match make.rng.below(4) {
        0 => {
            let bot = make.rng.below(make.before.bots.len());
            pairs.push(("bot_id", make.before.bots[bot].id.clone()));
        }
        1 => pairs.push(("bot_id", make.odd())),
        _ => {}
    }
    let query = make.query(pairs);
    Some(make.call(format!("/dead-letters{query}"), BOTS))
}

pub fn chats(make: &mut Maker<'_>) -> Option<Call> {
    let mut pairs = Vec::new();
    match make.rng.below(5) {
        0 => pairs.push(("user_id", make.rng.one(&make.before.people).id.clone())),
        1 => pairs.push(("bot", make.rng.one(&make.before.bots).code.clone())),
        2 => pairs.push(("bot", make.word())),
        3 => pairs.push(("bot", make.odd())),
        _ => {}
    }
    let query = make.query(pairs);
    Some(make.call(format!("/chats{query}"), USERS))
}

/// A chat, for those who manage people. Nobody else hears that there is one, not even who has it.
fn of_chat(make: &mut Maker<'_>, query: &str) -> Call {
    if make.rng.percent(6) {
        let odd = make.odd_segment();
        return make.call(format!("/chats/{odd}/messages{query}"), Need::Never);
    }
    let id = make.rng.one(&make.before.chats).clone();
    if make.refused(USERS).is_some() {
        make.stolen = Some(id.clone());
    }
    make.call(format!("/chats/{id}/messages{query}"), USERS)
}

pub fn messages(make: &mut Maker<'_>) -> Option<Call> {
    let query = make.query(Vec::new());
    Some(of_chat(make, &query))
}

pub fn send(make: &mut Maker<'_>) -> Option<Call> {
    let text = said(make);
    Some(of_chat(make, "").json(json!({ "text": text })))
}

pub fn notify(make: &mut Maker<'_>) -> Option<Call> {
    let text = said(make);
    let mut bot = make.rng.one(&make.before.bots).code.clone();
    if make.rng.percent(10) {
        bot = make.odd();
    }
    let many = make.rng.below(5);
    let users: Vec<String> = (0..many)
        .map(|_| make.rng.one(&make.before.people).id.clone())
        .collect();
    let body = json!({"bot": bot, "users": users, "text": text});
    Some(make.call("/notifications", USERS).json(body))
}

/// What an admin says to people; others try it with a word.
fn said(make: &mut Maker<'_>) -> String {
    if make.refused(USERS).is_some() {
        make.word()
    } else {
        (*make.rng.one(&[PLAIN, PLAIN, PLAIN, " "])).to_owned()
    }
}

/// A message: now and then the caller's own.
fn a_message(make: &mut Maker<'_>, need: fn(usize, usize) -> Need) -> Call {
    let own = match make.who {
        Who::Named { bot, person } if make.rng.percent(40) => make
            .before
            .messages
            .iter()
            .find(|of| (of.bot, of.person) == (bot, person))
            .map(|of| (of.bot, of.person, of.id.clone())),
        _ => None,
    };
    let (bot, person, id) = own.unwrap_or_else(|| {
        let any = a_delivery(make);
        (any.bot, any.person, any.id)
    });
    let (_, path) = make.operation.split_once(' ').expect("method and path");
    if make.rng.percent(6) {
        let odd = make.odd_segment();
        return make.call(path.replace("{id}", &odd), Need::Never);
    }
    if make.refused(Need::Message { bot, person }).is_some() {
        make.stolen = Some(id.clone());
    }
    make.call(path.replace("{id}", &id), need(bot, person))
}

pub fn rate(make: &mut Maker<'_>) -> Option<Call> {
    let verdict = *make.rng.one(&["good", "bad", "bad", "kanarekabcdabcdabcd"]);
    let mut body = json!({ "verdict": verdict });
    if make.rng.percent(50) {
        body["reason"] = json!(make.rng.one(&["wrong", "outdated", "other", "x"]));
    }
    Some(a_message(make, |bot, person| Need::Reader { bot, person }).json(body))
}

pub fn preview(make: &mut Maker<'_>) -> Option<Call> {
    Some(a_message(make, |bot, person| Need::Message { bot, person }))
}
