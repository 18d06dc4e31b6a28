//! The cache among many: readers and writers at the same time, each answer beside that of a twin without a cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nexus_rag::{Answer, Cached};

use super::redis_stand_in::RedisStandIn;
use super::{Echo, app, ask, asking, kb, options, pump, question_about, take_in, twin_of};
use crate::test_app::archive;

const QUESTIONS: usize = 500;
/// Every tenth document changes.
const EACH: usize = 10;
/// How often that happens while people ask.
const ROUNDS: usize = 3;
const READERS: usize = 4;

/// What an answer says, and on what it rests.
fn said(answer: &Answer) -> (bool, String, Vec<(String, String)>) {
    let cited = answer.citations.iter().chain(&answer.nearest);
    let cited = cited.map(|citation| (citation.passage.document_path.clone(), citation.quote.clone()));
    (answer.found, answer.text.clone(), cited.collect())
}

fn documents(round: usize) -> Vec<(String, String)> {
    let turns = |n: usize| {
        let changed = if n % EACH == 3 { round * 20_000 } else { 0 };
        10_007 + n + changed
    };
    (0..QUESTIONS).map(|n| pump(n, turns(n))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_five_hundred_cached_answers_none_is_stale_while_fifty_documents_change() {
    let redis = RedisStandIn::start().await;
    let app = app(Vec::new()).await;
    take_in(&app, &documents(0)).await;
    let echo = Arc::new(Echo::default());
    // Two processes, as far as the cache goes: each has memory of its own, and both share a Redis.
    let first = asking(&app, Some(echo.clone()), options(Some(&redis.url())));
    let second = asking(&app, Some(echo.clone()), options(Some(&redis.url())));
    let twin = twin_of(&app, &first);
    for n in 0..QUESTIONS {
        let answer = ask(&first, &question_about(n)).await;
        assert!(
            answer.text.contains(&format!("turns {}", 10_007 + n)),
            "{}",
            answer.text
        );
    }
    assert_eq!(echo.calls(), QUESTIONS);
    for n in 0..QUESTIONS {
        let cached = ask(&first, &question_about(n)).await.generation.cached;
        assert_eq!(cached, Cached::Answer, "{n}");
    }
    assert_eq!(echo.calls(), QUESTIONS);

    let is_over = Arc::new(AtomicBool::new(false));
    let compared = Arc::new(AtomicUsize::new(0));
    let hits = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0)]);
    let kb = kb(&app).await;
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            let (cached, twin) = ([&first, &second][reader % 2].clone(), twin.clone());
            let (is_over, compared, hits) = (is_over.clone(), compared.clone(), hits.clone());
            let db = app.app.answers.db.clone();
            tokio::spawn(async move {
                // Those that change are asked about as often as all others together.
                let mut n = reader * 7;
                while !is_over.load(Ordering::SeqCst) {
                    n += 1;
                    let number = if n % 2 == 0 {
                        n % QUESTIONS
                    } else {
                        (n % (QUESTIONS / EACH)) * EACH + 3
                    };
                    let question = question_about(number);
                    let before = db.cached().stamps(&[kb]).await.unwrap();
                    let answer = ask(&cached, &question).await;
                    let expected = ask(&twin, &question).await;
                    let after = db.cached().stamps(&[kb]).await.unwrap();
                    let place = match answer.generation.cached {
                        Cached::None => 0,
                        Cached::Text => 1,
                        Cached::Answer => 2,
                    };
                    hits[place].fetch_add(1, Ordering::SeqCst);
                    // What changed between the two is no comparison.
                    if before[0].revision == after[0].revision {
                        assert_eq!(said(&answer), said(&expected), "{question} at {before:?}");
                        compared.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
        })
        .collect();
    for round in 1..=ROUNDS {
        let files = documents(round);
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_bytes()))
            .collect();
        let task = app.upload_archive("docs.tar.gz", &archive(&files)).await;
        app.settled(task).await;
        app.quiet().await;
    }
    is_over.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }

    // The last word: every answer of both, beside the twin's and beside what the documents say.
    let (mut stale, mut from_cache) = (0, 0);
    let last = documents(ROUNDS);
    let twins_calls = echo.calls();
    let mut expected = Vec::new();
    for n in 0..QUESTIONS {
        expected.push(said(&ask(&twin, &question_about(n)).await));
    }
    assert_eq!(echo.calls() - twins_calls, QUESTIONS, "the twin asks each time");
    let before = echo.calls();
    for questions in [&first, &second] {
        for (n, expected) in expected.iter().enumerate() {
            let answer = ask(questions, &question_about(n)).await;
            let fact = last[n].1.lines().last().unwrap().trim_end_matches('.');
            stale += usize::from(said(&answer) != *expected || !answer.text.contains(fact));
            from_cache += usize::from(answer.generation.cached != Cached::None);
        }
    }
    let called = echo.calls() - before;
    let [made, texts, answers] = [0, 1, 2].map(|place: usize| hits[place].load(Ordering::SeqCst));
    println!(
        "while {ROUNDS} times {} of {QUESTIONS} documents changed: {} answers compared with a twin at the same revision, 0 of \
         them stale ({made} made, {texts} with a kept text, {answers} kept whole); after it: {stale} of {} stale, {from_cache} out \
         of the cache, {called} calls of the model",
        QUESTIONS / EACH,
        compared.load(Ordering::SeqCst),
        2 * QUESTIONS,
    );
    assert_eq!(stale, 0);
    assert!(compared.load(Ordering::SeqCst) > 20 && texts + answers > 0);
    assert!(
        called <= QUESTIONS / EACH,
        "what did not change took {called} calls"
    );
    app.end().await;
}

/// Prints what a hit costs; nothing to fail but the hits themselves.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_hit_costs() {
    const HITS: u32 = 1_000;
    let app = app(Vec::new()).await;
    take_in(&app, &(0..50).map(|n| pump(n, 10_007 + n)).collect::<Vec<_>>()).await;
    let questions = asking(&app, Some(Arc::new(Echo::default())), options(None));
    let question = question_about(7);
    ask(&questions, &question).await;
    let before = cpu();
    for _ in 0..HITS {
        assert_eq!(ask(&questions, &question).await.generation.cached, Cached::Answer);
    }
    let whole = cpu() - before;
    let found = super::everything().filter([kb(&app).await]);
    let asked = nexus_rag::Question {
        text: question,
        history: Vec::new(),
        filter: found,
        mode: nexus_rag::Mode::Lexical,
        limit: 1,
        distinct_documents: false,
    };
    let before = cpu();
    for _ in 0..HITS {
        assert!(questions.cache.holds(&questions.answering, &asked).await);
    }
    let looked = cpu() - before;
    println!(
        "CPU of a hit at an unchanged revision, {} build: {:.3} ms with rights, counting and keeping the answer for replay; {:.3} \
         ms to read the state of the rows, make the key and look it up",
        if cfg!(debug_assertions) {
            "debug"
        } else {
            "optimised"
        },
        whole * 1_000.0 / f64::from(HITS),
        looked * 1_000.0 / f64::from(HITS),
    );
    app.end().await;
}

/// Seconds of CPU that this process has used.
fn cpu() -> f64 {
    let ticks = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = ticks.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|ticks| ticks.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    // User and system time, in hundredths of a second.
    (ticks(11) + ticks(12)) / 100.0
}
