//! The name of a model's vectors: whatever changes the output changes the name.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::ModelError;
use crate::local::{LocalModel, TOKENIZER_FILE};
use crate::precision::Precision;
use crate::profile::Profile;

/// Raised when this crate changes vectors by what it does to a text (prefixing, cutting).
const TREATMENT: u32 = 1;
const BLOCK_BYTES: usize = 1 << 20;

/// For instance "all-MiniLM-L6-v2/mean/256/1f3c5a7e9b2d": name, pooling, window, and a hash over weights, tokenizer,
/// prefixes and our own treatment. The graph's file is left out: exporters may order the same operations differently.
///
/// fp32 and bf16 have one name (a session whose vectors differ materially is not used, see `Precision::least_cosine`);
/// int8 has its own, over the quantised graph, with its precision at the end.
pub(crate) fn of(local: &LocalModel, precision: Precision) -> Result<String, ModelError> {
    let mut hasher = blake3::Hasher::new();
    match precision {
        Precision::Fp32 | Precision::Bf16 => hash_file(&mut hasher, &local.weights())?,
        Precision::Int8 => hash_file(&mut hasher, &local.graph(precision))?,
    }
    hash_file(&mut hasher, &local.folder.join(TOKENIZER_FILE))?;
    let name = name(&local.profile, hasher);
    Ok(match precision {
        Precision::Fp32 | Precision::Bf16 => name,
        Precision::Int8 => format!("{name}/{}", precision.as_str()),
    })
}

/// Whether a name is that of int8 vectors.
pub(crate) fn is_int8(name: &str) -> bool {
    name.rsplit('/').next() == Some(Precision::Int8.as_str())
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
    use crate::local::{GRAPH_FILE, INT8_GRAPH_FILE};

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
        let mut names = vec![of(&local, Precision::Fp32).unwrap()];
        assert!(names[0].starts_with("all-MiniLM-L6-v2/mean/256/"), "{}", names[0]);
        assert!(may_be(&local, &names[0]) && !may_be(&local, "all-MiniLM-L6-v20/mean"));
        assert_eq!(of(&local, Precision::Fp32).unwrap(), names[0]);

        let mut prompted = local.clone();
        prompted.profile.query_prefix = "query: ".to_owned();
        names.push(of(&prompted, Precision::Fp32).unwrap());
        let mut shorter = local.clone();
        shorter.profile.max_tokens = 128;
        names.push(of(&shorter, Precision::Fp32).unwrap());
        write(TOKENIZER_FILE, "{\"other\":1}");
        names.push(of(&local, Precision::Fp32).unwrap());
        write("model.onnx.data", "weights");
        names.push(of(&local, Precision::Fp32).unwrap());
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 5);
        // Weights of their own are what counts; the graph beside them is not.
        let before = of(&local, Precision::Fp32).unwrap();
        write(GRAPH_FILE, "graph, exported anew");
        assert_eq!(of(&local, Precision::Fp32).unwrap(), before);
    }

    #[test]
    fn int8_has_a_name_of_its_own_and_bf16_that_of_fp32() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            (GRAPH_FILE, "graph"),
            (INT8_GRAPH_FILE, "quantised"),
            (TOKENIZER_FILE, "{}"),
        ] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let local = LocalModel {
            folder: dir.path().to_owned(),
            profile: Profile::built_in("all-MiniLM-L6-v2").unwrap(),
            runtime_library: None,
        };
        let [fp32, bf16, int8] = [Precision::Fp32, Precision::Bf16, Precision::Int8]
            .map(|precision| of(&local, precision).unwrap());
        assert_eq!(fp32, bf16);
        assert!(int8 != fp32 && int8.ends_with("/int8"), "{int8}");
        std::fs::write(dir.path().join(INT8_GRAPH_FILE), "quantised anew").unwrap();
        assert_ne!(of(&local, Precision::Int8).unwrap(), int8);
    }
}
