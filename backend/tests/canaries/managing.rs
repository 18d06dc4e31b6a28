//! Requests about people, bots, keys and the caller itself. What would end or widen a caller that this test uses is sent by
//! those alone who may not; those who may do it to spare ones.

use serde_json::{Value, json};

use crate::api::{BOT_TOKEN, init_data};
use crate::build::NOW;
use crate::calls::{Body, Call};
use crate::maker::Maker;
use crate::world::{Need, Role, Who};

const USERS: Need = Need::General(Role::Admin, "users");
const BOTS: Need = Need::General(Role::Admin, "bots");
const KEYS: Need = Need::General(Role::Admin, "keys");

pub fn users(make: &mut Maker<'_>) -> Option<Call> {
    let mut pairs = Vec::new();
    match make.rng.below(4) {
        0 => pairs.push(("role", "admin".to_owned())),
        1 => pairs.push(("telegram_id", make.rng.below(1_200).to_string())),
        2 => pairs.push(("username", make.word())),
        _ => {}
    }
    let query = make.query(pairs);
    Some(make.call(format!("/users{query}"), USERS))
}

/// Somebody: now and then the caller itself.
fn person(make: &mut Maker<'_>) -> usize {
    match make.who {
        Who::Named { person, .. } if make.rng.percent(30) => person,
        _ => make.rng.below(make.before.people.len()),
    }
}

pub fn user(make: &mut Maker<'_>) -> Option<Call> {
    let (_, path) = make.operation.split_once(' ').expect("method and path");
    if make.rng.percent(8) {
        let odd = make.odd_segment();
        return Some(make.call(path.replace("{id}", &odd), Need::Never));
    }
    let person = person(make);
    let id = &make.before.people[person].id;
    let path = path.replace("{id}", id);
    let need = Need::Person(person);
    // A bot may know them by now.
    if make.refused(need).is_some() {
        make.stolen = Some(id.clone());
    }
    Some(make.call(path, need))
}

pub fn update_user(make: &mut Maker<'_>) -> Option<Call> {
    if make.refused(USERS).is_some() {
        let person = person(make);
        let path = format!("/users/{}", make.before.people[person].id);
        let body = *make.rng.one(&["role", "blocked"]);
        let body = match body {
            "role" => json!({"role": "admin"}),
            _ => json!({"blocked": true}),
        };
        return Some(make.call(path, USERS).json(body));
    }
    let spare = make.rng.one(&make.before.spare.people).clone();
    let role = make.rng.one(&[Role::Reader, Role::Editor]).word();
    Some(
        make.call(format!("/users/{spare}"), USERS)
            .json(json!({ "role": role })),
    )
}

/// Whom a bot may introduce it may name: that adds nothing to what anybody sees.
pub fn introduce(make: &mut Maker<'_>) -> Option<Call> {
    let person = make.rng.below(make.before.people.len());
    let bot = match make.who {
        Who::Bot(bot) if make.rng.percent(60) => bot,
        _ => make.rng.below(make.before.bots.len()),
    };
    let mut code = make.before.bots[bot].code.clone();
    if make.rng.percent(10) {
        code = make.word();
    }
    let telegram_id = make.before.people[person].telegram_id;
    let body = json!({"bot": code, "telegram_id": telegram_id, "first_name": "Анна"});
    Some(make.call("/users/from-telegram", Need::Nothing).json(body))
}

fn a_subscription(make: &mut Maker<'_>) -> (usize, String) {
    let own = match make.who {
        Who::Named { bot, person } if make.rng.percent(40) => make
            .before
            .subscriptions
            .iter()
            .position(|of| (of.bot, of.person) == (bot, person)),
        _ => None,
    };
    let at = own.unwrap_or_else(|| make.rng.below(make.before.subscriptions.len()));
    let id = make.before.subscriptions[at].id.clone();
    if make.refused(Need::Subscription(at)).is_some() {
        make.stolen = Some(id.clone());
    }
    (at, id)
}

pub fn subscription(make: &mut Maker<'_>) -> Option<Call> {
    let (at, id) = a_subscription(make);
    let call = make.call(format!("/subscriptions/{id}"), Need::Subscription(at));
    Some(match &make.before.subscriptions[at].word {
        Some(word) => call.finds(word),
        None => call,
    })
}

pub fn patch_subscription(make: &mut Maker<'_>) -> Option<Call> {
    let (at, id) = a_subscription(make);
    let need = Need::Subscription(at);
    let patch = if make.refused(need).is_some() {
        let word = make.word();
        json!({"lang": word, "kbs": [word]})
    } else {
        json!({"lang": "en"})
    };
    let (_, path) = make.operation.split_once(' ').expect("method and path");
    let version = *make.rng.one(&["\"1\"", "\"2\"", "*", "x"]);
    let mut call = make
        .call(path.replace("{id}", &id), need)
        .header("if-match", version);
    call.body = Body::Raw("application/merge-patch+json", patch.to_string());
    Some(call)
}

pub fn bots(make: &mut Maker<'_>) -> Option<Call> {
    let query = make.query(Vec::new());
    Some(make.call(format!("/bots{query}"), BOTS))
}

/// The code is always one that is taken.
pub fn create_bot(make: &mut Maker<'_>) -> Option<Call> {
    let bot = make.rng.below(make.before.bots.len());
    let code = &make.before.bots[bot].code;
    let body = json!({"code": code, "name": code});
    let key = make.idempotency_key();
    Some(
        make.call("/bots", Need::Never)
            .json(body)
            .header("idempotency-key", key),
    )
}

