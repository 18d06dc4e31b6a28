//! How often and how long a model is asked again.

use std::time::{Duration, Instant};

use nexus_domain::ChatError;
use nexus_models::chat_stand_in::Play;

use super::{PATIENCE, SHORT, ask, model_at, persistent, read, set_up};

#[tokio::test]
async fn a_failure_is_tried_again_until_the_first_word() {
    let plays = vec![Play::refuses(500), Play::Stalls(vec![]), Play::says("yes")];
    let mut options = persistent();
    options.times.first_token = Duration::from_secs(1);
    let (server, model) = set_up(plays, options).await;
    let (text, end) = read(ask(&model).await.unwrap()).await;
    assert_eq!((text.as_str(), end.is_ok(), server.calls()), ("yes", true, 3));
}

#[tokio::test]
async fn attempts_are_counted_once_and_nowhere_else() {
    for status in [408, 429, 500, 502, 503, 504] {
        let (server, model) = set_up(vec![Play::refuses(status)], persistent()).await;
        let error = ask(&model).await.unwrap_err();
        assert!(error.is_retryable(), "{status}: {error}");
        assert_eq!(server.calls(), 3, "{status}");
    }
}

#[tokio::test]
async fn what_cannot_be_mended_is_asked_once() {
    for (status, expected) in [
        (401, ChatError::RefusedKey),
        (403, ChatError::RefusedKey),
        (400, ChatError::BadRequest("status 400".to_owned())),
        (404, ChatError::BadRequest("status 404".to_owned())),
        (307, ChatError::BadRequest("status 307".to_owned())),
    ] {
        let (server, model) = set_up(vec![Play::refuses(status)], persistent()).await;
        assert_eq!(ask(&model).await.unwrap_err(), expected);
        assert_eq!(server.calls(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_wait_that_the_provider_asks_for_is_kept() {
    let limited = Play::Refuses {
        status: 429,
        retry_after: Some(1),
    };
    let (server, model) = set_up(vec![limited, Play::says("yes")], persistent()).await;
    let started = Instant::now();
    ask(&model).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.calls(), 2);
}

#[tokio::test]
async fn a_wait_beyond_the_budget_is_not_begun() {
    let limited = Play::Refuses {
        status: 429,
        retry_after: Some(3_600),
    };
    let (server, model) = set_up(vec![limited], persistent()).await;
    let started = Instant::now();
    let error = ask(&model).await.unwrap_err();
    let asked = Some(Duration::from_secs(3_600));
    assert_eq!(error, ChatError::RateLimited { retry_after: asked });
    assert!(started.elapsed() < PATIENCE);
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn the_time_of_all_attempts_is_bounded() {
    let mut options = persistent();
    options.retries.attempts = 1_000;
    options.retries.total = SHORT * 4;
    let (server, model) = set_up(vec![Play::Stalls(vec![])], options).await;
    assert!(matches!(ask(&model).await.unwrap_err(), ChatError::TimedOut(_)));
    assert_eq!(server.calls(), 1, "the first attempt took all the time there was");
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let error = ask(&model_at(&url, persistent())).await.unwrap_err();
    assert_eq!(error, ChatError::Unavailable("it cannot be reached".to_owned()));
}
