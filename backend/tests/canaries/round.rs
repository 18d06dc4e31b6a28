//! Requests that run together, each judged by the model, and some compared with the same about what does not exist.

use std::sync::Arc;

use futures::StreamExt as _;

use crate::calls::Call;
use crate::client::{Answer, Client};
use crate::oracle::{Oracle, Shown};
use crate::rng::Rng;
use crate::words;
use crate::world::World;

const AT_ONCE: usize = 12;
/// Of a hundred refusals about somebody else's thing, so many are compared with one about nothing.
const TWINS_PERCENT: usize = 10;

/// What one request came to.
pub struct Outcome {
    pub call: Call,
    pub answer: Answer,
    pub judged: Result<Shown, String>,
    /// How often the same was asked about what does not exist.
    pub twins: usize,
}

/// The models before and after what changes meanwhile: the same one where nothing does.
#[derive(Clone)]
pub struct Round {
    pub client: Client,
    pub before: Arc<World>,
    pub after: Arc<World>,
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
