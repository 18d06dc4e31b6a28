//! The fields of a 7z header (7zFormat.txt of the LZMA SDK), read from bytes that lie in memory.

use nexus_domain::ProblemCode;

use super::Fault;

/// What is left of a header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or_else(|| damaged("it ends within a field"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn expect(&mut self, wanted: u8) -> Result<(), Fault> {
        match self.byte()? {
            found if found == wanted => Ok(()),
            found => Err(damaged(&format!("{found:#x} stands where {wanted:#x} belongs"))),
        }
    }

    /// `NUMBER`: the leading ones of the first byte tell how many bytes follow.
    pub(super) fn number(&mut self) -> Result<u64, Fault> {
        let first = self.byte()?;
        let more = first.leading_ones();
        let mut bytes = [0; 8];
        bytes[..more as usize].copy_from_slice(self.take(more as usize)?);
        let low = u64::from_le_bytes(bytes);
        let high = match more {
            0..7 => u64::from(first & (0x7F >> more)) << (8 * more),
            _ => 0,
        };
        Ok(low | high)
    }

    /// A number of things that take memory each.
    pub(super) fn count(&mut self, what: &str, most: u64) -> Result<usize, Fault> {
        let count = self.number()?;
        if count > most {
            let why = format!("The archive declares {count} {what}, {most} are allowed");
            return Err((ProblemCode::TooManyEntries, why));
        }
        usize::try_from(count).map_err(|_| damaged("a number is too large"))
    }

    /// `Digests`: the checksums of `count` things, as far as they have one.
    pub(super) fn digests(&mut self, count: usize) -> Result<Vec<Option<u32>>, Fault> {
        let bits = match self.byte()? {
            0 => Some(self.take(count.div_ceil(8))?),
            _ => None,
        };
        let is_defined = |at: usize| bits.is_none_or(|bits| bits[at / 8] & (0x80 >> (at % 8)) != 0);
        (0..count)
            .map(|at| is_defined(at).then(|| self.sum()).transpose())
            .collect()
    }

    fn sum(&mut self) -> Result<u32, Fault> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }
}

pub(super) fn damaged(why: &str) -> Fault {
    (
        ProblemCode::Corrupt,
        format!("The archive's directory is damaged: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_format_has_them() {
        for (bytes, number) in [
            (&[0x7F][..], 127),
            (&[0x80, 0x80], 128),
            (&[0xBF, 0xFF], 16_383),
            (&[0xC1, 0x34, 0x12], 0x1_1234),
            (&[0xFF, 8, 7, 6, 5, 4, 3, 2, 1], 0x0102_0304_0506_0708),
            (&[0xFE, 8, 7, 6, 5, 4, 3, 2], 0x02_0304_0506_0708),
        ] {
            let mut fields = Fields(bytes);
            assert_eq!(fields.number().unwrap(), number, "{bytes:x?}");
            assert!(fields.0.is_empty());
        }
        assert!(Fields(&[0xC0, 1]).number().is_err());
    }
}
