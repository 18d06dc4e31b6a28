//! An answer as it is written, and as it is asked for again.

use std::pin::Pin;

use eventsource_stream::{Event, Eventsource as _};
use futures::{Stream, StreamExt as _};
use nexus_api::{
    Answer, AnswerDelta, ErrorEnvelope, KeptAnswer, MessageFeedback, QueryRequest, SearchResponse,
};
use reqwest::Method;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::ClientError;
use crate::request::Client;

type Events = Pin<Box<dyn Stream<Item = Result<Event, ClientError>> + Send>>;

/// What happens on the way to an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum AnswerEvent {
    /// First: what was found.
    Retrieval(Box<SearchResponse>),
    /// More text.
    Delta(AnswerDelta),
    /// Last: the whole answer. It is what counts, and may differ from the deltas.
    Done(Box<Answer>),
}

/// The events of one answer, up to and including [`AnswerEvent::Done`]. Dropped, it stops the answer.
pub struct AnswerEvents {
    events: Events,
    over: bool,
}

impl std::fmt::Debug for AnswerEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnswerEvents")
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

impl AnswerEvents {
    /// The next event; `None` after the answer or an error. A stream that breaks off is an error.
    pub async fn next(&mut self) -> Option<Result<AnswerEvent, ClientError>> {
        while !self.over {
            let event = match self.events.next().await {
                Some(event) => event.and_then(read),
                None => Err(broken_off()),
            };
            match event {
                // Events that a later server may send.
                Ok(None) => {}
                Ok(Some(event)) => {
                    self.over = matches!(event, AnswerEvent::Done(_));
                    return Some(Ok(event));
                }
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl Client {
    /// Asks, and listens while the answer is written. Asked once: a question that broke off is not repeated.
    pub async fn ask_question_streamed(&self, body: &QueryRequest) -> Result<AnswerEvents, ClientError> {
        let request = self
            .request(Method::POST, "/rag/query")
            .header("accept", "text/event-stream")
            .json(body);
        let response = self.send_once(request).await?;
        let events = response
            .bytes_stream()
            .eventsource()
            .map(|event| event.map_err(|_| broken_off()));
        Ok(AnswerEvents {
            events: Box::pin(events),
            over: false,
        })
    }

    /// An answer as it was given, with what it was made from.
    pub async fn kept_answer(&self, id: Uuid) -> Result<KeptAnswer, ClientError> {
        self.get(&format!("/answers/{id}"), &()).await
    }

    /// What the asker thinks of an answer.
    pub async fn rate_answer(&self, id: Uuid, feedback: &MessageFeedback) -> Result<(), ClientError> {
        let request = self.request(Method::POST, &format!("/answers/{id}/feedback"));
        self.send_once(request.json(feedback)).await.map(drop)
    }
}

fn read(event: Event) -> Result<Option<AnswerEvent>, ClientError> {
    Ok(Some(match event.event.as_str() {
        "retrieval" => AnswerEvent::Retrieval(parsed(event.data)?),
        "delta" => AnswerEvent::Delta(parsed(event.data)?),
        "done" => AnswerEvent::Done(parsed(event.data)?),
        "error" => {
            let envelope: ErrorEnvelope = parsed(event.data)?;
            return Err(ClientError::Api(Box::new(envelope.error)));
        }
        _ => return Ok(None),
    }))
}

fn parsed<T: DeserializeOwned>(text: String) -> Result<T, ClientError> {
    serde_json::from_str(&text).map_err(|_| ClientError::Unexpected { status: 200, text })
}

fn broken_off() -> ClientError {
    ClientError::Unexpected {
        status: 200,
        text: "the answer broke off".to_owned(),
    }
}
