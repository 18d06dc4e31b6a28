//! The embedder around a model that is scripted: order, overtaking, failures, cancellation, shutdown.

use std::sync::mpsc;

use nexus_domain::Script;

use super::*;

/// Gives a text the vector [its number of bytes]; a batch begins when the test lets it.
struct Scripted {
    began: mpsc::Sender<Vec<String>>,
    go: Option<mpsc::Receiver<()>>,
}

impl Compute for Scripted {
    fn compute(&mut self, texts: &[String]) -> Result<Vec<Vec<f32>>, String> {
        drop(self.began.send(texts.to_vec()));
        if let Some(go) = &self.go {
            go.recv().ok();
        }
        assert!(!texts.iter().any(|text| text.ends_with("panic")), "asked to");
        if texts.iter().any(|text| text.ends_with("fail")) {
            return Err("asked to".to_owned());
        }
        #[expect(clippy::cast_precision_loss, reason = "a test's texts are short")]
        Ok(texts.iter().map(|text| vec![text.len() as f32]).collect())
    }
}

struct Stage {
    embedder: Arc<FastembedEmbedder>,
    began: mpsc::Receiver<Vec<String>>,
    go: mpsc::Sender<()>,
}

fn stage(held: bool, queue_length: usize) -> Stage {
    stage_of(held, queue_length, false)
}

