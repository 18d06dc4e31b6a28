//! Requests of the processes that serve bots, and of others in their place. What a bot tells itself holds no word, unless it
//! is refused; what its people ask does.

use serde_json::{Value, json};

use crate::calls::Call;
use crate::maker::Maker;
use crate::outbox::{Handed, process, update_id};
use crate::world::{Need, Role, Who};

const BOTS: Need = Need::General(Role::Admin, "bots");
/// Most updates of a batch here.
const BATCH: usize = 6;
const GROUPS: usize = 5;
const COMMANDS: &[&str] = &[
    "kb", "kb", "kb", "start", "help", "new", "refresh", "lang", "settings", "cancel", "other",
];
/// A chat is stuck behind what is tried later, as long as the clock stands still: that is rare.
const FAILURES: &[&str] = &[
    "terminal",
    "terminal",
    "terminal",
    "message_gone",
    "message_gone",
    "file_refused",
    "file_refused",
    "chat_fatal",
    "retry",
    "bot_fatal",
    "kanarekabcdabcdabcd",
];

/// Mostly the calling bot, or the one that a person comes through.
fn a_bot(make: &mut Maker<'_>) -> usize {
    match make.who {
        Who::Bot(bot) if make.rng.percent(85) => bot,
        Who::Named { bot, .. } if make.rng.percent(40) => bot,
        _ => make.rng.below(make.before.bots.len()),
    }
}

/// A request that the bot alone may make for itself, by its code.
fn of_bot(make: &mut Maker<'_>, bot: usize, rest: &str, body: Value) -> Call {
    if make.rng.percent(5) {
        let odd = make.odd_segment();
        return make.call(format!("/bots/{odd}{rest}"), Need::Never).json(body);
    }
    let code = make.before.bots[bot].code.clone();
    if make.refused(Need::Bot(bot)).is_some() {
        make.stolen = Some(code.clone());
    }
    make.call(format!("/bots/{code}{rest}"), Need::ItsBot(bot))
        .json(body)
}

pub fn take_lease(make: &mut Maker<'_>) -> Option<Call> {
    let bot = a_bot(make);
    let holder = process(bot, make.rng.percent(20));
    let mut body = json!({"holder": holder, "seconds": *make.rng.one(&[1, 30, 300, 0, 301])});
    if make.rng.percent(5) {
        body["holder"] = json!(make.word());
    }
    Some(of_bot(make, bot, "/lease", body))
}

pub fn give_back_lease(make: &mut Maker<'_>) -> Option<Call> {
    let bot = a_bot(make);
    let holder = process(bot, make.rng.percent(70));
    let mut holder = holder.to_string();
    if make.rng.percent(5) {
        holder = make.odd_segment();
    }
    Some(of_bot(make, bot, &format!("/lease/{holder}"), Value::Null))
}

pub fn store(make: &mut Maker<'_>) -> Option<Call> {
    let bot = a_bot(make);
    let mut body = updates(make, bot);
    if make.rng.percent(6) {
        let word = make.word();
        let (field, value) = match make.rng.below(5) {
            0 => ("update_id", json!(-1)),
            1 => ("event", json!({"kind": word})),
            2 => ("chat", json!({"id": 0, "kind": "private"})),
            3 => ("from", json!({"telegram_id": 0, "first_name": word})),
            _ => (word.as_str(), json!(1)),
        };
        body["updates"][0][field] = value;
    }
    Some(of_bot(make, bot, "/updates", body))
}

/// What the bot's people have done now: they ask about what they may see and what they may not, and press what was sent to
/// them and what was not.
pub fn updates(make: &mut Maker<'_>, bot: usize) -> Value {
    let many = 1 + make.rng.below(BATCH);
    let updates: Vec<Value> = (0..many).map(|_| update(make, bot)).collect();
    json!({ "updates": updates })
}

fn update(make: &mut Maker<'_>, bot: usize) -> Value {
    let mut person = make.rng.below(make.before.people.len());
    let mut chat = make.before.people[person].telegram_id;
    let group = -1_000 - i64::try_from(make.rng.below(GROUPS)).expect("there are few groups");
    let event = match make.rng.below(20) {
        0..9 => json!({"kind": "text", "text": question(make, bot, person)}),
        9 | 10 => json!({"kind": "edit", "text": question(make, bot, person)}),
        11..14 => json!({"kind": "command", "name": make.rng.one(COMMANDS), "argument": ""}),
        14..18 => {
            let handed: Vec<&Handed> = with_buttons(make, bot);
            match make.rng.any(&handed) {
                Some(handed) => {
                    // As often as not it is pressed by whom it was sent to.
                    if make.rng.percent(75) {
                        (person, chat) = (handed.person, handed.chat);
                    } else if make.rng.percent(50) {
                        chat = handed.chat;
                    }
                    json!({"kind": "button", "token": make.rng.one(&handed.tokens)})
                }
                None => json!({"kind": "button", "token": make.odd()}),
            }
        }
        18 => {
            let name = *make.rng.one(&["notes.md", "docs.zip"]);
            let unique = format!("unique-{}", make.rng.below(30));
            json!({"kind": "file", "file_id": "file", "file_unique_id": unique, "file_name": name})
        }
        _ => make
            .rng
            .one(&[
                json!({"kind": "joined"}),
                json!({"kind": "left"}),
                json!({"kind": "unsupported", "what": "voice"}),
            ])
            .clone(),
    };
    let is_private = chat == make.before.people[person].telegram_id && make.rng.percent(88);
    let (chat, kind) = match (is_private, chat > 0) {
        (true, _) => (chat, "private"),
        (false, true) => (group, "group"),
        (false, false) => (chat, "group"),
    };
    json!({
        "update_id": update_id(make.rng, person),
        "chat": {"id": chat, "kind": kind},
        "message_id": 1 + make.rng.below(30),
        "from": {"telegram_id": make.before.people[person].telegram_id, "first_name": "Анна"},
        "event": event,
    })
}

