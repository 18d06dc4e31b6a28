//! What is never given again: what failed, what was refused before there was an answer, what somebody else may see or was
//! given in another manner, what was judged by other limits.

use std::sync::Arc;
use std::time::Duration;

use nexus_client::{Upload, UploadTarget};
use nexus_domain::testing::{FakeChat, FakeChatModel};
use nexus_domain::{ChatError, ChatModel, GenerationId, KbId, Style};
use nexus_rag::follow_up::Turn;
use nexus_rag::{Answering, Cached, Manner, Mode};
use nexus_storage::KbQuality;

use super::{Echo, app, ask, asking, everything, input, kb, only, options, pump, question_about, take_in};

const FACT: &str = "The zorb1 pump turns 10008 times each minute";

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_ends_when_the_document_comes() {
    let app = app(Vec::new()).await;
    take_in(&app, &[pump(1, 10_008), pump(2, 10_009)]).await;
    for model in [None, Some(Arc::new(Echo::default()) as Arc<dyn ChatModel>)] {
        let questions = asking(&app, model, options(None));
        let question = "Who feeds the xylocarpus in the winter garden?";
        assert!(!ask(&questions, question).await.found);
        let again = ask(&questions, question).await;
        assert_eq!((again.found, again.generation.cached), (false, Cached::Answer));
        let fed = "The gardener feeds the xylocarpus in the winter garden.\n".to_owned();
        take_in(
            &app,
            &[pump(1, 10_008), pump(2, 10_009), ("garden.md".to_owned(), fed)],
        )
        .await;
        let answer = ask(&questions, question).await;
        assert!(
            answer.found && answer.text.contains("gardener"),
            "{}",
            answer.text
        );
        take_in(&app, &[pump(1, 10_008), pump(2, 10_009)]).await;
        let gone = ask(&questions, question).await;
        assert!(!gone.found && !gone.text.contains("gardener"), "{}", gone.text);
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_did_not_finish_or_would_not_say_is_not_kept() {
    let app = app(Vec::new()).await;
    let documents = [pump(1, 10_008), pump(2, 10_009)];
    take_in(&app, &documents).await;
    let says = |text: &str| FakeChat::Says(vec![text.to_owned()]);
    let cited = format!("{FACT} [1].");
    for (play, kept_by_rows) in [
        (FakeChat::RunsOut(vec![cited.clone()]), false),
        (
            FakeChat::BreaksOff(vec![cited.clone()], ChatError::Unavailable("away".to_owned())),
            false,
        ),
        (FakeChat::Fails(ChatError::TimedOut("slow".to_owned())), false),
        (says("The sky is green."), false),
        // True until the rows change, and not a moment longer.
        (says("NO_ANSWER"), true),
    ] {
        let what = format!("{play:?}");
        let model = Arc::new(FakeChatModel::new("fake", vec![play, says(&cited)]));
        let questions = asking(&app, Some(model.clone()), options(None));
        let question = question_about(1);
        assert_eq!(ask(&questions, &question).await.generation.cached, Cached::None);
        if kept_by_rows {
            assert_eq!(ask(&questions, &question).await.generation.cached, Cached::Answer);
            let mut tx = app.app.answers.db.begin().await.unwrap();
            let now = app.app.answers.clock.now();
            tx.knowledge_bases()
                .bump_revision(kb(&app).await, now)
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
        let second = ask(&questions, &question).await;
        assert_eq!(
            (second.generation.cached, model.requests().len()),
            (Cached::None, 2),
            "{what}"
        );
        assert!(second.text.contains(FACT), "{what}: {}", second.text);
        assert_eq!(
            ask(&questions, &question).await.generation.cached,
            Cached::Answer,
            "{what}"
        );
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_of_asking_has_its_own_answer() {
    let app = app(Vec::new()).await;
    take_in(&app, &[pump(1, 10_008), pump(2, 10_009)]).await;
    let echo = Arc::new(Echo::default());
    let questions = asking(&app, Some(echo.clone()), options(None));
    let first = ask(&questions, &question_about(1)).await;
    assert_eq!(first.generation.cached, Cached::None);
    let asked = |change: &dyn Fn(&mut nexus_backend::service::SearchInput)| {
        let mut input = input(&question_about(1));
        change(&mut input);
        input
    };
    let ways: [(&str, nexus_backend::service::SearchInput); 4] = [
        ("text", asked(&|input| input.text = input.text.to_uppercase())),
        ("mode", asked(&|input| input.mode = Mode::Hybrid)),
        ("limit", asked(&|input| input.limit = 2)),
        ("documents", asked(&|input| input.distinct_documents = true)),
    ];
    for (what, input) in ways {
        let answer = questions.answer(&everything(), input.clone()).await.unwrap();
        assert_ne!(answer.generation.cached, Cached::Answer, "{what}");
        let again = questions.answer(&everything(), input).await.unwrap();
        assert_eq!(again.generation.cached, Cached::Answer, "{what}");
    }
    // What leans on the conversation means something else in another one; what stands alone does not.
    let mut leaning = input("And Zorb2?");
    leaning.history = vec![Turn::asked(&question_about(1).replace("zorb", "Zorb"))];
    let of_two = questions.answer(&everything(), leaning.clone()).await.unwrap();
    assert!(of_two.text.contains("10009"), "{}", of_two.text);
    leaning.history = vec![Turn::asked("What colour is the Zorb1 pump?")];
    let other = questions.answer(&everything(), leaning).await.unwrap();
    assert_ne!(other.generation.cached, Cached::Answer);
    let mut whole = input(&question_about(1));
    whole.history = vec![Turn::asked("Who painted the harbour?")];
    let whole = questions.answer(&everything(), whole).await.unwrap();
    assert_eq!(whole.generation.cached, Cached::Answer);

    // Another bot's rules are another prompt.
    let manners = [
        Manner {
            instructions: Some("Speak like a sailor.".to_owned()),
            ..Manner::default()
        },
        Manner {
            style: Some(Style::Brief),
            ..Manner::default()
        },
        Manner {
            wish: Some("Tell me the reason, too.".to_owned()),
            ..Manner::default()
        },
    ];
    for manner in manners {
        let before = echo.calls();
        let mut writing = questions.answering.writing.clone().unwrap();
        writing.manner = manner;
        let answering = Answering {
            writing: Some(writing),
            ..questions.answering.clone()
        };
        // As a bot is given it: its manner is put in after the question is taken.
        let other = nexus_backend::service::Questions {
            answering,
            ..questions.clone()
        };
        let question = nexus_rag::Question {
            text: question_about(1),
            history: Vec::new(),
            filter: everything().filter([kb(&app).await]),
            mode: Mode::Lexical,
            limit: 1,
            distinct_documents: false,
        };
        let plain = questions.answering.identity_of(&question);
        assert_ne!(other.answering.identity_of(&question), plain);
        let answer = other.answering.answer(&question).await.unwrap();
        assert_eq!(
            (answer.generation.cached, echo.calls()),
            (Cached::None, before + 1)
        );
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_given_what_they_may_not_see() {
    let app = app(Vec::new()).await;
    take_in(&app, &[pump(1, 10_008)]).await;
    let handbook = kb(&app).await;
    let other = app.client.find_or_create_knowledge_base("other").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("upload");
    std::fs::write(&path, pump(2, 10_009).1).unwrap();
    let upload = Upload {
        target: UploadTarget::File,
        path,
        file_name: "pump.md".to_owned(),
        source: None,
        knowledge_base: other.id.to_string(),
    };
    app.client.upload(&upload, |_| {}).await.unwrap();
    app.quiet().await;
    let other = KbId::from_uuid(other.id);
    let questions = asking(&app, Some(Arc::new(Echo::default())), options(None));
    let ask = async |kbs: &[KbId]| {
        questions
            .answer(&only(kbs), input(&question_about(1)))
            .await
            .unwrap()
    };
    let seen = ask(&[handbook, other]).await;
    assert!(seen.text.contains("10008"), "{}", seen.text);
    assert_eq!(ask(&[handbook, other]).await.generation.cached, Cached::Answer);
    // The next request after a right was lost.
    let lost = ask(&[other]).await;
    assert!(!lost.text.contains("10008"), "{}", lost.text);
    assert!(
        lost.citations
            .iter()
            .chain(&lost.nearest)
            .all(|citation| citation.passage.chunk.kb_id == other)
    );
    assert_eq!(ask(&[handbook, other]).await.generation.cached, Cached::Answer);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_measured_since_judges_the_next_question() {
    let app = app(vec![("NEXUS_ANSWERS_CALIBRATION_SECONDS", "0".to_owned())]).await;
    take_in(&app, &[pump(1, 10_008), pump(2, 10_009)]).await;
    let questions = asking(&app, None, options(None));
    let question = question_about(1);
    assert!(ask(&questions, &question).await.found);
    assert_eq!(ask(&questions, &question).await.generation.cached, Cached::Answer);
    app.clock.advance(Duration::from_secs(1));
    let limits = r#"{"target":0.85,"limits":{"threshold":2.0,"worth_asking":2.0,"floor":0.0},"points":[]}"#;
    let row = KbQuality {
        mode: "lexical".to_owned(),
        revision: 1,
        chunks: 2,
        generation: GenerationId::NONE,
        questions: 40,
        measured: limits.to_owned(),
        calibrated_at: app.app.answers.clock.now(),
    };
    let mut tx = app.app.answers.db.begin().await.unwrap();
    tx.kb_quality().put(kb(&app).await, &row).await.unwrap();
    tx.commit().await.unwrap();
    let judged = ask(&questions, &question).await;
    assert_eq!((judged.found, judged.generation.cached), (false, Cached::None));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_text_leaves_the_memory_of_a_process_and_the_rest_stays() {
    let app = app(Vec::new()).await;
    take_in(&app, &[pump(1, 10_008), pump(2, 10_009), pump(3, 10_010)]).await;
    let echo = Arc::new(Echo::default());
    let questions = asking(&app, Some(echo.clone()), options(None));
    for n in 1..=3 {
        ask(&questions, &question_about(n)).await;
    }
    questions.cache.tidy().await.unwrap();
    assert_eq!(questions.cache.sizes(), (3, 3), "nothing has changed");
    // One is deleted, one is edited elsewhere.
    let mut edited = pump(2, 10_009);
    edited.1.push_str("\n# Paint\n\nIt is painted blue.\n");
    take_in(&app, &[edited, pump(3, 10_010)]).await;
    questions.cache.tidy().await.unwrap();
    let (answers, texts) = questions.cache.sizes();
    assert_eq!(answers, 0, "all answers are of another revision");
    assert!(
        (1..=2).contains(&texts),
        "of {texts} texts none may be of the deleted document"
    );
    let calls = echo.calls();
    assert_eq!(
        ask(&questions, &question_about(3)).await.generation.cached,
        Cached::Text
    );
    assert_eq!(echo.calls(), calls);
    assert!(!ask(&questions, &question_about(1)).await.text.contains("10008"));

    let kb = kb(&app).await;
    app.client.delete_knowledge_base(kb.as_uuid()).await.unwrap();
    questions.cache.tidy().await.unwrap();
    assert_eq!(questions.cache.sizes(), (0, 0));
    app.end().await;
}
