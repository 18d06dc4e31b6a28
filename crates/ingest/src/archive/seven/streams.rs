//! `StreamsInfo` of a 7z header: which blocks there are and by what they are packed. Read here for its bounds alone; the
//! library reads it again when they hold.

use super::Fault;
use super::coders::{Coder, Coders};
use super::fields::{Fields, damaged};

const END: u8 = 0x00;
const PACK_INFO: u8 = 0x06;
const UNPACK_INFO: u8 = 0x07;
const SUB_STREAMS_INFO: u8 = 0x08;
const SIZE: u8 = 0x09;
const CRC: u8 = 0x0A;
const FOLDER: u8 = 0x0B;
const UNPACK_SIZE: u8 = 0x0C;
const NUM_UNPACK_STREAM: u8 = 0x0D;

/// Coders of one block. 7-Zip makes four at most (BCJ2 with its three streams), and one for a password.
const MOST_CODERS: u64 = 8;

#[derive(Debug, Default)]
pub(super) struct Streams<'a> {
    pub(super) pack_pos: u64,
    pub(super) pack_sizes: Vec<u64>,
    pub(super) blocks: Vec<Block<'a>>,
}

#[derive(Debug)]
pub(super) struct Block<'a> {
    pub(super) coders: Coders<'a>,
    pub(super) unpack_sizes: Vec<u64>,
    pub(super) crc: Option<u32>,
}

/// Reads up to the end of the info. `entries` bounds everything that is counted.
pub(super) fn read<'a>(fields: &mut Fields<'a>, entries: u64) -> Result<Streams<'a>, Fault> {
    let mut streams = Streams::default();
    let mut next = fields.byte()?;
    if next == PACK_INFO {
        pack_info(fields, entries, &mut streams)?;
        next = fields.byte()?;
    }
    if next == UNPACK_INFO {
        streams.blocks = unpack_info(fields, entries)?;
        next = fields.byte()?;
    }
    if next == SUB_STREAMS_INFO {
        sub_streams(fields, entries, &streams.blocks)?;
        next = fields.byte()?;
    }
    if next == END {
        Ok(streams)
    } else {
        Err(damaged(&format!("{next:#x} stands among the streams")))
    }
}

fn pack_info(fields: &mut Fields<'_>, entries: u64, streams: &mut Streams<'_>) -> Result<(), Fault> {
    streams.pack_pos = fields.number()?;
    let count = fields.count("packed streams", entries.saturating_mul(4))?;
    let mut next = fields.byte()?;
    if next == SIZE {
        for _ in 0..count {
            streams.pack_sizes.push(fields.number()?);
        }
        next = fields.byte()?;
    }
    if next == CRC {
        fields.digests(count)?;
        next = fields.byte()?;
    }
    if next == END {
        Ok(())
    } else {
        Err(damaged("the sizes of its streams do not end"))
    }
}

fn unpack_info<'a>(fields: &mut Fields<'a>, entries: u64) -> Result<Vec<Block<'a>>, Fault> {
    fields.expect(FOLDER)?;
    let count = fields.count("blocks", entries)?;
    fields.expect(0)?;
    let mut blocks = Vec::new();
    for _ in 0..count {
        blocks.push(block(fields)?);
    }
    fields.expect(UNPACK_SIZE)?;
    for block in &mut blocks {
        for _ in 0..block.coders.list.len() {
            block.unpack_sizes.push(fields.number()?);
        }
    }
    let mut next = fields.byte()?;
    if next == CRC {
        for (block, crc) in blocks.iter_mut().zip(fields.digests(count)?) {
            block.crc = crc;
        }
        next = fields.byte()?;
    }
    if next == END {
        Ok(blocks)
    } else {
        Err(damaged("its blocks do not end"))
    }
}

/// A block as the format calls it a folder. Every coder has one output.
fn block<'a>(fields: &mut Fields<'a>) -> Result<Block<'a>, Fault> {
    let count = fields.count("coders of one block", MOST_CODERS)?;
    let mut list = Vec::with_capacity(count);
    for _ in 0..count {
        list.push(coder(fields)?);
    }
    let inputs: u64 = list.iter().map(|coder| coder.inputs).sum();
    let bound = (count as u64).saturating_sub(1);
    let mut bonds = Vec::new();
    for _ in 0..bound {
        bonds.push((fields.number()?, fields.number()?));
    }
    let packed = inputs.saturating_sub(bound);
    if packed > 1 {
        for _ in 0..packed {
            fields.number()?;
        }
    }
    Ok(Block {
        coders: Coders { list, bonds },
        unpack_sizes: Vec::new(),
        crc: None,
    })
}

fn coder<'a>(fields: &mut Fields<'a>) -> Result<Coder<'a>, Fault> {
    const COMPLEX: u8 = 0x10;
    const PROPERTIES: u8 = 0x20;
    const RESERVED: u8 = 0xC0;
    let flags = fields.byte()?;
    let id = fields.take(usize::from(flags & 0x0F))?;
    let mut inputs = 1;
    if flags & COMPLEX != 0 {
        inputs = fields.number()?;
        if fields.number()? != 1 || inputs > MOST_CODERS {
            return Err(damaged("a coder has an impossible number of streams"));
        }
    }
    let properties = if flags & PROPERTIES == 0 {
        &[]
    } else {
        let size = fields.number()?;
        fields.take(usize::try_from(size).unwrap_or(usize::MAX))?
    };
    if flags & RESERVED != 0 {
        return Err(damaged("a coder is of an unknown kind"));
    }
    Ok(Coder {
        id,
        properties,
        inputs,
    })
}

fn sub_streams(fields: &mut Fields<'_>, entries: u64, blocks: &[Block<'_>]) -> Result<(), Fault> {
    let mut counts = vec![1; blocks.len()];
    let mut next = fields.byte()?;
    if next == NUM_UNPACK_STREAM {
        let mut left = entries;
        for count in &mut counts {
            *count = fields.count("files", left)?;
            left -= *count as u64;
        }
        next = fields.byte()?;
    }
    if next == SIZE {
        for _ in 0..counts.iter().map(|count| count.saturating_sub(1)).sum::<usize>() {
            fields.number()?;
        }
        next = fields.byte()?;
    }
    if next == CRC {
        let unknown = counts.iter().zip(blocks);
        let unknown = unknown.filter(|(count, block)| **count != 1 || block.crc.is_none());
        fields.digests(unknown.map(|(count, _)| *count).sum())?;
        next = fields.byte()?;
    }
    if next == END {
        Ok(())
    } else {
        Err(damaged("the sizes of its files do not end"))
    }
}
