//! Several models in order: the first one that begins to answer, answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use nexus_domain::{ChatError, ChatModel, ChatReply, ChatRequest};
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
    /// Set while it rests, and while it is tried after a rest.
    resting_until: Mutex<Option<Instant>>,
}

impl Fallback {
    pub fn new(models: Vec<Arc<dyn ChatModel>>, rest: Duration) -> Self {
        let member = |model| Member {
            model,
            resting_until: Mutex::default(),
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
    fn set(&self, until: Option<Instant>) {
        *self.resting_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// Whether it may be asked now. Whoever asks after a rest is the only one until it is known how that went.
    fn is_up(&self, rest: Duration) -> bool {
        let mut until = self.resting_until.lock().unwrap_or_else(PoisonError::into_inner);
        match *until {
            Some(end) if Instant::now() < end => false,
            Some(_) => {
                *until = Some(Instant::now() + rest);
                true
            }
            None => true,
        }
    }

    fn rest_after(&self, error: &ChatError, rest: Duration) {
        match error {
            // The request's fault: the next one may be answered.
            ChatError::BadRequest(_) => {}
            ChatError::RateLimited {
                retry_after: Some(asked),
            } => self.set(Some(Instant::now() + (*asked).max(rest).min(MAX_REST))),
            _ => self.set(Some(Instant::now() + rest)),
        }
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
                    member.set(None);
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
}
