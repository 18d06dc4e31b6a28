//! What a retrieval did, for people and for the answer's row.

use std::time::Instant;

use nexus_domain::{Hit, Script};
use serde::{Deserialize, Serialize};

use super::question::Mode;
use crate::follow_up::{RewriteFailure, RewrittenBy};

/// What one index did for a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SideStatus {
    Ran,
    /// There is no embedding model: retrieval is lexical only.
    NotConfigured,
    /// The model does not know the question's script.
    ScriptUnknown,
    /// The mode left it out, or there was nothing to ask (no text, no knowledge base).
    NotAsked,
    /// It failed and the other one answered. The reason is for operators.
    Failed(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SideReport {
    pub status: SideStatus,
    /// How many chunks it proposed.
    pub candidates: usize,
    /// Its best raw score.
    pub best_score: Option<f32>,
    /// The raw score of the last one that it proposed: what it did not propose has no better one.
    pub last_score: Option<f32>,
    /// Time from the start of this side to its hits, embedding included.
    pub micros: u64,
}

impl SideReport {
    pub(crate) const fn idle(status: SideStatus) -> Self {
        Self {
            status,
            candidates: 0,
            best_score: None,
            last_score: None,
            micros: 0,
        }
    }

    pub(crate) fn ran(hits: &[Hit], started: Instant) -> Self {
        Self {
            status: SideStatus::Ran,
            candidates: hits.len(),
            best_score: hits.first().map(|hit| hit.score),
            last_score: hits.last().map(|hit| hit.score),
            micros: micros_since(started),
        }
    }
}

/// What the reranker did for a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RerankStatus {
    Ran,
    /// There is no reranker: the fused order stands, as for all that follow.
    NotConfigured,
    /// The model does not know the question's script.
    ScriptUnknown,
    /// One index alone was asked for, or there was nothing to put in order.
    NotAsked,
    /// It took longer than it may.
    TimedOut,
    /// The reason is for operators.
    Failed(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RerankReport {
    pub status: RerankStatus,
    /// How many passages it was given.
    pub candidates: usize,
    pub micros: u64,
}

impl RerankReport {
    pub(crate) const fn idle(status: RerankStatus) -> Self {
        Self {
            status,
            candidates: 0,
            micros: 0,
        }
    }
}

/// How the passages were found. Times are wall-clock microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetrievalReport {
    pub mode_asked: Mode,
    /// What was searched for, where it is not what was asked.
    pub question: Option<String>,
    /// Who made that of it.
    pub rewritten_by: Option<RewrittenBy>,
    /// Why a chat model that was to do so did not.
    pub rewrite_failure: Option<RewriteFailure>,
    pub lexical: SideReport,
    pub dense: SideReport,
    pub rerank: RerankReport,
    /// Share of the lexical side in the fused score, 0 to 1, where both sides ran.
    pub lexical_weight: Option<f32>,
    /// The question's script.
    pub script: Script,
    /// The embedding model that the question was put to, or would have been.
    pub model: Option<String>,
    /// Part of `dense.micros`.
    pub embed_micros: u64,
    pub fuse_micros: u64,
    pub hydrate_micros: u64,
    pub total_micros: u64,
    /// Something that weighs passages could not be read. The answer is good enough to give, and not to keep for others.
    #[serde(skip)]
    pub hitch: bool,
}

impl RetrievalReport {
    /// Whether all that was to be asked was asked: the same question would find the same again.
    pub(crate) fn is_whole(&self) -> bool {
        let failed = |side: &SideReport| matches!(side.status, SideStatus::Failed(_));
        let reranked = !matches!(
            self.rerank.status,
            RerankStatus::Failed(_) | RerankStatus::TimedOut
        );
        reranked
            && !failed(&self.lexical)
            && !failed(&self.dense)
            && !self.hitch
            && self.rewrite_failure.is_none()
    }

    /// The same where nothing was searched: what was found was found before.
    pub(crate) fn at_no_time(&mut self) {
        for side in [&mut self.lexical, &mut self.dense] {
            side.micros = 0;
        }
        self.rerank.micros = 0;
        (self.embed_micros, self.fuse_micros, self.hydrate_micros) = (0, 0, 0);
        self.total_micros = 0;
    }
}

impl RetrievalReport {
    pub(crate) const fn new(mode_asked: Mode, script: Script) -> Self {
        Self {
            mode_asked,
            question: None,
            rewritten_by: None,
            rewrite_failure: None,
            lexical: SideReport::idle(SideStatus::NotAsked),
            dense: SideReport::idle(SideStatus::NotAsked),
            rerank: RerankReport::idle(RerankStatus::NotAsked),
            lexical_weight: None,
            script,
            model: None,
            embed_micros: 0,
            fuse_micros: 0,
            hydrate_micros: 0,
            total_micros: 0,
            hitch: false,
        }
    }
}

pub(crate) fn micros_since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}
