//! How exactly a model's numbers are computed, and what may be chosen about it.

use serde::Deserialize;

/// The number format of the forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats: the reference for all others.
    Fp32,
    /// 16-bit floats with the range of fp32. Its vectors pass for those of fp32 and share their name.
    Bf16,
    /// 8-bit integers by dynamic quantisation. Its vectors are others and have a name of their own.
    Int8,
}

impl Precision {
    /// As it stands in names and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }

    /// Least cosine with the vectors of fp32 that a session must show before it is used.
    ///
    /// fp32 itself rounds differently on other processors and versions, by about 1e-6, while another model, pooling or
    /// prefix is off by far more than its bound. bf16 keeps to 0.99997, and must, because it shares the name (ADR 7).
    /// int8 reaches 0.97 to 0.99 on ordinary texts.
    pub(crate) const fn least_cosine(self) -> f32 {
        match self {
            Self::Fp32 => 0.999,
            Self::Bf16 => 0.9999,
            Self::Int8 => 0.95,
        }
    }
}

/// What an operator asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionChoice {
    /// The fastest that the processor and the runtime have, of those whose vectors are those of fp32.
    #[default]
    Auto,
    Bf16,
    Fp32,
    Int8,
}
