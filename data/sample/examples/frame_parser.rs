//! Parser for decrypted Gull frames, as an example for people who write their own receiver.
//!
//! A frame has 42 bytes: 6 header, 34 payload, 2 checksum. Numbers are little-endian.

use std::fmt;

pub const FRAME_LEN: usize = 42;

/// What a station can report in one frame. Missing sensors are `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub station: u16,
    pub sequence: u32,
    pub temp_c: Option<f32>,
    pub humidity_pct: Option<f32>,
    pub wind_ms: Option<f32>,
    pub rain_tips: Option<u16>,
    pub battery_v: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    Length(usize),
    Checksum { expected: u16, found: u16 },
    /// The first byte must be 0x47, the letter G.
    Magic(u8),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(n) => write!(f, "a frame has {FRAME_LEN} bytes, this one has {n}"),
            Self::Checksum { expected, found } => write!(f, "checksum {found:04x}, expected {expected:04x}"),
            Self::Magic(byte) => write!(f, "not a Gull frame: it begins with {byte:02x}"),
        }
    }
}

impl std::error::Error for FrameError {}

/// Values of 0x7FFF mean that the station has no such sensor.
const ABSENT: i16 = 0x7FFF;

pub fn parse_frame(bytes: &[u8]) -> Result<Frame, FrameError> {
    let frame: &[u8; FRAME_LEN] = bytes.try_into().map_err(|_| FrameError::Length(bytes.len()))?;
    if frame[0] != 0x47 {
        return Err(FrameError::Magic(frame[0]));
    }
    let expected = crc16(&frame[..40]);
    let found = u16::from_le_bytes([frame[40], frame[41]]);
    if expected != found {
        return Err(FrameError::Checksum { expected, found });
    }
    Ok(Frame {
        station: u16::from_le_bytes([frame[1], frame[2]]),
        sequence: u32::from_le_bytes([frame[3], frame[4], frame[5], 0]),
        temp_c: scaled(frame, 6, 100.0),
        humidity_pct: scaled(frame, 8, 100.0),
        wind_ms: scaled(frame, 10, 50.0),
        rain_tips: scaled(frame, 14, 1.0).map(|tips| tips as u16),
        battery_v: f32::from(frame[38]) / 50.0,
    })
}

fn scaled(frame: &[u8; FRAME_LEN], at: usize, divisor: f32) -> Option<f32> {
    let raw = i16::from_le_bytes([frame[at], frame[at + 1]]);
    (raw != ABSENT).then(|| f32::from(raw) / divisor)
}

/// CRC-16 with the polynomial 0x1021 and the start value 0xFFFF.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, &byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// How many frames were lost between two sequence numbers; the counter has 24 bits and wraps.
pub fn lost_between(previous: u32, current: u32) -> u32 {
    current.wrapping_sub(previous).wrapping_sub(1) & 0x00FF_FFFF
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_may_wrap() {
        assert_eq!(lost_between(0x00FF_FFFE, 1), 2);
    }

    #[test]
    fn a_short_frame_is_refused() {
        assert_eq!(parse_frame(&[0x47; 41]), Err(FrameError::Length(41)));
    }
}
