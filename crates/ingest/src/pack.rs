//! Packing: the other direction, for clients that upload a folder and for tests. The same files give the same bytes, so
//! an unchanged folder is an unchanged upload.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Writes a tar.gz.
pub struct ArchiveWriter {
    tar: tar::Builder<GzEncoder<BufWriter<File>>>,
}

impl std::fmt::Debug for ArchiveWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveWriter").finish_non_exhaustive()
    }
}

impl ArchiveWriter {
    /// Creates the file, or empties the one that is there.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        Ok(Self {
            tar: tar::Builder::new(GzEncoder::new(file, Compression::fast())),
        })
    }

    /// Adds a file; `/` stands between folders. Times and owners are left out.
    pub fn add(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        self.tar.append_data(&mut header, path, bytes)
    }

    /// Completes the archive. One that is dropped before is not readable to its end.
    pub fn finish(self) -> io::Result<()> {
        self.tar.into_inner()?.finish()?.flush()
    }
}

/// Packs the files of a folder, in the order of their paths. Links are not followed and not packed; of files without a
/// name in UTF-8 the name is made readable.
pub fn pack_folder(folder: &Path, archive: &Path) -> io::Result<()> {
    let mut writer = ArchiveWriter::create(archive)?;
    for file in files(folder)? {
        let relative = file.strip_prefix(folder).unwrap_or(&file);
        let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
        let mut header = tar::Header::new_gnu();
        let mut content = File::open(&file)?;
        header.set_size(content.metadata()?.len());
        header.set_mode(0o644);
        writer
            .tar
            .append_data(&mut header, parts.join("/"), &mut content)?;
    }
    writer.finish()
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir()? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::{Entry, Limits, walk};

    #[test]
    fn a_folder_is_packed_the_same_way_every_time_and_walked_back() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("ru")).unwrap();
        std::fs::write(folder.path().join("ru/шлюз.md"), "# Шлюз\n").unwrap();
        std::fs::write(folder.path().join("a.txt"), "text\n").unwrap();
        let out = tempfile::tempdir().unwrap();
        let (first, second) = (out.path().join("1.tar.gz"), out.path().join("2.tar.gz"));
        pack_folder(folder.path(), &first).unwrap();
        pack_folder(folder.path(), &second).unwrap();
        assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());

        let mut paths = Vec::new();
        let walked = walk(&first, "1.tar.gz", &Limits::default(), &mut |entry| {
            if let Entry::File(file) = entry {
                paths.push(file.path);
            }
            ControlFlow::Continue(())
        });
        assert!(walked.unwrap().complete);
        assert_eq!(paths, ["a.txt", "ru/шлюз.md"]);
    }
}