fn with_buttons<'a>(make: &Maker<'a>, bot: usize) -> Vec<&'a Handed> {
    let handed = make.loot.handed.iter();
    handed
        .filter(|handed| handed.bot == bot && !handed.tokens.is_empty())
        .collect()
}

/// About a word that the person may hear of through the bot, or about any.
pub fn question(make: &mut Maker<'_>, bot: usize, person: usize) -> String {
    let seen = make.before.kbs(Who::Named { bot, person }, true);
    match make.rng.any(&seen).filter(|_| make.rng.percent(60)) {
        Some(kb) => format!("what is {} good for?", make.rng.one(&make.before.kbs[*kb].words)),
        None => format!("what is {} good for?", make.word()),
    }
}

pub fn take(make: &mut Maker<'_>) -> Option<Call> {
    let bot = a_bot(make);
    let limit = *make.rng.one(&[1, 5, 50, 100, 0, 101]);
    let holder = process(bot, make.rng.percent(10));
    let mut body = json!({"holder": holder, "limit": limit, "wait_seconds": 0});
    if make.rng.percent(30) {
        let working_on = (0..make.rng.below(4)).filter_map(|_| make.rng.any(&make.loot.handed));
        let ids: Vec<&String> = working_on.map(|handed| &handed.id).collect();
        body["working_on"] = json!(ids);
    }
    Some(of_bot(make, bot, "/outbox", body))
}

/// What a bot has been given, mostly the calling one; or what it has said before.
pub fn a_delivery(make: &mut Maker<'_>) -> Handed {
    let of_bot = match make.who {
        Who::Bot(bot) if make.rng.percent(80) => Some(bot),
        _ => None,
    };
    let handed = make.loot.handed.iter();
    let handed: Vec<&Handed> = handed
        .filter(|handed| of_bot.is_none_or(|bot| handed.bot == bot))
        .collect();
    if let Some(handed) = make.rng.any(&handed) {
        return (*handed).clone();
    }
    let message = make.rng.one(&make.before.messages).clone();
    Handed {
        bot: message.bot,
        person: message.person,
        id: message.id,
        lease: make.rng.id(),
        ..Handed::default()
    }
}

fn about_delivery(make: &mut Maker<'_>, handed: &Handed, need: Need) -> Call {
    let (_, path) = make.operation.split_once(' ').expect("method and path");
    if make.rng.percent(5) {
        let odd = make.odd_segment();
        return make.call(path.replace("{id}", &odd), Need::Never);
    }
    if make.refused(Need::Bot(handed.bot)).is_some() {
        make.stolen = Some(handed.id.clone());
    }
    make.call(path.replace("{id}", &handed.id), need)
}

pub fn placed(make: &mut Maker<'_>) -> Option<Call> {
    let handed = a_delivery(make);
    let part = *make.rng.one(&[handed.parts, handed.parts, 0, 7, 100]);
    let message_id = *make.rng.one(&[1, 2, 3, 0, -5]);
    let body = json!({"lease": lease(make, &handed), "part": part, "message_id": message_id});
    Some(about_delivery(make, &handed, Need::ItsBot(handed.bot)).json(body))
}

pub fn sent(make: &mut Maker<'_>) -> Option<Call> {
    let handed = a_delivery(make);
    let parts = *make.rng.one(&[handed.parts, handed.parts, 0, 9, 101]);
    let mut body = json!({"lease": lease(make, &handed), "parts": parts});
    if make.rng.percent(20) {
        // Any task; that of the knowledge base which the file is for would be taken.
        let kb = make.kb();
        body["task_id"] = json!(make.rng.any(&make.before.kbs[kb].tasks));
    }
    Some(about_delivery(make, &handed, Need::ItsBot(handed.bot)).json(body))
}

pub fn failed(make: &mut Maker<'_>) -> Option<Call> {
    let handed = a_delivery(make);
    let kind = *make.rng.one(FAILURES);
    let mut body = json!({"lease": lease(make, &handed), "kind": kind, "message": "Bad Request"});
    if make.refused(Need::ItsBot(handed.bot)).is_some() {
        body["message"] = json!(make.word());
    }
    Some(about_delivery(make, &handed, Need::ItsBot(handed.bot)).json(body))
}

fn lease(make: &mut Maker<'_>, handed: &Handed) -> String {
    if make.rng.percent(10) {
        make.rng.id()
    } else {
        handed.lease.clone()
    }
}

pub fn retry(make: &mut Maker<'_>) -> Option<Call> {
    let handed = a_delivery(make);
    Some(about_delivery(make, &handed, BOTS))
}
