//! A web site on this machine, whose pages can be written, removed and slowed down.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Html;

use crate::test_app::{Setup, TestApp};

#[derive(Default)]
struct Pages {
    texts: BTreeMap<String, String>,
    pause: Duration,
}

type Shared = Arc<Mutex<Pages>>;

pub struct Site {
    base: String,
    pages: Shared,
}

impl Site {
    pub async fn start() -> Self {
        let pages = Shared::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&pages));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base, pages }
    }

    pub fn url(&self) -> String {
        format!("{}/", self.base)
    }

    pub fn write(&self, path: &str, html: &str) {
        let mut pages = self.pages.lock().unwrap();
        pages.texts.insert(path.to_owned(), html.to_owned());
    }

    pub fn delete(&self, path: &str) {
        self.pages.lock().unwrap().texts.remove(path);
    }

    /// How long each answer takes from now on.
    pub fn pause(&self, pause: Duration) {
        self.pages.lock().unwrap().pause = pause;
    }
}

async fn answer(State(pages): State<Shared>, uri: Uri) -> Result<Html<String>, StatusCode> {
    let (text, pause) = {
        let pages = pages.lock().unwrap();
        (pages.texts.get(uri.path()).cloned(), pages.pause)
    };
    tokio::time::sleep(pause).await;
    text.map(Html).ok_or(StatusCode::NOT_FOUND)
}

/// An application that may fetch from this machine, without pauses.
pub async fn app() -> TestApp {
    TestApp::with(Setup {
        settings: vec![
            ("NEXUS_SOURCES_ALLOW_NETWORKS", "127.0.0.1/32".to_owned()),
            ("NEXUS_SOURCES_ALLOW_HTTP", "true".to_owned()),
            ("NEXUS_SOURCES_PAUSE_MILLISECONDS", "0".to_owned()),
            ("NEXUS_SOURCES_PATIENCE_SECONDS", "1".to_owned()),
        ],
        ..Setup::default()
    })
    .await
}
