//! From where on a knowledge base answers, and what that was measured to cost.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What support is made of. Scores of one mode cannot be compared with those of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SupportMode {
    /// Words alone.
    Lexical,
    /// Words and vectors.
    Hybrid,
}

/// How well what was found holds a question.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnswerSupport {
    /// Of the best passage, 0 to 1.
    pub score: f32,
    /// From here on passages are an answer.
    pub threshold: f32,
    /// Whether the threshold was measured on the knowledge base.
    pub calibrated: bool,
    pub mode: SupportMode,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KbQuality {
    pub knowledge_base_id: Uuid,
    /// Of the knowledge base now.
    pub revision: i64,
    /// Share of the answerable questions that are to be answered.
    pub target_coverage: f32,
    /// `lexical`, then `hybrid`.
    pub modes: Vec<ModeQuality>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModeQuality {
    pub mode: SupportMode,
    /// Support from which passages are an answer.
    pub threshold: f32,
    /// Support from which a chat model, where there is one, is asked and judges for itself.
    pub model_threshold: f32,
    /// Whether the thresholds are the knowledge base's own. Until it was measured, and while it is too small for that, they
    /// are the same for all.
    pub calibrated: bool,
    /// It was not measured yet, or has changed much since; it is measured again in the background.
    pub stale: bool,
    /// How many questions were made of its text.
    pub questions: u64,
    /// Of the knowledge base, when it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunks: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated_at: Option<DateTime<Utc>>,
    /// The risk-coverage curve, by rising coverage; empty where nothing was measured.
    pub curve: Vec<RiskPoint>,
}

/// One threshold and what it costs, on questions made of the knowledge base's own text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RiskPoint {
    pub threshold: f32,
    /// Share of the questions that are answered with their document there.
    pub coverage: f32,
    /// Share of the same questions that are answered without it.
    pub risk: f32,
}
