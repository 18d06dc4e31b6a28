//! Whether an answer is what was asked for: as many vectors as texts, each at its place, of one length, and numbers.

use serde::Deserialize;

/// Shorter vectors have no direction.
const LEAST_NORM: f64 = 1e-12;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    /// Some servers leave it out, and then answer in order.
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// The unit vectors of the texts, in order. The error says what is wrong without repeating the answer.
pub(super) fn vectors(
    bytes: &[u8],
    count: usize,
    dimension: Option<usize>,
    longest: usize,
) -> Result<Vec<Vec<f32>>, String> {
    let answer: Answer =
        serde_json::from_slice(bytes).map_err(|_| "its answer is not a list of embeddings".to_owned())?;
    if answer.data.len() != count {
        return Err(format!(
            "it answers {count} texts with {} vectors",
            answer.data.len()
        ));
    }
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; count];
    let mut dimension = dimension;
    for (place, item) in answer.data.into_iter().enumerate() {
        let length = item.embedding.len();
        if length == 0 || length > longest || *dimension.get_or_insert(length) != length {
            return Err(format!(
                "it makes a vector of {length} numbers where {} are expected",
                dimension.unwrap_or_default()
            ));
        }
        let slot = vectors
            .get_mut(item.index.unwrap_or(place))
            .filter(|slot| slot.is_none())
            .ok_or("its vectors do not say which texts they are of")?;
        *slot = Some(unit(item.embedding)?);
    }
    // As many as texts, and no place twice: none is left out.
    Ok(vectors.into_iter().flatten().collect())
}

/// The same direction with length 1.
fn unit(mut vector: Vec<f32>) -> Result<Vec<f32>, String> {
    let norm = vector
        .iter()
        .map(|&x| f64::from(x) * f64::from(x))
        .sum::<f64>()
        .sqrt();
    if !norm.is_finite() || norm < LEAST_NORM {
        return Err("it makes a vector without a direction".to_owned());
    }
    for x in &mut vector {
        #[expect(clippy::cast_possible_truncation, reason = "at most 1")]
        let scaled = (f64::from(*x) / norm) as f32;
        *x = scaled;
    }
    Ok(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Vec<f32>>, String> {
        vectors(text.as_bytes(), 2, Some(2), 8)
    }

    #[test]
    fn vectors_come_by_their_index_and_as_unit_vectors() {
        let shuffled =
            r#"{"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[0,-2e30]}],"usage":{}}"#;
        assert_eq!(read(shuffled).unwrap(), [[0.0, -1.0], [0.6, 0.8]]);
        let in_order = r#"{"data":[{"embedding":[1,0]},{"embedding":[0,1]}]}"#;
        assert_eq!(read(in_order).unwrap(), [[1.0, 0.0], [0.0, 1.0]]);
    }

    #[test]
    fn an_answer_that_is_off_is_refused_with_the_reason() {
        for (text, complaint) in [
            ("<html>", "not a list"),
            (
                r#"{"data":[{"index":0,"embedding":[NaN,1]},{"index":1,"embedding":[1,0]}]}"#,
                "not a list",
            ),
            (r#"{"data":[{"index":0,"embedding":[1,0]}]}"#, "1 vectors"),
            (
                r#"{"data":[{"index":0,"embedding":[1,0]},{"index":0,"embedding":[1,0]}]}"#,
                "which texts",
            ),
            (
                r#"{"data":[{"index":0,"embedding":[1,0]},{"index":7,"embedding":[1,0]}]}"#,
                "which texts",
            ),
            (
                r#"{"data":[{"index":0,"embedding":[1,0,0]},{"index":1,"embedding":[1,0]}]}"#,
                "3 numbers",
            ),
            (
                r#"{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[1,0]}]}"#,
                "0 numbers",
            ),
            (
                r#"{"data":[{"index":0,"embedding":[0,0]},{"index":1,"embedding":[1,0]}]}"#,
                "direction",
            ),
            (
                r#"{"data":[{"index":0,"embedding":[1e39,0]},{"index":1,"embedding":[1,0]}]}"#,
                "direction",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(complaint), "{text}: {error}");
        }
        let mixed = r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,0]}]}"#;
        assert!(vectors(mixed.as_bytes(), 2, None, 8).is_err());
    }
}
