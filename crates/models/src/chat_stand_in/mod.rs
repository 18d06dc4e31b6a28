//! A stand-in for a chat model's server in tests: the OpenAI chat completions API, streamed, played from a script. It
//! can be slow, break off, refuse and talk nonsense; it remembers what it was asked, and who hung up on it.

mod plays;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use plays::Play;

/// A request that came in.
#[derive(Clone, Debug)]
pub struct Asked {
    pub authorization: Option<String>,
    pub body: Value,
    /// When the first word of its answer went out.
    pub first_word: Option<Instant>,
}

/// A running stand-in. Dropped, it ends.
#[derive(Debug)]
pub struct ChatStandIn {
    address: SocketAddr,
    script: Arc<Script>,
    serving: JoinHandle<()>,
}

/// What is played, and what came in.
#[derive(Debug)]
struct Script {
    plays: Mutex<VecDeque<Play>>,
    asked: Mutex<Vec<Asked>>,
    /// Answers that were given up by whoever had asked.
    hung_up: watch::Sender<usize>,
}

impl ChatStandIn {
    /// Serves on a free port: one play per request, the last one again and again.
    pub async fn start(plays: impl IntoIterator<Item = Play>) -> Self {
        let script = Arc::new(Script {
            plays: Mutex::new(plays.into_iter().collect()),
            asked: Mutex::default(),
            hung_up: watch::Sender::new(0),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let router = Router::new()
            .route("/v1/chat/completions", post(answer))
            .with_state(Arc::clone(&script));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the stand-in serves");
        });
        Self {
            address,
            script,
            serving,
        }
    }

    /// The base address, as a setting takes it.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Every request so far, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.script
            .asked
            .lock()
            .expect("no test panics while it holds this")
            .clone()
    }

    pub fn calls(&self) -> usize {
        self.asked().len()
    }

    /// Waits until somebody has hung up on an answer.
    pub async fn hung_up(&self) {
        let mut hung_up = self.script.hung_up.subscribe();
        hung_up
            .wait_for(|count| *count > 0)
            .await
            .expect("the script lives as long as the stand-in");
    }
}

impl Drop for ChatStandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(script): State<Arc<Script>>, headers: HeaderMap, body: String) -> Response {
    let authorization = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let asked = Asked {
        authorization,
        body: serde_json::from_str(&body).unwrap_or_default(),
        first_word: None,
    };
    let number = script.note(asked);
    let play = script.next();
    let spoke = Arc::clone(&script);
    play.perform(script.hung_up.clone(), move || spoke.speaks(number))
}

impl Script {
    /// Its place among all that was asked.
    fn note(&self, asked: Asked) -> usize {
        let mut all = self.asked.lock().expect("no test panics while it holds this");
        all.push(asked);
        all.len() - 1
    }

    fn speaks(&self, number: usize) {
        let mut all = self.asked.lock().expect("no test panics while it holds this");
        all[number].first_word.get_or_insert_with(Instant::now);
    }

    fn next(&self) -> Play {
        let mut plays = self.plays.lock().expect("no test panics while it holds this");
        match plays.len() {
            0 | 1 => plays.front().cloned(),
            _ => plays.pop_front(),
        }
        .expect("a stand-in has something to play")
    }
}
