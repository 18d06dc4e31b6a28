//! What a model is given to read: whole passages, best first, within a budget, fenced so that no text can end its own
//! quotation.

use nexus_domain::Passage;

use crate::retrieve::RankedPassage;
use crate::verify::Evidence;

/// Shortest fence.
const MIN_FENCE: usize = 8;
const FENCE_SIGN: char = '=';

/// The sources of an answer. Their numbers, from 1, are their places.
#[derive(Debug)]
pub(in crate::answer) struct Context<'a> {
    pub(in crate::answer) sources: Vec<&'a RankedPassage>,
}

impl<'a> Context<'a> {
    /// The passages that fit `max_tokens` ([`nexus_text::count_tokens`]); the best one in any case. One that does not
    /// fit makes room for a shorter one behind it.
    pub(in crate::answer) fn fitting(hits: &'a [RankedPassage], max_tokens: usize) -> Self {
        let mut left = max_tokens;
        let mut sources = Vec::new();
        for hit in hits {
            let passage = &hit.passage;
            let tokens =
                nexus_text::count_tokens(&passage.chunk.text) + nexus_text::count_tokens(&place(passage));
            if sources.is_empty() || tokens <= left {
                left = left.saturating_sub(tokens);
                sources.push(hit);
            }
        }
        Self { sources }
    }

    /// The sources as the verifier reads them, in their order.
    pub(super) fn evidence(&self) -> Vec<Evidence> {
        let evidence = |source: &&RankedPassage| {
            let passage = &source.passage;
            Evidence::new(&passage.chunk.text, &place(passage))
        };
        self.sources.iter().map(evidence).collect()
    }

    pub(super) fn passages(&self) -> impl Iterator<Item = &Passage> + Clone {
        self.sources.iter().map(|source| &source.passage)
    }

    pub(super) fn fence(&self) -> String {
        fence(self.passages())
    }

    /// All sources as the prompt holds them.
    pub(super) fn written(&self, fence: &str) -> String {
        written(self.passages(), fence)
    }
}

/// Passages as a prompt holds them: the same passages in the same order give the same bytes, whenever they are read.
pub fn assembled<'a>(passages: impl Iterator<Item = &'a Passage> + Clone) -> String {
    let fence = fence(passages.clone());
    written(passages, &fence)
}

fn fence<'a>(passages: impl Iterator<Item = &'a Passage>) -> String {
    fence_around(passages.map(|passage| passage.chunk.text.as_str()))
}

fn written<'a>(passages: impl Iterator<Item = &'a Passage>, fence: &str) -> String {
    let source = |(index, passage): (usize, &Passage)| {
        let text = passage.chunk.text.trim_end();
        format!("[{}] {}\n{fence}\n{text}\n{fence}\n\n", index + 1, place(passage))
    };
    passages.enumerate().map(source).collect()
}

/// Document and headings, on one line.
fn place(passage: &Passage) -> String {
    let parts = std::iter::once(&passage.document_path)
        .chain((!passage.document_title.is_empty()).then_some(&passage.document_title))
        .chain(&passage.chunk.heading_path);
    let mut place = String::new();
    for part in parts {
        if !place.is_empty() {
            place.push_str(" › ");
        }
        let words = part.split(|c: char| c.is_whitespace() || c.is_control());
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        place.push_str(&words.join(" "));
    }
    place
}

/// A line that none of these texts can hold: longer than every run of its sign in them.
pub(super) fn fence_around<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let longest = texts.map(longest_run).max().unwrap_or(0);
    String::from(FENCE_SIGN).repeat(longest.saturating_add(1).max(MIN_FENCE))
}

fn longest_run(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == FENCE_SIGN { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}
