//! Looks through a pack (`gitformat-pack`) while it comes in, before libgit2 sees it: libgit2 makes room for whatever an
//! object says its size is, so what would take too much memory or time has to be met first.

#[cfg(test)]
mod tests;

use flate2::{Decompress, FlushDecompress, Status};

/// Largest object. Two of this size are held while a delta is resolved; git itself makes no deltas of larger ones
/// (`core.bigFileThreshold`). Servers that can filter do not even send what is above the bound of one file.
pub(super) const MOST_OBJECT_BYTES: u64 = 512 << 20;
/// Some hundred bytes each are held while a pack is indexed. A large project's newest commit has some hundred thousand.
const MOST_OBJECTS: u32 = 5_000_000;
/// Everything unpacked, against the bytes that may come over the network.
const MOST_RATIO: u64 = 16;

const CHECKSUM_BYTES: u8 = 20;
/// Longest offset of a delta's base in bytes: 64 bits in groups of seven.
const MOST_OFFSET_BYTES: u8 = 10;
/// Two sizes stand at the start of a delta.
const LEAD_BYTES: usize = 20;
const SCRATCH_BYTES: usize = 32 << 10;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Screened {
    #[error("what came is no pack, or a damaged one")]
    Damaged,
    #[error("{0}")]
    TooLarge(String),
}

#[derive(Debug)]
enum Step {
    /// `PACK`, version and count.
    Start,
    /// Type and size of an object.
    Object {
        kind: Option<u8>,
        size: u64,
        shift: u32,
    },
    /// Where the base of a delta stands in the pack.
    Offset(u8),
    /// The name of a delta's base.
    Base(u8),
    Content {
        size: u64,
    },
    Checksum(u8),
    End,
}

const NEXT_OBJECT: Step = Step::Object {
    kind: None,
    size: 0,
    shift: 4,
};

#[derive(Debug)]
pub(super) struct Screen {
    step: Step,
    /// First bytes of the pack, then of each delta.
    lead: Vec<u8>,
    is_delta: bool,
    size: u64,
    objects: u32,
    objects_left: u32,
    inflate: Decompress,
    scratch: Vec<u8>,
    unpacked_left: u64,
}

impl Screen {
    /// `bytes` may come over the network.
    pub(super) fn new(bytes: u64) -> Self {
        Self {
            step: Step::Start,
            lead: Vec::new(),
            is_delta: false,
            size: 0,
            objects: 0,
            objects_left: 0,
            inflate: Decompress::new(true),
            scratch: vec![0; SCRATCH_BYTES],
            unpacked_left: bytes.saturating_mul(MOST_RATIO),
        }
    }