/// A bot that calls, for those who may not do this to it; a spare one for the others.
fn bot_id(make: &mut Maker<'_>, need: Need) -> String {
    if make.refused(need).is_some() {
        let bot = make.rng.below(make.before.bots.len());
        return make.before.bots[bot].id.clone();
    }
    make.rng.one(&make.before.spare.bots).clone()
}

pub fn bot(make: &mut Maker<'_>) -> Option<Call> {
    let (_, path) = make.operation.split_once(' ').expect("method and path");
    let bot = make.rng.below(make.before.bots.len());
    let id = make.before.bots[bot].id.clone();
    if make.refused(Need::Bot(bot)).is_some() {
        make.stolen = Some(id.clone());
    }
    Some(make.call(path.replace("{id}", &id), Need::Bot(bot)))
}

pub fn update_bot(make: &mut Maker<'_>) -> Option<Call> {
    let body = if make.refused(BOTS).is_some() {
        json!({"max_role": "admin"})
    } else {
        let kb = make.kb();
        json!({"default_knowledge_bases": [make.before.kbs[kb].id]})
    };
    let id = bot_id(make, BOTS);
    Some(make.call(format!("/bots/{id}"), BOTS).json(body))
}

pub fn end_bot(make: &mut Maker<'_>) -> Option<Call> {
    let (_, path) = make.operation.split_once(' ').expect("method and path");
    let id = bot_id(make, BOTS);
    Some(make.call(path.replace("{id}", &id), BOTS))
}

pub fn switch_bot(make: &mut Maker<'_>) -> Option<Call> {
    end_bot(make)
}

pub fn tokens(make: &mut Maker<'_>) -> Option<Call> {
    end_bot(make)
}

pub fn issue_token(make: &mut Maker<'_>) -> Option<Call> {
    let id = bot_id(make, BOTS);
    let path = format!("/bots/{id}/tokens");
    Some(make.call(path, BOTS).json(json!({"name": "more"})))
}

pub fn revoke_token(make: &mut Maker<'_>) -> Option<Call> {
    let (bot, token) = if make.refused(BOTS).is_some() {
        let bot = make.rng.below(make.before.bots.len());
        let bot = &make.before.bots[bot];
        (bot.id.clone(), bot.token_id.clone())
    } else {
        let token = make.rng.one(&make.before.spare.tokens).clone();
        (make.before.bots[0].id.clone(), token)
    };
    Some(make.call(format!("/bots/{bot}/tokens/{token}"), BOTS))
}

pub fn keys(make: &mut Maker<'_>) -> Option<Call> {
    let query = make.query(Vec::new());
    Some(make.call(format!("/api-keys{query}"), KEYS))
}

pub fn create_key(make: &mut Maker<'_>) -> Option<Call> {
    let kb = make.kb();
    let kbs = [make.before.kbs[kb].id.clone()];
    let role = make.rng.one(&Role::ALL).word();
    let mut body = json!({"name": "more", "role": role, "knowledge_bases": kbs});
    if make.rng.percent(50) {
        body["scopes"] = json!(["read", make.word()]);
    }
    Some(make.call("/api-keys", KEYS).json(body))
}

fn key_id(make: &mut Maker<'_>) -> String {
    if make.refused(KEYS).is_some() {
        let key = make.rng.below(make.before.keys.len());
        return make.before.keys[key].id.clone();
    }
    make.rng.one(&make.before.spare.keys).clone()
}

pub fn key(make: &mut Maker<'_>) -> Option<Call> {
    let id = key_id(make);
    Some(make.call(format!("/api-keys/{id}"), KEYS))
}

pub fn update_key(make: &mut Maker<'_>) -> Option<Call> {
    let id = key_id(make);
    let body = match make.rng.below(3) {
        0 => json!({"knowledge_bases": null}),
        1 => json!({"role": "admin", "scopes": null}),
        _ => json!({"scopes": ["ask", "read"]}),
    };
    Some(make.call(format!("/api-keys/{id}"), KEYS).json(body))
}

pub fn revoke_key(make: &mut Maker<'_>) -> Option<Call> {
    key(make)
}

pub fn me(make: &mut Maker<'_>) -> Option<Call> {
    Some(make.call("/auth/me", Need::Nothing))
}

pub fn sign_in(make: &mut Maker<'_>) -> Option<Call> {
    let person = make.rng.below(make.before.people.len());
    let telegram_id = make.before.people[person].telegram_id;
    let bot = make.rng.below(make.before.bots.len());
    let code = make.before.bots[bot].code.clone();
    let good = init_data(BOT_TOKEN, telegram_id, NOW);
    let body = match make.rng.below(5) {
        0 => json!({"bot": code, "method": "init_data", "init_data": good}),
        1 => json!({"bot": code, "method": "init_data", "init_data": good, "session": "cookie"}),
        2 => {
            json!({"bot": code, "method": "init_data", "init_data": format!("{good}&x={}", make.word())})
        }
        3 => json!({"bot": make.word(), "method": "init_data", "init_data": good}),
        _ => json!({"bot": code, "method": make.word(), "id_token": make.word()}),
    };
    Some(make.call("/auth/telegram", Need::Nothing).json(body))
}

/// Sessions end between the requests, where the model follows.
pub fn sign_out(make: &mut Maker<'_>) -> Option<Call> {
    let ends = matches!(make.who, Who::Session(_));
    (!ends).then(|| make.call("/auth/logout", Need::Nothing).json(Value::Null))
}
