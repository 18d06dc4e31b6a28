//! What knowledge bases were measured to be, in the words of the contract.

use nexus_api as api;
use nexus_domain::KnowledgeBase;
use nexus_rag::support::{Basis, CurvePoint, Support};

use crate::service::ModeQuality;

pub fn kb_quality(kb: &KnowledgeBase, target: f32, modes: Vec<ModeQuality>) -> api::KbQuality {
    api::KbQuality {
        knowledge_base_id: kb.id.as_uuid(),
        revision: kb.revision,
        target_coverage: target,
        modes: modes.into_iter().map(mode).collect(),
    }
}

fn mode(quality: ModeQuality) -> api::ModeQuality {
    let measured = quality.measured;
    api::ModeQuality {
        mode: basis(quality.basis),
        threshold: quality.limits.threshold,
        model_threshold: quality.limits.worth_asking,
        calibrated: quality.calibrated,
        stale: quality.stale,
        questions: measured.as_ref().map_or(0, |row| row.questions),
        revision: measured.as_ref().map(|row| row.revision),
        chunks: measured.as_ref().map(|row| row.chunks),
        calibrated_at: measured.map(|row| row.calibrated_at.to_datetime()),
        curve: quality.points.into_iter().map(point).collect(),
    }
}

fn point(point: CurvePoint) -> api::RiskPoint {
    api::RiskPoint {
        threshold: point.threshold,
        coverage: point.coverage,
        risk: point.risk,
    }
}

pub fn support(support: Support) -> api::AnswerSupport {
    api::AnswerSupport {
        score: support.score,
        threshold: support.threshold,
        calibrated: support.calibrated,
        mode: basis(support.basis),
    }
}

const fn basis(basis: Basis) -> api::SupportMode {
    match basis {
        Basis::Lexical => api::SupportMode::Lexical,
        Basis::Hybrid => api::SupportMode::Hybrid,
    }
}
