//! The average length that a knowledge base's BM25 weights are computed with. Weights hold the length normalisation, so
//! an average that moved far means writing the points again; it is kept in steps of 25 %, which costs at most 0.005
//! nDCG@10 and makes the step, and with it every score, depend on the knowledge base's content alone.

use nexus_domain::{GenerationId, KbId};

use super::context::WorkerContext;
use super::failure::Stopped;

/// Ratio of one step to the next.
const STEP: f64 = 1.25;

/// The step nearest to `terms / chunks`, times 1000; 0 where there are no chunks.
pub fn quantised(terms: u64, chunks: u64) -> i64 {
    if chunks == 0 {
        return 0;
    }
    let average = (terms as f64 / chunks as f64).max(1.0);
    let step = (average.ln() / STEP.ln()).round();
    (STEP.powf(step) * 1_000.0).round() as i64
}

/// The average as the weights use it.
pub fn average(milli: i64) -> f32 {
    milli as f32 / 1_000.0
}

/// Whether the knowledge base has moved to another step than its points were written with.
pub async fn needs_rebuild(context: &WorkerContext, kb: KbId) -> Result<bool, Stopped> {
    let Some(row) = context.db.knowledge_bases().get(kb).await? else {
        return Ok(false);
    };
    let stats = context.db.knowledge_bases().stats(kb, GenerationId::NONE).await?;
    let now = quantised(stats.term_total, stats.chunks);
    Ok(now != 0 && now != row.lexical_average_milli)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_is_within_an_eighth_of_its_step() {
        for average in [1_u64, 7, 40, 41, 120, 1_000, 50_000] {
            let step = quantised(average * 10, 10) as f64 / 1_000.0;
            let ratio = step / average as f64;
            assert!((0.89..1.125).contains(&ratio), "{average}: {step}");
        }
        assert_eq!(quantised(0, 0), 0);
        assert_eq!(quantised(0, 3), 1_000);
    }
}
