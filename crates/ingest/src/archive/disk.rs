//! Bytes on the disk, read from several places at once.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

/// A reader of a file with a position of its own: clones share the file and nothing else. So a file without a name (a
/// nested archive, which must not outlive a crash) is read like an upload.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    file: Rc<RefCell<File>>,
    at: u64,
    len: u64,
}

impl Disk {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::of(File::open(path)?)
    }

    pub(super) fn of(mut file: File) -> io::Result<Self> {
        let len = file.seek(SeekFrom::End(0))?;
        Ok(Self {
            file: Rc::new(RefCell::new(file)),
            at: 0,
            len,
        })
    }

    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Another reader, at the start.
    pub(super) fn again(&self) -> Self {
        Self {
            at: 0,
            ..self.clone()
        }
    }
}

impl Read for Disk {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.borrow_mut();
        file.seek(SeekFrom::Start(self.at))?;
        let count = file.read(buffer)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Disk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn readers_of_one_file_do_not_move_each_other() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let mut first = Disk::of(file).unwrap();
        let mut pair = [0; 2];
        first.seek(SeekFrom::End(-4)).unwrap();
        first.again().read_exact(&mut pair).unwrap();
        assert_eq!(&pair, b"01");
        first.read_exact(&mut pair).unwrap();
        assert_eq!(&pair, b"67");
        assert!(first.seek(SeekFrom::Current(-9)).is_err(), "not before the start");
    }
}
