//! Risk and coverage: what share of the answerable is kept at a threshold, and what share of the rest is answered with it.

use serde::{Deserialize, Serialize};

/// Coverages that a curve is told at.
const GRID: [f32; 12] = [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99, 1.0];

/// One threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    pub threshold: f32,
    /// Share of the answerable questions that reach it.
    pub coverage: f32,
    /// Share of the others that reach it, too.
    pub risk: f32,
}

/// Scores of questions that can be answered, and of those that cannot.
#[derive(Clone, Debug, Default)]
pub struct RiskCurve {
    /// Best first.
    answerable: Vec<f32>,
    unanswerable: Vec<f32>,
}

impl RiskCurve {
    pub fn new(mut answerable: Vec<f32>, mut unanswerable: Vec<f32>) -> Self {
        answerable.sort_by(|a, b| b.total_cmp(a));
        unanswerable.sort_by(|a, b| b.total_cmp(a));
        Self {
            answerable,
            unanswerable,
        }
    }

    pub fn questions(&self) -> (usize, usize) {
        (self.answerable.len(), self.unanswerable.len())
    }

    /// The highest threshold that keeps this share of the answerable; `None` if there are none.
    pub fn at_coverage(&self, coverage: f32) -> Option<CurvePoint> {
        let kept = (coverage.clamp(0.0, 1.0) * self.answerable.len() as f32).ceil() as usize;
        let threshold = *self.answerable.get(kept.max(1) - 1)?;
        Some(self.at_threshold(threshold))
    }

    pub fn at_threshold(&self, threshold: f32) -> CurvePoint {
        let share = |scores: &[f32]| {
            let reach = scores.partition_point(|score| *score >= threshold);
            reach as f32 / scores.len().max(1) as f32
        };
        CurvePoint {
            threshold,
            coverage: share(&self.answerable),
            risk: share(&self.unanswerable),
        }
    }

    pub fn points(&self) -> Vec<CurvePoint> {
        GRID.iter()
            .filter_map(|coverage| self.at_coverage(*coverage))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_keeps_what_it_promises_and_tells_its_risk() {
        let curve = RiskCurve::new(
            (1..=20).map(|n| n as f32 / 20.0).collect(),
            vec![0.05, 0.1, 0.2, 0.5],
        );
        let point = curve.at_coverage(0.85).unwrap();
        assert!((point.threshold - 0.2).abs() < 1e-6 && (point.coverage - 0.85).abs() < 1e-6);
        assert!((point.risk - 0.5).abs() < 1e-6);
        let all = curve.at_coverage(1.0).unwrap();
        assert!((all.coverage - 1.0).abs() < 1e-6 && (all.risk - 1.0).abs() < 1e-6);
        let points = curve.points();
        assert!(points.windows(2).all(|two| two[0].coverage <= two[1].coverage
            && two[0].risk <= two[1].risk
            && two[0].threshold >= two[1].threshold));
    }

    #[test]
    fn without_questions_there_is_no_threshold() {
        assert_eq!(RiskCurve::default().at_coverage(0.85), None);
        assert!(RiskCurve::default().points().is_empty());
    }
}
