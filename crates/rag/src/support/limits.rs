//! From where on support is an answer.

use async_trait::async_trait;
use nexus_domain::{KbId, PassageError};
use serde::{Deserialize, Serialize};

/// What scores are made of. Those of one basis cannot be compared with those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Words alone.
    Lexical,
    /// Words and vectors.
    Hybrid,
}

impl Basis {
    pub const ALL: [Self; 2] = [Self::Lexical, Self::Hybrid];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lexical => "lexical",
            Self::Hybrid => "hybrid",
        }
    }
}

/// The limits of a knowledge base.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// From this score on passages are an answer.
    pub threshold: f32,
    /// From this one on a model is asked, which judges for itself.
    pub worth_asking: f32,
    /// Cosine of texts that have nothing to do with each other.
    pub floor: f32,
}

impl Limits {
    /// Of a knowledge base that is too small or too new to be measured: it rather answers too much than too little. Of
    /// development sets in two languages it keeps 85 % or more of what they hold.
    pub const fn fixed(basis: Basis) -> Self {
        let (threshold, worth_asking) = match basis {
            Basis::Lexical => (0.38, 0.25),
            Basis::Hybrid => (0.44, 0.3),
        };
        Self {
            threshold,
            worth_asking,
            floor: 0.0,
        }
    }
}

/// The port to what was measured.
#[async_trait]
pub trait Calibrations: Send + Sync + std::fmt::Debug {
    /// `None`: it was not measured.
    async fn limits(&self, kb: KbId, basis: Basis) -> Result<Option<Limits>, PassageError>;
}

/// Nothing was measured.
#[derive(Clone, Copy, Debug)]
pub struct FixedLimits;

#[async_trait]
impl Calibrations for FixedLimits {
    async fn limits(&self, _: KbId, _: Basis) -> Result<Option<Limits>, PassageError> {
        Ok(None)
    }
}
