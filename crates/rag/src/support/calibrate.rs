//! Measures a knowledge base on its own text: each question that was made of a passage is asked once with the passage's
//! document counted and once with all hits of that document left out. What the first scores keep is coverage, what the
//! second reach is risk.

use std::time::{Duration, Instant};

use nexus_domain::KbFilter;

use super::curve::{CurvePoint, RiskCurve};
use super::limits::{Basis, Limits};
use super::pseudo::{PseudoQuestion, Sampled, pseudo_questions};
use super::{assess, judged};
use crate::error::RagError;
use crate::retrieve::{Mode, Question, Retrieval, Retriever};

/// Questions that a knowledge base is measured with.
pub const QUESTIONS: usize = 240;
/// With fewer, chance moves the threshold by more than it is worth.
pub const MIN_QUESTIONS: usize = 60;
/// Passages read for one question: without those of its document, enough are left.
const PASSAGES: usize = 20;
/// Questions whose vectors are compared to see how near two texts are that have nothing to do with each other.
const COMPARED: usize = 24;
/// Thresholds beyond these would answer anything, or nothing that is not a quotation.
const SANE: std::ops::RangeInclusive<f32> = 0.2..=0.6;
/// Of what an answer misses, a model may miss this share: it judges for itself.
const MISSED_BY_MODEL: f32 = 0.2;
/// After each question others have their turn, for this many times as long as it took.
const REST: u32 = 2;

/// What one basis was measured to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub basis: Basis,
    /// `None` where there were too few questions to measure.
    pub limits: Option<Limits>,
    pub questions: usize,
    pub points: Vec<CurvePoint>,
}

/// How to measure.
#[derive(Clone, Debug)]
pub struct Calibration<'a> {
    pub filter: KbFilter,
    pub samples: &'a [Sampled],
    /// Share of the answerable questions that are to be answered.
    pub target: f32,
    pub seed: u64,
    /// Whether to leave the machine to others between two questions.
    pub politely: bool,
}

/// Both bases, in the order of [`Basis::ALL`]. Can be dropped at any time.
pub async fn calibrate(retriever: &Retriever, how: &Calibration<'_>) -> Result<Vec<Measured>, RagError> {
    let mut measured = Vec::with_capacity(Basis::ALL.len());
    for basis in Basis::ALL {
        let questions = pseudo_questions(how.samples, QUESTIONS, basis, how.seed);
        let floor = match basis {
            Basis::Lexical => 0.0,
            Basis::Hybrid => floor(retriever, &questions).await,
        };
        let curve = curve(retriever, how, &questions, basis, floor).await?;
        let (asked, _) = curve.questions();
        let limits = (asked >= MIN_QUESTIONS)
            .then(|| limits(&curve, how.target, floor))
            .flatten();
        measured.push(Measured {
            basis,
            limits,
            questions: asked,
            points: if limits.is_some() {
                curve.points()
            } else {
                Vec::new()
            },
        });
    }
    Ok(measured)
}

fn limits(curve: &RiskCurve, target: f32, floor: f32) -> Option<Limits> {
    let sane = |score: f32| score.clamp(*SANE.start(), *SANE.end());
    let threshold = sane(curve.at_coverage(target)?.threshold);
    let worth_asking = curve
        .at_coverage(1.0 - (1.0 - target) * MISSED_BY_MODEL)?
        .threshold;
    Some(Limits {
        threshold,
        worth_asking: worth_asking.min(threshold),
        floor,
    })
}

async fn curve(
    retriever: &Retriever,
    how: &Calibration<'_>,
    questions: &[PseudoQuestion],
    basis: Basis,
    floor: f32,
) -> Result<RiskCurve, RagError> {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for pseudo in questions {
        let started = Instant::now();
        let question = Question {
            text: pseudo.text.clone(),
            filter: how.filter.clone(),
            mode: match basis {
                Basis::Lexical => Mode::Lexical,
                Basis::Hybrid => Mode::Hybrid,
            },
            limit: PASSAGES,
            distinct_documents: false,
            history: Vec::new(),
        };
        let own = &how.samples[pseudo.of];
        if let Some((counted, left_out)) = scores(retriever, &question, own, basis, floor).await? {
            with.push(counted);
            without.push(left_out);
        }
        if how.politely {
            let rest = started.elapsed().saturating_mul(REST).min(Duration::from_secs(5));
            tokio::time::sleep(rest).await;
        }
    }
    Ok(RiskCurve::new(with, without))
}

/// With the passage's document, and without it; `None` where the question was judged on the other basis.
async fn scores(
    retriever: &Retriever,
    question: &Question,
    own: &Sampled,
    basis: Basis,
    floor: f32,
) -> Result<Option<(f32, f32)>, RagError> {
    let found = retriever.retrieve(question).await?;
    let counted = assess(retriever, question.searched(), &question.filter, &found).await;
    if counted.basis != basis {
        return Ok(None);
    }
    let others = Retrieval {
        hits: found
            .hits
            .iter()
            .filter(|hit| {
                let chunk = &hit.passage.chunk;
                chunk.document_id != own.document && chunk.content_hash != own.content
            })
            .cloned()
            .collect(),
        report: found.report.clone(),
    };
    // The same question beside other passages; its words are as rare as before.
    let others = judged(retriever, counted.asked.clone(), basis, &others).await;
    Ok(Some((counted.best(floor), others.best(floor))))
}

/// The median cosine of questions that were made of different documents.
async fn floor(retriever: &Retriever, questions: &[PseudoQuestion]) -> f32 {
    let Ok(Some(side)) = retriever.dense.side().await else {
        return 0.0;
    };
    let mut vectors: Vec<(usize, Vec<f32>)> = Vec::new();
    for question in questions.iter().take(COMPARED) {
        let script = nexus_text::script_of(&question.text);
        if side.embedder.info().knows(script)
            && let Ok(vector) = side
                .embedder
                .embed_query_noting(question.text.clone(), &retriever.calls)
                .await
        {
            vectors.push((question.of, vector));
        }
    }
    let mut cosines = Vec::new();
    for (place, (of, a)) in vectors.iter().enumerate() {
        for (other, b) in &vectors[..place] {
            if of != other {
                cosines.push(a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>());
            }
        }
    }
    cosines.sort_by(f32::total_cmp);
    cosines
        .get(cosines.len() / 2)
        .copied()
        .unwrap_or(0.0)
        .clamp(0.0, 0.95)
}
