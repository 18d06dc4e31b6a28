//! 7z archives: as the library writes them, and made byte by byte (7zFormat.txt of the LZMA SDK), so that they can lie.

use std::io::{Cursor, Write as _};

use lzma_rust2::{Lzma2Options, Lzma2Writer};
use sevenz_rust2::{ArchiveEntry, ArchiveWriter, EncoderConfiguration, EncoderMethod, SourceReader};

use crate::support::crc;

/// An archive as the library writes it: all files in one block, the directory compressed.
pub(crate) fn seven(files: &[(&str, &[u8])], methods: &[EncoderMethod]) -> Vec<u8> {
    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new())).unwrap();
    writer.set_content_methods(
        methods
            .iter()
            .map(|method| EncoderConfiguration::new(*method))
            .collect(),
    );
    let entries = files
        .iter()
        .map(|(name, _)| ArchiveEntry::new_file(name))
        .collect();
    let sources = files.iter().map(|(_, data)| SourceReader::new(*data)).collect();
    writer.push_archive_entries(entries, sources).unwrap();
    writer.finish().unwrap().into_inner()
}

/// Files that are packed together, as they will stand in a directory, true or not.
#[derive(Clone, Debug)]
pub(crate) struct Block7 {
    /// `Folder` of 7zFormat.txt.
    pub(crate) folder: Vec<u8>,
    pub(crate) unpack_sizes: Vec<u64>,
    pub(crate) packed: Vec<u8>,
    pub(crate) files: Vec<File7>,
}

#[derive(Clone, Debug)]
pub(crate) struct File7 {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) crc: u32,
    pub(crate) attributes: u32,
}

impl Block7 {
    pub(crate) fn stored(files: &[(&str, &[u8])]) -> Self {
        let packed: Vec<u8> = files.iter().flat_map(|(_, data)| data.to_vec()).collect();
        Self {
            folder: vec![1, 0x01, 0x00],
            unpack_sizes: vec![packed.len() as u64],
            packed,
            files: files
                .iter()
                .map(|(name, data)| File7 {
                    name: (*name).to_owned(),
                    size: data.len() as u64,
                    crc: crc(data),
                    attributes: 0,
                })
                .collect(),
        }
    }

    /// Packed by LZMA2 with a dictionary of 8 MiB.
    pub(crate) fn lzma2(files: &[(&str, &[u8])]) -> Self {
        let plain = Self::stored(files);
        Self {
            folder: vec![1, 0x21, 0x21, 1, 22],
            packed: lzma2(&plain.packed),
            ..plain
        }
    }
}

pub(crate) fn lzma2(bytes: &[u8]) -> Vec<u8> {
    let mut writer = Lzma2Writer::new(Vec::new(), Lzma2Options::with_preset(3));
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

pub(crate) fn number(value: u64) -> Vec<u8> {
    [&[0xFF][..], &value.to_le_bytes()].concat()
}

/// A directory that is not packed.
pub(crate) fn directory7(blocks: &[Block7]) -> Vec<u8> {
    let files: Vec<&File7> = blocks.iter().flat_map(|block| &block.files).collect();
    let mut out = [
        &[0x01, 0x04, 0x06][..],
        &number(0),
        &number(blocks.len() as u64),
        &[0x09],
    ]
    .concat();
    for block in blocks {
        out.extend(number(block.packed.len() as u64));
    }
    out.extend([0x00, 0x07, 0x0B]);
    out.extend(number(blocks.len() as u64));
    out.push(0);
    out.extend(blocks.iter().flat_map(|block| block.folder.clone()));
    out.push(0x0C);
    out.extend(
        blocks
            .iter()
            .flat_map(|block| &block.unpack_sizes)
            .flat_map(|size| number(*size)),
    );
    out.extend([0x00, 0x08, 0x0D]);
    out.extend(blocks.iter().flat_map(|block| number(block.files.len() as u64)));
    out.push(0x09);
    for block in blocks {
        let told = block.files.len().saturating_sub(1);
        out.extend(block.files[..told].iter().flat_map(|file| number(file.size)));
    }
    out.extend([0x0A, 0x01]);
    out.extend(files.iter().flat_map(|file| file.crc.to_le_bytes()));
    out.extend([0x00, 0x00, 0x05]);
    out.extend(number(files.len() as u64));
    let names: Vec<u8> = files
        .iter()
        .flat_map(|file| file.name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes))
        .collect();
    out.push(0x11);
    out.extend(number(names.len() as u64 + 1));
    out.push(0);
    out.extend(names);
    out.push(0x15);
    out.extend(number(files.len() as u64 * 4 + 2));
    out.extend([1, 0]);
    out.extend(files.iter().flat_map(|file| file.attributes.to_le_bytes()));
    out.extend([0x00, 0x00]);
    out
}

/// Signature and start header around packed streams and a directory.
pub(crate) fn around7(packed: &[u8], directory: &[u8]) -> Vec<u8> {
    let mut place = (packed.len() as u64).to_le_bytes().to_vec();
    place.extend((directory.len() as u64).to_le_bytes());
    place.extend(crc(directory).to_le_bytes());
    [
        &b"7z\xbc\xaf\x27\x1c\0\x04"[..],
        &crc(&place).to_le_bytes(),
        &place,
        packed,
        directory,
    ]
    .concat()
}

pub(crate) fn crafted(blocks: &[Block7]) -> Vec<u8> {
    let packed: Vec<u8> = blocks.iter().flat_map(|block| block.packed.clone()).collect();
    around7(&packed, &directory7(blocks))
}

/// A packed directory: one coder, which claims this size.
pub(crate) fn packed_directory(folder: &[u8], packed: &[u8], unpacked: u64) -> Vec<u8> {
    let info = [
        &[0x17, 0x06][..],
        &number(0),
        &[1, 0x09],
        &number(packed.len() as u64),
        &[0x00, 0x07, 0x0B, 1, 0],
        folder,
        &[0x0C],
        &number(unpacked),
        &[0x00, 0x00],
    ];
    around7(packed, &info.concat())
}
