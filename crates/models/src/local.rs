//! Finds a model and its runtime on disk. Reads descriptions only; loads nothing.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{ModelError, read};
use crate::precision::Precision;
use crate::profile::Profile;
use crate::reranker;

/// Written by `make models`: what it installed.
pub const MANIFEST_FILE: &str = "manifest.json";
const MANIFEST_FORMAT: u32 = 1;
const RUNTIME_FOLDER: &str = "runtime";

pub(crate) const GRAPH_FILE: &str = "model.onnx";
/// The same model with 8-bit weights, where it was made.
pub(crate) const INT8_GRAPH_FILE: &str = "model.int8.onnx";
pub(crate) const TOKENIZER_FILE: &str = "tokenizer.json";
/// Where exporters put weights that do not lie in the graph's own file.
const WEIGHTS_FILES: [&str; 2] = ["model.onnx.data", "model.onnx_data"];
const REQUIRED_FILES: [&str; 5] = [
    GRAPH_FILE,
    TOKENIZER_FILE,
    "config.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
];

/// A model that can be loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalModel {
    /// Holds `model.onnx`, its weights and the tokenizer's files.
    pub folder: PathBuf,
    pub profile: Profile,
    /// ONNX Runtime's shared library, where one was found beside it.
    pub runtime_library: Option<PathBuf>,
}

impl LocalModel {
    /// The file that holds most of the weights.
    pub(crate) fn weights(&self) -> PathBuf {
        self.external_weights()
            .unwrap_or_else(|| self.folder.join(GRAPH_FILE))
    }

    /// The graph that is run in this precision.
    pub(crate) fn graph(&self, precision: Precision) -> PathBuf {
        self.folder.join(match precision {
            Precision::Fp32 | Precision::Bf16 => GRAPH_FILE,
            Precision::Int8 => INT8_GRAPH_FILE,
        })
    }

    /// Weights in a file of their own, which the sessions of a process map and share.
    pub(crate) fn external_weights(&self) -> Option<PathBuf> {
        WEIGHTS_FILES
            .iter()
            .map(|name| self.folder.join(name))
            .find(|path| path.is_file())
    }
}

#[derive(Deserialize)]
struct Manifest {
    format: u32,
    runtime: Option<RuntimeEntry>,
    model: Option<ModelEntry>,
}

#[derive(Deserialize)]
struct RuntimeEntry {
    library: PathBuf,
}

#[derive(Deserialize)]
struct ModelEntry {
    folder: PathBuf,
}

/// The model of a folder: the one that its manifest names, the folder itself, or the only model folder in it.
/// `None` where there is none: Nexus then works without dense vectors.
pub fn discover(models_dir: &Path) -> Result<Option<LocalModel>, ModelError> {
    if !models_dir.is_dir() {
        return Ok(None);
    }
    let model = read_manifest(models_dir)?.and_then(|manifest| manifest.model);
    let folder = match model {
        Some(entry) => Some(models_dir.join(entry.folder)),
        None => only_model(models_dir)?,
    };
    let Some(folder) = folder else { return Ok(None) };
    in_folder(folder, runtime_of(models_dir)?).map(Some)
}

/// Every model that can be loaded from a folder, by name; folders that hold no whole model are passed over.
pub(crate) fn discover_all(models_dir: &Path) -> Result<Vec<LocalModel>, ModelError> {
    if !models_dir.is_dir() {
        return Ok(Vec::new());
    }
    let runtime = runtime_of(models_dir)?;
    let mut candidates = folders(models_dir)?;
    candidates.insert(0, models_dir.to_owned());
    candidates.retain(|folder| folder.join(GRAPH_FILE).is_file());
    Ok(candidates
        .into_iter()
        .filter_map(|folder| in_folder(folder, runtime.clone()).ok())
        .collect())
}

fn in_folder(folder: PathBuf, runtime_library: Option<PathBuf>) -> Result<LocalModel, ModelError> {
    ensure_complete(&folder)?;
    Ok(LocalModel {
        profile: Profile::of_folder(&folder)?,
        folder,
        runtime_library,
    })
}

/// Refuses a model folder that lacks one of its files.
pub(crate) fn ensure_complete(folder: &Path) -> Result<(), ModelError> {
    match REQUIRED_FILES.iter().find(|file| !folder.join(file).is_file()) {
        None => Ok(()),
        Some(file) => Err(ModelError::Incomplete {
            folder: folder.to_owned(),
            file: (*file).to_owned(),
        }),
    }
}

/// ONNX Runtime's shared library in a folder of models: the one that its manifest names, else any.
pub(crate) fn runtime_of(models_dir: &Path) -> Result<Option<PathBuf>, ModelError> {
    if !models_dir.is_dir() {
        return Ok(None);
    }
    match read_manifest(models_dir)?.and_then(|manifest| manifest.runtime) {
        Some(entry) => Ok(Some(models_dir.join(entry.library))),
        None => find_runtime(models_dir),
    }
}

fn read_manifest(models_dir: &Path) -> Result<Option<Manifest>, ModelError> {
    let path = models_dir.join(MANIFEST_FILE);
    if !path.is_file() {
        return Ok(None);
    }
    let manifest: Manifest =
        serde_json::from_slice(&read(&path)?).map_err(|error| ModelError::invalid(&path, error))?;
    if manifest.format != MANIFEST_FORMAT {
        let reason = format!("format {} is not known, run `make models` again", manifest.format);
        return Err(ModelError::invalid(path, reason));
    }
    Ok(Some(manifest))
}