    /// Whether the pack was seen to its end.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.step, Step::End)
    }

    /// How many objects the pack says it has.
    pub(super) const fn objects(&self) -> u32 {
        self.objects
    }

    pub(super) fn feed(&mut self, mut input: &[u8]) -> Result<(), Screened> {
        while let Some((&byte, rest)) = input.split_first() {
            if let Step::Content { size } = self.step {
                let taken = self.content(input, size)?;
                input = input.get(taken..).unwrap_or_default();
            } else {
                self.byte(byte)?;
                input = rest;
            }
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8) -> Result<(), Screened> {
        match &mut self.step {
            Step::Start => {
                self.lead.push(byte);
                if self.lead.len() == 12 {
                    self.start()?;
                }
            }
            Step::Object { kind, size, shift } => {
                match kind {
                    None => {
                        *kind = Some(byte >> 4 & 7);
                        *size = u64::from(byte & 15);
                    }
                    Some(_) => {
                        // No size that is allowed needs more.
                        if *shift > 46 {
                            return Err(too_large(u64::MAX));
                        }
                        *size |= u64::from(byte & 127) << *shift;
                        *shift += 7;
                    }
                }
                if byte & 128 == 0 {
                    let (kind, size) = (kind.unwrap_or_default(), *size);
                    self.object(kind, size)?;
                }
            }
            Step::Offset(seen) => {
                *seen += 1;
                if *seen > MOST_OFFSET_BYTES {
                    return Err(Screened::Damaged);
                }
                if byte & 128 == 0 {
                    self.step = Step::Content { size: self.size };
                }
            }
            Step::Base(left) => {
                *left -= 1;
                if *left == 0 {
                    self.step = Step::Content { size: self.size };
                }
            }
            Step::Checksum(left) => {
                *left -= 1;
                if *left == 0 {
                    self.step = Step::End;
                }
            }
            Step::Content { .. } | Step::End => return Err(Screened::Damaged),
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), Screened> {
        let count = match self.lead.as_slice() {
            [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, a, b, c, d] => u32::from_be_bytes([*a, *b, *c, *d]),
            _ => return Err(Screened::Damaged),
        };
        if count > MOST_OBJECTS {
            let why = format!("the repository has {count} objects, {MOST_OBJECTS} are allowed");
            return Err(Screened::TooLarge(why));
        }
        self.objects = count;
        self.objects_left = count;
        self.next();
        Ok(())
    }

    fn next(&mut self) {
        self.step = match self.objects_left.checked_sub(1) {
            Some(left) => {
                self.objects_left = left;
                NEXT_OBJECT
            }
            None => Step::Checksum(CHECKSUM_BYTES),
        };
    }

    fn object(&mut self, kind: u8, size: u64) -> Result<(), Screened> {
        self.count(size)?;
        self.size = size;
        self.lead.clear();
        self.inflate.reset(true);
        self.is_delta = matches!(kind, 6 | 7);
        self.step = match kind {
            1..=4 => Step::Content { size },
            6 => Step::Offset(0),
            7 => Step::Base(CHECKSUM_BYTES),
            _ => return Err(Screened::Damaged),
        };
        Ok(())
    }

    /// Inflates, to find where the object ends; tells how much it took.
    fn content(&mut self, input: &[u8], size: u64) -> Result<usize, Screened> {
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(input, &mut self.scratch, FlushDecompress::None)
            .map_err(|_| Screened::Damaged)?;
        let came = self.inflate.total_out();
        let taken = usize::try_from(self.inflate.total_in() - before_in).map_err(|_| Screened::Damaged)?;
        let made = usize::try_from(came - before_out).map_err(|_| Screened::Damaged)?;
        if came > size {
            return Err(Screened::Damaged);
        }
        if self.is_delta {
            let wanted = LEAD_BYTES.saturating_sub(self.lead.len()).min(made);
            self.lead
                .extend_from_slice(self.scratch.get(..wanted).unwrap_or_default());
        }
        if status == Status::StreamEnd {
            if came != size {
                return Err(Screened::Damaged);
            }
            if self.is_delta {
                let (_, rest) = varint(&self.lead).ok_or(Screened::Damaged)?;
                let (result, _) = varint(rest).ok_or(Screened::Damaged)?;
                self.count(result)?;
            }
            self.next();
        } else if taken == 0 && made == 0 {
            return Err(Screened::Damaged);
        }
        Ok(taken)
    }

    fn count(&mut self, size: u64) -> Result<(), Screened> {
        if size > MOST_OBJECT_BYTES {
            return Err(too_large(size));
        }
        self.unpacked_left = self.unpacked_left.checked_sub(size).ok_or_else(|| {
            let why = format!("the repository unpacks to more than {MOST_RATIO} times what it may bring");
            Screened::TooLarge(why)
        })?;
        Ok(())
    }
}

fn too_large(size: u64) -> Screened {
    let size = match size {
        u64::MAX => "more".to_owned(),
        size => format!("{size} bytes"),
    };
    Screened::TooLarge(format!(
        "the repository holds a file of {size}, and its server cannot leave it out; {MOST_OBJECT_BYTES} are allowed"
    ))
}

/// A number in groups of seven bits, the lowest first.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        number |= u64::from(byte & 127) << (7 * at);
        if byte & 128 == 0 {
            return Some((number, bytes.get(at + 1..)?));
        }
    }
    None
}