/// `own`: questions have a session of their own, which is never held.
fn stage_of(held: bool, queue_length: usize, own: bool) -> Stage {
    let (began, began_receiver) = mpsc::channel();
    let (go, go_receiver) = mpsc::channel();
    let queries = own.then(|| Scripted {
        began: began.clone(),
        go: None,
    });
    let model = Scripted {
        began,
        go: held.then_some(go_receiver),
    };
    let options = EmbedderOptions {
        batch_size: 2,
        queue_length,
        ..EmbedderOptions::new("unused")
    };
    let info = EmbedderInfo {
        model: "scripted".to_owned(),
        dimension: 1,
        scripts: vec![Script::Latin],
        runtime: "test".to_owned(),
    };
    let profile = Profile {
        query_prefix: "q:".to_owned(),
        ..Profile::built_in("all-MiniLM-L6-v2").unwrap()
    };
    let loaded = Loaded {
        info,
        note: None,
        passages: model,
        queries,
        together: 8,
    };
    let embedder = FastembedEmbedder::start(&options, profile, loaded).unwrap();
    Stage {
        embedder: Arc::new(embedder),
        began: began_receiver,
        go,
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[tokio::test]
async fn vectors_come_back_in_the_order_of_the_texts() {
    let Stage { embedder, began, .. } = stage(false, 8);
    let vectors = embedder
        .embed_passages(texts(&["one", "", "a longer passage here", "two words"]))
        .await
        .unwrap();
    assert_eq!(vectors, [[3.0], [0.0], [21.0], [9.0]]);
    assert_eq!(began.recv().unwrap(), ["a longer passage here", "two words"]);
    assert_eq!(
        embedder.embed_passages(Vec::new()).await.unwrap(),
        Vec::<Vec<f32>>::new()
    );
    assert_eq!(embedder.embed_query("what".to_owned()).await.unwrap(), [6.0]);
}

#[tokio::test]
async fn a_question_gets_in_between_the_batches_of_an_ingestion() {
    let Stage { embedder, began, go } = stage(true, 8);
    let ingestion = tokio::spawn({
        let embedder = Arc::clone(&embedder);
        async move {
            embedder
                .embed_passages(texts(&["a", "b", "c", "d", "e", "f"]))
                .await
        }
    });
    let began = tokio::task::spawn_blocking(move || {
        assert_eq!(began.recv().unwrap(), ["a", "b"]);
        began
    })
    .await
    .unwrap();
    let question = tokio::spawn({
        let embedder = Arc::clone(&embedder);
        async move { embedder.embed_query("?".to_owned()).await }
    });
    while embedder.query_places.available_permits() == 8 {
        tokio::task::yield_now().await;
    }
    go.send(()).unwrap();
    go.send(()).unwrap();
    assert_eq!(question.await.unwrap().unwrap(), [3.0]);
    assert_eq!(began.recv().unwrap(), ["q:?"]);
    assert!(!ingestion.is_finished());
    for _ in 0..2 {
        go.send(()).unwrap();
    }
    assert_eq!(ingestion.await.unwrap().unwrap().len(), 6);
}

#[tokio::test]
async fn a_question_that_fails_is_the_only_one_that_does_of_those_run_together() {
    let Stage { embedder, began, go } = stage(true, 8);
    let asked = |text: &'static str| {
        let embedder = Arc::clone(&embedder);
        tokio::spawn(async move { embedder.embed_query(text.to_owned()).await })
    };
    let first = asked("first");
    while embedder.query_places.available_permits() > 7 {
        tokio::task::yield_now().await;
    }
    let began = tokio::task::spawn_blocking(move || {
        assert_eq!(began.recv().unwrap(), ["q:first"]);
        began
    })
    .await
    .unwrap();
    let mut waiting = Vec::new();
    for (place, text) in ["fine", "fail", "panic", "fine too"].into_iter().enumerate() {
        waiting.push(asked(text));
        while embedder.query_places.available_permits() > 6 - place {
            tokio::task::yield_now().await;
        }
    }
    // The first, the four together, and each of them by itself.
    for _ in 0..6 {
        go.send(()).unwrap();
    }
    assert_eq!(first.await.unwrap().unwrap(), [7.0]);
    let mut outcomes = Vec::new();
    for question in waiting {
        outcomes.push(question.await.unwrap().ok());
    }
    assert_eq!(outcomes, [Some(vec![6.0]), None, None, Some(vec![10.0])]);
    assert_eq!(
        began.recv().unwrap(),
        ["q:fine", "q:fail", "q:panic", "q:fine too"]
    );
}

#[tokio::test]
async fn a_question_with_a_session_of_its_own_does_not_wait_for_a_running_batch() {
    let held = stage_of(true, 8, true);
    let ingestion = tokio::spawn({
        let embedder = Arc::clone(&held.embedder);
        async move { embedder.embed_passages(texts(&["a", "b"])).await }
    });
    let began = tokio::task::spawn_blocking(move || {
        assert_eq!(held.began.recv().unwrap(), ["a", "b"]);
        held.began
    })
    .await
    .unwrap();
    // The batch is being computed and stays so until the test lets it end.
    assert_eq!(held.embedder.embed_query("?".to_owned()).await.unwrap(), [3.0]);
    assert_eq!(began.recv().unwrap(), ["q:?"]);
    assert!(!ingestion.is_finished());
    held.go.send(()).unwrap();
    assert_eq!(ingestion.await.unwrap().unwrap().len(), 2);
}

#[tokio::test]
async fn a_failure_is_told_and_the_next_batch_runs() {
    let Stage { embedder, .. } = stage(false, 8);
    for bad in ["fail", "panic"] {
        let error = embedder.embed_passages(texts(&["fine", bad])).await.unwrap_err();
        assert!(matches!(error, EmbedError::Failed(_)), "{error}");
    }
    assert_eq!(embedder.embed_passages(texts(&["fine"])).await.unwrap(), [[4.0]]);
}

#[tokio::test]
async fn a_dropped_request_is_not_computed_and_blocks_nobody() {
    let Stage { embedder, began, go } = stage(true, 2);
    let given_up = tokio::spawn({
        let embedder = Arc::clone(&embedder);
        // Twenty batches, of which two fit the queue.
        async move { embedder.embed_passages(vec!["gone".to_owned(); 40]).await }
    });
    let began = tokio::task::spawn_blocking(move || {
        began.recv().unwrap();
        began
    })
    .await
    .unwrap();
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    go.send(()).unwrap();
    assert_eq!(embedder.embed_passages(texts(&["next"])).await.unwrap(), [[4.0]]);
    assert_eq!(began.try_iter().collect::<Vec<_>>(), [["next"]]);
}

#[tokio::test]
async fn shutting_down_waits_for_the_batch_and_frees_the_rest() {
    let Stage { embedder, began, go } = stage(true, 8);
    let mut running = embedder
        .submit(Lane::Passages, texts(&["running"]))
        .await
        .unwrap();
    let waiting = embedder
        .submit(Lane::Passages, texts(&["waiting"]))
        .await
        .unwrap();
    let ended = tokio::task::spawn_blocking(move || {
        began.recv().unwrap();
        let closing = std::thread::spawn(move || drop(embedder));
        // The waiting batch is freed before the running one has ended.
        assert!(waiting.blocking_recv().is_err());
        go.send(()).unwrap();
        closing.join()
    });
    ended.await.unwrap().unwrap();
    assert_eq!(running.try_recv().unwrap().unwrap(), [[7.0]]);
}
