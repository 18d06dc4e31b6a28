//! A reranker's say over the fused order.

use std::sync::Arc;
use std::time::Duration;

use nexus_domain::testing::FakeReranker;
use nexus_domain::{DocumentId, Reranker};
use nexus_rag::{Mode, RerankStatus, Reranking, Retrieval, Retriever};

use crate::support::{AT, World};

const PAGES: [(&str, &str); 5] = [
    (
        "reset.md",
        "Hold the reset button for ten seconds to restore the gateway.",
    ),
    (
        "resets.md",
        "A reset of the gateway is a reset of its rules: reset, gateway, reset.",
    ),
    ("power.md", "The gateway needs 12 volts of power."),
    ("lamp.md", "A red lamp means that the gateway has no network."),
    (
        "сброс.md",
        "Удерживайте кнопку сброса десять секунд, чтобы восстановить шлюз.",
    ),
];
const QUESTION: &str = "how to reset the gateway";

fn with(world: &World, reranker: &Arc<FakeReranker>, candidates: usize) -> Retriever {
    let reranker: Arc<dyn Reranker> = reranker.clone();
    Retriever {
        reranking: Some(Reranking {
            reranker,
            candidates,
            budget: Duration::from_secs(2),
        }),
        ..world.retriever(true)
    }
}

fn paths(found: &Retrieval) -> Vec<&str> {
    found
        .hits
        .iter()
        .map(|hit| hit.passage.document_path.as_str())
        .collect()
}

fn shorter_is_better(_: &str, passage: &str) -> f32 {
    -(passage.chars().count() as f32)
}

