//! Every attempt at a model is noted, whatever becomes of it.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use nexus_domain::{CallLog, CallOutcome, ChatModel, ChatRequest, ChatUsage, Purpose};
use nexus_models::chat::Fallback;
use nexus_models::chat_stand_in::Play;

use super::{SHORT, options, persistent, read, request, set_up};

const TOLD: Option<ChatUsage> = Some(ChatUsage {
    prompt_tokens: 100,
    completion_tokens: 10,
});

fn noting(log: &CallLog) -> ChatRequest {
    ChatRequest {
        calls: log.of(Purpose::Rewrite),
        ..request()
    }
}

/// Whether it began, what it took and what became of it.
fn noted(log: &CallLog) -> Vec<(bool, Option<ChatUsage>, CallOutcome)> {
    let calls = log.noted().into_iter();
    calls
        .map(|call| (call.began, call.usage, call.ended.expect("it has ended").0))
        .collect()
}

#[tokio::test]
async fn attempts_that_fail_are_noted_before_the_one_that_answers() {
    let plays = vec![Play::refuses(500), Play::refuses(500), Play::says("yes")];
    let (server, model) = set_up(plays, persistent()).await;
    let log = CallLog::default();
    let reply = model.chat(noting(&log)).await.unwrap();
    assert!(read(reply).await.1.is_ok());
    let failed = (false, None, CallOutcome::Failed);
    assert_eq!(noted(&log), [failed, failed, (true, TOLD, CallOutcome::Ok)]);
    for call in log.noted() {
        assert_eq!((call.purpose, call.model.as_str()), (Purpose::Rewrite, "writer"));
        assert_eq!(format!("http://{}/v1", call.provider), server.url());
    }
}

#[tokio::test]
async fn a_model_that_another_one_stands_in_for_is_noted_too() {
    let (_away, first) = set_up(vec![Play::refuses(503)], options()).await;
    let (_there, second) = set_up(vec![Play::says("yes")], options()).await;
    let models: Vec<Arc<dyn ChatModel>> = vec![Arc::new(first), Arc::new(second)];
    let fallback = Fallback::new(models, Duration::from_secs(60));
    let log = CallLog::default();
    read(fallback.chat(noting(&log)).await.unwrap()).await.1.unwrap();
    // The first one rests now and is not called.
    read(fallback.chat(noting(&log)).await.unwrap()).await.1.unwrap();
    let ok = (true, TOLD, CallOutcome::Ok);
    assert_eq!(noted(&log), [(false, None, CallOutcome::Failed), ok, ok]);
}

#[tokio::test]
async fn an_answer_that_breaks_off_has_failed_and_one_that_is_left_was_cut() {
    let plays = vec![
        Play::BreaksOff(vec!["ye".to_owned()]),
        Play::Stalls(vec!["ye".to_owned()]),
    ];
    let (_server, model) = set_up(plays, options()).await;
    let log = CallLog::default();
    let (text, end) = read(model.chat(noting(&log)).await.unwrap()).await;
    assert!(text == "ye" && end.is_err());
    let mut left = model.chat(noting(&log)).await.unwrap();
    left.events.next().await.unwrap().unwrap();
    assert_eq!(log.noted()[1].ended, None, "it runs");
    drop(left);
    assert_eq!(
        noted(&log),
        [(true, None, CallOutcome::Failed), (true, None, CallOutcome::Cut)]
    );
}

#[tokio::test]
async fn a_model_that_was_asked_and_says_no_word_has_begun_all_the_same() {
    let mut options = options();
    // Enough for the head of the answer on a busy machine.
    options.times.first_token = SHORT * 12;
    let plays = vec![Play::EndsEarly(vec![]), Play::Stalls(vec![])];
    let (_server, model) = set_up(plays, options).await;
    let log = CallLog::default();
    assert!(model.chat(noting(&log)).await.is_err());
    assert!(model.chat(noting(&log)).await.is_err());
    assert_eq!(
        noted(&log),
        [(true, None, CallOutcome::Failed), (true, None, CallOutcome::Cut)]
    );
}
