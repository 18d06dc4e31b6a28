//! An answer as server-sent events, while it comes about.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse as _, Response, Sse};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, stream};
use nexus_domain::{Access, KbId};
use nexus_rag::{AnswerEvent, FreeEvent};
use serde::Serialize;
use tracing::Span;

use super::error::ApiError;
use super::request_id::RequestId;
use super::{envelope, wire};
use crate::service::{Door, ServiceError};

/// A comment is sent this often while nothing else is, so that proxies keep the stream open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Rights are read again at least this often while an answer is written, and before its last event.
const ASK_AGAIN: Duration = Duration::from_millis(250);
const EVENT_STREAM: &str = "text/event-stream";

/// Whether the caller asks for events rather than for one JSON text.
pub fn are_wanted(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| range.trim().eq_ignore_ascii_case(EVENT_STREAM))
}

/// A caller that goes away drops the body, this stream with it, and with that the call to the model. One that loses its rights
/// meanwhile gets no further event but the refusal.
pub fn respond<E: Shown>(
    answer: BoxStream<'static, Result<E, ServiceError>>,
    request_id: RequestId,
    watch: Watch,
) -> Response {
    let refused = request_id.clone();
    let answer = while_admitted(answer, watch).map(move |event| match event {
        Ok(event) => Ok(event),
        Err(error) => {
            envelope::log(&error, &refused);
            Err(named("error", &envelope::body(error, &refused)))
        }
    });
    let events = answer.map(move |event| match event {
        Err(refusal) => refusal,
        Ok(event) => match event {
            Ok(event) => event.shown(),
            Err(error) => failed(error, &request_id),
        },
    });
    let events = in_span(events, Span::current()).map(Ok::<_, Infallible>);
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}

/// What comes about bit by bit.
pub trait Shown: Send + 'static {
    /// Whether nothing follows.
    fn is_last(&self) -> bool;

    fn shown(self) -> Event;
}

impl Shown for AnswerEvent {
    fn is_last(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    fn shown(self) -> Event {
        match self {
            Self::Retrieved(found) => named("retrieval", &wire::search_response(*found)),
            Self::Delta(delta) => named("delta", &wire::answer_delta(delta)),
            Self::Done(answer) => named("done", &wire::answer(*answer)),
        }
    }
}

impl Shown for FreeEvent {
    fn is_last(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    fn shown(self) -> Event {
        match self {
            Self::Delta(text) => named("delta", &wire::free_delta(text)),
            Self::Done(answer) => named("done", &wire::ai_answer(*answer)),
        }
    }
}

/// What must still hold while an answer is sent.
#[derive(Debug)]
pub struct Watch {
    pub door: Door,
    pub access: Access,
    /// The knowledge bases that the answer is made from.
    pub asked: Vec<KbId>,
}

impl Watch {
    /// Fails once the caller may not come in, or not see what was asked.
    async fn still_holds(&self) -> Result<(), ServiceError> {
        let now = self.door.again(&self.access).await?;
        if self.asked.iter().all(|kb| now.sees(*kb)) {
            Ok(())
        } else {
            Err(ServiceError::NotFound("knowledge base"))
        }
    }
}

/// Asks the door again before an event, at most every [`ASK_AGAIN`]. After a refusal nothing follows.
fn while_admitted<E: Shown>(
    answer: BoxStream<'static, Result<E, ServiceError>>,
    watch: Watch,
) -> impl Stream<Item = Result<Result<E, ServiceError>, ApiError>> + Send {
    let state = Some((answer, watch, Instant::now()));
    stream::unfold(state, async |state| {
        let (mut answer, watch, asked) = state?;
        let event = answer.next().await?;
        if asked.elapsed() < ASK_AGAIN && !event.as_ref().is_ok_and(Shown::is_last) {
            return Some((Ok(event), Some((answer, watch, asked))));
        }
        match watch.still_holds().await {
            Ok(()) => Some((Ok(event), Some((answer, watch, Instant::now())))),
            Err(error) => Some((Err(error.into()), None)),
        }
    })
}

fn named(name: &str, data: &impl Serialize) -> Event {
    let event = Event::default().event(name).json_data(data);
    event.unwrap_or_else(|_| Event::default().comment("an event could not be written"))
}

fn failed(error: ServiceError, request_id: &RequestId) -> Event {
    let error = ApiError::from(error);
    envelope::log(&error, request_id);
    named("error", &envelope::body(error, request_id))
}

/// The body is read after the handler has returned; its log lines still belong to the request.
fn in_span<S: Stream + Send + 'static>(events: S, span: Span) -> impl Stream<Item = S::Item> + Send {
    let mut events = Box::pin(events);
    stream::poll_fn(move |context| span.in_scope(|| events.as_mut().poll_next(context)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_sent_to_those_who_name_them() {
        let wanted = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            are_wanted(&headers)
        };
        assert!(wanted("text/event-stream"));
        assert!(wanted("application/json;q=0.5, Text/Event-Stream; q=0.9"));
        assert!(!wanted("application/json") && !wanted("*/*") && !wanted("text/*"));
        assert!(!are_wanted(&HeaderMap::new()));
    }
}
