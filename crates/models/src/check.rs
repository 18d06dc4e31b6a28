//! Whether vectors are what they claim to be: of the right length, finite, of unit norm, and those of the right model.

use crate::error::ModelError;
use crate::precision::Precision;
use crate::profile::Profile;
use crate::session::Session;

/// A session that is closer than this (1 - cosine) to fp32 computes in fp32, whatever it was told: stored references have
/// four digits, which accounts for 2e-7, and bf16 is off by 1e-5.
const LEAST_DIFFERENCE: f64 = 1e-6;
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

/// Texts as the model gets them, and the vectors that fp32 gives them.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    texts: Vec<String>,
    vectors: Vec<Vec<f32>>,
}

impl Expected {
    /// The reference that the profile carries.
    pub(crate) fn stored(profile: &Profile) -> Option<Self> {
        let reference = profile.reference.as_ref()?;
        Some(Self {
            texts: vec![format!("{}{}", profile.passage_prefix, reference.text)],
            vectors: vec![reference.vector.clone()],
        })
    }

    /// What a session in fp32 says, once it is known to make sense.
    pub(crate) fn computed(profile: &Profile, session: &mut Session) -> Result<Self, ModelError> {
        let texts = samples(profile);
        let vectors = session
            .embed(&texts)
            .map_err(|reason| wrong_output(profile, reason))?;
        tells_subjects_apart(profile, &vectors)?;
        Ok(Self {
            texts: texts.into(),
            vectors,
        })
    }
}

/// Compares a session with what is expected of it. Without an expectation it is asked whether it can tell two subjects
/// apart.
pub(crate) fn model(
    profile: &Profile,
    session: &mut Session,
    precision: Precision,
    expected: Option<&Expected>,
) -> Result<(), ModelError> {
    let texts = expected.map_or_else(|| samples(profile).into(), |expected| expected.texts.clone());
    let vectors = session
        .embed(&texts)
        .map_err(|reason| wrong_output(profile, reason))?;
    let Some(expected) = expected else {
        return tells_subjects_apart(profile, &vectors);
    };
    for (vector, expected) in vectors.iter().zip(&expected.vectors) {
        matches_reference(profile, vector, expected, precision)?;
    }
    Ok(())
}

fn samples(profile: &Profile) -> [String; 3] {
    [
        format!("{}How is the service restarted?", profile.query_prefix),
        format!(
            "{}To restart the service, stop it and start it again.",
            profile.passage_prefix
        ),
        format!(
            "{}Penguins breed on the ice of the Antarctic winter.",
            profile.passage_prefix
        ),
    ]
}

fn tells_subjects_apart(profile: &Profile, vectors: &[Vec<f32>]) -> Result<(), ModelError> {
    if dot(&vectors[0], &vectors[1]) <= dot(&vectors[0], &vectors[2]) {
        let reason = "it finds a question closer to another subject than to its answer";
        return Err(wrong_output(profile, reason.to_owned()));
    }
    Ok(())
}

fn wrong_output(profile: &Profile, reason: String) -> ModelError {
    ModelError::Output {
        model: profile.name.clone(),
        reason,
    }
}

fn matches_reference(
    profile: &Profile,
    vector: &[f32],
    expected: &[f32],
    precision: Precision,
) -> Result<(), ModelError> {
    let cosine = cosine(vector, expected);
    let at_least = precision.least_cosine();
    // Written so that NaN fails, too.
    let is_close = cosine >= f64::from(at_least);
    if !is_close {
        return Err(ModelError::ReferenceMismatch {
            model: profile.name.clone(),
            #[expect(clippy::cast_possible_truncation, reason = "for people")]
            cosine: cosine as f32,
            at_least,
        });
    }
    if precision != Precision::Fp32 && 1.0 - cosine < LEAST_DIFFERENCE {
        return Err(ModelError::PrecisionIgnored {
            model: profile.name.clone(),
            precision: precision.as_str(),
        });
    }
    Ok(())
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// In double precision: near 1 the last digits count.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let products = a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y));
        products.sum()
    };
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
        let check = |vector: &[f32], precision| matches_reference(&profile, vector, &expected, precision);
        assert!(check(&expected, Precision::Fp32).is_ok());
        let mut other = expected.clone();
        other.reverse();
        let error = check(&other, Precision::Fp32).unwrap_err();
        assert!(matches!(error, ModelError::ReferenceMismatch { .. }), "{error}");
        assert!(check(&[0.0; 384], Precision::Fp32).is_err());
    }

    #[test]
    fn each_precision_may_be_off_by_so_much_and_not_by_nothing() {
        let profile = Profile::built_in("all-MiniLM-L6-v2").unwrap();
        // Unit vectors at an angle whose cosine is known.
        let at = |cosine: f64| vec![cosine as f32, (1.0 - cosine * cosine).sqrt() as f32];
        let check = |cosine, precision| matches_reference(&profile, &at(cosine), &[1.0, 0.0], precision);
        assert!(check(0.999_98, Precision::Bf16).is_ok());
        assert!(check(0.999_8, Precision::Bf16).is_err());
        assert!(check(0.999_8, Precision::Fp32).is_ok());
        assert!(check(0.98, Precision::Int8).is_ok());
        assert!(check(0.9, Precision::Int8).is_err());
        let error = check(1.0, Precision::Bf16).unwrap_err();
        assert!(matches!(error, ModelError::PrecisionIgnored { .. }), "{error}");
    }
}
