//! Which engine and precision are tried, in which order: a pure function of what is asked for and what there is.

use crate::precision::{Precision, PrecisionChoice};
use crate::processor::Processor;

/// What runs the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// ONNX Runtime's own kernels.
    OnnxRuntime,
    /// The OpenVINO execution provider inside of ONNX Runtime.
    OpenVino,
}

/// One way to run a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) engine: Engine,
    pub(crate) precision: Precision,
}

impl Variant {
    pub(crate) const FP32: Self = Self::new(Engine::OnnxRuntime, Precision::Fp32);

    const fn new(engine: Engine, precision: Precision) -> Self {
        Self { engine, precision }
    }
}

impl std::fmt::Display for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let engine = match self.engine {
            Engine::OnnxRuntime => "ONNX Runtime",
            Engine::OpenVino => "OpenVINO",
        };
        write!(f, "{} on {engine}", self.precision.as_str())
    }
}

/// What there is to choose from.
#[derive(Clone, Debug)]
pub(crate) struct Available {
    pub(crate) processor: Processor,
    /// Whether the runtime brings the OpenVINO provider.
    pub(crate) openvino: bool,
    /// Whether the model's folder holds a quantised graph.
    pub(crate) int8: bool,
}

/// What to try, the best first; the last is fp32 on plain ONNX Runtime, which runs everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) variants: Vec<Variant>,
    /// Why it is not what was asked for or could be, in words that everybody may read.
    pub(crate) note: Option<&'static str>,
}

/// The order for this choice.
pub(crate) fn plan(choice: PrecisionChoice, there: &Available) -> Plan {
    let bf16 = Variant::new(Engine::OpenVino, Precision::Bf16);
    let int8 = Variant::new(Engine::OnnxRuntime, Precision::Int8);
    let has_bf16 = there.processor.has_bf16();
    let (first, note) = match choice {
        PrecisionChoice::Fp32 => (None, None),
        PrecisionChoice::Auto if !has_bf16 => (None, None),
        PrecisionChoice::Auto | PrecisionChoice::Bf16 if !there.openvino => (
            None,
            Some("bf16 needs the OpenVINO runtime, which `make models` installs"),
        ),
        PrecisionChoice::Auto | PrecisionChoice::Bf16 if has_bf16 => (Some(bf16), None),
        PrecisionChoice::Auto | PrecisionChoice::Bf16 if there.processor.emulates_bf16() => {
            let note = "this processor only emulates bf16, which is slower than fp32";
            (Some(bf16), Some(note))
        }
        PrecisionChoice::Auto | PrecisionChoice::Bf16 => (None, Some("this processor has no bf16")),
        PrecisionChoice::Int8 if there.int8 => (Some(int8), None),
        PrecisionChoice::Int8 => {
            let note = "there is no quantised graph, which `make models FETCH=--int8` makes";
            (None, Some(note))
        }
    };
    let openvino = there
        .openvino
        .then_some(Variant::new(Engine::OpenVino, Precision::Fp32));
    let variants = first.into_iter().chain(openvino).chain([Variant::FP32]).collect();
    Plan { variants, note }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMX: &str = "flags : avx2 avx512f avx512bw avx512dq avx512vl avx512_bf16 amx_bf16";
    const CASCADE_LAKE: &str = "flags : avx2 avx512f avx512bw avx512dq avx512vl avx512_vnni";
    const OLD: &str = "flags : avx2";

    fn planned(choice: PrecisionChoice, cpuinfo: &str, openvino: bool, int8: bool) -> (String, bool) {
        let there = Available {
            processor: Processor::of_cpuinfo(cpuinfo),
            openvino,
            int8,
        };
        let plan = plan(choice, &there);
        let names: Vec<String> = plan.variants.iter().map(ToString::to_string).collect();
        (names.join(", "), plan.note.is_some())
    }

    #[test]
    fn bf16_is_taken_by_itself_where_processor_and_runtime_have_it() {
        let auto = |cpuinfo, openvino| planned(PrecisionChoice::Auto, cpuinfo, openvino, true);
        let all = "bf16 on OpenVINO, fp32 on OpenVINO, fp32 on ONNX Runtime";
        assert_eq!(auto(AMX, true), (all.to_owned(), false));
        // The processor could, so it is worth a word.
        assert_eq!(auto(AMX, false), ("fp32 on ONNX Runtime".to_owned(), true));
        let fp32 = "fp32 on OpenVINO, fp32 on ONNX Runtime";
        assert_eq!(auto(CASCADE_LAKE, true), (fp32.to_owned(), false));
        for cpuinfo in [CASCADE_LAKE, OLD, ""] {
            assert_eq!(auto(cpuinfo, false), ("fp32 on ONNX Runtime".to_owned(), false));
        }
    }

    #[test]
    fn what_is_asked_for_comes_first_or_the_reason_is_told() {
        let bf16 = |cpuinfo, openvino| planned(PrecisionChoice::Bf16, cpuinfo, openvino, false);
        assert!(bf16(AMX, true).0.starts_with("bf16") && !bf16(AMX, true).1);
        let emulated = bf16(CASCADE_LAKE, true);
        assert!(emulated.0.starts_with("bf16") && emulated.1);
        assert!(bf16(OLD, true).0.starts_with("fp32") && bf16(OLD, true).1);
        assert!(bf16(AMX, false).0.starts_with("fp32") && bf16(AMX, false).1);

        let int8 = |int8| planned(PrecisionChoice::Int8, AMX, false, int8);
        assert_eq!(
            int8(true),
            ("int8 on ONNX Runtime, fp32 on ONNX Runtime".to_owned(), false)
        );
        assert_eq!(int8(false), ("fp32 on ONNX Runtime".to_owned(), true));

        let fp32 = planned(PrecisionChoice::Fp32, AMX, true, true);
        assert_eq!(fp32, ("fp32 on OpenVINO, fp32 on ONNX Runtime".to_owned(), false));
    }
}
