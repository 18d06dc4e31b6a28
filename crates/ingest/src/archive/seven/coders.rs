//! What unpacking a block asks for: methods, memory, and whether one packed stream is packed again.

use nexus_domain::ProblemCode;
use sevenz_rust2::EncoderMethod as Method;

use super::Fault;
use super::fields::damaged;

/// libzstd's default bound of a window, which is the library's.
const ZSTD_WINDOW: u64 = 128 << 20;
/// What bzip2 and deflate need at most, generously.
const SMALL: u64 = 8 << 20;

#[derive(Clone, Copy, Debug)]
pub(super) struct Coder<'a> {
    pub(super) id: &'a [u8],
    pub(super) properties: &'a [u8],
    pub(super) inputs: u64,
}

#[derive(Debug)]
pub(super) struct Coders<'a> {
    pub(super) list: Vec<Coder<'a>>,
    /// Which input (counted over all coders) takes which coder's output.
    pub(super) bonds: Vec<(u64, u64)>,
}

/// What a coder does.
enum Role {
    /// Unpacks, with this much memory.
    Unpack(u64),
    /// Rearranges bytes one for one.
    Filter,
    Decrypt,
    Unknown,
}

impl Coder<'_> {
    fn role(&self) -> Result<Role, Fault> {
        Ok(match self.id {
            Method::ID_LZMA => Role::Unpack(self.number_at_one()?),
            Method::ID_LZMA2 => Role::Unpack(self.lzma2_dictionary()?),
            Method::ID_PPMD => Role::Unpack(self.number_at_one()?),
            Method::ID_ZSTD => Role::Unpack(ZSTD_WINDOW),
            Method::ID_BZIP2 | Method::ID_DEFLATE => Role::Unpack(SMALL),
            Method::ID_COPY
            | Method::ID_DELTA
            | Method::ID_BCJ2
            | Method::ID_BCJ_X86
            | Method::ID_BCJ_PPC
            | Method::ID_BCJ_IA64
            | Method::ID_BCJ_ARM
            | Method::ID_BCJ_ARM64
            | Method::ID_BCJ_ARM_THUMB
            | Method::ID_BCJ_SPARC
            | Method::ID_BCJ_RISCV => Role::Filter,
            Method::ID_AES256_SHA256 => Role::Decrypt,
            _ => Role::Unknown,
        })
    }

    /// LZMA's dictionary and PPMd's memory stand behind one byte of other parameters.
    fn number_at_one(&self) -> Result<u64, Fault> {
        match self.properties.get(1..5) {
            Some(&[a, b, c, d]) => Ok(u64::from(u32::from_le_bytes([a, b, c, d]))),
            _ => Err(damaged("the parameters of a method are missing")),
        }
    }

    fn lzma2_dictionary(&self) -> Result<u64, Fault> {
        match self.properties.first() {
            Some(&bits @ 0..=40) => Ok((2 | u64::from(bits & 1)) << (bits / 2 + 11)),
            _ => Err(damaged("the parameters of a method are missing")),
        }
    }
}

impl Coders<'_> {
    /// Why a block that is packed so is not read.
    pub(super) fn fault(&self, decoder_bytes: u64) -> Option<Fault> {
        self.check(decoder_bytes).err()
    }

    fn check(&self, decoder_bytes: u64) -> Result<(), Fault> {
        let mut memory = 0_u64;
        for coder in &self.list {
            match coder.role()? {
                Role::Unpack(bytes) => memory = memory.saturating_add(bytes),
                Role::Filter => {}
                Role::Decrypt => return Err((ProblemCode::Encrypted, "The file is encrypted".into())),
                Role::Unknown => {
                    let why = format!("Compressed by method {:02x?}, which is not read", coder.id);
                    return Err((ProblemCode::UnsupportedCompression, why));
                }
            }
        }
        if memory > decoder_bytes {
            let why = format!("Unpacking asks for {memory} bytes of memory, {decoder_bytes} are allowed");
            return Err((ProblemCode::MemoryLimit, why));
        }
        self.unpacks_once()
    }

    /// What unpacks must read the archive itself: what one unpacking yields to the next is bounded by nothing.
    fn unpacks_once(&self) -> Result<(), Fault> {
        for (input, _) in &self.bonds {
            let mut first = 0;
            let reader = self.list.iter().find(|coder| {
                first += coder.inputs;
                *input < first
            });
            if let Some(coder) = reader
                && matches!(coder.role()?, Role::Unpack(_))
            {
                let why = "Compressed more than once, which is not read";
                return Err((ProblemCode::UnsupportedCompression, why.into()));
            }
        }
        Ok(())
    }
}
