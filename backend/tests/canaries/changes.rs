//! Rights change: what the product grants, the model does too.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::text;
use crate::build::{add_kb, feed, look_up, operate, planned, sign_in, token};
use crate::calls::Call;
use crate::client::Client;
use crate::rng::Rng;
use crate::words;
use crate::world::{KbRole, Need, Role, Who, World};

/// A change of who may use one knowledge base.
pub struct Grant {
    who: Who,
    method: Method,
    path: String,
    body: Value,
    /// Somebody whom it concerns, and where.
    pub changed: (usize, usize),
}

/// Changes in as many knowledge bases, each in another one: so every caller sees each of them either as before or as after,
/// whichever of the changes are through. And the model after them.
pub fn grants(before: &World, rng: &mut Rng, many: usize) -> (World, Vec<Grant>) {
    let mut after = before.clone();
    let mut live = before.live();
    let mut grants = Vec::new();
    for _ in 0..many {
        let kb = live.swap_remove(rng.below(live.len()));
        let (method, path, body, person) = change(before, &mut after, kb, rng);
        grants.push(Grant {
            who: owner(before, kb, rng),
            path: format!("/knowledge-bases/{}{path}", before.kbs[kb].id),
            method,
            body,
            changed: (person, kb),
        });
    }
    (after, grants)
}

fn change(before: &World, after: &mut World, kb: usize, rng: &mut Rng) -> (Method, String, Value, usize) {
    let of = &mut after.kbs[kb];
    let members: Vec<usize> = of.members.keys().copied().collect();
    let anybody = rng.below(before.people.len());
    let member = rng.any(&members).copied();
    let path = |person: usize| format!("/members/{}", before.people[person].id);
    match (rng.below(10), member) {
        (0..4, Some(person)) if members.len() > 4 => {
            of.members.remove(&person);
            (Method::DELETE, path(person), Value::Null, person)
        }
        (4 | 5, _) => {
            let bot = rng.below(before.bots.len());
            let opens = !of.bots.remove(&bot);
            if opens {
                of.bots.insert(bot);
            }
            let method = if opens { Method::PUT } else { Method::DELETE };
            (
                method,
                format!("/bots/{}", before.bots[bot].id),
                json!({}),
                anybody,
            )
        }
        (6, _) if of.public || rng.percent(20) => {
            of.public = !of.public;
            let word = if of.public { "everyone" } else { "private" };
            (
                Method::PATCH,
                String::new(),
                json!({ "visibility": word }),
                anybody,
            )
        }
        _ => {
            let person = member.filter(|_| rng.percent(40)).unwrap_or(anybody);
            let role = *rng.one(&KbRole::ALL);
            of.members.insert(person, role);
            (Method::PUT, path(person), json!({"role": role.word()}), person)
        }
    }
}

/// An owner of it who may change it through one of their bots, or the operator.
fn owner(world: &World, kb: usize, rng: &mut Rng) -> Who {
    let need = Need::InKb(kb, KbRole::Owner, "manage");
    let owners = world.kbs[kb].members.keys().flat_map(|person| {
        let bots = world.people[*person].bots.iter();
        bots.map(|bot| Who::Named {
            bot: *bot,
            person: *person,
        })
    });
    let owners: Vec<Who> = owners.filter(|who| world.allows(*who, need)).collect();
    rng.any(&owners)
        .filter(|_| rng.percent(70))
        .copied()
        .unwrap_or(Who::Operator)
}

impl Grant {
    pub async fn make(&self, client: &Client, world: &World) {
        let (status, reply) = client
            .act(world, self.who, self.method.clone(), &self.path, Some(&self.body))
            .await;
        assert!(
            status < 300,
            "{:?} {} {} {}: {status} {reply}",
            self.who,
            self.method,
            self.path,
            self.body
        );
    }
}

/// One change of another kind, made alone.
pub async fn other(client: &Client, world: &mut World, rng: &mut Rng) {
    match rng.below(9) {
        0 | 1 => change_person(client, world, rng).await,
        2 => change_bot(client, world, rng).await,
        3 => change_key(client, world, rng).await,
        4 | 5 => change_session(client, world, rng).await,
        6 => change_token(client, world, rng).await,
        7 => rename(client, world, rng).await,
        _ => add(client, world, rng).await,
    }
}

/// A role or a block; the first people stay admins.
async fn change_person(client: &Client, world: &mut World, rng: &mut Rng) {
    let among = *rng.one(&[40, world.people.len() - 4]);
    let person = 4 + rng.below(among);
    let (role, blocked) = if rng.percent(60) {
        (*rng.one(&Role::ALL), world.people[person].blocked)
    } else {
        (world.people[person].role, !world.people[person].blocked)
    };
    let path = format!("/users/{}", world.people[person].id);
    let body = json!({"role": role.word(), "blocked": blocked});
    operate(client, world, Method::PATCH, &path, &body).await;
    let of = &mut world.people[person];
    (of.role, of.blocked) = (role, blocked);
    // A block ends their sessions for good.
    for session in world.sessions.iter_mut().filter(|_| blocked) {
        session.ended |= session.person == person;
    }
}

