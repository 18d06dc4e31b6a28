//! ONNX Runtime, loaded from a file once per process.
//!
//! `ort` keeps the library for the life of the process and allows one environment; both live here. Its own search by
//! environment variable panics where it finds nothing, so it is never reached: every session gets this environment.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::error::ModelError;

/// The library that this process runs.
#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    pub(crate) environment: Environment,
    /// For people: "ONNX Runtime 1.31.1".
    pub(crate) name: String,
    /// Whether the OpenVINO provider lies beside the library.
    pub(crate) openvino: bool,
}

/// The part of the OpenVINO runtime that ONNX Runtime looks for in its own folder.
const OPENVINO_PROVIDER: &str = "libonnxruntime_providers_openvino.so";

static LOADED: Mutex<Option<(PathBuf, Runtime)>> = Mutex::new(None);

/// Loads the library, or hands out the one that is loaded already (a process cannot change it).
pub(crate) fn load(library: &Path) -> Result<Runtime, ModelError> {
    let fault = |reason: String| ModelError::Runtime {
        path: library.to_owned(),
        reason,
    };
    // Absolute, or `ort` would look beside the executable first.
    let path = library.canonicalize().map_err(|error| fault(error.to_string()))?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((before, runtime)) = loaded.as_ref() {
        if *before != path {
            tracing::warn!(path = %before.display(), "another ONNX Runtime is loaded already and stays in use");
        }
        return Ok(runtime.clone());
    }
    let environment = ort::init_from(&path)
        .map_err(|error| fault(in_words(&error)))?
        .with_name("nexus")
        .with_telemetry(false)
        .with_logger(Arc::new(|level, category, _id, _location, message| {
            forward(&level, category, message);
        }))
        .build()
        .map_err(|error| fault(error.to_string()))?;
    environment.set_log_level(LogLevel::Warning);
    let runtime = Runtime {
        environment,
        name: name(&path),
        openvino: path.with_file_name(OPENVINO_PROVIDER).is_file(),
    };
    *loaded = Some((path, runtime.clone()));
    Ok(runtime)
}

/// The loader's complaint without `ort`'s own version numbers, which help nobody.
fn in_words(error: &ort::LoadDynamicError) -> String {
    match error {
        ort::LoadDynamicError::BadVersion { version_str, .. } => {
            format!(
                "it is version {version_str}, at least 1.{} is needed",
                ort::MINOR_VERSION
            )
        }
        ort::LoadDynamicError::MissingApi { .. } => "it is a library, but not ONNX Runtime".to_owned(),
        ort::LoadDynamicError::Dlopen { error, .. } => error.to_string(),
        ort::LoadDynamicError::InvalidVersionString => error.to_string(),
    }
}

/// The library's messages, in our log.
fn forward(level: &LogLevel, category: &str, message: &str) {
    match level {
        LogLevel::Fatal | LogLevel::Error => tracing::error!(target: "onnxruntime", category, "{message}"),
        LogLevel::Warning => tracing::warn!(target: "onnxruntime", category, "{message}"),
        LogLevel::Info | LogLevel::Verbose => tracing::trace!(target: "onnxruntime", category, "{message}"),
    }
}

/// The version as the folder of `make models` or the file says it; the API has it only behind `unsafe`.
fn name(path: &Path) -> String {
    let version = path
        .iter()
        .rev()
        .take(2)
        .find_map(|part| version_in(&part.to_string_lossy()).map(str::to_owned));
    version.map_or_else(
        || "ONNX Runtime".to_owned(),
        |version| format!("ONNX Runtime {version}"),
    )
}

/// "1.31.1" out of "onnxruntime-1.31.1" or "libonnxruntime.so.1.31.1".
fn version_in(part: &str) -> Option<&str> {
    let begin = part.find("1.")?;
    let version = &part[begin..];
    let end = version
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(version.len());
    Some(version[..end].trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_library_is_an_error_and_no_panic() {
        let dir = tempfile::tempdir().unwrap();
        let bogus = dir.path().join("libonnxruntime.so");
        let missing = load(&bogus).unwrap_err().to_string();
        assert!(missing.contains("cannot be loaded"), "{missing}");
        for content in [&b""[..], b"not a library", b"\x7fELF\x02\x01\x01"] {
            std::fs::write(&bogus, content).unwrap();
            let error = load(&bogus).unwrap_err().to_string();
            assert!(error.contains("libonnxruntime.so"), "{error}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn another_library_is_an_error_that_says_so() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let libc = maps
            .split_whitespace()
            .find(|word| word.ends_with("libc.so.6"))
            .expect("tests link libc");
        let error = load(Path::new(libc)).unwrap_err().to_string();
        assert!(error.contains("not ONNX Runtime"), "{error}");
    }

    #[test]
    fn the_name_carries_the_version_where_the_path_does() {
        assert_eq!(
            name(Path::new("/m/runtime/onnxruntime-1.31.1/libonnxruntime.so")),
            "ONNX Runtime 1.31.1"
        );
        assert_eq!(
            name(Path::new("/usr/lib/libonnxruntime.so.1.24.0")),
            "ONNX Runtime 1.24.0"
        );
        assert_eq!(
            name(Path::new("/m/libonnxruntime.1.31.1.dylib")),
            "ONNX Runtime 1.31.1"
        );
        assert_eq!(name(Path::new("/usr/lib/libonnxruntime.so")), "ONNX Runtime");
    }
}
