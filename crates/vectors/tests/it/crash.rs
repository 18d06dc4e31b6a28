//! A kill at any moment loses nothing that was persisted: neither points nor removals.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use nexus_domain::{ChunkId, Collection, KbId, Point, VectorStore};
use nexus_vectors::EdgeStore;
use uuid::Uuid;

use crate::fixture::{open, point, scratch};
use crate::optimise::eager;

/// Tells the child where the store is. The child is this test binary again, running `child` alone.
const STORE: &str = "NEXUS_TEST_CRASH_STORE";
const KB: KbId = KbId::from_uuid(Uuid::from_u128(7));
const PER_ROUND: u32 = 120;
const REMOVED_PER_ROUND: u32 = 40;

/// Point `number`, the same in both processes.
fn numbered(number: u32) -> Point {
    Point {
        id: ChunkId::from_uuid(Uuid::from_u128(1_000 + u128::from(number))),
        ..point(KB, number)
    }
}

/// Writes round after round, with an eager optimiser; each round removes some of the round before. Prints the number
/// of a round once it is persisted, and never ends.
#[tokio::test]
#[ignore = "the child of the test below"]
async fn child() {
    let Some(dir) = std::env::var_os(STORE).map(PathBuf::from) else {
        return;
    };
    let store = EdgeStore::open(&dir, eager()).await.unwrap();
    store.ensure(Collection::Lexical).await.unwrap();
    for round in 0_u32.. {
        let first = round * PER_ROUND;
        store
            .upsert(
                Collection::Lexical,
                (first..first + PER_ROUND).map(numbered).collect(),
            )
            .await
            .unwrap();
        if let Some(last) = first.checked_sub(PER_ROUND) {
            let gone = (last..last + REMOVED_PER_ROUND)
                .map(|number| numbered(number).id)
                .collect();
            store.delete(Collection::Lexical, gone).await.unwrap();
        }
        store.persist(Collection::Lexical).await.unwrap();
        println!("\nround {round}");
    }
}

/// Lets the child reach a round, kills it, and returns the last round it had persisted.
fn run_and_kill(dir: &std::path::Path, until: u32) -> u32 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--ignored", "--nocapture"])
        .env(STORE, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let rounds = lines
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("round ")?.parse().ok());
    let mut last = None;
    for round in rounds {
        last = Some(round);
        if round >= until && child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    last.expect("the child gets that far")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_loses_nothing_that_was_persisted() {
    for until in [1, 4, 9] {
        let dir = scratch();
        let path = dir.path().to_owned();
        let persisted = tokio::task::spawn_blocking(move || run_and_kill(&path, until))
            .await
            .unwrap();
        let store: Arc<EdgeStore> = open(dir.path()).await;
        let found = store.ids(Collection::Lexical, KB, None, 1_000_000).await.unwrap();
        let holds = |number: u32| found.binary_search(&numbered(number).id).is_ok();
        for number in 0..(persisted + 1) * PER_ROUND {
            let (round, place) = (number / PER_ROUND, number % PER_ROUND);
            let removed = place < REMOVED_PER_ROUND && round < persisted;
            // The last round's removals may or may not have been under way.
            if round < persisted || place >= REMOVED_PER_ROUND {
                assert_eq!(
                    holds(number),
                    !removed,
                    "point {place} of round {round} of {persisted}"
                );
            }
        }
    }
}
