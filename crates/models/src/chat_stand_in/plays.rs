//! What a scripted server may do with a request, as bytes of a response.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::Response;
use futures::{Stream, StreamExt as _, stream};
use serde_json::json;
use tokio::sync::watch;

/// What becomes of one request.
#[derive(Clone, Debug)]
pub enum Play {
    /// A proper answer in these deltas, with its usage.
    Says(Vec<String>),
    /// The same, a delta each time that so much has passed.
    Drips { deltas: Vec<String>, every: Duration },
    /// The same as `Says`, ended by the limit of tokens.
    RunsOut(Vec<String>),
    /// These deltas, and then silence on an open connection. None: silence after the headers.
    Stalls(Vec<String>),
    /// These deltas, and then the connection breaks.
    BreaksOff(Vec<String>),
    /// These deltas, and then an end of the stream without a reason.
    EndsEarly(Vec<String>),
    /// An error status.
    Refuses { status: u16, retry_after: Option<u64> },
    /// A success with these bytes for a body.
    Sends(Vec<u8>),
}

impl Play {
    pub fn says(text: &str) -> Self {
        Self::Says(vec![text.to_owned()])
    }

    pub fn refuses(status: u16) -> Self {
        Self::Refuses {
            status,
            retry_after: None,
        }
    }

    /// What servers send between the first and the last event.
    pub fn delta(text: &str) -> String {
        event(json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]}))
    }

    /// `speaks` is called when the first delta goes out.
    pub(super) fn perform(
        self,
        hung_up: watch::Sender<usize>,
        speaks: impl FnOnce() + Send + 'static,
    ) -> Response {
        let opening =
            event(json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}));
        let begun = |deltas: &[String]| -> Vec<Bytes> {
            let deltas = deltas.iter().map(|text| Self::delta(text));
            std::iter::once(opening.clone())
                .chain(deltas)
                .map(Bytes::from)
                .collect()
        };
        let (begun, every, then) = match self {
            Self::Says(deltas) => (begun(&deltas), Duration::ZERO, Then::Ends(ending("stop"))),
            Self::Drips { deltas, every } => (begun(&deltas), every, Then::Ends(ending("stop"))),
            Self::RunsOut(deltas) => (begun(&deltas), Duration::ZERO, Then::Ends(ending("length"))),
            Self::Stalls(deltas) => (begun(&deltas), Duration::ZERO, Then::Stalls),
            Self::BreaksOff(deltas) => (begun(&deltas), Duration::ZERO, Then::Breaks),
            Self::EndsEarly(deltas) => (begun(&deltas), Duration::ZERO, Then::Ends(String::new())),
            Self::Sends(bytes) => (vec![bytes.into()], Duration::ZERO, Then::Ends(String::new())),
            Self::Refuses { status, retry_after } => return refusal(status, retry_after),
        };
        streamed(paced(begun, every, speaks), then, hung_up)
    }
}

enum Then {
    Ends(String),
    Stalls,
    Breaks,
}

fn event(data: serde_json::Value) -> String {
    format!("data: {data}\n\n")
}

fn ending(reason: &str) -> String {
    let finish = event(json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}));
    let usage = event(json!({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 10}}));
    format!("{finish}{usage}data: [DONE]\n\n")
}

/// Counts an answer that is dropped before its end.
struct Listener {
    hung_up: watch::Sender<usize>,
    heard_out: bool,
}

impl Drop for Listener {
    fn drop(&mut self) {
        if !self.heard_out {
            self.hung_up.send_modify(|count| *count += 1);
        }
    }
}

/// The opening at once, then a delta each time that `every` has passed.
fn paced(
    begun: Vec<Bytes>,
    every: Duration,
    speaks: impl FnOnce() + Send + 'static,
) -> impl Stream<Item = Bytes> + Send + 'static {
    let state = (begun.into_iter().enumerate(), Some(speaks));
    stream::unfold(state, move |(mut left, mut speaks)| async move {
        let (number, bytes) = left.next()?;
        if number > 0 && !every.is_zero() {
            tokio::time::sleep(every).await;
        }
        if number == 1
            && let Some(speaks) = speaks.take()
        {
            speaks();
        }
        Some((bytes, (left, speaks)))
    })
}

fn streamed(
    begun: impl Stream<Item = Bytes> + Send + 'static,
    then: Then,
    hung_up: watch::Sender<usize>,
) -> Response {
    let listener = Listener {
        hung_up,
        heard_out: false,
    };
    let last = stream::once(async move {
        let mut listener = listener;
        match then {
            Then::Ends(text) => {
                listener.heard_out = true;
                Ok(Bytes::from(text))
            }
            Then::Breaks => {
                // What was said goes out before the connection does.
                tokio::task::yield_now().await;
                listener.heard_out = true;
                Err(std::io::Error::other("broken off, as the script says"))
            }
            Then::Stalls => std::future::pending().await,
        }
    });
    let body = Body::from_stream(begun.map(Ok).chain(last));
    let mut response = Response::new(body);
    let kind = axum::http::HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn refusal(status: u16, retry_after: Option<u64>) -> Response {
    let body = json!({"error": {"message": "refused, as the script says", "type": "test"}});
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = axum::http::StatusCode::from_u16(status).expect("a script names real statuses");
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}
