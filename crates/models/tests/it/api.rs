//! An embeddings API that is slow, away, out of quota or wrong.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_domain::{CallLog, CallOutcome, ChatUsage, Condition, EmbedError, Embedder, Purpose};
use nexus_models::{EmbeddingsStandIn, OpenAiEmbedder, OpenAiOptions, Patience, Reply};

use crate::support::cosine;

const DIMENSION: usize = 16;

/// A patience that a test can exhaust.
fn options(api: &EmbeddingsStandIn) -> OpenAiOptions {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let patience = Patience {
        question: Duration::from_secs(2),
        ingestion: Duration::from_secs(3),
        first_wait: Duration::from_millis(10),
        rest: Duration::from_secs(60),
    };
    OpenAiOptions {
        dimension: Some(DIMENSION),
        batch: 4,
        timeout: Duration::from_secs(20),
        patience,
        ..OpenAiOptions::new(api.url().parse().unwrap(), "small")
    }
}

/// An embedder that has asked nothing yet.
async fn stage(change: impl FnOnce(&mut OpenAiOptions)) -> (EmbeddingsStandIn, OpenAiEmbedder) {
    let api = EmbeddingsStandIn::start(DIMENSION).await.unwrap();
    let mut options = options(&api);
    change(&mut options);
    let unasked = EmbedError::Unavailable("nobody asked yet".to_owned());
    let embedder = OpenAiEmbedder::assume(options, DIMENSION, &unasked).unwrap();
    (api, embedder)
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("passage {number}")).collect()
}

#[tokio::test]
async fn passages_come_back_in_order_and_a_question_finds_its_own() {
    let (api, embedder) = stage(|options| {
        options.passage_prefix = "passage: ".to_owned();
        options.query_prefix = "query: ".to_owned();
    })
    .await;
    let passages = [
        "the pump is blue",
        "",
        "invoices are due",
        "penguins breed",
        "the pump leaks",
    ];
    let vectors = embedder
        .embed_passages(passages.map(str::to_owned).to_vec())
        .await
        .unwrap();
    assert_eq!(vectors.len(), 5);
    for vector in &vectors {
        assert_eq!(vector.len(), DIMENSION);
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5);
    }
    let query = embedder
        .embed_query("where do penguins breed".to_owned())
        .await
        .unwrap();
    let best = (0..5).max_by(|&a, &b| cosine(&query, &vectors[a]).total_cmp(&cosine(&query, &vectors[b])));
    assert_eq!(best, Some(3));
    let calls = api.calls();
    assert_eq!(calls.iter().map(Vec::len).collect::<Vec<_>>(), [4, 1, 1]);
    assert_eq!(
        (calls[0][1].as_str(), calls[2][0].as_str()),
        ("passage: ", "query: where do penguins breed")
    );
    assert_eq!(embedder.condition(), Condition::Fine);
}

#[tokio::test]
async fn connecting_learns_the_length_of_a_vector_or_compares_it() {
    let api = EmbeddingsStandIn::start(DIMENSION).await.unwrap();
    api.require_key("secret-of-ours");
    let mut options = options(&api);
    options.key = Some("secret-of-ours".to_owned().into());
    options.dimension = None;
    let embedder = OpenAiEmbedder::connect(options.clone()).await.unwrap();
    assert_eq!(embedder.info().dimension, DIMENSION);
    assert!(
        embedder.info().model.starts_with("openai/small/16/"),
        "{}",
        embedder.info().model
    );

    options.dimension = Some(8);
    let error = OpenAiEmbedder::connect(options.clone()).await.unwrap_err();
    assert!(
        matches!(&error, EmbedError::Failed(words) if words.contains("16") && words.contains('8')),
        "{error}"
    );

    options.key = Some("another".to_owned().into());
    let error = OpenAiEmbedder::connect(options).await.unwrap_err();
    assert!(
        matches!(&error, EmbedError::Refused(words) if words.contains("NEXUS_EMBEDDINGS_KEY")),
        "{error}"
    );
}

