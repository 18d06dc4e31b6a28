//! Several models in order.

use std::sync::Arc;
use std::time::Duration;

use nexus_domain::testing::{FakeChat, FakeChatModel};
use nexus_domain::{ChatError, ChatModel, ChatRequest};
use nexus_models::chat::Fallback;
use nexus_models::chat_stand_in::{ChatStandIn, Play};

use super::{SHORT, model_at, options, read, request};

const LONG: Duration = Duration::from_secs(3_600);

fn away() -> FakeChat {
    FakeChat::Fails(ChatError::Unavailable("away".to_owned()))
}

/// Two fakes, and the fallback over them.
fn pair(first: Vec<FakeChat>, rest: Duration) -> ([Arc<FakeChatModel>; 2], Fallback) {
    let first = Arc::new(FakeChatModel::new("first", first));
    let second = Arc::new(FakeChatModel::new("second", [FakeChat::says("from the second")]));
    let models: Vec<Arc<dyn ChatModel>> = vec![first.clone(), second.clone()];
    ([first, second], Fallback::new(models, rest))
}

async fn who_answers(fallback: &Fallback) -> String {
    fallback.chat(request()).await.unwrap().model
}

#[tokio::test]
async fn the_first_model_answers_as_long_as_it_can() {
    let ([_, second], fallback) = pair(vec![FakeChat::says("yes")], LONG);
    assert_eq!(who_answers(&fallback).await, "first");
    assert!(second.requests().is_empty());
}

#[tokio::test]
async fn a_preferred_model_is_asked_first() {
    let ([first, _], fallback) = pair(vec![FakeChat::says("yes")], LONG);
    let prefer = async |name: &str| {
        let request = ChatRequest {
            prefer: Some(name.to_owned()),
            ..request()
        };
        fallback.chat(request).await.unwrap().model
    };
    assert_eq!(prefer("second").await, "second");
    assert!(first.requests().is_empty());
    assert_eq!(prefer("nobody").await, "first");
}

#[tokio::test]
async fn a_model_that_failed_rests_while_the_next_one_answers() {
    for failure in [
        ChatError::Unavailable("away".to_owned()),
        ChatError::TimedOut("slow".to_owned()),
        ChatError::RefusedKey,
        ChatError::RateLimited { retry_after: None },
    ] {
        let ([first, second], fallback) = pair(vec![FakeChat::Fails(failure)], LONG);
        for _ in 0..3 {
            assert_eq!(who_answers(&fallback).await, "second");
        }
        assert_eq!((first.requests().len(), second.requests().len()), (1, 3));
    }
}

#[tokio::test]
async fn a_request_that_is_refused_says_nothing_about_the_model() {
    let refused = FakeChat::Fails(ChatError::BadRequest("too long".to_owned()));
    let ([first, _], fallback) = pair(vec![refused, FakeChat::says("yes")], LONG);
    assert_eq!(who_answers(&fallback).await, "second");
    assert_eq!(who_answers(&fallback).await, "first");
    assert_eq!(first.requests().len(), 2);
}

#[tokio::test]
async fn after_its_rest_a_model_is_tried_again_and_stays_if_it_answers() {
    let ([first, _], fallback) = pair(vec![away(), FakeChat::says("yes")], Duration::from_millis(20));
    assert_eq!(who_answers(&fallback).await, "second");
    while who_answers(&fallback).await == "second" {
        tokio::task::yield_now().await;
    }
    assert_eq!(first.requests().len(), 2);
    assert_eq!(who_answers(&fallback).await, "first");
}

#[tokio::test]
async fn when_all_rest_the_answer_is_no_at_once() {
    let only = Arc::new(FakeChatModel::new("only", [away()]));
    let fallback = Fallback::new(vec![only.clone()], LONG);
    for _ in 0..3 {
        let error = fallback.chat(request()).await.unwrap_err();
        assert!(matches!(error, ChatError::Unavailable(_)));
    }
    assert_eq!(only.requests().len(), 1);
}

#[tokio::test]
async fn a_server_that_stalls_costs_its_time_out_once() {
    let (stalled, well) = (
        ChatStandIn::start([Play::Stalls(vec![])]).await,
        ChatStandIn::start([Play::says("from the second")]).await,
    );
    let mut impatient = options();
    impatient.times.first_token = SHORT;
    let models: Vec<Arc<dyn ChatModel>> = vec![
        Arc::new(model_at(&stalled.url(), impatient)),
        Arc::new(model_at(&well.url(), options())),
    ];
    let fallback = Fallback::new(models, LONG);
    for _ in 0..3 {
        let (text, end) = read(fallback.chat(request()).await.unwrap()).await;
        assert_eq!((text.as_str(), end.is_ok()), ("from the second", true));
    }
    assert_eq!((stalled.calls(), well.calls()), (1, 3));
}

#[tokio::test]
async fn an_answer_that_has_begun_is_never_begun_again_by_another_model() {
    let broken = FakeChat::BreaksOff(
        vec!["Hold ".to_owned()],
        ChatError::Unavailable("gone".to_owned()),
    );
    let ([_, second], fallback) = pair(vec![broken], LONG);
    let (text, end) = read(fallback.chat(request()).await.unwrap()).await;
    assert_eq!((text.as_str(), end.is_err()), ("Hold ", true));
    assert!(second.requests().is_empty());
}
