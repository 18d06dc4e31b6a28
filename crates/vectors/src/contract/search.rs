//! What a search finds, in which order, and what it refuses.

use nexus_domain::{Collection, Point, SparseVector, Vector, VectorError};

use super::fixture::{DENSE, Fixture, dense, find, ids, kb, put, query, ready, sparse, words};

/// Nearest first; the score is the cosine, whatever the vectors' lengths.
pub async fn a_dense_search_ranks_by_cosine(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kb = kb();
    let same = dense(kb, [2.0, 0.0, 0.0, 0.0]);
    let near = dense(kb, [0.8, 0.6, 0.0, 0.0]);
    let opposite = dense(kb, [-1.0, 0.0, 0.0, 0.0]);
    put(&store, &[opposite.clone(), near.clone(), same.clone()]).await;
    let hits = find(&store, query(Vector::Dense(vec![1.0, 0.0, 0.0, 0.0]), [kb], 10)).await;
    assert_eq!(ids(&hits), [same.id, near.id, opposite.id]);
    for (hit, cosine) in hits.iter().zip([1.0, 0.8, -1.0]) {
        assert!(
            (hit.score - cosine).abs() < 1e-5 && hit.score.abs() <= 1.0,
            "{hit:?}"
        );
    }
}

/// Nothing was asked: nothing is found, and nothing is an error.
pub async fn an_empty_filter_or_query_or_limit_finds_nothing(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kb = kb();
    put(&store, &[words(kb, &[1]), dense(kb, [1.0, 0.0, 0.0, 0.0])]).await;
    for vector in [sparse(&[(1, 1.0)]), Vector::Dense(vec![1.0, 0.0, 0.0, 0.0])] {
        assert!(find(&store, query(vector.clone(), [], 10)).await.is_empty());
        assert!(find(&store, query(vector.clone(), [kb], 0)).await.is_empty());
        assert_eq!(find(&store, query(vector, [kb], 10)).await.len(), 1);
    }
    assert!(find(&store, query(sparse(&[]), [kb], 10)).await.is_empty());
    assert!(
        find(&store, query(Vector::Dense(Vec::new()), [kb], 10))
            .await
            .is_empty()
    );
    assert!(
        find(&store, query(sparse(&[(99, 1.0)]), [kb], 10))
            .await
            .is_empty(),
        "nobody uses that term"
    );
}

/// The filter is the door: not even a better hit gets through it.
pub async fn other_knowledge_bases_are_never_found(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let (mine, yours, third) = (kb(), kb(), kb());
    let points = [words(mine, &[1, 2]), words(yours, &[1]), words(third, &[1])];
    put(&store, &points).await;
    put(
        &store,
        &[
            dense(mine, [0.1, 1.0, 0.0, 0.0]),
            dense(yours, [1.0, 0.0, 0.0, 0.0]),
        ],
    )
    .await;
    assert_eq!(
        ids(&find(&store, query(sparse(&[(1, 1.0)]), [mine], 10)).await),
        [points[0].id]
    );
    assert_eq!(
        find(&store, query(sparse(&[(1, 1.0)]), [mine, third], 10))
            .await
            .len(),
        2
    );
    assert_eq!(
        find(&store, query(Vector::Dense(vec![1.0, 0.0, 0.0, 0.0]), [mine], 10))
            .await
            .len(),
        1
    );
    assert!(
        find(&store, query(sparse(&[(1, 1.0)]), [kb()], 10))
            .await
            .is_empty()
    );
}

/// The same question gets the same answer, at the limit too.
pub async fn equal_scores_are_ordered_by_id(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kb = kb();
    let mut points: Vec<Point> = (0..200).map(|_| words(kb, &[5])).collect();
    let in_order: Vec<_> = points.iter().map(|point| point.id).collect();
    points.reverse();
    put(&store, &points).await;
    for limit in [1, 7, 150, 500] {
        let hits = find(&store, query(sparse(&[(5, 1.0)]), [kb], limit)).await;
        assert_eq!(ids(&hits), in_order[..limit.min(200)]);
    }
}

/// A limit takes from the end.
pub async fn the_limit_keeps_the_best(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kb = kb();
    let points: Vec<Point> = (1..=50_u8)
        .map(|n| Point {
            vector: sparse(&[(1, f32::from(n))]),
            ..words(kb, &[])
        })
        .collect();
    put(&store, &points).await;
    let hits = find(&store, query(sparse(&[(1, 1.0)]), [kb], 3)).await;
    assert_eq!(ids(&hits), [points[49].id, points[48].id, points[47].id]);
}

/// A defect of the caller is told as one.
pub async fn unfit_queries_are_refused(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let unsorted = SparseVector {
        ids: vec![2, 1],
        values: vec![1.0, 1.0],
    };
    let lexical = [
        Vector::Sparse(unsorted),
        sparse(&[(1, f32::NAN)]),
        sparse(&[(1, -1.0)]),
        Vector::Dense(vec![1.0, 0.0, 0.0, 0.0]),
    ];
    let dense = [
        Vector::Dense(vec![1.0, 0.0]),
        Vector::Dense(vec![f32::NAN, 0.0, 0.0, 0.0]),
        Vector::Dense(vec![f32::INFINITY, 0.0, 0.0, 0.0]),
        Vector::Dense(vec![0.0; 4]),
        sparse(&[(1, 1.0)]),
    ];
    let asked = lexical.map(|vector| (Collection::Lexical, vector)).into_iter();
    for (collection, vector) in asked.chain(dense.map(|vector| (DENSE, vector))) {
        let mut query = query(vector, [kb()], 10);
        query.collection = collection;
        let refused = store.search(query.clone()).await;
        assert!(
            matches!(refused, Err(VectorError::Invalid { .. })),
            "{query:?}: {refused:?}"
        );
    }
}