fn only_model(models_dir: &Path) -> Result<Option<PathBuf>, ModelError> {
    if models_dir.join(GRAPH_FILE).is_file() {
        return Ok(Some(models_dir.to_owned()));
    }
    let mut found = folders(models_dir)?;
    found.retain(|folder| folder.join(GRAPH_FILE).is_file() && !reranker::is_one(folder));
    if found.len() > 1 {
        let names = found
            .iter()
            .filter_map(|folder| folder.file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        return Err(ModelError::Ambiguous {
            folder: models_dir.to_owned(),
            names,
        });
    }
    Ok(found.pop())
}

/// A runtime library beside the models: `runtime/<any>/`, `runtime/` or the folder itself. Of several folders the one
/// that sorts last.
fn find_runtime(models_dir: &Path) -> Result<Option<PathBuf>, ModelError> {
    let name = library_name();
    let runtime = models_dir.join(RUNTIME_FOLDER);
    let mut candidates = vec![models_dir.to_owned(), runtime.clone()];
    if runtime.is_dir() {
        candidates.extend(folders(&runtime)?);
    }
    Ok(candidates
        .into_iter()
        .rev()
        .map(|folder| folder.join(&name))
        .find(|path| path.is_file()))
}

/// What the library is called on this platform.
fn library_name() -> String {
    format!(
        "{}onnxruntime{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    )
}

/// The folders in a folder, by name; those that begin with a dot are work folders.
fn folders(parent: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let fault = |source| ModelError::Read {
        path: parent.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(parent).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        if !entry.file_name().to_string_lossy().starts_with('.') && entry.path().is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model_folder(parent: &Path, name: &str) -> PathBuf {
        let folder = parent.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for file in REQUIRED_FILES {
            std::fs::write(folder.join(file), "{}").unwrap();
        }
        folder
    }

    #[test]
    fn nothing_there_is_no_model_and_no_error() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(discover(dir.path()).unwrap(), None);
        assert_eq!(discover(&dir.path().join("never-made")).unwrap(), None);
        std::fs::create_dir(dir.path().join(".work-abc")).unwrap();
        std::fs::write(dir.path().join(MANIFEST_FILE), r#"{"format":1,"recipe":1}"#).unwrap();
        assert_eq!(discover(dir.path()).unwrap(), None);
    }

    #[test]
    fn a_lone_model_folder_is_found_with_its_runtime() {
        let dir = tempfile::tempdir().unwrap();
        let folder = model_folder(dir.path(), "multilingual-e5-small");
        assert_eq!(discover(dir.path()).unwrap().unwrap().runtime_library, None);
        let library = dir.path().join("runtime/onnxruntime-1.31.1").join(library_name());
        std::fs::create_dir_all(library.parent().unwrap()).unwrap();
        std::fs::write(&library, "").unwrap();
        let model = discover(dir.path()).unwrap().unwrap();
        assert_eq!(
            (model.folder, model.runtime_library),
            (folder.clone(), Some(library))
        );
        assert_eq!(model.profile.name, "multilingual-e5-small");
        // The folder itself may be named, too.
        assert_eq!(discover(&folder).unwrap().unwrap().folder, folder);
    }

    #[test]
    fn the_manifest_decides_between_several() {
        let dir = tempfile::tempdir().unwrap();
        model_folder(dir.path(), "multilingual-e5-small");
        let chosen = model_folder(dir.path(), "all-MiniLM-L6-v2");
        assert_eq!(discover_all(dir.path()).unwrap().len(), 2);
        let error = discover(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("all-MiniLM-L6-v2, multilingual-e5-small"),
            "{error}"
        );
        let manifest = r#"{"format":1,"recipe":1,"runtime":{"version":"1.31.1","library":"runtime/x/lib.so","files":[]},
            "model":{"name":"all-MiniLM-L6-v2","folder":"all-MiniLM-L6-v2","source":"","files":[]}}"#;
        std::fs::write(dir.path().join(MANIFEST_FILE), manifest).unwrap();
        let model = discover(dir.path()).unwrap().unwrap();
        assert_eq!(model.folder, chosen);
        assert_eq!(model.runtime_library, Some(dir.path().join("runtime/x/lib.so")));
    }

    #[test]
    fn broken_folders_are_told_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let folder = model_folder(dir.path(), "all-MiniLM-L6-v2");
        std::fs::remove_file(folder.join("tokenizer.json")).unwrap();
        let error = discover(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("incomplete") && error.contains("tokenizer.json"),
            "{error}"
        );
        assert_eq!(discover_all(dir.path()).unwrap(), []);

        let unknown = tempfile::tempdir().unwrap();
        model_folder(unknown.path(), "my-own-model");
        assert!(
            discover(unknown.path())
                .unwrap_err()
                .to_string()
                .contains("nexus-model.json")
        );

        for (manifest, complaint) in [("{", "manifest.json"), (r#"{"format":7}"#, "format 7")] {
            std::fs::write(dir.path().join(MANIFEST_FILE), manifest).unwrap();
            let error = discover(dir.path()).unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
        }
    }
}
