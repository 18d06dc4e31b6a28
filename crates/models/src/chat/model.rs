//! One model at one address, behind the port.

use async_trait::async_trait;
use nexus_domain::{CallOutcome, ChatError, ChatModel, ChatReply, ChatRequest};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::Instrument as _;
use url::Url;

use super::openai::Api;
use super::options::{ChatEndpoint, ChatOptions};
use super::reply::Reply;
use super::{backoff, transport};
use crate::error::ModelError;

/// A model of a service that speaks the OpenAI chat completions API.
#[derive(Debug)]
pub struct OpenAiChat {
    api: Api,
    name: String,
    /// Host and port of the address.
    provider: String,
    options: ChatOptions,
}

impl OpenAiChat {
    /// Connects to nothing yet.
    pub fn new(endpoint: &ChatEndpoint, options: ChatOptions) -> Result<Self, ModelError> {
        let http = transport::client(&endpoint.base, options.times.connect)?;
        Ok(Self {
            api: Api::new(endpoint, http)?,
            name: endpoint.model.clone(),
            provider: provider(&endpoint.base),
            options,
        })
    }

    /// Asks once, and waits for the first word until `give_up`.
    async fn attempt(
        &self,
        request: &ChatRequest,
        give_up: Instant,
        deadline: Instant,
    ) -> Result<ChatReply, ChatError> {
        let times = &self.options.times;
        let call = request.calls.open(&self.provider, &self.name);
        let opening = async {
            let pieces = match self.api.open(request).await {
                Ok(pieces) => pieces,
                Err(error) => return Err((error, None)),
            };
            // A model that thinks for long before its first word has its price, too.
            call.begins();
            let mut reply = Reply::new(pieces, times.between_tokens, deadline);
            match reply.first().await {
                Ok(first) => Ok((reply, first)),
                Err(error) => Err((error, reply.usage())),
            }
        };
        let opened = timeout_at((Instant::now() + times.first_token).min(give_up), opening).await;
        match opened {
            Ok(Ok((reply, first))) => Ok(ChatReply {
                model: self.name.clone(),
                events: reply.into_stream(first, call),
            }),
            Ok(Err((error, usage))) => {
                call.end(CallOutcome::Failed, usage);
                Err(error)
            }
            // Given up by us: the provider may be at work on it all the same, so it was cut.
            Err(_) => {
                drop(call);
                Err(ChatError::TimedOut("no first word came in time".to_owned()))
            }
        }
    }

    /// Asks as often as its options allow.
    async fn ask(&self, request: ChatRequest) -> Result<ChatReply, ChatError> {
        let ChatOptions { times, retries } = self.options;
        let started = Instant::now();
        let deadline = started + times.total;
        let give_up = (started + retries.total).min(deadline);
        let mut attempts = 1;
        loop {
            let error = match self.attempt(&request, give_up, deadline).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let wait = backoff::wait(&error, attempts, retries.first_wait, rand::random());
            let fits = |wait: &_| attempts < retries.attempts && Instant::now() + *wait < give_up;
            let Some(wait) = wait.filter(fits) else {
                return Err(error);
            };
            tracing::debug!(model = self.name, %error, attempts, ?wait, "the chat model is asked again");
            sleep(wait).await;
            attempts += 1;
        }
    }
}

/// Host, and port where it is not the scheme's own.
pub fn provider(base: &Url) -> String {
    let host = base.host_str().unwrap_or_default();
    match base.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[async_trait]
impl ChatModel for OpenAiChat {
    fn name(&self) -> &str {
        &self.name
    }

    async fn chat(&self, request: ChatRequest) -> Result<ChatReply, ChatError> {
        // Up to the first word; what is said after it, the caller reads.
        let span = tracing::info_span!(target: "nexus_trace", "model.request");
        self.ask(request).instrument(span).await
    }
}
