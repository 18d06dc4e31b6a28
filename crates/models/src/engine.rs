//! How a session is told which engine runs it, in which precision, on how many threads.

use fastembed::InitOptionsUserDefined;
use ort::ep::{ArbitrarilyConfigurableExecutionProvider as _, OpenVINO};

use crate::plan::{Engine, Variant};
use crate::precision::Precision;

/// The options with the engine's own.
pub(crate) fn configured(
    options: InitOptionsUserDefined,
    variant: Variant,
    threads: usize,
) -> InitOptionsUserDefined {
    match variant.engine {
        Engine::OnnxRuntime => options.with_intra_threads(threads),
        Engine::OpenVino => {
            let provider = OpenVINO::default()
                .with_device_type("CPU")
                .with_arbitrary_config("load_config", openvino_settings(variant, threads))
                .build()
                .error_on_failure();
            options
                .with_execution_providers([provider].into())
                // The few nodes that OpenVINO leaves to ONNX Runtime are shapes; they need no threads.
                .with_intra_threads(1)
        }
    }
}

/// Each session has threads of its own, so that a question never waits for those of a batch of passages.
fn openvino_settings(variant: Variant, threads: usize) -> String {
    let precision = match variant.precision {
        Precision::Bf16 => "bf16",
        // Said aloud: by itself OpenVINO takes bf16 wherever the processor has it.
        Precision::Fp32 | Precision::Int8 => "f32",
    };
    serde_json::json!({"CPU": {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }})
    .to_string()
}
