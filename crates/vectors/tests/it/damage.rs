use std::fs;
use std::sync::Arc;

use nexus_domain::{Collection, GenerationId, VectorError, VectorStore};
use nexus_vectors::EdgeStore;

use crate::fixture::{find, kb, open, options, point, scratch};

const DENSE: Collection = Collection::Dense {
    generation: GenerationId(3),
    dimension: 8,
};

#[tokio::test]
async fn a_store_is_opened_once_at_a_time() {
    let dir = scratch();
    let first = open(dir.path()).await;
    first.ensure(Collection::Lexical).await.unwrap();
    let second = EdgeStore::open(dir.path(), options()).await;
    assert!(
        matches!(&second, Err(VectorError::Locked { path }) if path.contains(dir.path().to_str().unwrap()))
    );
    first.close().await.unwrap();
    assert!(matches!(
        first.count(Collection::Lexical, None).await,
        Err(VectorError::Unavailable(_))
    ));
    open(dir.path()).await;
    first.close().await.expect("closing can be repeated");
    assert!(matches!(
        first.ensure(Collection::Lexical).await,
        Err(VectorError::Unavailable(_))
    ));
}

#[tokio::test]
async fn what_a_crash_left_half_created_or_half_removed_is_cleared_away() {
    let dir = scratch();
    let collections = dir.path().join("collections");
    for leftover in [".new-lexical-1/segments", ".gone-dense-3-2/segments/x"] {
        fs::create_dir_all(collections.join(leftover)).unwrap();
        fs::write(collections.join(leftover).join("part"), b"half").unwrap();
    }
    let store = open(dir.path()).await;
    assert_eq!(store.status().await.unwrap().collections, []);
    assert_eq!(fs::read_dir(&collections).unwrap().count(), 0);
    store.ensure(Collection::Lexical).await.unwrap();
    assert_eq!(store.count(Collection::Lexical, None).await.unwrap(), 0);
}

#[tokio::test]
async fn a_damaged_collection_is_named_and_can_be_built_again_while_the_others_work() {
    let dir = scratch();
    let kb = kb();
    let store = open(dir.path()).await;
    for collection in [Collection::Lexical, DENSE] {
        store.ensure(collection).await.unwrap();
    }
    store
        .upsert(Collection::Lexical, vec![point(kb, 1)])
        .await
        .unwrap();
    store.close().await.unwrap();
    drop(store);
    break_segments(&dir.path().join("collections/dense-3/segments"));

    let store = open(dir.path()).await;
    assert_eq!(find(&store, kb, &[1], 5).await.len(), 1, "the other one works");
    let refused = store.ensure(DENSE).await;
    assert!(
        matches!(&refused, Err(VectorError::Failed(why)) if why.contains("dense-3")),
        "{refused:?}"
    );
    store.drop_collection(DENSE).await.unwrap();
    store.ensure(DENSE).await.unwrap();
    assert_eq!(store.count(DENSE, None).await.unwrap(), 0);
}

/// Overwrites what tells the engine how to read each segment.
fn break_segments(segments: &std::path::Path) {
    let mut broken = 0;
    for segment in fs::read_dir(segments).unwrap() {
        let state = segment.unwrap().path().join("segment.json");
        if state.exists() {
            fs::write(state, b"{ not json").unwrap();
            broken += 1;
        }
    }
    assert!(broken > 0, "the engine keeps its segments elsewhere now");
}

#[tokio::test]
async fn a_store_that_is_dropped_without_closing_lets_go_of_its_folder() {
    let dir = scratch();
    let kb = kb();
    let store = open(dir.path()).await;
    store.ensure(Collection::Lexical).await.unwrap();
    store
        .upsert(Collection::Lexical, vec![point(kb, 1)])
        .await
        .unwrap();
    store.persist(Collection::Lexical).await.unwrap();
    drop(store);
    let store = loop {
        match EdgeStore::open(dir.path(), options()).await {
            Ok(store) => break Arc::new(store),
            Err(VectorError::Locked { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(find(&store, kb, &[1], 5).await.len(), 1);
}
