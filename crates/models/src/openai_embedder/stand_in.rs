//! A stand-in for an embeddings API in tests: it keeps the texts that it was paid for, and goes wrong as a script says.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::post;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How a call is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// With the vectors, the last text's first, and a token for each word.
    Fine,
    /// The same, without a word of what it took.
    Untold,
    Status {
        status: u16,
        retry_after: Option<&'static str>,
        code: &'static str,
    },
    /// One vector too few.
    WrongCount,
    /// One number too many.
    WrongDimension,
    /// NaN, as careless servers write it.
    NotANumber,
    Zeros,
    /// A list of vectors that does not end.
    Oversized,
    /// Never.
    Stall,
}

impl Reply {
    /// Only the status.
    pub const fn status(status: u16) -> Self {
        Self::Status {
            status,
            retry_after: None,
            code: "told_so",
        }
    }

    /// What a call with these texts takes.
    pub fn tokens(texts: &[String]) -> usize {
        texts.iter().map(|text| text.split_whitespace().count()).sum()
    }
}

#[derive(Debug)]
struct Memory {
    dimension: usize,
    key: Option<&'static str>,
    most_texts: usize,
    script: VecDeque<Reply>,
    otherwise: Reply,
    calls: Vec<Vec<String>>,
    paid: Vec<String>,
}

/// A running stand-in. Dropped, it ends.
#[derive(Debug)]
pub struct EmbeddingsStandIn {
    address: SocketAddr,
    memory: Arc<Mutex<Memory>>,
    serving: JoinHandle<()>,
}

impl EmbeddingsStandIn {
    /// Starts on a free port of this machine.
    pub async fn start(dimension: usize) -> std::io::Result<Self> {
        let memory = Arc::new(Mutex::new(Memory {
            dimension,
            key: None,
            most_texts: usize::MAX,
            script: VecDeque::new(),
            otherwise: Reply::Fine,
            calls: Vec::new(),
            paid: Vec::new(),
        }));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let router = axum::Router::new()
            .route("/v1/embeddings", post(embeddings))
            .layer(DefaultBodyLimit::max(16 << 20))
            .with_state(Arc::clone(&memory));
        let serving = tokio::spawn(async move {
            // It ends with the stand-in.
            drop(axum::serve(listener, router).await);
        });
        Ok(Self {
            address,
            memory,
            serving,
        })
    }

    /// The base address.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The next calls are answered like this; those after them as [`Self::otherwise`] says.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.lock().script.extend(replies);
    }

    /// Every call that no script speaks of is answered like this from now on.
    pub fn otherwise(&self, reply: Reply) {
        self.lock().otherwise = reply;
    }

    /// Only callers with this key are served.
    pub fn require_key(&self, key: &'static str) {
        self.lock().key = Some(key);
    }

    /// More texts in one call are too many.
    pub fn most_texts(&self, most: usize) {
        self.lock().most_texts = most;
    }

    /// The texts of each call, served or not.
    pub fn calls(&self) -> Vec<Vec<String>> {
        self.lock().calls.clone()
    }

    /// Every text whose vector was given out, in order.
    pub fn paid(&self) -> Vec<String> {
        self.lock().paid.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for EmbeddingsStandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[derive(Deserialize)]
struct Request {
    input: Vec<String>,
}

async fn embeddings(
    State(memory): State<Arc<Mutex<Memory>>>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Response<Body> {
    let Ok(Request { input }) = serde_json::from_slice(&body) else {
        return fault(StatusCode::BAD_REQUEST, "not_understood", "no input");
    };
    let (reply, dimension) = {
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.calls.push(input.clone());
        let expected = memory.key.map(|key| format!("Bearer {key}"));
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if expected.is_some() && expected.as_deref() != given {
            return fault(StatusCode::UNAUTHORIZED, "invalid_api_key", "who are you?");
        }
        if input.len() > memory.most_texts {
            return fault(StatusCode::BAD_REQUEST, "invalid_request", "too many inputs");
        }
        let reply = memory
            .script
            .pop_front()
            .unwrap_or_else(|| memory.otherwise.clone());
        if matches!(reply, Reply::Fine | Reply::Untold) {
            memory.paid.extend(input.iter().cloned());
        }
        (reply, memory.dimension)
    };
    answer(reply, &input, dimension).await
}

async fn answer(reply: Reply, input: &[String], dimension: usize) -> Response<Body> {
    let list = |length: usize, number: &str, count: usize| {
        let vector = vec![number; length].join(",");
        let items = (0..count).map(|index| format!(r#"{{"index":{index},"embedding":[{vector}]}}"#));
        json(format!(r#"{{"data":[{}]}}"#, items.collect::<Vec<_>>().join(",")))
    };
    match reply {
        Reply::Fine => json(embedded(input, dimension, true)),
        Reply::Untold => json(embedded(input, dimension, false)),
        Reply::Status {
            status,
            retry_after,
            code,
        } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = fault(status, code, "as the test wants it");
            if let Some(value) = retry_after {
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, value.parse().expect("a test's header"));
            }
            response
        }
        Reply::WrongCount => list(dimension, "1", input.len() - 1),
        Reply::WrongDimension => list(dimension + 1, "1", input.len()),
        Reply::NotANumber => list(dimension, "NaN", input.len()),
        Reply::Zeros => list(dimension, "0", input.len()),
        Reply::Oversized => {
            let part = axum::body::Bytes::from(vec![b' '; 1 << 20]);
            let endless = futures::stream::repeat_with(move || Ok::<_, std::io::Error>(part.clone()));
            Response::new(Body::from_stream(endless))
        }
        Reply::Stall => std::future::pending().await,
    }
}

/// Texts that share words are close: each word counts at the place that its hash names.
fn embedded(input: &[String], dimension: usize, tells_usage: bool) -> String {
    let items: Vec<_> = input
        .iter()
        .enumerate()
        .rev()
        .map(|(index, text)| {
            let mut vector = vec![0.01_f32; dimension];
            for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()) {
                let hash = blake3::hash(word.as_bytes());
                vector[usize::from(hash.as_bytes()[0]) % dimension] += 1.0;
            }
            serde_json::json!({"object": "embedding", "index": index, "embedding": vector})
        })
        .collect();
    let mut answer = serde_json::json!({"object": "list", "data": items});
    if tells_usage {
        let tokens = Reply::tokens(input);
        answer["usage"] = serde_json::json!({"prompt_tokens": tokens, "total_tokens": tokens});
    }
    answer.to_string()
}

fn fault(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let body = serde_json::json!({"error": {"message": message, "type": "test", "code": code}});
    let mut response = json(body.to_string());
    *response.status_mut() = status;
    response
}

fn json(body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    let kind = "application/json".parse().expect("a header value");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