/// What it lets people do, or whether it is on: at most one is off.
async fn change_bot(client: &Client, world: &mut World, rng: &mut Rng) {
    let off = world.bots.iter().position(|bot| !bot.active);
    let at = off.unwrap_or_else(|| rng.below(world.bots.len()));
    let path = format!("/bots/{}", world.bots[at].id);
    if off.is_some() || rng.percent(40) {
        let word = if off.is_some() { "enable" } else { "disable" };
        operate(
            client,
            world,
            Method::POST,
            &format!("{path}/{word}"),
            &Value::Null,
        )
        .await;
        world.bots[at].active = off.is_some();
    } else {
        let role = *rng.one(&Role::ALL);
        let body = json!({"max_role": role.word()});
        operate(client, world, Method::PATCH, &path, &body).await;
        world.bots[at].max_role = role;
    }
}

async fn change_key(client: &Client, world: &mut World, rng: &mut Rng) {
    let at = 3 + rng.below(world.keys.len() - 3);
    let live = world.live();
    let kbs = (0..1 + rng.below(4)).map(|_| *rng.one(&live)).collect();
    let kbs: Option<std::collections::BTreeSet<usize>> = rng.percent(85).then_some(kbs);
    let ids = kbs.as_ref().map(|kbs| {
        let ids = kbs.iter().map(|kb| world.kbs[*kb].id.clone());
        ids.collect::<Vec<_>>()
    });
    let role = *rng.one(&Role::ALL);
    let path = format!("/api-keys/{}", world.keys[at].id);
    let body = json!({"role": role.word(), "knowledge_bases": ids});
    operate(client, world, Method::PATCH, &path, &body).await;
    let key = &mut world.keys[at];
    (key.role, key.kbs) = (role, kbs);
}

/// Somebody signs out, or in again.
async fn change_session(client: &Client, world: &mut World, rng: &mut Rng) {
    let ended = world.sessions.iter().position(|session| session.ended);
    let at = ended.unwrap_or_else(|| rng.below(world.sessions.len()));
    if !world.sessions[at].ended {
        let who = Who::Session(at);
        if world.role(who).is_some() {
            let path = "/auth/logout";
            let (status, reply) = client
                .act(world, who, Method::POST, path, Some(&Value::Null))
                .await;
            assert_eq!(status, 204, "{reply}");
            world.sessions[at].ended = true;
        }
        return;
    }
    let mut of = rng.one(&world.subscriptions).clone();
    while world.people[of.person].blocked || !world.bots[of.bot].active {
        of = rng.one(&world.subscriptions).clone();
    }
    let token = sign_in(client, world, of.person, of.bot).await;
    world.sessions[at] = crate::world::Session {
        person: of.person,
        bot: of.bot,
        token,
        ended: false,
    };
}

/// A new token of a bot, and the old one ends.
async fn change_token(client: &Client, world: &mut World, rng: &mut Rng) {
    let at = rng.below(world.bots.len());
    let (id, old) = (world.bots[at].id.clone(), world.bots[at].token_id.clone());
    let (new, new_id) = token(client, world, &id).await;
    let path = format!("/bots/{id}/tokens/{old}");
    operate(client, world, Method::DELETE, &path, &Value::Null).await;
    (world.bots[at].token, world.bots[at].token_id) = (new, new_id);
}

/// One more word, in the name. What was sent under the old name is known by the old word.
async fn rename(client: &Client, world: &mut World, rng: &mut Rng) {
    let kb = *rng.one(&world.live());
    let word = words::latin(rng);
    let name = format!("atlas {word}");
    let path = format!("/knowledge-bases/{}", world.kbs[kb].id);
    world.own(kb, word);
    operate(client, world, Method::PATCH, &path, &json!({ "name": name })).await;
    world.kbs[kb].name = name;
}

/// An editor makes a knowledge base and feeds it.
async fn add(client: &Client, world: &mut World, rng: &mut Rng) {
    let people = (0..world.people.len()).flat_map(|person| {
        let bots = world.people[person].bots.iter();
        bots.map(move |bot| Who::Named { bot: *bot, person })
    });
    let need = Need::General(Role::Editor, "manage");
    let makers: Vec<Who> = people.filter(|who| world.allows(*who, need)).collect();
    if let Some(who) = rng.any(&makers).copied() {
        make(client, world, rng, who).await;
    }
}

async fn make(client: &Client, world: &mut World, rng: &mut Rng, who: Who) {
    let mut kb = planned(world.kbs.len(), rng);
    kb.public = false;
    if let Who::Named { person, .. } = who {
        kb.members.insert(person, KbRole::Owner);
    }
    let body = json!({"name": kb.name, "description": kb.description});
    let at = add_kb(world, kb);
    // Others use the same key for other knowledge bases.
    let api = client
        .api(world, who)
        .header("idempotency-key", format!("mine-{}", at % 7));
    let (mut status, mut made) = api.post("/knowledge-bases", &body).await;
    if status == 422 {
        // The same person again.
        (status, made) = client.api(world, who).post("/knowledge-bases", &body).await;
    }
    assert_eq!((status, &made["name"]), (201, &body["name"]), "{who:?}: {made}");
    world.kbs[at].id = text(&made["id"]);
    feed(client, world, at).await;
    let path = format!("/ingestion/tasks?knowledge_base={}", world.kbs[at].id);
    let tasks = operate(client, world, Method::GET, &path, &Value::Null).await;
    for task in tasks["items"].as_array().unwrap() {
        let id = text(&task["id"]);
        let mut events = Call::of_operator("GET /ingestion/tasks/{id}/events");
        events.path = format!("/ingestion/tasks/{id}/events");
        client.send(world, &events).await;
    }
    look_up(client, world, &[at]).await;
}
