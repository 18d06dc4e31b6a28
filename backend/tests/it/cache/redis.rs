//! What processes share: a Redis that is there, is away, is slow, and is not to be believed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_api::CheckStatus;
use nexus_domain::Condition;
use nexus_rag::Cached;
use nexus_vectors::stand_in::{Persona, StandIn};

use super::redis_stand_in::{Mood, RedisStandIn};
use super::{DAY, Echo, app, ask, asking, cache, options, pump, question_about, take_in};
use crate::test_app::{Setup, TestApp};

const WORD: &str = "xylocarpus";

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_made_another_gives_until_the_rows_change() {
    let redis = RedisStandIn::start().await;
    // A real one, where there is one: other names in it are not touched.
    let url = std::env::var("NEXUS_TEST_REDIS_URL").unwrap_or_else(|_| redis.url());
    let app = app(Vec::new()).await;
    let mut documents: Vec<_> = (0..4).map(|n| pump(n, 10_007 + n)).collect();
    take_in(&app, &documents).await;
    let echo = Arc::new(Echo::default());
    let one = asking(&app, Some(echo.clone()), options(Some(&url)));
    let other = asking(&app, Some(echo.clone()), options(Some(&url)));
    let question = question_about(1);
    let first = ask(&one, &question).await;
    let given = ask(&other, &question).await;
    assert_eq!((given.generation.cached, echo.calls()), (Cached::Answer, 1));
    assert_eq!((&given.text, &given.citations), (&first.text, &first.citations));
    assert_eq!(
        (given.blocks, given.support, given.language),
        (first.blocks, first.support, first.language)
    );

    documents[2] = pump(2, 66_666);
    take_in(&app, &documents).await;
    let reread = ask(&other, &question).await;
    assert_eq!(
        (reread.generation.cached, echo.calls()),
        (Cached::Text, 1),
        "of the text that the first one had written"
    );
    documents[1] = pump(1, 99_999);
    take_in(&app, &documents).await;
    for questions in [&other, &one] {
        let changed = ask(questions, &question).await;
        assert!(changed.text.contains("99999"), "{}", changed.text);
    }
    assert_eq!(echo.calls(), 2);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_text_is_gone_from_it() {
    let redis = RedisStandIn::start().await;
    let app = app(vec![
        ("NEXUS_CACHE_HOURS", "24".to_owned()),
        ("NEXUS_CACHE_REDIS_URL", redis.url()),
    ])
    .await;
    let secret = format!("# Guest\n\nThe guest of the house is called {WORD} by all of its friends.\n");
    let documents = [pump(1, 10_008), ("guest.md".to_owned(), secret), pump(2, 10_009)];
    take_in(&app, &documents).await;
    let questions = asking(&app, Some(Arc::new(Echo::default())), options(Some(&redis.url())));
    let question = "How is the guest of the house called by all of its friends?";
    assert!(ask(&questions, question).await.text.contains(WORD));
    ask(&questions, &question_about(1)).await;
    let held = redis.values();
    assert_eq!(held.len(), 4, "an answer and a text of each question");
    let holds = |word: &str| {
        held.iter()
            .any(|(name, bytes)| name.contains(word) || String::from_utf8_lossy(bytes).contains(word))
    };
    assert!(
        !holds(WORD) && !holds("zorb1") && !holds("guest"),
        "nobody reads what is sealed"
    );
    assert_eq!(
        redis.ending_within(Duration::from_secs(120)),
        0,
        "all of them were confirmed"
    );
    assert_eq!(
        (redis.ending_within(DAY), redis.lists_ending_within(2 * DAY)),
        (4, 0),
        "a Redis that is full and drops first what ends first never drops a list before what it lists"
    );

    take_in(&app, &[documents[0].clone(), documents[2].clone()]).await;
    let left: Vec<_> = redis.values().into_iter().map(|(name, _)| name).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    let kept = ask(&questions, &question_about(1)).await;
    assert_eq!(
        kept.generation.cached,
        Cached::Text,
        "what rests on other texts stays"
    );
    assert!(!ask(&questions, question).await.text.contains(WORD));

    // With the knowledge base goes all of it.
    let kb = super::kb(&app).await;
    app.client.delete_knowledge_base(kb.as_uuid()).await.unwrap();
    app.quiet().await;
    assert!(redis.values().is_empty());
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_away_slow_or_mad_costs_an_answer_nothing_but_a_moment() {
    let redis = RedisStandIn::start().await;
    let app = app(Vec::new()).await;
    take_in(&app, &[pump(1, 10_008), pump(2, 10_009)]).await;
    for mood in [Mood::Stalls, Mood::TalksNonsense, Mood::HangsUp] {
        redis.is(mood);
        let echo = Arc::new(Echo::default());
        let questions = asking(&app, Some(echo.clone()), options(Some(&redis.url())));
        let began = Instant::now();
        let answer = ask(&questions, &question_about(1)).await;
        assert!(answer.text.contains("10008"), "{mood:?}: {}", answer.text);
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{mood:?}: {:?}",
            began.elapsed()
        );
        assert!(
            matches!(questions.cache.shared_condition(), Some(Condition::Away(_))),
            "{mood:?}"
        );
        // Its own memory serves on, and nobody is asked again who just failed.
        let asked = redis.asked();
        assert_eq!(
            ask(&questions, &question_about(1)).await.generation.cached,
            Cached::Answer
        );
        ask(&questions, &question_about(2)).await;
        assert_eq!((redis.asked(), echo.calls()), (asked, 2), "{mood:?}");
    }
    let nowhere = asking(&app, None, options(Some("redis://127.0.0.1:1")));
    assert!(ask(&nowhere, &question_about(1)).await.found);
    assert!(matches!(
        nowhere.cache.shared_condition(),
        Some(Condition::Away(_))
    ));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_it_answers_is_known_from_the_start_and_again_when_it_is_back() {
    let redis = RedisStandIn::start().await;
    redis.is(Mood::HangsUp);
    let app = app(vec![
        ("NEXUS_CACHE_HOURS", "24".to_owned()),
        ("NEXUS_CACHE_REDIS_URL", redis.url()),
        ("NEXUS_CACHE_REDIS_MILLISECONDS", "5000".to_owned()),
    ])
    .await;
    let told = async || app.client.readiness().await.unwrap().shared_cache.unwrap().status;
    assert_eq!(told().await, CheckStatus::Degraded, "nobody has asked anything");
    // The sweep of the start has been by: nobody else tries it now.
    take_in(&app, &[pump(1, 10_008)]).await;
    app.app.cache.tidy().await.unwrap();
    assert_eq!(told().await, CheckStatus::Degraded, "it is still away");
    redis.is(Mood::Serves);
    app.app.cache.tidy().await.unwrap();
    assert_eq!(told().await, CheckStatus::Ok, "nobody has asked anything yet");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_says_once_which_one_does_not_answer_and_never_a_password() {
    let redis = RedisStandIn::start().await;
    let app = app(Vec::new()).await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let lines = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(std::fs::File::create(&log).unwrap())
        .finish();
    let there = redis.url();
    let heard = tracing::subscriber::set_default(lines);
    for url in ["redis://:hush@127.0.0.1:1", there.as_str()] {
        cache(&app, options(Some(url))).greet().await;
    }
    drop(heard);
    let said = std::fs::read_to_string(&log).unwrap();
    let said: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("cache's Redis"))
        .collect();
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(
        said[0].contains("WARN") && said[0].contains("address=127.0.0.1:1 "),
        "{}",
        said[0]
    );
    let address = there.trim_start_matches("redis://");
    assert!(
        said[1].contains("INFO") && said[1].contains(address),
        "{}",
        said[1]
    );
    assert!(!said.concat().contains("hush"), "{said:#?}");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_puts_words_into_an_answer_by_writing_there() {
    let redis = RedisStandIn::start().await;
    let app = app(Vec::new()).await;
    take_in(&app, &[pump(1, 10_008), pump(2, 10_009)]).await;
    let echo = Arc::new(Echo::default());
    let one = asking(&app, Some(echo.clone()), options(Some(&redis.url())));
    let true_one = ask(&one, &question_about(1)).await;
    ask(&one, &question_about(2)).await;
    // Bytes of one's own, and those of another answer under this name.
    let held = redis.values();
    for (at, (name, _)) in held.iter().enumerate() {
        let kind = name.split(':').nth(1).unwrap();
        let mut others = held.iter().enumerate();
        let other = others.find(|(other, (name, _))| *other != at && name.contains(kind));
        redis.overwrite(name, other.unwrap().1.1.clone());
    }
    let other = asking(&app, Some(echo.clone()), options(Some(&redis.url())));
    let calls = echo.calls();
    let made = ask(&other, &question_about(1)).await;
    assert_eq!((made.generation.cached, echo.calls()), (Cached::None, calls + 1));
    assert_eq!(made.text, true_one.text);
    for (name, mut bytes) in redis.values() {
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        redis.overwrite(&name, bytes);
    }
    let third = asking(&app, Some(echo.clone()), options(Some(&redis.url())));
    assert_eq!(
        ask(&third, &question_about(1)).await.generation.cached,
        Cached::None
    );
    assert_eq!(
        third.cache.shared_condition(),
        Some(Condition::Fine),
        "it answers; what it says is not ours"
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_of_one_installation_share_it_and_say_when_it_is_away() {
    let Some(database) = nexus_storage::testing::postgres_url().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = StandIn::start(folder.path(), Persona::default()).await;
    let redis = RedisStandIn::start().await;
    let data = Arc::new(tempfile::tempdir().unwrap());
    let setup = || Setup {
        settings: vec![
            ("NEXUS_QDRANT_URL", server.url()),
            ("NEXUS_DATABASE_URL", database.clone()),
            ("NEXUS_CACHE_HOURS", "24".to_owned()),
            ("NEXUS_CACHE_REDIS_URL", redis.url()),
            ("NEXUS_CACHE_REDIS_MILLISECONDS", "500".to_owned()),
        ],
        data: Some(Arc::clone(&data)),
        lexical_only: true,
        ..Setup::default()
    };
    let (first, second) = (TestApp::with(setup()).await, TestApp::with(setup()).await);
    take_in(&first, &[pump(1, 10_008), pump(2, 10_009)]).await;
    let question = question_about(1);
    let made = first.ask(&question).await;
    assert_eq!(made.generation.cached, nexus_api::Cached::None);
    let given = second.ask(&question).await;
    assert_eq!(
        (given.generation.cached, &given.text),
        (nexus_api::Cached::Answer, &made.text)
    );
    // Whoever takes a document in tells nobody; the next request of the other one knows.
    take_in(&first, &[pump(1, 55_555), pump(2, 10_009)]).await;
    let changed = second.ask(&question).await;
    assert!(changed.text.contains("55555"), "{}", changed.text);
    let told = second.client.readiness().await.unwrap().shared_cache.unwrap();
    assert_eq!((told.status, told.reason), (CheckStatus::Ok, None));
    redis.is(Mood::HangsUp);
    assert!(second.ask(&question_about(2)).await.found);
    let ready = second.client.readiness().await.unwrap();
    assert_eq!(ready.shared_cache.unwrap().status, CheckStatus::Degraded);
    assert_ne!(ready.status, CheckStatus::Failing);
    redis.is(Mood::Serves);
    first.end().await;
    second.end().await;
}
