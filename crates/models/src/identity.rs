//! The name of a model's vectors: whatever changes the output changes the name.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::ModelError;
use crate::local::{LocalModel, TOKENIZER_FILE};
use crate::profile::Profile;

/// Raised when this crate changes vectors by what it does to a text (prefixing, cutting).
const TREATMENT: u32 = 1;
const BLOCK_BYTES: usize = 1 << 20;

/// For instance "all-MiniLM-L6-v2/mean/256/1f3c5a7e9b2d": name, pooling, window, and a hash over weights, tokenizer,
/// prefixes and our own treatment. The graph's file is left out: exporters may order the same operations differently.
pub(crate) fn of(local: &LocalModel) -> Result<String, ModelError> {
    let mut hasher = blake3::Hasher::new();
    hash_file(&mut hasher, &local.weights())?;
    hash_file(&mut hasher, &local.folder.join(TOKENIZER_FILE))?;
    Ok(name(&local.profile, hasher))
}

/// Whether the model can have this name at all: known without reading its weights.
pub(crate) fn may_be(local: &LocalModel, name: &str) -> bool {
    name.strip_prefix(&local.profile.name)
        .is_some_and(|rest| rest.starts_with('/'))
}

fn name(profile: &Profile, mut hasher: blake3::Hasher) -> String {
    for text in [&profile.query_prefix, &profile.passage_prefix] {
        hash_part(&mut hasher, text.as_bytes());
    }
    hasher.update(&TREATMENT.to_le_bytes());
    let hash = hasher.finalize().to_hex();
    format!(
        "{}/{}/{}/{}",
        profile.name,
        profile.pooling.as_str(),
        profile.max_tokens,
        &hash[..12]
    )
}

/// Length first, so that parts cannot run into each other.
fn hash_part(hasher: &mut blake3::Hasher, part: &[u8]) {
    hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
}

fn hash_file(hasher: &mut blake3::Hasher, path: &Path) -> Result<(), ModelError> {
    let fault = |source| ModelError::Read {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(fault)?;
    let length = file.metadata().map_err(fault)?.len();
    hasher.update(&length.to_le_bytes());
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match file.read(&mut block).map_err(fault)? {
            0 => return Ok(()),
            read => hasher.update(&block[..read]),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::GRAPH_FILE;

    #[test]
    fn every_cause_of_other_vectors_gives_another_name() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write(GRAPH_FILE, "graph");
        write(TOKENIZER_FILE, "{}");
        let profile = Profile::built_in("all-MiniLM-L6-v2").unwrap();
        let local = LocalModel {
            folder: dir.path().to_owned(),
            profile,
            runtime_library: None,
        };
        let mut names = vec![of(&local).unwrap()];
        assert!(names[0].starts_with("all-MiniLM-L6-v2/mean/256/"), "{}", names[0]);
        assert!(may_be(&local, &names[0]) && !may_be(&local, "all-MiniLM-L6-v20/mean"));
        assert_eq!(of(&local).unwrap(), names[0]);

        let mut prompted = local.clone();
        prompted.profile.query_prefix = "query: ".to_owned();
        names.push(of(&prompted).unwrap());
        let mut shorter = local.clone();
        shorter.profile.max_tokens = 128;
        names.push(of(&shorter).unwrap());
        write(TOKENIZER_FILE, "{\"other\":1}");
        names.push(of(&local).unwrap());
        write("model.onnx.data", "weights");
        names.push(of(&local).unwrap());
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 5);
        // Weights of their own are what counts; the graph beside them is not.
        let before = of(&local).unwrap();
        write(GRAPH_FILE, "graph, exported anew");
        assert_eq!(of(&local).unwrap(), before);
    }
}
