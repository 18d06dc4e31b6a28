//! The kinds of callers, in the order of the table's columns.

use serde_json::{Value, json};

use crate::api::{Api, text};
use crate::chats::Talk;
use crate::refused;
use crate::table::Verdict;
use crate::things::{Bot, Person};
use crate::world::{SHORT_LIFE, World};

/// What makes a caller what it is in one knowledge base, for the making of another where it is the same.
#[derive(Clone)]
pub enum Standing {
    /// Whatever it is, it is that everywhere.
    Anywhere,
    /// In ours.
    Member(&'static str),
    /// A key as this describes it; held to one knowledge base if it has such a field.
    Key(Value),
}

#[derive(Clone)]
pub struct Caller {
    pub name: &'static str,
    pub api: Api,
    /// The person whom it calls for, or somebody who uses it where it is a bot.
    pub person: Person,
    /// Whether a bot names that person.
    pub is_named: bool,
    /// The bot which it is, or through which it comes.
    pub bot: String,
    pub bot_code: &'static str,
    /// The person's use of that bot; and of another one, where there is that.
    pub subscription: String,
    pub other_subscription: String,
    /// What the person and that bot have said to each other; and the person and another one, where there is that.
    pub talk: Talk,
    pub other_talk: Talk,
    /// An answer to a question of its own.
    pub answer: String,
    /// The key which it is.
    pub key: String,
    pub standing: Standing,
}

pub struct Callers {
    /// Each has a column.
    pub in_table: Vec<Caller>,
    /// A session in a cookie: with its CSRF token it is as the session's column says, without it changes nothing.
    pub with_csrf: Caller,
    pub without_csrf: Caller,
    pub session_column: usize,
    /// Who is turned away whatever they ask for.
    pub refused: Vec<(Caller, Verdict)>,
}

const OWNER: &str = "an owner";

const SCOPES: [(&str, &str); 8] = [
    ("a key to ask", "ask"),
    ("a key to read", "read"),
    ("a key to ingest", "ingest"),
    ("a key to manage", "manage"),
    ("a key for users", "users"),
    ("a key for bots", "bots"),
    ("a key for keys", "keys"),
    ("a key for logs", "logs"),
];

impl Callers {
    pub async fn build(world: &World) -> Self {
        // What ends by time begins before time passes.
        let expired = refused::short_lived(world).await;
        world.app.clock.advance(SHORT_LIFE);
        let mut callers = vec![Caller::program(world, "the operator", &world.operator, "")];
        callers[0].key = own_key(world).await;
        callers.extend(people(world).await);
        let owner = callers.iter().find(|caller| caller.name == OWNER);
        let owner = owner.unwrap().clone();
        callers.push(through_a_narrow_bot(world, &owner).await);
        let session_column = callers.len();
        let session = world.sign_in(owner.person.telegram_id, false).await;
        let session = owner.calling("an owner with a session", session);
        callers.push(session);
        callers.extend(bots(world).await);
        callers.extend(keys(world).await);
        for caller in &mut callers {
            caller.answer = world.answer_for(caller).await;
        }
        let session = callers[session_column].clone();
        world.gone.delete(world).await;
        let (with_csrf, without_csrf) = world.cookies(owner.person.telegram_id).await;
        Self {
            in_table: callers,
            with_csrf: session.calling("a cookie with its token", with_csrf),
            without_csrf: session.calling("a cookie without its token", without_csrf),
            session_column,
            refused: refused::callers(world, &session, expired).await,
        }
    }

    pub fn kinds(&self) -> usize {
        self.in_table.len() + 2 + self.refused.len()
    }
}

impl Caller {
    /// The same person by a session.
    fn calling(&self, name: &'static str, api: Api) -> Self {
        Self {
            name,
            api,
            is_named: false,
            ..self.clone()
        }
    }

    /// Who is nobody's person: what is "own" to it is the neighbour's.
    pub fn program(world: &World, name: &'static str, api: &Api, key: &str) -> Self {
        Self {
            name,
            api: api.clone(),
            person: world.passer_by.clone(),
            is_named: false,
            bot: world.docs.id.clone(),
            bot_code: world.docs.code,
            subscription: String::new(),
            other_subscription: String::new(),
            talk: world.neighbours.clone(),
            other_talk: Talk::default(),
            answer: String::new(),
            key: if key.is_empty() { &world.key } else { key }.to_owned(),
            standing: Standing::Anywhere,
        }
    }

