//! An answer as it comes about.

use std::pin::Pin;

use futures::{Stream, StreamExt as _, stream};
use nexus_domain::ChunkId;
use tokio::sync::mpsc;
use tracing::Instrument as _;

use super::{Answer, Answering};
use crate::error::RagError;
use crate::retrieve::{Question, Retrieval};

/// Events that wait for their reader; the model is not read on while they do.
const QUEUE: usize = 16;

#[derive(Clone, Debug, PartialEq)]
pub enum AnswerEvent {
    /// First: what was found. For a written answer, what the model was given to read.
    Retrieved(Box<Retrieval>),
    /// More text of a written answer.
    Delta(AnswerDelta),
    /// Last: the whole answer. It is what counts; where a model failed on its way, it replaces the deltas.
    Done(Box<Answer>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerDelta {
    /// Its marks name sources that exist, by the numbers of the answer's citations.
    pub text: String,
    /// Numbers that stand here for the first time, and the passages that they mean.
    pub cited: Vec<(u32, ChunkId)>,
}

/// Ends after [`AnswerEvent::Done`] or an error. Dropping it cancels the call to the model.
pub type AnswerStream = Pin<Box<dyn Stream<Item = Result<AnswerEvent, RagError>> + Send>>;

/// Where events go, if anybody listens.
#[derive(Debug)]
pub(super) struct Listener(Option<mpsc::Sender<Result<AnswerEvent, RagError>>>);

impl Listener {
    pub(super) const NOBODY: Self = Self(None);

    pub(super) async fn tell(&self, event: impl FnOnce() -> AnswerEvent + Send) {
        if self.0.is_some() {
            self.send(Ok(event())).await;
        }
    }

    async fn send(&self, event: Result<AnswerEvent, RagError>) {
        if let Some(sender) = &self.0 {
            // A reader that went away drops the whole stream, and this with it.
            let _ = sender.send(event).await;
        }
    }
}

impl Answering {
    /// The answer as it comes about. Everything runs while the stream is read, and only then.
    pub fn stream(self, question: Question) -> AnswerStream {
        let (sender, receiver) = mpsc::channel(QUEUE);
        // Of whoever asks: what is read later runs outside of their span.
        let span = tracing::info_span!(target: "nexus_trace", "question", found = tracing::field::Empty);
        let running = async move {
            let listener = Listener(Some(sender));
            let answer = self.respond(&question, &listener).await;
            if let Ok(answer) = &answer {
                tracing::Span::current().record("found", answer.found);
            }
            let last = answer.map(|answer| AnswerEvent::Done(Box::new(answer)));
            listener.send(last).await;
        }
        .instrument(span);
        let events = stream::unfold(receiver, |mut receiver| async {
            let event = receiver.recv().await?;
            Some((event, receiver))
        });
        let running = stream::once(running).filter_map(|()| async { None });
        stream::select(events, running).boxed()
    }
}
