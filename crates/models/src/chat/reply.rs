//! An answer as it comes in: timed from word to word, bounded, and ended properly or with an error.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use nexus_domain::{CallOutcome, ChatEnd, ChatError, ChatEvent, ChatFinish, ChatStream, ChatUsage, OpenCall};
use tokio::time::{Instant, timeout_at};

use super::openai::Pieces;

/// Longest answer, in bytes, whatever number of tokens was asked for.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

pub(super) struct Reply {
    pieces: Pieces,
    between_tokens: Duration,
    deadline: Instant,
    bytes: usize,
    finish: Option<ChatFinish>,
    usage: Option<ChatUsage>,
}

impl Reply {
    pub(super) fn new(pieces: Pieces, between_tokens: Duration, deadline: Instant) -> Self {
        Self {
            pieces,
            between_tokens,
            deadline,
            bytes: 0,
            finish: None,
            usage: None,
        }
    }

    /// The first text. An answer without any is as good as none.
    pub(super) async fn first(&mut self) -> Result<ChatEvent, ChatError> {
        match self.piece_until(self.deadline).await? {
            ChatEvent::End(_) => Err(ChatError::Unavailable("it said nothing".to_owned())),
            delta => Ok(delta),
        }
    }

    /// What the provider has told so far of its tokens.
    pub(super) const fn usage(&self) -> Option<ChatUsage> {
        self.usage
    }

    /// `first`, and what follows; `call` hears of the end.
    pub(super) fn into_stream(self, first: ChatEvent, call: OpenCall) -> ChatStream {
        let rest = stream::unfold(Some((self, call)), |state| async {
            let (mut reply, call) = state?;
            let event = reply.next().await;
            let outcome = match &event {
                Ok(ChatEvent::Delta(_)) => return Some((event, Some((reply, call)))),
                Ok(ChatEvent::End(_)) => CallOutcome::Ok,
                Err(_) => CallOutcome::Failed,
            };
            call.end(outcome, reply.usage);
            Some((event, None))
        });
        stream::iter([Ok(first)]).chain(rest).boxed()
    }

    async fn next(&mut self) -> Result<ChatEvent, ChatError> {
        let until = (Instant::now() + self.between_tokens).min(self.deadline);
        self.piece_until(until).await
    }

    /// The next text, or the end. Events without text do not move the time-out.
    async fn piece_until(&mut self, until: Instant) -> Result<ChatEvent, ChatError> {
        loop {
            let piece = match timeout_at(until, self.pieces.next()).await {
                Ok(Some(Ok(piece))) => piece,
                outcome => return self.ended(outcome.map(Option::transpose)),
            };
            self.finish = piece.finish.or(self.finish);
            self.usage = piece.usage.or(self.usage);
            if !piece.text.is_empty() {
                self.bytes = self.bytes.saturating_add(piece.text.len());
                if self.bytes > MAX_ANSWER_BYTES {
                    return Err(ChatError::Unavailable("its answer is too long".to_owned()));
                }
                return Ok(ChatEvent::Delta(piece.text));
            }
        }
    }

    /// Once the model has said why it ends, nothing that follows can spoil the answer.
    fn ended<T, E>(&self, outcome: Result<Result<T, ChatError>, E>) -> Result<ChatEvent, ChatError> {
        if let Some(finish) = self.finish {
            let usage = self.usage;
            return Ok(ChatEvent::End(ChatEnd { finish, usage }));
        }
        Err(match outcome {
            Ok(Err(error)) => error,
            Ok(Ok(_)) => ChatError::Unavailable("its answer broke off".to_owned()),
            Err(_) => ChatError::TimedOut("the next word did not come in time".to_owned()),
        })
    }
}
