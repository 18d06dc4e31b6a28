//! Whether an answer is what was asked for: as many vectors as texts, each at its place, of one length, and numbers.

use serde::Deserialize;

/// Shorter vectors have no direction.
const LEAST_NORM: f64 = 1e-12;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
    /// Servers leave it out, or have other things in it.
    #[serde(default)]
    usage: serde_json::Value,
}

/// What an answer holds.
#[derive(Debug, PartialEq)]
pub(super) struct Embedded {
    /// Unit vectors, in the order of their texts.
    pub(super) vectors: Vec<Vec<f32>>,
    /// What it took; `None` where that is not told.
    pub(super) tokens: Option<u32>,
}

#[derive(Deserialize)]
struct Item {
    /// Some servers leave it out, and then answer in order.
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// The unit vectors of the texts, and what they took. The error says what is wrong without repeating the answer.
pub(super) fn embedded(
    bytes: &[u8],
    count: usize,
    dimension: Option<usize>,
    longest: usize,
) -> Result<Embedded, String> {
    let answer: Answer =
        serde_json::from_slice(bytes).map_err(|_| "its answer is not a list of embeddings".to_owned())?;
    if answer.data.len() != count {
        return Err(format!(
            "it answers {count} texts with {} vectors",
            answer.data.len()
        ));
    }
    let tokens = tokens(&answer.usage);
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
    Ok(Embedded {
        vectors: vectors.into_iter().flatten().collect(),
        tokens,
    })
}

/// No text takes nothing: a 0 is of a server that does not count.
fn tokens(usage: &serde_json::Value) -> Option<u32> {
    let told = usage.get("prompt_tokens")?.as_u64()?;
    u32::try_from(told).ok().filter(|tokens| *tokens > 0)
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
        embedded(text.as_bytes(), 2, Some(2), 8).map(|embedded| embedded.vectors)
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
        assert!(embedded(mixed.as_bytes(), 2, None, 8).is_err());
    }

    #[test]
    fn tokens_are_known_where_they_are_told_and_odd_usage_spoils_no_vector() {
        let told = |usage: &str| {
            let text = format!(r#"{{"data":[{{"embedding":[1,0]}}]{usage}}}"#);
            embedded(text.as_bytes(), 1, None, 8).unwrap().tokens
        };
        assert_eq!(told(r#","usage":{"prompt_tokens":7,"total_tokens":7}"#), Some(7));
        for odd in [
            "",
            r#","usage":null"#,
            r#","usage":[]"#,
            r#","usage":{}"#,
            r#","usage":{"prompt_tokens":0}"#,
            r#","usage":{"prompt_tokens":"7"}"#,
            r#","usage":{"prompt_tokens":-7}"#,
            r#","usage":{"prompt_tokens":99999999999999}"#,
        ] {
            assert_eq!(told(odd), None, "{odd}");
        }
    }
}
