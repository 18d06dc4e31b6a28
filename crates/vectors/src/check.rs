//! What a vector must be before an engine sees it: engines accept NaN and answer nonsense for ever after.

use nexus_domain::{Collection, SparseVector, Vector, VectorError};

/// Checks a vector that is to be stored. An empty sparse vector may be stored: a text without words is a row, and the
/// index is compared with the rows.
pub(crate) fn stored(collection: &Collection, vector: &Vector) -> Result<(), VectorError> {
    check(collection, vector).map_err(|reason| VectorError::Invalid {
        collection: collection.name(),
        reason,
    })
}

/// Checks the vector of a query; `Ok(false)` means that it finds nothing.
pub(crate) fn asked(collection: &Collection, vector: &Vector) -> Result<bool, VectorError> {
    match vector {
        Vector::Dense(values) if values.is_empty() => Ok(false),
        Vector::Sparse(sparse) if sparse.is_empty() && *collection == Collection::Lexical => Ok(false),
        _ => stored(collection, vector).map(|()| true),
    }
}

fn check(collection: &Collection, vector: &Vector) -> Result<(), String> {
    match (collection, vector) {
        (Collection::Lexical, Vector::Sparse(sparse)) => check_sparse(sparse),
        (Collection::Dense { dimension, .. }, Vector::Dense(values)) => check_dense(values, *dimension),
        (Collection::Lexical, Vector::Dense(_)) => Err("a dense vector".to_owned()),
        (Collection::Dense { .. }, Vector::Sparse(_)) => Err("a sparse vector".to_owned()),
    }
}

fn check_sparse(SparseVector { ids, values }: &SparseVector) -> Result<(), String> {
    if ids.len() != values.len() {
        return Err(format!("{} ids and {} values", ids.len(), values.len()));
    }
    if let Some(pair) = ids.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(format!("id {} is followed by {}", pair[0], pair[1]));
    }
    match values.iter().find(|value| !(value.is_finite() && **value > 0.0)) {
        Some(value) => Err(format!("a weight of {value}")),
        None => Ok(()),
    }
}

fn check_dense(values: &[f32], dimension: usize) -> Result<(), String> {
    if values.len() != dimension {
        return Err(format!("{} dimensions instead of {dimension}", values.len()));
    }
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        return Err(format!("a component of {value}"));
    }
    let norm = values.iter().map(|value| value * value).sum::<f32>();
    if norm.is_normal() {
        Ok(())
    } else {
        Err(format!("a squared length of {norm}"))
    }
}

#[cfg(test)]
mod tests {
    use nexus_domain::GenerationId;
    use proptest::prelude::*;

    use super::*;

    const DENSE: Collection = Collection::Dense {
        generation: GenerationId(1),
        dimension: 2,
    };

    proptest! {
        #[test]
        fn only_finite_vectors_of_the_right_length_pass(values in proptest::collection::vec(any::<f32>(), 0..4)) {
            let fits = values.len() == 2
                && values.iter().all(|value| value.is_finite())
                && values.iter().map(|value| value * value).sum::<f32>().is_normal();
            prop_assert_eq!(check(&DENSE, &Vector::Dense(values)).is_ok(), fits);
        }

        #[test]
        fn ids_ascend_and_weights_are_positive(
            ids in proptest::collection::vec(0_u32..6, 0..4),
            values in proptest::collection::vec(-1.0_f32..3.0, 0..4),
        ) {
            let fits = ids.len() == values.len()
                && ids.windows(2).all(|pair| pair[0] < pair[1])
                && values.iter().all(|value| *value > 0.0);
            let vector = Vector::Sparse(SparseVector { ids, values });
            prop_assert_eq!(check(&Collection::Lexical, &vector).is_ok(), fits);
        }
    }
}
