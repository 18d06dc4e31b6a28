//! Apostrophes that switch bold and italic text.

use super::inline::Place;

/// Whether a line's marks of emphasis come in pairs; those that do not are left out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Emphasis {
    pub(super) bold: bool,
    pub(super) italic: bool,
}

impl Emphasis {
    pub(super) fn of(text: &str, place: Place) -> Self {
        if matches!(place, Place::Heading | Place::Anchor) {
            return Self::default();
        }
        let (mut bolds, mut italics) = (0_usize, 0_usize);
        let mut run = 0_usize;
        for byte in text.bytes().chain([b'\n']) {
            if byte == b'\'' {
                run += 1;
                continue;
            }
            let (bold, italic) = marks(run);
            bolds += usize::from(bold);
            italics += usize::from(italic);
            run = 0;
        }
        Self {
            bold: bolds.is_multiple_of(2),
            italic: italics.is_multiple_of(2),
        }
    }
}

/// What a run of apostrophes switches: bold, italic.
pub(super) const fn marks(run: usize) -> (bool, bool) {
    (run >= 3, run == 2 || run >= 5)
}