#[tokio::test]
async fn an_api_that_is_away_is_asked_again_and_waited_for_as_it_wishes() {
    let (api, embedder) = stage(|_| {}).await;
    let busy = Reply::Status {
        status: 429,
        retry_after: Some("1"),
        code: "rate_limit_exceeded",
    };
    api.script([Reply::status(500), Reply::status(503), busy]);
    let started = Instant::now();
    embedder.embed_passages(texts(3)).await.unwrap();
    assert!(
        started.elapsed() >= Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
    assert_eq!((api.calls().len(), api.paid().len()), (4, 3));
    assert_eq!(embedder.condition(), Condition::Fine);
}

#[tokio::test]
async fn an_api_that_stays_away_is_unavailable_and_spared() {
    let (api, embedder) = stage(|options| options.patience.ingestion = Duration::from_millis(200)).await;
    api.otherwise(Reply::status(502));
    let error = embedder.embed_passages(texts(1)).await.unwrap_err();
    assert!(matches!(error, EmbedError::Unavailable(_)), "{error}");
    assert!(matches!(embedder.condition(), Condition::Away(why) if why.contains("502")));
    let calls = api.calls().len();
    assert!(calls > 1, "it was asked again");
    // A question that comes now learns it without a call, and without waiting.
    let started = Instant::now();
    let error = embedder.embed_query("anyone?".to_owned()).await.unwrap_err();
    assert!(matches!(error, EmbedError::Unavailable(_)), "{error}");
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(api.calls().len(), calls);
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_not_waited_out() {
    let (api, embedder) = stage(|_| {}).await;
    api.script([Reply::Status {
        status: 429,
        retry_after: Some("3000"),
        code: "slow_down",
    }]);
    let started = Instant::now();
    let error = embedder.embed_passages(texts(1)).await.unwrap_err();
    assert!(matches!(error, EmbedError::Unavailable(_)), "{error}");
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(api.calls().len(), 1);
}

#[tokio::test]
async fn an_api_that_stalls_does_not_hold_a_question_up_for_long() {
    let (api, embedder) = stage(|options| options.patience.question = Duration::from_millis(300)).await;
    api.otherwise(Reply::Stall);
    let error = embedder.embed_query("anyone?".to_owned()).await.unwrap_err();
    assert!(matches!(error, EmbedError::Unavailable(_)), "{error}");

    let (api, embedder) = stage(|options| {
        options.timeout = Duration::from_millis(100);
        options.patience.ingestion = Duration::from_millis(500);
    })
    .await;
    api.otherwise(Reply::Stall);
    let error = embedder.embed_passages(texts(1)).await.unwrap_err();
    assert!(
        matches!(&error, EmbedError::Unavailable(words) if words.contains("in time")),
        "{error}"
    );
}

#[tokio::test]
async fn what_somebody_must_mend_is_refused_at_once_with_a_sentence() {
    for (status, code, sentence) in [
        (401, "invalid_api_key", "NEXUS_EMBEDDINGS_KEY"),
        (403, "forbidden", "NEXUS_EMBEDDINGS_KEY"),
        (404, "model_not_found", "NEXUS_EMBEDDINGS_MODEL"),
        (429, "insufficient_quota", "no quota left"),
        (307, "elsewhere", "NEXUS_EMBEDDINGS_URL"),
    ] {
        let (api, embedder) = stage(|_| {}).await;
        api.otherwise(Reply::Status {
            status,
            retry_after: None,
            code,
        });
        let error = embedder.embed_passages(texts(1)).await.unwrap_err();
        assert!(
            matches!(&error, EmbedError::Refused(words) if words.contains(sentence) && words.contains(code)),
            "{status}: {error}"
        );
        assert_eq!(api.calls().len(), 1, "{status} is not asked again");
    }
}

#[tokio::test]
async fn answers_that_cannot_be_believed_are_failures() {
    for reply in [
        Reply::status(400),
        Reply::WrongCount,
        Reply::WrongDimension,
        Reply::NotANumber,
        Reply::Zeros,
        Reply::Oversized,
    ] {
        let (api, embedder) = stage(|_| {}).await;
        api.otherwise(reply.clone());
        let error = embedder.embed_passages(texts(2)).await.unwrap_err();
        assert!(matches!(error, EmbedError::Failed(_)), "{reply:?}: {error}");
        assert_eq!(api.calls().len(), 1, "{reply:?} is not paid for again");
        api.otherwise(Reply::Fine);
        embedder.embed_passages(texts(2)).await.unwrap();
    }
}

#[tokio::test]
async fn a_call_that_is_too_large_is_halved_and_the_next_ones_are_smaller() {
    let (api, embedder) = stage(|options| options.batch = 32).await;
    api.most_texts(5);
    let vectors = embedder.embed_passages(texts(20)).await.unwrap();
    assert_eq!(vectors.len(), 20);
    let mut paid = api.paid();
    paid.sort();
    let mut wanted = texts(20);
    wanted.sort();
    assert_eq!(paid, wanted, "every text once");
    let calls = api.calls().len();
    embedder.embed_passages(texts(10)).await.unwrap();
    assert_eq!(
        api.calls().len(),
        calls + 2,
        "calls of five, none of them refused"
    );
    assert_eq!(embedder.passages_at_once(), 5);

    api.most_texts(0);
    let error = embedder.embed_passages(texts(1)).await.unwrap_err();
    assert!(matches!(error, EmbedError::Failed(_)), "{error}");
}

#[tokio::test]
async fn an_ingestion_keeps_to_the_allowance_and_a_question_goes_first() {
    let (api, embedder) = stage(|options| {
        options.batch = 1;
        // One call every hundred milliseconds, 60 at once.
        options.requests_per_minute = 600;
    })
    .await;
    let embedder = Arc::new(embedder);
    let ingestion = tokio::spawn({
        let embedder = Arc::clone(&embedder);
        async move { embedder.embed_passages(texts(75)).await }
    });
    while api.paid().len() < 60 {
        tokio::task::yield_now().await;
    }
    embedder.embed_query("me first".to_owned()).await.unwrap();
    assert!(!ingestion.is_finished());
    let place = api.paid().iter().position(|text| text == "me first").unwrap();
    assert!(
        place < 66,
        "fifteen more passages waited for the allowance, the question did not: {place}"
    );
    assert_eq!(ingestion.await.unwrap().unwrap().len(), 75);
}

/// Whether each call began, what it took and what became of it.
fn noted(log: &CallLog) -> Vec<(bool, Option<ChatUsage>, CallOutcome)> {
    let calls = log.noted().into_iter();
    calls
        .map(|call| (call.began, call.usage, call.ended.expect("it has ended").0))
        .collect()
}

#[tokio::test]
async fn every_request_is_noted_with_what_its_provider_says_it_took() {
    let (api, embedder) = stage(|_| {}).await;
    let log = CallLog::default();
    api.script([Reply::status(503), Reply::Fine, Reply::Untold]);
    embedder.embed_passages_noting(texts(6), &log).await.unwrap();
    let question = "where do penguins breed".to_owned();
    embedder.embed_query_noting(question.clone(), &log).await.unwrap();
    api.script([Reply::WrongCount]);
    embedder.embed_query_noting(question, &log).await.unwrap_err();
    let took = |prompt_tokens| {
        Some(ChatUsage {
            prompt_tokens,
            completion_tokens: 0,
        })
    };
    assert_eq!(
        noted(&log),
        [
            (false, None, CallOutcome::Failed),
            (true, took(8), CallOutcome::Ok),
            (true, None, CallOutcome::Ok),
            (true, took(4), CallOutcome::Ok),
            (true, None, CallOutcome::Failed),
        ]
    );
    for call in log.noted() {
        assert_eq!((call.purpose, call.model.as_str()), (Purpose::Embedding, "small"));
        assert_eq!(format!("http://{}/v1", call.provider), api.url());
        assert!(call.estimate.is_some_and(|usage| usage.prompt_tokens > 0));
    }
}

#[tokio::test]
async fn a_question_that_waits_no_longer_has_cut_its_call() {
    let (api, embedder) = stage(|options| options.patience.question = Duration::from_millis(200)).await;
    api.otherwise(Reply::Stall);
    let log = CallLog::default();
    let asked = embedder.embed_query_noting("anyone?".to_owned(), &log).await;
    assert!(matches!(asked, Err(EmbedError::Unavailable(_))), "{asked:?}");
    assert_eq!(noted(&log), [(false, None, CallOutcome::Cut)]);
}