async fn fused(world: &World) -> Vec<String> {
    let question = world.question(QUESTION, Mode::Hybrid);
    let found = world.retriever(true).retrieve(&question).await.unwrap();
    assert_eq!(found.report.rerank.status, RerankStatus::NotConfigured);
    paths(&found).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn its_order_is_the_answer_s_and_every_score_is_told() {
    let world = World::of(&PAGES).await;
    let before = fused(&world).await;
    let reranker = Arc::new(FakeReranker::scoring(shorter_is_better));
    let question = world.question(QUESTION, Mode::Hybrid);
    let found = with(&world, &reranker, 30).retrieve(&question).await.unwrap();
    let mut expected: Vec<&str> = PAGES
        .iter()
        .map(|(path, _)| *path)
        .filter(|path| before.iter().any(|b| b == path))
        .collect();
    let length = |path: &str| {
        PAGES
            .iter()
            .find(|page| page.0 == path)
            .unwrap()
            .1
            .chars()
            .count()
    };
    expected.sort_by_key(|path| length(path));
    assert_eq!(paths(&found), expected);
    assert_ne!(paths(&found), before, "the test's order is another one");
    assert!(
        found
            .hits
            .iter()
            .all(|hit| hit.rerank.is_some() && hit.score >= 0.0)
    );
    let report = &found.report.rerank;
    assert_eq!(
        (&report.status, report.candidates),
        (&RerankStatus::Ran, before.len())
    );
    let mut answering = world.answering();
    answering.retriever = with(&world, &reranker, 30);
    let answer = answering.answer(&question).await.unwrap();
    assert_eq!(answer.retrieval.rerank.status, RerankStatus::Ran);
    assert!(answer.citations.iter().all(|citation| citation.rerank.is_some()));
}

#[tokio::test]
async fn what_stands_below_the_candidates_keeps_its_place_behind_them() {
    let world = World::of(&PAGES).await;
    let before = fused(&world).await;
    let reranker = Arc::new(FakeReranker::scoring(shorter_is_better));
    let question = world.question(QUESTION, Mode::Hybrid);
    let found = with(&world, &reranker, 2).retrieve(&question).await.unwrap();
    assert_eq!(found.report.rerank.candidates, 2);
    assert_eq!(paths(&found)[2..], before[2..]);
    assert_eq!(found.hits[2].rerank, None);
    assert_eq!(reranker.asked()[0].len(), 2);
}

#[tokio::test]
async fn it_sees_more_passages_than_are_wanted() {
    let world = World::of(&PAGES).await;
    let reranker = Arc::new(FakeReranker::scoring(shorter_is_better));
    let mut question = world.question(QUESTION, Mode::Hybrid);
    question.limit = 1;
    let found = with(&world, &reranker, 30).retrieve(&question).await.unwrap();
    assert_eq!(
        paths(&found),
        ["power.md"],
        "the best of all candidates, not of one"
    );
    assert!(reranker.asked()[0].len() >= 4);
}

#[tokio::test]
async fn equal_scores_keep_the_fused_order() {
    let world = World::of(&PAGES).await;
    let before = fused(&world).await;
    let reranker = Arc::new(FakeReranker::scoring(|_, _| 1.0));
    let question = world.question(QUESTION, Mode::Hybrid);
    let found = with(&world, &reranker, 30).retrieve(&question).await.unwrap();
    assert_eq!(paths(&found), before);
}

#[tokio::test]
async fn one_that_fails_or_talks_nonsense_leaves_the_fused_order() {
    let world = World::of(&PAGES).await;
    let before = fused(&world).await;
    let question = world.question(QUESTION, Mode::Hybrid);
    for (reranker, complaint) in [
        (FakeReranker::failing(), "the test wants it so"),
        (FakeReranker::scoring(|_, _| f32::NAN), "no number"),
    ] {
        let found = with(&world, &Arc::new(reranker), 30)
            .retrieve(&question)
            .await
            .unwrap();
        assert_eq!(paths(&found), before);
        assert!(found.hits.iter().all(|hit| hit.rerank.is_none()));
        match found.report.rerank.status {
            RerankStatus::Failed(reason) => assert!(reason.contains(complaint), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn one_that_is_too_slow_leaves_the_fused_order() {
    let world = World::of(&PAGES).await;
    let before = fused(&world).await;
    let question = world.question(QUESTION, Mode::Hybrid);
    let mut retriever = with(&world, &Arc::new(FakeReranker::hanging()), 30);
    let budget = Duration::from_millis(20);
    retriever.reranking.as_mut().unwrap().budget = budget;
    let found = retriever.retrieve(&question).await.unwrap();
    assert!(u128::from(found.report.rerank.micros) >= budget.as_micros());
    assert_eq!(paths(&found), before);
    assert_eq!(found.report.rerank.status, RerankStatus::TimedOut);
}

#[tokio::test]
async fn long_passages_are_cut_for_it_and_whole_for_the_reader() {
    let world = World::of(&PAGES).await;
    let long = format!("The gateway reset, at length: {}", "ё".repeat(9_000));
    world.add_lexical("long.md", &long, DocumentId::new(AT));
    let reranker = Arc::new(FakeReranker::scoring(|_, passage| passage.chars().count() as f32));
    let question = world.question(QUESTION, Mode::Hybrid);
    let found = with(&world, &reranker, 30).retrieve(&question).await.unwrap();
    assert_eq!(found.hits[0].passage.chunk.text, long);
    assert_eq!(found.hits[0].rerank, Some(4_000.0));
}

#[tokio::test]
async fn it_is_not_asked_where_it_has_nothing_to_say() {
    let world = World::of(&PAGES).await;
    let reranker = Arc::new(FakeReranker::scoring(shorter_is_better));
    let retriever = with(&world, &reranker, 30);
    for (text, mode, status) in [
        (QUESTION, Mode::Lexical, RerankStatus::NotAsked),
        (QUESTION, Mode::Dense, RerankStatus::NotAsked),
        (
            "Как выполнить сброс шлюза?",
            Mode::Hybrid,
            RerankStatus::ScriptUnknown,
        ),
        ("", Mode::Hybrid, RerankStatus::NotAsked),
    ] {
        let found = retriever.retrieve(&world.question(text, mode)).await.unwrap();
        assert_eq!(found.report.rerank.status, status, "{text:?} {mode:?}");
    }
    assert!(reranker.asked().is_empty());
    let alone = World::of(&PAGES[..1]).await;
    let found = with(&alone, &reranker, 30)
        .retrieve(&alone.question(QUESTION, Mode::Hybrid))
        .await
        .unwrap();
    assert_eq!(
        (found.hits.len(), found.report.rerank.status),
        (1, RerankStatus::NotAsked)
    );
}
