//! What is given again, and at what.

use std::sync::Arc;

use futures::StreamExt as _;
use nexus_api::{Cached as ToldCached, QueryRequest, RetrievalMode};
use nexus_client::AnswerEvent as ToldEvent;
use nexus_models::chat_stand_in::{ChatStandIn, Play};
use nexus_rag::{AnswerEvent, Cached};

use super::{Echo, app, ask, asking, everything, input, kb, options, pump, question_about, take_in};
use crate::api::Api;
use crate::metrics::read as read_metrics;
use crate::test_app::KB;

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_change_takes_no_search_and_what_reads_the_same_takes_no_model() {
    let app = app(Vec::new()).await;
    let mut documents: Vec<_> = (0..6).map(|n| pump(n, 10_007 + n)).collect();
    take_in(&app, &documents).await;
    let echo = Arc::new(Echo::default());
    let questions = asking(&app, Some(echo.clone()), options(None));
    let question = question_about(1);

    let first = ask(&questions, &question).await;
    assert!(first.found && first.text.contains("10008"), "{}", first.text);
    assert_eq!((first.generation.cached, echo.calls()), (Cached::None, 1));
    let again = ask(&questions, &question).await;
    assert_eq!((again.generation.cached, echo.calls()), (Cached::Answer, 1));
    assert_eq!((&again.text, &again.blocks), (&first.text, &first.blocks));
    assert_eq!(again.citations, first.citations);
    assert_eq!(again.retrieval.total_micros, 0, "nothing was searched");
    let usage = again.generation.usage.unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (0, 0));
    assert!(first.id.is_some() && again.id.is_some() && first.id != again.id);

    documents[4] = pump(4, 77_777);
    take_in(&app, &documents).await;
    let reread = ask(&questions, &question).await;
    assert_eq!((reread.generation.cached, echo.calls()), (Cached::Text, 1));
    assert!(reread.retrieval.total_micros > 0, "it was searched for again");
    assert_eq!(reread.text, first.text);
    assert_eq!(reread.generation.usage.unwrap().prompt_tokens, 0);

    documents[1] = pump(1, 88_888);
    take_in(&app, &documents).await;
    let changed = ask(&questions, &question).await;
    assert_eq!((changed.generation.cached, echo.calls()), (Cached::None, 2));
    assert!(changed.text.contains("88888"), "{}", changed.text);

    // What a program or a person asks to be read anew is searched for anew by the next question.
    let mut tx = app.app.answers.db.begin().await.unwrap();
    let now = app.app.answers.clock.now();
    tx.knowledge_bases()
        .bump_revision(kb(&app).await, now)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let refreshed = ask(&questions, &question).await;
    assert_eq!((refreshed.generation.cached, echo.calls()), (Cached::Text, 2));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_out_of_the_cache_streams_like_any_other() {
    let app = app(Vec::new()).await;
    take_in(&app, &[pump(1, 10_008), pump(2, 10_009)]).await;
    let questions = asking(&app, Some(Arc::new(Echo::default())), options(None));
    let question = question_about(1);
    let first = ask(&questions, &question).await;
    let (mut events, _) = questions.stream(&everything(), input(&question)).await.unwrap();
    let Some(Ok(AnswerEvent::Retrieved(found))) = events.next().await else {
        panic!("what was found comes first")
    };
    assert_eq!(found.hits[0].passage, first.citations[0].passage);
    let Some(Ok(AnswerEvent::Delta(delta))) = events.next().await else {
        panic!("then the text")
    };
    assert_eq!(delta.text, first.text);
    assert_eq!(delta.cited, [(1, found.hits[0].passage.chunk.id)]);
    let Some(Ok(AnswerEvent::Done(done))) = events.next().await else {
        panic!("then all of it")
    };
    assert_eq!(done.generation.cached, Cached::Answer);
    assert!(events.next().await.is_none());
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_are_told_and_a_replay_says_the_same() {
    let server = ChatStandIn::start([Play::says("The zorb1 pump turns 10008 times each minute [1].")]).await;
    let settings = vec![
        ("NEXUS_CACHE_HOURS", "24".to_owned()),
        ("NEXUS_CHAT_URL", server.url()),
        ("NEXUS_CHAT_MODEL", "writer".to_owned()),
    ];
    let app = app(settings).await;
    take_in(&app, &[pump(1, 10_008), pump(2, 10_009)]).await;
    let question = question_about(1);
    let first = app.ask(&question).await;
    assert_eq!(first.generation.cached, ToldCached::None);
    let again = app.ask(&question).await;
    assert_eq!(again.generation.cached, ToldCached::Answer);
    assert_eq!((again.text.as_str(), server.calls()), (first.text.as_str(), 1));
    assert_eq!(again.generation.usage.unwrap().completion_tokens, 0);
    assert_eq!(again.generation.model.as_deref(), Some("writer"));

    assert_ne!(first.id, again.id);
    let (status, kept) = Api::operator(&app)
        .get(&format!("/answers/{}", again.id.unwrap()))
        .await;
    assert_eq!(status, 200, "{kept}");
    let kept: nexus_api::KeptAnswer = serde_json::from_value(kept).unwrap();
    assert_eq!(
        (kept.text.unwrap(), kept.citations),
        (again.text, again.citations)
    );
    assert_eq!(
        (kept.retrieval, kept.generation),
        (again.retrieval, again.generation),
        "kept as it was given"
    );

    let request = QueryRequest {
        question,
        knowledge_bases: vec![KB.to_owned()],
        mode: RetrievalMode::Hybrid,
        history: Vec::new(),
    };
    let mut events = app.client.ask_question_streamed(&request).await.unwrap();
    let (mut text, mut done) = (String::new(), None);
    while let Some(event) = events.next().await {
        match event.unwrap() {
            ToldEvent::Retrieval(found) => assert!(!found.passages.is_empty()),
            ToldEvent::Delta(delta) => text.push_str(&delta.text),
            ToldEvent::Done(answer) => done = Some(answer),
        }
    }
    assert_eq!((text, server.calls()), (first.text, 1));
    assert_eq!(done.unwrap().generation.cached, ToldCached::Answer);

    let page = read_metrics(&app).await;
    for line in [
        r#"nexus_cache_lookups_total{tier="answer",outcome="hit"} 2"#,
        r#"nexus_cache_lookups_total{tier="answer",outcome="miss"} 1"#,
        r#"nexus_cache_lookups_total{tier="text",outcome="miss"} 1"#,
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
    app.end().await;
}
