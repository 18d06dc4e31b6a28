//! Brings the default model from the model hub into a models folder. Blocking, and only where it is asked for.

use std::path::Path;

use hf_hub::api::Progress;
use hf_hub::api::sync::{ApiBuilder, ApiRepo};

use crate::error::ModelError;
use crate::local::{GRAPH_FILE, TOKENIZER_FILE};

/// The model that Nexus is meant to run with: Russian and English among a hundred languages.
pub const DEFAULT_MODEL: &str = "multilingual-e5-small";
const REPOSITORY: &str = "intfloat/multilingual-e5-small";
const DEFAULT_ENDPOINT: &str = "https://huggingface.co";
/// Dot first: `discover` passes it over.
const WORK_FOLDER: &str = ".download";
/// In the repository, and in the model folder.
const FILES: [(&str, &str); 5] = [
    ("config.json", "config.json"),
    ("special_tokens_map.json", "special_tokens_map.json"),
    ("tokenizer_config.json", "tokenizer_config.json"),
    (TOKENIZER_FILE, TOKENIZER_FILE),
    ("onnx/model.onnx", GRAPH_FILE),
];

/// Where a download stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Downloaded<'a> {
    pub file: &'a str,
    pub bytes: usize,
    /// Of this file.
    pub total: usize,
}

/// Downloads the default model (about 490 MB) and puts its folder under `models_dir` when it is whole; what an earlier
/// attempt brought is used again. `endpoint` is another hub than the public one.
pub fn download_default(
    models_dir: &Path,
    endpoint: Option<&str>,
    mut progress: impl FnMut(Downloaded<'_>),
) -> Result<(), ModelError> {
    let target = models_dir.join(DEFAULT_MODEL);
    if target.is_dir() {
        return Ok(());
    }
    let work = models_dir.join(WORK_FOLDER);
    let prepared = work.join(DEFAULT_MODEL);
    std::fs::create_dir_all(&prepared).map_err(failed)?;
    // Not `ApiBuilder::new`: that panics where there is no home folder.
    let api = ApiBuilder::from_cache(hf_hub::Cache::new(work.join("hub")))
        .with_endpoint(
            endpoint
                .unwrap_or(DEFAULT_ENDPOINT)
                .trim_end_matches('/')
                .to_owned(),
        )
        .with_progress(false)
        .build()
        .map_err(failed)?;
    let repository = api.model(REPOSITORY.to_owned());
    for (source, name) in FILES {
        let place = prepared.join(name);
        if !place.is_file() {
            download(&repository, source, &place, &mut progress)?;
        }
    }
    std::fs::rename(&prepared, &target).map_err(failed)?;
    std::fs::remove_dir_all(&work).map_err(failed)
}

fn download(
    repository: &ApiRepo,
    source: &str,
    place: &Path,
    progress: &mut impl FnMut(Downloaded<'_>),
) -> Result<(), ModelError> {
    let mut total = 0;
    let report = Report {
        file: source,
        bytes: 0,
        total: &mut total,
        progress,
    };
    let cached = repository
        .download_with_progress(source, report)
        .map_err(failed)?;
    // The cache names the file by a link; what it points to is moved, not copied.
    let content = cached.canonicalize().map_err(failed)?;
    let length = content.metadata().map_err(failed)?.len();
    if usize::try_from(length).ok() != Some(total) {
        return Err(ModelError::Download(format!(
            "{source}: {length} of {total} bytes arrived"
        )));
    }
    std::fs::rename(content, place).map_err(failed)
}

fn failed(error: impl std::error::Error) -> ModelError {
    ModelError::Download(error.to_string())
}

/// Passes the hub client's progress on.
struct Report<'a, F> {
    file: &'a str,
    bytes: usize,
    total: &'a mut usize,
    progress: &'a mut F,
}

impl<F: FnMut(Downloaded<'_>)> Report<'_, F> {
    fn tell(&mut self) {
        (self.progress)(Downloaded {
            file: self.file,
            bytes: self.bytes,
            total: *self.total,
        });
    }
}

impl<F: FnMut(Downloaded<'_>)> Progress for Report<'_, F> {
    /// Called once before the request and once before the body.
    fn init(&mut self, size: usize, _filename: &str) {
        *self.total = size;
        self.bytes = 0;
    }

    fn update(&mut self, size: usize) {
        self.bytes += size;
        self.tell();
    }

    fn finish(&mut self) {}
}