    async fn of_bot(world: &World, name: &'static str, bot: &Bot, person: Person) -> Self {
        Self {
            subscription: world.subscription(&person.user, bot).await,
            talk: world.talk(bot, &person).await,
            person,
            bot: bot.id.clone(),
            bot_code: bot.code,
            ..Self::program(world, name, &bot.api, "")
        }
    }

    async fn named_by(world: &World, name: &'static str, bot: &Bot, person: Person) -> Self {
        Self {
            api: bot.api.named(person.telegram_id),
            is_named: true,
            ..Self::of_bot(world, name, bot, person).await
        }
    }
}

async fn people(world: &World) -> Vec<Caller> {
    let kinds = [
        ("an admin", 1, Some("admin"), None),
        ("an editor in general", 2, Some("editor"), None),
        (OWNER, 3, None, Some("owner")),
        ("an editor", 4, None, Some("editor")),
        ("a reader", 5, None, Some("reader")),
        ("a stranger", 6, None, None),
    ];
    let mut people = Vec::new();
    for (name, telegram_id, general, member) in kinds {
        let person = world.docs.person(telegram_id).await;
        if let Some(role) = general {
            let path = format!("/users/{}", person.user);
            let (status, reply) = world.operator.patch(&path, &json!({ "role": role })).await;
            assert_eq!(status, 200, "{reply}");
        }
        if let Some(role) = member {
            for kb in [&world.ours, &world.gone.kb] {
                world.set_member(&kb.id, &person.user, role).await;
            }
        }
        let mut caller = Caller::named_by(world, name, &world.docs, person).await;
        caller.standing = member.map_or(Standing::Anywhere, Standing::Member);
        if name == OWNER {
            world.narrow.person(telegram_id).await;
            caller.other_subscription = world.subscription(&caller.person.user, &world.narrow).await;
            caller.other_talk = world.talk(&world.narrow, &caller.person).await;
        }
        people.push(caller);
    }
    people
}

async fn through_a_narrow_bot(world: &World, owner: &Caller) -> Caller {
    let name = "an owner through a bot for readers";
    Caller {
        standing: owner.standing.clone(),
        other_subscription: owner.subscription.clone(),
        other_talk: owner.talk.clone(),
        ..Caller::named_by(world, name, &world.narrow, owner.person.clone()).await
    }
}

async fn bots(world: &World) -> Vec<Caller> {
    let (guest, neighbour) = (&world.guest, &world.neighbour);
    vec![
        Caller::of_bot(world, "a bot", &world.docs, neighbour.clone()).await,
        Caller::of_bot(world, "a bot that ours is open to", &world.kiosk, guest.clone()).await,
        Caller::named_by(world, "a person of that bot", &world.kiosk, guest.clone()).await,
    ]
}

async fn keys(world: &World) -> Vec<Caller> {
    let (ours, theirs) = (&world.ours.id, &world.theirs.id);
    let kinds = [
        ("a reader's key", json!({"role": "reader"})),
        ("an editor's key", json!({"role": "editor"})),
        (
            "a key for theirs",
            json!({"role": "admin", "knowledge_bases": [theirs]}),
        ),
        (
            "a key for ours",
            json!({"role": "admin", "knowledge_bases": [ours]}),
        ),
        (
            "a key to ask ours",
            json!({"role": "admin", "knowledge_bases": [ours], "scopes": ["ask"]}),
        ),
    ];
    let of_one_scope = SCOPES.map(|(name, scope)| (name, json!({"role": "admin", "scopes": [scope]})));
    let mut keys = Vec::new();
    for (name, body) in kinds.into_iter().chain(of_one_scope) {
        let (id, api) = world.make_key(&body).await;
        let mut caller = Caller::program(world, name, &api, &id);
        caller.standing = Standing::Key(body);
        keys.push(caller);
    }
    keys
}

async fn own_key(world: &World) -> String {
    let (_, me) = world.operator.get("/auth/me").await;
    text(&me["api_key"]["id"])
}
