//! BM25 (Robertson & Zaragoza, 2009) as a product of two sparse vectors. The document's side holds term frequency and
//! length, the query's side how often it asks; the inverse document frequency is the store's.

use nexus_domain::SparseVector;

use crate::analysis::Analysis;

/// The two constants of BM25.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bm25 {
    /// How slowly repetition saturates.
    pub k1: f32,
    /// How much length counts: 0 not at all, 1 fully.
    pub b: f32,
}

impl Default for Bm25 {
    fn default() -> Self {
        Self { k1: 1.2, b: 0.75 }
    }
}

impl Bm25 {
    /// Weights of a document: `tf·(k1+1) / (tf + k1·(1−b+b·length/average))`.
    ///
    /// `average_length` is the mean [`Analysis::length`] of the documents it competes with; anything that is not a
    /// positive number leaves length out of account.
    pub fn document_vector(&self, analysis: &Analysis, average_length: f32) -> SparseVector {
        let relative = if average_length.is_finite() && average_length > 0.0 {
            analysis.length as f32 / average_length
        } else {
            1.0
        };
        let norm = self.k1 * (1.0 - self.b + self.b * relative);
        let weight = |tf: u32| tf as f32 * (self.k1 + 1.0) / (tf as f32 + norm);
        analysis
            .terms
            .iter()
            .map(|&(id, tf)| (id, weight(tf)))
            .collect::<Pairs>()
            .0
    }
}

/// Weights of a query: how often it holds each term.
pub fn query_vector(analysis: &Analysis) -> SparseVector {
    analysis
        .terms
        .iter()
        .map(|&(id, tf)| (id, tf as f32))
        .collect::<Pairs>()
        .0
}

struct Pairs(SparseVector);

impl FromIterator<(u32, f32)> for Pairs {
    fn from_iter<I: IntoIterator<Item = (u32, f32)>>(pairs: I) -> Self {
        let (ids, values) = pairs.into_iter().unzip();
        Self(SparseVector { ids, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::analyze;

    #[test]
    fn a_term_weighs_more_in_a_shorter_text_and_less_with_every_repetition() {
        let weight = |text: &str| Bm25::default().document_vector(&analyze(text), 4.0).values[0];
        assert!((weight("a a a a") - 4.0 * 2.2 / (4.0 + 1.2)).abs() < 1e-6);
        assert!(weight("a a") > weight("a a a a") / 2.0);
        let of = |text: &str| {
            let found = analyze(text);
            let vector = Bm25::default().document_vector(&found, 4.0);
            let place = vector
                .ids
                .iter()
                .position(|id| *id == crate::term_id("server"))
                .expect("it is there");
            vector.values[place]
        };
        assert!(of("server down") > of("the server went down again last night"));
    }

    #[test]
    fn a_senseless_average_leaves_length_out() {
        let found = analyze("one two three");
        for average in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            let vector = Bm25::default().document_vector(&found, average);
            assert!(vector.values.iter().all(|value| (value - 1.0).abs() < 1e-6));
        }
    }

    #[test]
    fn a_query_weighs_its_repetitions() {
        let vector = query_vector(&analyze("new York new"));
        let mut values = vector.values;
        values.sort_by(f32::total_cmp);
        assert_eq!(values, [1.0, 2.0]);
    }
}
