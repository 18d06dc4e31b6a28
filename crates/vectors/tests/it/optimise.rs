use std::sync::Arc;
use std::time::Duration;

use nexus_domain::{ChunkId, Collection, VectorStore};
use nexus_vectors::{EdgeOptions, EdgeStore};

use crate::fixture::{find, kb, options, point, scratch};

/// Thresholds so low that a few thousand points are optimised many times.
pub fn eager() -> EdgeOptions {
    EdgeOptions {
        optimise_after_writes: 300,
        optimise_interval: Duration::from_millis(20),
        index_above_kib: 8,
        ..options()
    }
}

async fn loaded(options: EdgeOptions) -> (tempfile::TempDir, Arc<EdgeStore>) {
    let dir = scratch();
    let store = Arc::new(EdgeStore::open(dir.path(), options).await.unwrap());
    store.ensure(Collection::Lexical).await.unwrap();
    (dir, store)
}

#[tokio::test]
async fn optimising_changes_no_result() {
    let never = EdgeOptions {
        optimise_interval: Duration::from_secs(3_600),
        index_above_kib: 8,
        ..options()
    };
    let (_dir, store) = loaded(never).await;
    let (kb_a, kb_b) = (kb(), kb());
    let points: Vec<_> = (0..4_000)
        .map(|n| point(if n % 5 == 0 { kb_b } else { kb_a }, n))
        .collect();
    let gone: Vec<ChunkId> = points.iter().step_by(3).map(|point| point.id).collect();
    store.upsert(Collection::Lexical, points).await.unwrap();
    store.delete(Collection::Lexical, gone).await.unwrap();
    let asked: [&[u32]; 3] = [&[1, 30, 1_030], &[5], &[0, 2, 4, 99]];
    let mut before = Vec::new();
    for terms in asked {
        before.push(find(&store, kb_a, terms, 200).await);
    }
    assert!(store.optimise().await.unwrap(), "there was something to do");
    assert!(!store.optimise().await.unwrap(), "and now there is not");
    for (terms, before) in asked.into_iter().zip(before) {
        let after = find(&store, kb_a, terms, 200).await;
        assert_eq!(after.len(), before.len());
        for (after, before) in after.iter().zip(before) {
            assert_eq!(after.id, before.id);
            assert!((after.score - before.score).abs() < 1e-4);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn points_may_be_written_and_deleted_while_the_optimiser_works() {
    let (_dir, store) = loaded(eager()).await;
    let kb = kb();
    let mut kept = Vec::new();
    for round in 0..30 {
        let points: Vec<_> = (0..200).map(|n| point(kb, round * 200 + n)).collect();
        let (gone, stays) = points.split_at(60);
        let gone = gone.iter().map(|point| point.id).collect();
        kept.extend(stays.iter().map(|point| point.id));
        // Replacing what may be under optimisation just now.
        let again = points.iter().skip(60).step_by(7).cloned().collect();
        store.upsert(Collection::Lexical, points.clone()).await.unwrap();
        store.delete(Collection::Lexical, gone).await.unwrap();
        store.upsert(Collection::Lexical, again).await.unwrap();
        if round % 10 == 0 {
            store.persist(Collection::Lexical).await.unwrap();
        }
        assert_eq!(find(&store, kb, &[1_000 + round * 200 + 100], 5).await.len(), 1);
    }
    store.optimise().await.unwrap();
    kept.sort();
    assert_eq!(
        store.ids(Collection::Lexical, kb, None, 10_000).await.unwrap(),
        kept
    );
}
