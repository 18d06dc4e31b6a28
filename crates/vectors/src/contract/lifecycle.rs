//! Collections come, go and outlive the process.

use nexus_domain::{Collection, GenerationId, Point, Vector, VectorError};

use super::fixture::{DENSE, Fixture, dense, find, ids, kb, put, query, ready, sparse, words};

/// Points, removals and replacements are all there again.
pub async fn what_was_persisted_is_there_after_a_restart(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kb = kb();
    let points: Vec<Point> = (0..600).map(|n| words(kb, &[n % 50, 60])).collect();
    put(&store, &points).await;
    let vector = dense(kb, [1.0, 2.0, 3.0, 4.0]);
    put(&store, std::slice::from_ref(&vector)).await;
    store
        .delete(Collection::Lexical, vec![points[0].id])
        .await
        .expect("it deletes");
    put(
        &store,
        &[Point {
            vector: sparse(&[(70, 1.0)]),
            ..points[1].clone()
        }],
    )
    .await;
    for collection in [Collection::Lexical, DENSE] {
        store.persist(collection).await.expect("it persists");
    }
    let asked = [
        query(sparse(&[(7, 1.0), (70, 1.0)]), [kb], 1_000),
        query(vector.vector, [kb], 10),
    ];
    let mut before = Vec::new();
    for query in asked.clone() {
        before.push(find(&store, query).await);
    }
    drop(store);
    let store = fixture.restart().await;
    for (query, before) in asked.into_iter().zip(before) {
        assert_eq!(find(&store, query).await, before);
    }
    assert_eq!(
        store
            .count(Collection::Lexical, Some(kb))
            .await
            .expect("it counts"),
        599
    );
    let status = store.status().await.expect("it tells");
    assert_eq!(
        status.collections,
        [(DENSE.name(), 1), (Collection::Lexical.name(), 599)]
    );
}

/// Starting twice is normal.
pub async fn ensuring_twice_changes_nothing(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kb = kb();
    put(&store, &[words(kb, &[1])]).await;
    let store = ready(fixture).await;
    assert_eq!(
        store
            .count(Collection::Lexical, Some(kb))
            .await
            .expect("it counts"),
        1
    );
}

/// A model of another size must not write into an old index.
pub async fn a_collection_of_another_dimension_does_not_fit(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let wider = Collection::Dense {
        generation: GenerationId(1),
        dimension: 5,
    };
    assert!(matches!(store.ensure(wider).await, Err(VectorError::Failed(_))));
    store.ensure(DENSE).await.expect("the old one still fits");
}

/// Each model's vectors live alone.
pub async fn generations_do_not_mix(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let second = Collection::Dense {
        generation: GenerationId(2),
        dimension: 2,
    };
    store
        .ensure(second)
        .await
        .expect("another generation can be built beside the first");
    let kb = kb();
    let old = dense(kb, [1.0, 0.0, 0.0, 0.0]);
    put(&store, std::slice::from_ref(&old)).await;
    let new = Point {
        vector: Vector::Dense(vec![0.0, 1.0]),
        ..old.clone()
    };
    store
        .upsert(second, vec![new])
        .await
        .expect("the same chunk has a vector of each model");
    store.drop_collection(second).await.expect("it drops");
    assert_eq!(ids(&find(&store, query(old.vector, [kb], 10)).await), [old.id]);
}

/// Dropping is final and can be repeated.
pub async fn a_dropped_collection_is_empty_when_it_comes_back(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kb = kb();
    put(&store, &[words(kb, &[1])]).await;
    for _ in 0..2 {
        store
            .drop_collection(Collection::Lexical)
            .await
            .expect("dropping can be repeated");
    }
    assert!(
        store.count(Collection::Lexical, None).await.is_err(),
        "it is gone"
    );
    let store = ready(fixture).await;
    assert_eq!(
        store.count(Collection::Lexical, None).await.expect("it counts"),
        0
    );
    drop(store);
    let store = fixture.restart().await;
    put(&store, &[words(kb, &[1]), words(kb, &[1])]).await;
    assert_eq!(find(&store, query(sparse(&[(1, 1.0)]), [kb], 10)).await.len(), 2);
}

/// A forgotten `ensure` is heard of.
pub async fn what_was_never_ensured_is_an_error(fixture: &impl Fixture) {
    let store = fixture.store();
    assert!(
        store
            .upsert(Collection::Lexical, vec![words(kb(), &[1])])
            .await
            .is_err()
    );
    assert!(store.search(query(sparse(&[(1, 1.0)]), [kb()], 1)).await.is_err());
    store
        .drop_collection(DENSE)
        .await
        .expect("there is nothing to drop");
}

/// Tasks persist whenever they like; nobody has to queue for a flush of his own.
pub async fn many_may_persist_at_once(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kb = kb();
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move {
                put(&store, &[words(kb, &[n])]).await;
                store.persist(Collection::Lexical).await
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no task panics").expect("it persists");
    }
    assert_eq!(
        store
            .count(Collection::Lexical, Some(kb))
            .await
            .expect("it counts"),
        16
    );
}
