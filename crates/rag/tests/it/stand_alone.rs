//! Questions that lean on the conversation before them, as a person gets them answered.

use std::sync::Arc;
use std::time::Duration;

use nexus_domain::testing::{FakeChat, FakeChatModel};
use nexus_domain::{CallLog, ChatError};
use nexus_rag::follow_up::{RewriteFailure, RewrittenBy, Turn};
use nexus_rag::{
    Answer, AnswerLanguage, GenerationStatus, Manner, Mode, Question, Rewriting, Writing, WritingSettings,
};

use crate::support::World;

const LINUX: &str = "# Install on Linux\n\nInstall the agent on Linux with the package manager.\n";
const WINDOWS: &str = "# Install on Windows\n\nInstall the agent on Windows with the setup program.\n";
const RADIO: &str = "# Ошибки\n\nE-1042 значит, что радио молчит. E-1043 значит, что радио не найдено.\n";
const FIRST: &str = "How do I install the agent on Linux?";
const SECOND: &str = "And on Windows?";
const WHOLE: &str = "How do I install the agent on Windows?";

async fn world() -> World {
    World::of(&[("linux.md", LINUX), ("windows.md", WINDOWS), ("radio.md", RADIO)]).await
}

fn question(world: &World, history: &[&str], text: &str) -> Question {
    Question {
        history: history.iter().map(|turn| Turn::asked(turn)).collect(),
        ..world.question(text, Mode::Lexical)
    }
}

fn rewriting(model: Arc<FakeChatModel>) -> Rewriting {
    Rewriting {
        model,
        time: Duration::from_millis(200),
        temperature: Some(0.7),
        prefer: None,
        calls: CallLog::default(),
    }
}

/// The answer of a model that is asked about follow-ups, too, and what it was asked.
async fn by_model(plays: Vec<FakeChat>, history: &[&str], text: &str) -> (Answer, Arc<FakeChatModel>) {
    let world = world().await;
    let model = Arc::new(FakeChatModel::new("fake", plays));
    let mut answering = world.answering();
    answering.writing = Some(Writing {
        model: model.clone(),
        settings: WritingSettings::default(),
        manner: Manner::default(),
        calls: CallLog::default(),
    });
    answering.rewriting = Some(rewriting(model.clone()));
    let question = question(&world, history, text);
    let answer = answering.answer(&question).await.unwrap();
    (answer, model)
}

#[tokio::test]
async fn a_question_is_answered_as_it_stands_alone_and_the_report_says_so() {
    let world = world().await;
    let leaning = question(&world, &[FIRST], SECOND);
    let answer = world.answering().answer(&leaning).await.unwrap();
    assert_eq!(answer.citations[0].passage.document_path, "windows.md");
    let report = &answer.retrieval;
    assert_eq!(
        (report.question.as_deref(), report.rewritten_by),
        (Some(WHOLE), Some(RewrittenBy::Rules))
    );
    assert_eq!(leaning.text, SECOND, "what was asked stays what it was");

    let whole = question(&world, &[FIRST], WHOLE);
    let answer = world.answering().answer(&whole).await.unwrap();
    assert_eq!(
        (answer.retrieval.question, answer.retrieval.rewritten_by),
        (None, None)
    );
    let found = world.retriever(true).retrieve(&leaning).await.unwrap();
    assert_eq!(found.report.question, None, "a search has no conversation");
}

#[tokio::test]
async fn the_answer_is_in_the_language_of_what_was_written() {
    let world = world().await;
    for (first, second, language) in [
        ("Что значит E-1042?", "а E-1043?", AnswerLanguage::Russian),
        (
            "Что значит E-1042?",
            "And what about E-1043?",
            AnswerLanguage::English,
        ),
        (FIRST, "А на Windows?", AnswerLanguage::Russian),
    ] {
        let question = question(&world, &[first], second);
        let answer = world.answering().answer(&question).await.unwrap();
        assert!(answer.found && answer.retrieval.question.is_some(), "{second}");
        assert_eq!(answer.language, language, "{second}");
    }
}

#[tokio::test]
async fn a_model_rewrites_and_is_asked_what_it_made_of_the_question() {
    let said = "How is the agent installed on Windows?";
    let plays = vec![
        FakeChat::says(said),
        FakeChat::says("With the setup program [1]."),
    ];
    let (answer, model) = by_model(plays, &[FIRST], SECOND).await;
    let report = &answer.retrieval;
    assert_eq!(report.question.as_deref(), Some(said));
    assert_eq!(
        (report.rewritten_by, report.rewrite_failure),
        (Some(RewrittenBy::Model), None)
    );
    let requests = model.requests();
    assert!(requests[1].messages[1].text.ends_with(said), "{requests:?}");
    assert_eq!(
        (requests[0].max_tokens, requests[0].temperature),
        (256, Some(0.0))
    );
    // Both calls are paid for.
    let usage = answer.generation.usage.unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (200, 20));
    assert!(!answer.generation.uncounted);
}

