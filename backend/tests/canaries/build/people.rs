//! Bots, and the people whom they introduce.

use reqwest::Method;
use serde_json::json;

use super::{SPARE, all, operate};
use crate::api::{BOT_TOKEN, text};
use crate::client::Client;
use crate::rng::Rng;
use crate::world::{Bot, Person, Role, Subscription, Who, World};

/// What each bot lets its people do at most.
const BOTS: &[Role] = &[
    Role::Editor,
    Role::Reader,
    Role::Admin,
    Role::Editor,
    Role::Reader,
    Role::Admin,
];

pub async fn bots(client: &Client, world: &mut World) {
    for n in 0..BOTS.len() + SPARE {
        let code = format!("bot{n}");
        let body = json!({"code": code, "name": code, "telegram_token": BOT_TOKEN});
        let made = operate(client, world, Method::POST, "/bots", &body).await;
        let id = text(&made["id"]);
        let Some(max_role) = BOTS.get(n) else {
            world.spare.bots.push(id);
            continue;
        };
        let body = json!({"max_role": max_role.word()});
        operate(client, world, Method::PATCH, &format!("/bots/{id}"), &body).await;
        let (token, token_id) = token(client, world, &id).await;
        world.bots.push(Bot {
            id,
            code,
            token,
            token_id,
            max_role: *max_role,
            active: true,
        });
    }
    for _ in 0..SPARE {
        let id = world.bots[0].id.clone();
        let spare = token(client, world, &id).await.1;
        world.spare.tokens.push(spare);
    }
}

/// A new token of a bot, and its id.
pub async fn token(client: &Client, world: &World, bot: &str) -> (String, String) {
    let path = format!("/bots/{bot}/tokens");
    let issued = operate(client, world, Method::POST, &path, &json!({"name": "t"})).await;
    (text(&issued["token"]), text(&issued["service_token"]["id"]))
}

/// People whom one to three bots have introduced; a few admins and editors, a few blocked; the last ones are spare.
pub async fn people(client: &Client, world: &mut World, rng: &mut Rng, many: usize) {
    let bots = (0..many + SPARE).map(|_| {
        let first = rng.below(BOTS.len());
        let bots = 1 + rng.below(3);
        (0..bots).map(|n| (first + n) % BOTS.len()).collect::<Vec<_>>()
    });
    let bots: Vec<Vec<usize>> = bots.collect();
    let introduced = all(bots
        .iter()
        .enumerate()
        .map(|(n, bots)| introduce(client, world, n, bots)));
    let introduced = introduced.await;
    for (n, (bots, (id, subscriptions))) in bots.into_iter().zip(introduced).enumerate() {
        if n >= many {
            world.spare.people.push(id);
            continue;
        }
        for (bot, subscription) in bots.iter().zip(subscriptions) {
            world.subscriptions.push(Subscription {
                id: subscription,
                person: n,
                bot: *bot,
                word: None,
            });
        }
        world.people.push(Person {
            id,
            telegram_id: telegram_id(n),
            role: Role::Reader,
            blocked: false,
            bots,
        });
    }
    for n in 0..40 {
        let (role, blocked) = match n {
            0..4 => (Role::Admin, false),
            4..30 => (Role::Editor, false),
            _ => (Role::Reader, true),
        };
        let path = format!("/users/{}", world.people[n].id);
        let body = json!({"role": role.word(), "blocked": blocked});
        operate(client, world, Method::PATCH, &path, &body).await;
        (world.people[n].role, world.people[n].blocked) = (role, blocked);
    }
}

fn telegram_id(person: usize) -> i64 {
    1_000 + i64::try_from(person).expect("there are few people")
}

async fn introduce(client: &Client, world: &World, n: usize, bots: &[usize]) -> (String, Vec<String>) {
    let (mut id, mut subscriptions) = (String::new(), Vec::new());
    for bot in bots {
        let code = &world.bots[*bot].code;
        let body = json!({"bot": code, "telegram_id": telegram_id(n), "first_name": "Анна"});
        let path = "/users/from-telegram";
        let (status, reply) = client
            .act(world, Who::Bot(*bot), Method::POST, path, Some(&body))
            .await;
        assert_eq!(status, 200, "{reply}");
        id = text(&reply["user"]["id"]);
        subscriptions.push(text(&reply["subscription"]["id"]));
    }
    (id, subscriptions)
}
