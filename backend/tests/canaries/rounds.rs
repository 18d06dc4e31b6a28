//! Rounds of requests. Between most of them rights change; in every fourth they change while the requests run, and each
//! answer has to fit the model before or after.

use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt as _;

use crate::build::look_up;
use crate::calls::{Call, Loot};
use crate::changes::{self, Grant};
use crate::client::{Answer, Client};
use crate::gone;
use crate::operations::Operation;
use crate::oracle::{Oracle, Shown};
use crate::report::Report;
use crate::rng::Rng;
use crate::trials::Trials;
use crate::words;
use crate::world::World;

const AT_ONCE: usize = 12;
const ROUND: usize = 400;
const GRANTS: usize = 8;
const OTHERS: usize = 2;
/// Of a hundred refusals about somebody else's thing, so many are compared with one about nothing.
const TWINS_PERCENT: usize = 10;
const MOST_CURSORS: usize = 200;
const MOST_FAILURES: usize = 25;

/// What one request came to.
pub struct Outcome {
    call: Call,
    answer: Answer,
    judged: Result<Shown, String>,
    twins: usize,
}

/// The models around a round, and whether they are the same.
#[derive(Clone)]
pub struct Round {
    client: Client,
    before: Arc<World>,
    after: Arc<World>,
}

pub async fn run(
    client: Client,
    world: World,
    mut rng: Rng,
    contract: &[&'static Operation],
    requests: usize,
) -> Report {
    let started = Instant::now();
    let (mut report, mut loot) = (Report::default(), Loot::default());
    let mut world = world;
    let mut number = 0;
    while report.requests < requests && report.failures.len() < MOST_FAILURES {
        let (after, grants) = changes::grants(&world, &mut rng, GRANTS);
        let meanwhile = number % 4 == 3;
        report.changes += grants.len();
        let before = Arc::new(world);
        let round = Round {
            client: client.clone(),
            after: if meanwhile {
                Arc::new(after.clone())
            } else {
                before.clone()
            },
            before,
        };
        loot.changed = if meanwhile { touched(&grants) } else { loot.changed };
        let trials = Trials {
            before: &round.before,
            after: &round.after,
            loot: &loot,
            contract,
        };
        let many = ROUND.max(contract.len()).min(requests.max(contract.len()));
        let calls = trials.plan(&mut rng, many, number == 0);
        let sent = round.send(calls, &mut rng);
        let outcomes = if meanwhile {
            futures::join!(sent, make(&client, &round.before, &grants)).0
        } else {
            sent.await
        };
        for outcome in outcomes {
            take(&mut report, &mut loot, &round, &outcome);
        }
        if !meanwhile {
            make(&client, &round.before, &grants).await;
        }
        loot.changed = touched(&grants);
        world = after;
        report.changes += between(&client, &mut world, &mut rng).await;
        if number % 5 == 4 {
            gone::delete_and_sweep(&client, &mut world, &mut rng).await;
            report.changes += 1;
        }
        number += 1;
    }
    report.took = started.elapsed();
    report
}

fn touched(grants: &[Grant]) -> Vec<(usize, usize)> {
    grants.iter().map(|grant| grant.changed).collect()
}

async fn make(client: &Client, world: &World, grants: &[Grant]) {
    for grant in grants {
        grant.make(client, world).await;
    }
}

/// Changes that are made while nothing else runs, and a look at what uploads have brought.
async fn between(client: &Client, world: &mut World, rng: &mut Rng) -> usize {
    let live = world.live();
    let some: Vec<usize> = (0..2).map(|_| *rng.one(&live)).collect();
    look_up(client, world, &some).await;
    for _ in 0..OTHERS {
        changes::other(client, world, rng).await;
    }
    OTHERS
}

impl Outcome {
    /// All that is to be known about a wrong answer.
    pub fn failure(&self, round: &Round) -> Option<String> {
        let wrong = self.judged.as_ref().err()?;
        let (call, answer) = (&self.call, &self.answer);
        Some(format!(
            "{wrong}\ncaller {:?}: {}\n{call}=> {} {}\n{}",
            call.who,
            round.before.describe(call.who),
            answer.status,
            answer.headers,
            String::from_utf8_lossy(&answer.body)
        ))
    }
}

impl Round {
    /// Nothing changes meanwhile.
    pub fn quiet(client: &Client, world: Arc<World>) -> Self {
        Self {
            client: client.clone(),
            before: world.clone(),
            after: world,
        }
    }

    pub async fn send(&self, calls: Vec<Call>, rng: &mut Rng) -> Vec<Outcome> {
        let calls = calls.into_iter().map(|call| (call, Rng::new(rng.next())));
        futures::stream::iter(calls)
            .map(|(call, rng)| {
                let round = self.clone();
                tokio::spawn(async move { round.one(call, rng).await })
            })
            .buffer_unordered(AT_ONCE)
            .map(|outcome| outcome.expect("a request does not panic"))
            .collect()
            .await
    }

    async fn one(&self, call: Call, mut rng: Rng) -> Outcome {
        let answer = self.client.send(&self.before, &call).await;
        let oracle = Oracle {
            before: &self.before,
            after: &self.after,
        };
        let mut judged = oracle.judge(&call, &answer);
        let mut twins = 0;
        // While rights change, two answers cannot be compared.
        if let Ok(shown) = &judged
            && Arc::ptr_eq(&self.before, &self.after)
        {
            for (from, to) in others(&call, &answer, shown, &mut rng) {
                twins += 1;
                if let Err(difference) = self.compare(&call, &answer, &from, &to).await {
                    judged = Err(difference);
                    break;
                }
            }
        }
        Outcome {
            call,
            answer,
            judged,
            twins,
        }
    }

    /// The same request about what does not exist: the answer must be the same.
    async fn compare(&self, call: &Call, answer: &Answer, from: &str, to: &str) -> Result<(), String> {
        let twin = call.with(from, to);
        let other = self.client.send(&self.before, &twin).await;
        let plain = |answer: &Answer, word: &str| {
            let text = String::from_utf8_lossy(&answer.body).to_lowercase();
            text.replace(&answer.request_id.to_lowercase(), "ID")
                .replace(word, "WORD")
        };
        let (first, second) = (plain(answer, from), plain(&other, to));
        if (answer.status, &first) == (other.status, &second) {
            Ok(())
        } else {
            Err(format!(
                "about {to}, which nobody has, the answer is another one: {} {second}",
                other.status
            ))
        }
    }
}

/// What stands in a request that is not the caller's, and what takes its place in a twin.
fn others(call: &Call, answer: &Answer, shown: &Shown, rng: &mut Rng) -> Vec<(String, String)> {
    // That a name is taken is told to whoever wants to take it.
    if answer.status == 409 {
        return Vec::new();
    }
    let mut others: Vec<(String, String)> = Vec::new();
    for word in &shown.echoes {
        let like = words::like(word, rng);
        others.push((word.clone(), like.chars().take(word.chars().count()).collect()));
    }
    if let Some(id) = &call.stolen
        && rng.percent(TWINS_PERCENT)
    {
        others.push((id.clone(), rng.id()));
    }
    others
}

fn take(report: &mut Report, loot: &mut Loot, round: &Round, outcome: &Outcome) {
    let (call, answer) = (&outcome.call, &outcome.answer);
    report.count(call.operation, answer.status);
    report.requests += outcome.twins;
    report.twins += outcome.twins;
    if let Some(cursor) = answer.json()["next_cursor"].as_str() {
        if loot.cursors.len() >= MOST_CURSORS {
            loot.cursors.swap_remove(report.requests % MOST_CURSORS);
        }
        loot.cursors.push(cursor.to_owned());
    }
    if let Ok(shown) = &outcome.judged {
        report.words += shown.words;
        report.echoes += shown.echoes.len();
        report.positives += usize::from(shown.found && call.is_plain());
    }
    report.failures.extend(outcome.failure(round));
}
