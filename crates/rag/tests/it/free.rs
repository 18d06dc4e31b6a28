//! Answers without sources, and answers in the manner of a bot and as a person wishes.

use std::sync::Arc;

use futures::StreamExt as _;
use nexus_domain::testing::{FakeChat, FakeChatModel};
use nexus_domain::{CallLog, ChatError, Style};
use nexus_rag::follow_up::Turn;
use nexus_rag::{
    FreeAnswer, FreeEvent, GenerationReason, GenerationStatus, Manner, Mode, PROMPT_VERSION, Writing,
    WritingSettings,
};

use crate::written::writer;

fn writing(plays: Vec<FakeChat>, manner: Manner) -> (Writing, Arc<FakeChatModel>) {
    let model = Arc::new(FakeChatModel::new("fake-writer", plays));
    let writing = Writing {
        model: model.clone(),
        settings: WritingSettings::default(),
        manner,
        calls: CallLog::default(),
    };
    (writing, model)
}

/// The deltas, and the answer or why there is none.
async fn read(writing: Writing, question: &str) -> (String, Result<FreeAnswer, GenerationReason>) {
    let mut events = writing.freely(question.to_owned(), Vec::new());
    let mut text = String::new();
    loop {
        match events
            .next()
            .await
            .expect("the stream ends with the answer or an error")
        {
            Ok(FreeEvent::Delta(delta)) => text.push_str(&delta),
            Ok(FreeEvent::Done(answer)) => return (text, Ok(*answer)),
            Err(reason) => return (text, Err(reason)),
        }
    }
}

fn told(model: &FakeChatModel) -> String {
    let request = &model.requests()[0];
    let messages = request.messages.iter().map(|message| message.text.as_str());
    messages.collect::<Vec<_>>().join("\n\n----- user -----\n\n")
}

fn manner() -> Manner {
    Manner {
        instructions: Some("You are the voice of Acme.".to_owned()),
        style: Some(Style::Detailed),
        wish: Some("Объясняй как новичку.".to_owned()),
        model: None,
    }
}

#[tokio::test]
async fn an_answer_without_sources_is_what_the_model_says_and_is_marked_as_such() {
    let play = FakeChat::Says(vec![
        "<think>well</think>".to_owned(),
        " Paris".to_owned(),
        " [1].".to_owned(),
    ]);
    let (writing, _) = writing(vec![play], Manner::default());
    let (streamed, answer) = read(writing, "What is the capital of France?").await;
    let answer = answer.unwrap();
    assert_eq!(
        (streamed.trim(), answer.text.as_str()),
        ("Paris [1].", "Paris [1].")
    );
    let report = answer.generation;
    assert_eq!(
        (report.status, report.reason),
        (GenerationStatus::Unsourced, None)
    );
    assert_eq!(report.model.as_deref(), Some("fake-writer"));
    assert_eq!(report.usage, Some(FakeChatModel::USAGE));
    assert_eq!(report.prompt_version.as_deref(), Some(PROMPT_VERSION));
    assert!(!report.truncated && !report.uncounted);
}

#[tokio::test]
async fn a_model_that_fails_leaves_no_answer_and_says_why() {
    let away = || ChatError::Unavailable("away".to_owned());
    for (play, streamed, reason) in [
        (FakeChat::Fails(away()), "", GenerationReason::Unavailable),
        (
            FakeChat::BreaksOff(vec!["Pa".to_owned()], away()),
            "Pa",
            GenerationReason::BrokenOff,
        ),
        (
            FakeChat::says("<think>well</think>  "),
            "  ",
            GenerationReason::BrokenOff,
        ),
    ] {
        let (writing, _) = writing(vec![play], Manner::default());
        assert_eq!(read(writing, "Why?").await, (streamed.to_owned(), Err(reason)));
    }
    let (writing, _) = writing(vec![FakeChat::RunsOut(vec!["Pa".to_owned()])], Manner::default());
    assert!(read(writing, "Why?").await.1.unwrap().generation.truncated);
}

#[tokio::test]
async fn what_the_model_is_told_without_sources_is_known_word_for_word() {
    for (name, question, history) in [
        (
            "english",
            "And of Spain?",
            vec![Turn::asked("What is the capital of France?\n=========")],
        ),
        ("russian", "Как варить рис?", Vec::new()),
    ] {
        let (writing, model) = writing(vec![FakeChat::says("Да.")], manner());
        let events = writing.freely(question.to_owned(), history);
        assert_eq!(events.collect::<Vec<_>>().await.len(), 2);
        insta::assert_snapshot!(format!("the_prompt_without_sources_in_{name}"), told(&model));
    }
}

#[tokio::test]
async fn what_the_model_is_told_of_a_bot_and_of_a_person_is_known_word_for_word() {
    for (name, question) in [
        ("english", "How long do I hold reset?"),
        ("russian", "Как сделать reset?"),
    ] {
        let (world, answering, model) = writer(vec![FakeChat::says("Да [1].")]).await;
        let answering = answering.in_manner(manner());
        let question = world.question(question, Mode::Lexical);
        answering.answer(&question).await.unwrap();
        let rules = &model.requests()[0].messages[0].text;
        insta::assert_snapshot!(format!("the_manner_in_{name}"), rules);
    }
}
