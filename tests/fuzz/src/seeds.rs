//! Real documents, small: what is in `tests/fuzz/seeds`, and the sample.

use std::path::Path;

/// The seeds of a target: files of the folder of its name, and for text those of the sample.
pub(crate) fn of(target: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds = files(&root.join("seeds").join(target));
    if seeds.is_empty() {
        seeds = files(&root.join("seeds").join("text"));
    }
    seeds
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = folder.read_dir() else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    // The order of a folder is the file system's.
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}
