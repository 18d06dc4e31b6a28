//! How well one passage holds a question.

use nexus_domain::Passage;

use super::asked::Asked;
use crate::answer::units::units;

/// A longer sentence is cut: it is data.
const MAX_UNIT_CHARS: usize = 600;

/// A passage is about what a question names if it holds this share of the names.
const MIN_NAMES: f32 = 0.5;

/// What words and vectors say of a passage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Nearness {
    /// The share of the question that its words hold, 0 to 1.
    words: f32,
    cosine: Option<f32>,
    /// The share of the question's names and numbers that it holds; 1 where there is none.
    names: f32,
    /// Whether both are written in one script: else words cannot say anything.
    one_script: bool,
}

impl Nearness {
    /// Whether it is about what the question names, as far as words can say.
    pub(super) fn is_of_what_is_named(&self) -> bool {
        self.names >= MIN_NAMES || !self.one_script
    }

    /// 0 to 1. `floor` is the cosine of texts that have nothing to do with each other, on the scale of the model.
    pub(super) fn score(&self, floor: f32) -> f32 {
        let Some(cosine) = self.cosine else {
            return self.words;
        };
        let near = ((cosine - floor) / (1.0 - floor).max(0.05)).clamp(0.0, 1.0);
        let both = f32::midpoint(self.words, near);
        if self.one_script { both } else { both.max(near) }
    }
}

/// The words of a passage say what they hold as a whole, and what a sentence of it holds alone: an answer stands in one place.
/// Its title and headings belong to each of them.
pub(super) fn support_of(asked: &Asked, passage: &Passage, cosine: Option<f32>) -> Nearness {
    let chunk = &passage.chunk;
    let mut place = passage.document_title.clone();
    for heading in &chunk.heading_path {
        place.push('\n');
        place.push_str(heading);
    }
    let place = asked.held_in(&place);
    let (mut whole, mut sentence) = (place.clone(), asked.share(&place));
    for unit in units(&chunk.text, MAX_UNIT_CHARS) {
        let held = asked.held_in(&chunk.text[unit.span]);
        whole = whole.with(&held);
        sentence = sentence.max(asked.share(&held.with(&place)));
    }
    Nearness {
        words: f32::midpoint(asked.share(&whole), sentence),
        cosine,
        names: asked.share_of_names(&whole),
        one_script: asked.script == nexus_text::script_of(&chunk.text),
    }
}
