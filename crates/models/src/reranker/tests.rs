//! Queue, batches and failures, with a model that is quick and obeys the test.

use std::sync::mpsc::{Receiver, Sender, channel};

use nexus_domain::Script;

use super::*;

/// Scores a passage by its length. Tells of every batch, and waits for the test where there is a gate.
struct Lengths {
    told: Sender<Vec<String>>,
    gate: Option<Receiver<()>>,
}

impl Score for Lengths {
    fn score(&mut self, question: &str, passages: &[String]) -> Result<Vec<f32>, String> {
        let _ = self.told.send(passages.to_vec());
        if let Some(gate) = &self.gate {
            let _ = gate.recv();
        }
        assert!(question != "panic", "as the test wants it");
        if question == "fail" {
            return Err("no".to_owned());
        }
        Ok(passages.iter().map(|passage| passage.len() as f32).collect())
    }
}

fn start(gate: Option<Receiver<()>>, queue_length: usize) -> (FastembedReranker, Receiver<Vec<String>>) {
    let (told, batches) = channel();
    let info = RerankerInfo {
        model: "lengths".to_owned(),
        scripts: vec![Script::Latin],
        runtime: String::new(),
    };
    let reranker = FastembedReranker::start(info, Lengths { told, gate }, queue_length).unwrap();
    (reranker, batches)
}

fn passages(count: usize) -> Vec<String> {
    (0..count).map(|n| "word ".repeat(n % 7 + 1)).collect()
}

#[tokio::test]
async fn scores_come_back_in_the_order_of_the_passages_whatever_the_batches() {
    let (reranker, batches) = start(None, 4);
    let passages = passages(20);
    let scores = reranker.rerank("q".to_owned(), passages.clone()).await.unwrap();
    let lengths: Vec<f32> = passages.iter().map(|passage| passage.len() as f32).collect();
    assert_eq!(scores, lengths);
    let sizes: Vec<usize> = batches.try_iter().map(|batch| batch.len()).collect();
    assert_eq!(sizes, [8, 8, 4]);
    assert_eq!(
        reranker.rerank("q".to_owned(), Vec::new()).await.unwrap(),
        Vec::<f32>::new()
    );
}

#[tokio::test]
async fn a_failure_and_a_panic_are_the_question_s_alone() {
    let (reranker, _batches) = start(None, 4);
    for (question, complaint) in [("fail", "no"), ("panic", "panicked")] {
        let error = reranker
            .rerank(question.to_owned(), passages(2))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, RerankError::Failed(reason) if reason.contains(complaint)),
            "{error}"
        );
    }
    assert_eq!(reranker.rerank("q".to_owned(), passages(1)).await.unwrap(), [5.0]);
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_is_not_scored_to_its_end() {
    let (open, gate) = channel();
    let (reranker, batches) = start(Some(gate), 4);
    let mut asked = reranker.rerank("q".to_owned(), passages(24));
    // Polled once, it is in the queue; then its caller goes away while the first batch runs.
    assert!(futures::poll!(asked.as_mut()).is_pending());
    batches.recv().unwrap();
    drop(asked);
    open.send(()).unwrap();
    let mut next = reranker.rerank("next".to_owned(), passages(1));
    assert!(futures::poll!(next.as_mut()).is_pending());
    open.send(()).unwrap();
    assert_eq!(next.await.unwrap(), [5.0]);
    assert_eq!(
        batches.try_iter().count(),
        1,
        "of the first question only its first batch was run"
    );
}

#[tokio::test]
async fn a_full_queue_refuses_instead_of_waiting() {
    let (open, gate) = channel();
    let (reranker, batches) = start(Some(gate), 1);
    let mut running = reranker.rerank("q".to_owned(), passages(1));
    assert!(futures::poll!(running.as_mut()).is_pending());
    batches.recv().unwrap();
    let mut waiting = reranker.rerank("q".to_owned(), passages(1));
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    let error = reranker.rerank("q".to_owned(), passages(1)).await.unwrap_err();
    assert!(
        matches!(&error, RerankError::Unavailable(reason) if reason.contains("too many")),
        "{error}"
    );
    drop(open);
    assert_eq!(
        (running.await.unwrap(), waiting.await.unwrap()),
        (vec![5.0], vec![5.0])
    );
}
