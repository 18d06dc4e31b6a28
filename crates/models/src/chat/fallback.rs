//! Several models in order: the first one that begins to answer, answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use nexus_domain::{ChatError, ChatModel, ChatReply, ChatRequest, Condition};
use tokio::time::Instant;

/// Longest rest that a provider can ask for.
const MAX_REST: Duration = Duration::from_secs(600);

/// Models in the order of preference.
///
/// A model that fails to begin an answer rests for a while and is passed over, so that one that is away does not cost
/// its time-outs at every question. After its rest one question tries it, and the others go on passing it over until
/// that one was answered.
#[derive(Debug)]
pub struct Fallback {
    members: Vec<Member>,
    rest: Duration,
}

#[derive(Debug)]
struct Member {
    model: Arc<dyn ChatModel>,
    /// Set from a failure until an answer: while it rests, and while it is tried after a rest.
    rest: Mutex<Option<Rest>>,
}

#[derive(Clone, Copy, Debug)]
struct Rest {
    until: Instant,
    /// In words that everybody may read.
    why: &'static str,
}

impl Fallback {
    pub fn new(models: Vec<Arc<dyn ChatModel>>, rest: Duration) -> Self {
        let member = |model| Member {
            model,
            rest: Mutex::default(),
        };
        Self {
            members: models.into_iter().map(member).collect(),
            rest,
        }
    }
}

impl Fallback {
    /// The preferred model first, the others as they stand.
    fn in_order<'s>(&'s self, prefer: Option<&str>) -> Vec<&'s Member> {
        let mut members: Vec<&Member> = self.members.iter().collect();
        members.sort_by_key(|member| Some(member.model.name()) != prefer);
        members
    }
}

impl Member {
    fn rest(&self) -> MutexGuard<'_, Option<Rest>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it may be asked now. Whoever asks after a rest is the only one until it is known how that went.
    fn is_up(&self, least: Duration) -> bool {
        match &mut *self.rest() {
            Some(rest) if Instant::now() < rest.until => false,
            Some(rest) => {
                rest.until = Instant::now() + least;
                true
            }
            None => true,
        }
    }

    fn rest_after(&self, error: &ChatError, least: Duration) {
        let wait = match error {
            // The request's fault: the next one may be answered.
            ChatError::BadRequest(_) => return,
            ChatError::RateLimited {
                retry_after: Some(asked),
            } => (*asked).max(least).min(MAX_REST),
            _ => least,
        };
        *self.rest() = Some(Rest {
            until: Instant::now() + wait,
            why: error.kind(),
        });
    }

    fn condition(&self) -> Condition {
        let rest = *self.rest();
        rest.map_or(Condition::Fine, |rest| Condition::Away(rest.why.to_owned()))
    }
}

#[async_trait]
impl ChatModel for Fallback {
    fn name(&self) -> &str {
        self.members.first().map_or("none", |member| member.model.name())
    }

    async fn chat(&self, request: ChatRequest) -> Result<ChatReply, ChatError> {
        let mut last = ChatError::Unavailable("it failed a moment ago and rests".to_owned());
        for member in self.in_order(request.prefer.as_deref()) {
            if !member.is_up(self.rest) {
                continue;
            }
            match member.model.chat(request.clone()).await {
                Ok(reply) => {
                    *member.rest() = None;
                    return Ok(reply);
                }
                Err(error) => {
                    tracing::warn!(model = member.model.name(), %error, "a chat model did not answer");
                    member.rest_after(&error, self.rest);
                    last = error;
                }
            }
        }
        Err(last)
    }

    fn conditions(&self) -> Vec<(String, Condition)> {
        let members = self.members.iter();
        members
            .map(|member| (member.model.name().to_owned(), member.condition()))
            .collect()
    }
}
