//! Whether vectors are what they claim to be: of the right length, finite, of unit norm, and those of the right model.

use crate::error::ModelError;
use crate::profile::Profile;
use crate::session::Session;

/// Different processors and runtime versions round differently, by about 1e-6; another model, pooling or prefix is
/// off by far more than this.
const MIN_REFERENCE_COSINE: f32 = 0.999;
const NORM_TOLERANCE: f32 = 1e-3;

/// One finite unit vector per text. The error says what is wrong.
pub(crate) fn vectors(vectors: &[Vec<f32>], count: usize, dimension: usize) -> Result<(), String> {
    if vectors.len() != count {
        return Err(format!("{} vectors came back for {count} texts", vectors.len()));
    }
    for vector in vectors {
        if vector.len() != dimension {
            return Err(format!(
                "a vector has {} numbers where {dimension} are expected",
                vector.len()
            ));
        }
        let norm = dot(vector, vector).sqrt();
        // Of infinities and NaN too.
        let is_unit = (norm - 1.0).abs() <= NORM_TOLERANCE;
        if !is_unit {
            return Err(format!("a vector has length {norm} instead of 1"));
        }
    }
    Ok(())
}

/// Embeds the stored reference, and compares. A model without one is asked whether it can tell two subjects apart.
pub(crate) fn model(profile: &Profile, session: &mut Session) -> Result<(), ModelError> {
    let failed = |reason: String| ModelError::Output {
        model: profile.name.clone(),
        reason,
    };
    if let Some(reference) = &profile.reference {
        let text = format!("{}{}", profile.passage_prefix, reference.text);
        let vectors = session.embed(&[text]).map_err(failed)?;
        return matches_reference(profile, &vectors[0], &reference.vector);
    }
    let texts = [
        format!("{}How is the service restarted?", profile.query_prefix),
        format!(
            "{}To restart the service, stop it and start it again.",
            profile.passage_prefix
        ),
        format!(
            "{}Penguins breed on the ice of the Antarctic winter.",
            profile.passage_prefix
        ),
    ];
    let vectors = session.embed(&texts).map_err(failed)?;
    if dot(&vectors[0], &vectors[1]) <= dot(&vectors[0], &vectors[2]) {
        return Err(failed(
            "it finds a question closer to another subject than to its answer".to_owned(),
        ));
    }
    Ok(())
}

fn matches_reference(profile: &Profile, vector: &[f32], expected: &[f32]) -> Result<(), ModelError> {
    let cosine = cosine(vector, expected);
    // Written so that NaN fails, too.
    if cosine >= MIN_REFERENCE_COSINE {
        return Ok(());
    }
    Err(ModelError::ReferenceMismatch {
        model: profile.name.clone(),
        cosine,
        at_least: MIN_REFERENCE_COSINE,
    })
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_unit_vectors_of_the_right_length_pass() {
        assert_eq!(vectors(&[vec![0.6, 0.8]], 1, 2), Ok(()));
        assert_eq!(vectors(&[], 0, 2), Ok(()));
        for (bad, complaint) in [
            (vec![], "0 vectors"),
            (vec![vec![1.0]], "1 numbers"),
            (vec![vec![0.0, 0.0]], "length 0"),
            (vec![vec![f32::NAN, 1.0]], "NaN"),
            (vec![vec![f32::INFINITY, 1.0]], "inf"),
            (vec![vec![3.0, 4.0]], "length 5"),
        ] {
            let error = vectors(&bad, 1, 2).unwrap_err();
            assert!(error.contains(complaint), "{error}");
        }
    }

    #[test]
    fn a_vector_off_its_reference_is_a_mismatch() {
        let profile = Profile::built_in("all-MiniLM-L6-v2").unwrap();
        let expected = profile.reference.clone().unwrap().vector;
        assert!(matches_reference(&profile, &expected, &expected).is_ok());
        let mut other = expected.clone();
        other.reverse();
        let error = matches_reference(&profile, &other, &expected).unwrap_err();
        assert!(matches!(error, ModelError::ReferenceMismatch { .. }), "{error}");
        assert!(matches_reference(&profile, &[0.0; 384], &expected).is_err());
    }
}