#[tokio::test]
async fn a_whole_question_is_no_matter_for_a_model() {
    for history in [&[][..], &[FIRST]] {
        let (answer, model) = by_model(vec![FakeChat::says("So [1].")], history, WHOLE).await;
        assert_eq!(model.requests().len(), 1, "it writes the answer");
        assert_eq!(answer.retrieval.rewritten_by, None);
    }
    // Said to be whole by the model itself.
    let plays = vec![FakeChat::says("And on Windows?"), FakeChat::says("So [1].")];
    let (answer, model) = by_model(plays, &[FIRST], SECOND).await;
    assert_eq!(model.requests().len(), 2);
    assert_eq!(answer.retrieval.question, None);
}

#[tokio::test]
async fn what_a_model_fails_at_the_rules_do_and_the_report_says_why() {
    let away = || ChatError::Unavailable("away".to_owned());
    for (play, failure, uncounted) in [
        (FakeChat::Says(Vec::new()), RewriteFailure::Empty, false),
        (
            FakeChat::says("On Windows?\nHow?"),
            RewriteFailure::ManyLines,
            false,
        ),
        (
            FakeChat::says(&"windows ".repeat(99)),
            RewriteFailure::TooLong,
            false,
        ),
        (
            FakeChat::says("I’m sorry, but I cannot."),
            RewriteFailure::Refused,
            false,
        ),
        (FakeChat::says("Lorem ipsum"), RewriteFailure::Unrelated, false),
        (
            FakeChat::RunsOut(vec!["How do I".to_owned()]),
            RewriteFailure::TooLong,
            false,
        ),
        (
            FakeChat::says("<think>Windows, so the agent on"),
            RewriteFailure::Empty,
            false,
        ),
        (
            FakeChat::Stalls(vec!["How ".to_owned()]),
            RewriteFailure::TimedOut,
            true,
        ),
        (
            FakeChat::BreaksOff(vec!["How ".to_owned()], away()),
            RewriteFailure::Unavailable,
            true,
        ),
        (FakeChat::Fails(away()), RewriteFailure::Unavailable, false),
        (FakeChat::says(&"x".repeat(20_000)), RewriteFailure::TooLong, true),
    ] {
        let plays = vec![play, FakeChat::says("With the setup program [1].")];
        let (answer, _) = by_model(plays, &[FIRST], SECOND).await;
        let report = &answer.retrieval;
        assert_eq!(report.rewrite_failure, Some(failure));
        assert_eq!(
            (report.question.as_deref(), report.rewritten_by),
            (Some(WHOLE), Some(RewrittenBy::Rules)),
            "{failure:?}"
        );
        assert_eq!(answer.generation.status, GenerationStatus::Written);
        // What nobody has counted is not given back.
        assert_eq!(answer.generation.uncounted, uncounted, "{failure:?}");
    }
}

#[tokio::test]
async fn a_rewriting_is_paid_for_where_nothing_is_found() {
    let nothing = by_model(vec![FakeChat::says("zzz qqq?")], &["zzz"], "And qqq?")
        .await
        .0;
    assert!(!nothing.found && nothing.generation.model.is_none());
    assert_eq!(nothing.generation.usage, Some(FakeChatModel::USAGE));
}

#[tokio::test]
async fn a_model_that_may_rewrite_sets_more_tokens_aside() {
    let world = world().await;
    let mut answering = world.answering();
    assert_eq!(answering.most_usage().tokens(), 0);
    answering.rewriting = Some(rewriting(Arc::new(FakeChatModel::new("fake", []))));
    let before = answering.most_usage().tokens();
    assert!(
        before >= 8 * 400 + 400 + 256,
        "eight turns, the question and what comes of it: {before}"
    );
    let preferring = answering.in_manner(Manner {
        model: Some("large".to_owned()),
        ..Manner::default()
    });
    assert_eq!(preferring.rewriting.unwrap().prefer.as_deref(), Some("large"));
}

#[tokio::test]
async fn what_the_model_is_told_to_rewrite_is_known_word_for_word() {
    for (name, history, text) in [
        ("english", [FIRST, "Is it free?"], SECOND),
        ("russian", [FIRST, "А это бесплатно?"], "А на Windows?"),
    ] {
        let (_, model) = by_model(vec![FakeChat::says("So [1].")], &history, text).await;
        let request = &model.requests()[0];
        let told: Vec<_> = request
            .messages
            .iter()
            .map(|message| message.text.as_str())
            .collect();
        insta::assert_snapshot!(
            format!("the_prompt_to_rewrite_in_{name}"),
            told.join("\n\n----- user -----\n\n")
        );
    }
}
