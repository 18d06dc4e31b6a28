//! What bots are given to send: for whom it is, and what a process does with it.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::calls::{Body, Call};
use crate::client::Answer;
use crate::rng::Rng;
use crate::words;
use crate::world::{Need, Who, World};

pub const TAKE: &str = "POST /bots/{code}/outbox";
/// More than there are people: an update's number tells who has sent it, so that its answer tells for whom it is.
const PEOPLE: usize = 4_096;
/// Numbers of updates of one person.
const UPDATES: usize = 1 << 19;

/// A delivery that was handed out.
#[derive(Clone, Debug, Default)]
pub struct Handed {
    pub bot: usize,
    pub id: String,
    pub lease: String,
    pub person: usize,
    /// At Telegram.
    pub chat: i64,
    /// Of its buttons.
    pub tokens: Vec<String>,
    pub parts: usize,
    pub has_content: bool,
    /// The knowledge base that a file is to be fetched for.
    pub fetched_for: Option<String>,
}

/// A process that serves a bot, or another one that would like to.
pub fn process(bot: usize, is_other: bool) -> Uuid {
    let bot = u128::try_from(bot).expect("usize has at most 64 bits");
    Uuid::from_u128(1 + 2 * bot + u128::from(is_other))
}

/// A number that tells the person.
pub fn update_id(rng: &mut Rng, person: usize) -> usize {
    rng.below(UPDATES) * PEOPLE + person
}

/// For whom a delivery is: whoever has sent what it answers, else whose private chat it goes to.
fn person(world: &World, item: &Value) -> Option<usize> {
    let person = match item["update_id"].as_u64() {
        Some(update) => usize::try_from(update).ok()? % PEOPLE,
        None => {
            let chat = item["telegram_chat_id"].as_i64()?;
            let mut people = world.people.iter();
            people.position(|person| person.telegram_id == chat)?
        }
    };
    (person < world.people.len()).then_some(person)
}

/// Whose eyes the word is for: those of the people whom a bot's deliveries and previews are for; `None`: the caller's own.
pub fn readers(world: &World, call: &Call, answer: &Answer, word: &str) -> Option<Vec<Who>> {
    if !answer.is_granted() {
        return None;
    }
    match (call.who, call.need) {
        (Who::Bot(bot), Need::ItsBot(_)) if call.operation == TAKE => {
            let answer = answer.json();
            let items = answer["items"].as_array()?.iter();
            let mut readers: Vec<Who> = items
                .filter(|item| {
                    words::found(item.to_string().as_bytes())
                        .iter()
                        .any(|of| of == word)
                })
                .map(|item| match person(world, item) {
                    Some(person) => Who::Named { bot, person },
                    None => Who::Nobody,
                })
                .collect();
            // A word outside of all deliveries is nobody's.
            if readers.is_empty() {
                readers.push(Who::Nobody);
            }
            Some(readers)
        }
        (Who::Bot(_), Need::Message { bot, person }) => Some(vec![Who::Named { bot, person }]),
        _ => None,
    }
}

/// The deliveries of an answer; none unless it is one of an outbox.
pub fn handed(world: &World, call: &Call, answer: &Answer) -> Vec<Handed> {
    let Who::Bot(bot) = call.who else {
        return Vec::new();
    };
    if call.operation != TAKE || !answer.is_granted() {
        return Vec::new();
    }
    let answer = answer.json();
    let items = answer["items"].as_array().into_iter().flatten();
    items
        .filter_map(|item| {
            let content = &item["content"];
            let rows = content["keyboard"].as_array().into_iter().flatten();
            let buttons = rows.filter_map(Value::as_array).flatten();
            Some(Handed {
                bot,
                id: item["id"].as_str()?.to_owned(),
                lease: item["lease"].as_str()?.to_owned(),
                person: person(world, item)?,
                chat: item["telegram_chat_id"].as_i64()?,
                tokens: buttons
                    .filter_map(|button| Some(button["token"].as_str()?.to_owned()))
                    .collect(),
                parts: item["parts"].as_array().map_or(0, Vec::len),
                has_content: !content.is_null(),
                fetched_for: content["knowledge_base_id"].as_str().map(str::to_owned),
            })
        })
        .collect()
}

fn of_process(operation: &'static str, bot: usize, path: String, body: Value) -> Call {
    Call {
        who: Who::Bot(bot),
        path,
        need: Need::ItsBot(bot),
        body: Body::Json(body),
        ..Call::of_operator(operation)
    }
}

/// Takes the bot from whoever else serves it.
pub fn leases(world: &World, bot: usize) -> [Call; 2] {
    let code = &world.bots[bot].code;
    let other = format!("/bots/{code}/lease/{}", process(bot, true));
    let body = json!({"holder": process(bot, false), "seconds": 300});
    [
        of_process("DELETE /bots/{code}/lease/{holder}", bot, other, Value::Null),
        of_process(
            "POST /bots/{code}/lease",
            bot,
            format!("/bots/{code}/lease"),
            body,
        ),
    ]
}

pub fn batch(world: &World, bot: usize, updates: Value) -> Call {
    let path = format!("/bots/{}/updates", world.bots[bot].code);
    of_process("POST /bots/{code}/updates", bot, path, updates)
}

pub fn take_all(world: &World, bot: usize) -> Call {
    let path = format!("/bots/{}/outbox", world.bots[bot].code);
    let body = json!({"holder": process(bot, false), "limit": 100, "wait_seconds": 0});
    of_process(TAKE, bot, path, body)
}

/// Tells that what was handed out stands in its chat: a placeholder first, or all of it. A file that was to be fetched has
/// become one of the tasks of its knowledge base.
pub fn report(world: &World, handed: &Handed, rng: &mut Rng) -> Call {
    let id = &handed.id;
    if !handed.has_content {
        let body = json!({"lease": handed.lease, "part": handed.parts, "message_id": 1 + rng.below(30)});
        let path = format!("/outbox/{id}/placeholder");
        return of_process("POST /outbox/{id}/placeholder", handed.bot, path, body);
    }
    let mut body = json!({"lease": handed.lease, "parts": handed.parts});
    let kb = handed.fetched_for.as_ref();
    let kb = kb.and_then(|id| world.kbs.iter().find(|kb| kb.id == *id));
    if let Some(task) = kb.and_then(|kb| rng.any(&kb.tasks)) {
        body["task_id"] = json!(task);
    }
    let path = format!("/outbox/{id}/sent");
    of_process("POST /outbox/{id}/sent", handed.bot, path, body)
}
