//! Packets of git's protocol (`gitprotocol-common`, "pkt-line"): four hexadecimal digits that count themselves and what
//! follows.

use std::io::{self, Read};

/// Longest packet, its length included.
const MOST_PACKET: usize = 65_520;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    Line(&'a [u8]),
    /// The end of a section.
    Flush,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum PacketError {
    #[error("the connection broke off")]
    Broken(#[source] io::Error),
    #[error("the answer is not git's protocol")]
    Malformed,
    #[error("more than {0} bytes")]
    TooLarge(u64),
}

/// Reads packets; holds one.
#[derive(Debug)]
pub(super) struct Packets<R> {
    reader: R,
    buffer: Vec<u8>,
    most: u64,
    left: u64,
}

impl<R: Read> Packets<R> {
    pub(super) fn new(reader: R, most: u64) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            most,
            left: most,
        }
    }

    /// `None` where the answer ends between two packets.
    pub(super) fn next(&mut self) -> Result<Option<Packet<'_>>, PacketError> {
        let mut head = [0; 4];
        if !self.head(&mut head)? {
            return Ok(None);
        }
        let len = length(head).ok_or(PacketError::Malformed)?;
        self.left = (self.left)
            .checked_sub(len.max(head.len()) as u64)
            .ok_or(PacketError::TooLarge(self.most))?;
        if len == 0 {
            return Ok(Some(Packet::Flush));
        }
        let rest = len.checked_sub(head.len()).ok_or(PacketError::Malformed)?;
        self.buffer.resize(rest, 0);
        self.reader
            .read_exact(&mut self.buffer)
            .map_err(PacketError::Broken)?;
        Ok(Some(Packet::Line(&self.buffer)))
    }

    fn head(&mut self, head: &mut [u8; 4]) -> Result<bool, PacketError> {
        let first = loop {
            match self.reader.read(head) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => break done.map_err(PacketError::Broken)?,
            }
        };
        if first == 0 {
            return Ok(false);
        }
        let rest = head.get_mut(first..).unwrap_or_default();
        self.reader.read_exact(rest).map_err(PacketError::Broken)?;
        Ok(true)
    }
}

fn length(head: [u8; 4]) -> Option<usize> {
    let digits = std::str::from_utf8(&head).ok()?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let len = usize::from_str_radix(digits, 16).ok()?;
    (is_hex && len <= MOST_PACKET).then_some(len)
}

/// A line as a packet. Only for what we write ourselves, which is short.
pub(super) fn write(out: &mut Vec<u8>, line: &str) {
    out.extend_from_slice(format!("{:04x}{line}", line.len() + 4).as_bytes());
}

pub(super) const FLUSH: &[u8] = b"0000";

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut bytes: &[u8]) -> Result<Vec<String>, PacketError> {
        let mut packets = Packets::new(&mut bytes, 100);
        let mut found = Vec::new();
        while let Some(packet) = packets.next()? {
            found.push(match packet {
                Packet::Line(line) => String::from_utf8_lossy(line).into_owned(),
                Packet::Flush => "-".into(),
            });
        }
        Ok(found)
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        write(&mut bytes, "one\n");
        bytes.extend_from_slice(FLUSH);
        write(&mut bytes, "");
        assert_eq!(all(&bytes).unwrap(), ["one\n", "-", ""]);
    }

    #[test]
    fn other_answers_are_no_packets() {
        for bytes in [&b"<html>"[..], b"+004", b"0003", b"ffffx"] {
            assert!(matches!(all(bytes), Err(PacketError::Malformed)), "{bytes:?}");
        }
        for bytes in [&b"00"[..], b"0008ab"] {
            assert!(matches!(all(bytes), Err(PacketError::Broken(_))), "{bytes:?}");
        }
        assert!(matches!(
            all(format!("0070{}", "x".repeat(200)).as_bytes()),
            Err(PacketError::TooLarge(100))
        ));
    }
}
