//! What questions and answers are known by when they are kept.

use std::sync::Arc;
use std::time::Duration;

use nexus_domain::testing::{FakeChat, FakeChatModel, FakeReranker};
use nexus_domain::{CallLog, ChatError, ChatModel, ChatReply, ChatRequest, Condition};
use nexus_rag::follow_up::{RewrittenBy, Turn};
use nexus_rag::verify::Unverified;
use nexus_rag::{
    Answering, KeptAnswer, Manner, Mode, Question, Reranking, Rewriting, Writing, WritingSettings,
};

use crate::support::World;

const QUESTION: &str = "How long is the reset button of the gateway held?";

fn model(name: &str) -> Arc<FakeChatModel> {
    Arc::new(FakeChatModel::new(
        name,
        vec![FakeChat::Says(vec!["It is [1].".to_owned()])],
    ))
}

fn writing(name: &str) -> Writing {
    Writing {
        model: model(name),
        settings: WritingSettings::default(),
        manner: Manner::default(),
        calls: CallLog::default(),
    }
}

fn rewriting() -> Rewriting {
    Rewriting {
        model: model("rewriter"),
        time: Duration::from_secs(1),
        temperature: Some(0.0),
        prefer: None,
        calls: CallLog::default(),
    }
}

#[tokio::test]
async fn every_setting_and_every_way_of_asking_makes_another_answer() {
    let world = World::of(&[("reset.md", "# Reset\n\nHold the reset button for ten seconds.\n")]).await;
    let answering = Answering {
        writing: Some(writing("one")),
        ..world.answering()
    };
    let question = world.question(QUESTION, Mode::Hybrid);
    let known = answering.identity_of(&question);
    let blanks = Question {
        text: format!("  {QUESTION}\n"),
        ..question.clone()
    };
    assert_eq!(
        answering.identity_of(&blanks),
        known,
        "blanks around it are not searched for"
    );

    let asked: [fn(&mut Question); 4] = [
        |question| question.text.push('!'),
        |question| question.mode = Mode::Lexical,
        |question| question.limit += 1,
        |question| question.distinct_documents = true,
    ];
    for (number, change) in asked.iter().enumerate() {
        let mut other = question.clone();
        change(&mut other);
        assert_ne!(answering.identity_of(&other), known, "way of asking {number}");
    }

    let settings: [fn(&mut Answering); 14] = [
        |answering| answering.retriever.settings.min_depth += 1,
        |answering| answering.retriever.settings.depth_factor += 1,
        |answering| answering.settings.max_citations += 1,
        |answering| answering.settings.max_quote_chars += 1,
        |answering| answering.settings.near_cosine = None,
        |answering| {
            answering.retriever.reranking = Some(Reranking {
                reranker: Arc::new(FakeReranker::failing()),
                candidates: 30,
                budget: Duration::from_secs(1),
            });
        },
        |answering| answering.writing = None,
        |answering| answering.writing = Some(writing("two")),
        |answering| written(answering).settings.context_tokens += 1,
        |answering| written(answering).settings.max_answer_tokens += 1,
        |answering| written(answering).settings.temperature = None,
        |answering| written(answering).settings.unverified = Unverified::Drop,
        |answering| written(answering).manner.instructions = Some("Be brief.".to_owned()),
        |answering| written(answering).manner.model = Some("one".to_owned()),
    ];
    for (number, change) in settings.iter().enumerate() {
        let mut other = answering.clone();
        change(&mut other);
        assert_ne!(other.identity_of(&question), known, "setting {number}");
    }
}

fn written(answering: &mut Answering) -> &mut Writing {
    answering.writing.as_mut().unwrap()
}

#[tokio::test]
async fn a_conversation_counts_as_far_as_the_question_leans_on_it() {
    let world = World::of(&[("reset.md", "# Reset\n\nHold the reset button for ten seconds.\n")]).await;
    let by_rules = world.answering();
    let by_model = Answering {
        rewriting: Some(rewriting()),
        ..world.answering()
    };
    let after = |text: &str, turn: &str| Question {
        history: vec![Turn::asked(turn)],
        ..world.question(text, Mode::Hybrid)
    };
    let (linux, windows) = (
        "How do I install the agent on Linux?",
        "How do I update the station on Linux?",
    );
    for answering in [&by_rules, &by_model] {
        let leaning = answering.identity_of(&after("And on Windows?", linux));
        assert_eq!(answering.identity_of(&after("And on Windows?", linux)), leaning);
        assert_ne!(answering.identity_of(&after("And on Windows?", windows)), leaning);
        let whole = answering.identity_of(&after(QUESTION, linux));
        assert_eq!(answering.identity_of(&after(QUESTION, windows)), whole);
        assert_eq!(
            answering.identity_of(&world.question(QUESTION, Mode::Hybrid)),
            whole
        );
    }
}

/// The second of two models, of which the first is away.
#[derive(Debug)]
struct StandIn(Arc<FakeChatModel>);

#[async_trait::async_trait]
impl ChatModel for StandIn {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn chat(&self, request: ChatRequest) -> Result<ChatReply, ChatError> {
        self.0.chat(request).await
    }

    fn conditions(&self) -> Vec<(String, Condition)> {
        let first = ("first".to_owned(), Condition::Fine);
        let second = (self.0.name().to_owned(), Condition::Fine);
        vec![first, second]
    }
}

#[tokio::test]
async fn what_a_stand_in_makes_of_a_question_is_answered_and_not_kept() {
    let linux = "# Install on Linux\n\nInstall the agent on Linux with the package manager.\n";
    let windows = "# Install on Windows\n\nInstall the agent on Windows with the setup program.\n";
    let world = World::of(&[("linux.md", linux), ("windows.md", windows)]).await;
    let says = || vec![FakeChat::says("How is the agent installed on Windows?")];
    for (name, is_kept) in [("first", true), ("second", false)] {
        let answering = Answering {
            rewriting: Some(Rewriting {
                model: Arc::new(StandIn(Arc::new(FakeChatModel::new(name, says())))),
                ..rewriting()
            }),
            ..world.answering()
        };
        let question = Question {
            history: vec![Turn::asked("How do I install the agent on Linux?")],
            ..world.question("And on Windows?", Mode::Lexical)
        };
        let answer = answering.answer(&question).await.unwrap();
        assert_eq!(answer.retrieval.rewritten_by, Some(RewrittenBy::Model), "{name}");
        assert_eq!(answer.citations[0].passage.document_path, "windows.md", "{name}");
        assert_eq!(
            KeptAnswer::of(&answering, &[], &answer).is_some(),
            is_kept,
            "{name}"
        );
    }
}
