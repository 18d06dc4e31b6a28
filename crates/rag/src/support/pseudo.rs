//! Questions made of a knowledge base's own text, to measure on: a run of a sentence's words, some of them replaced by words
//! from elsewhere, for people do not ask in the words of the document.

use nexus_domain::{ContentHash, DocumentId};
use nexus_text::TermKind;

use super::limits::Basis;
use crate::answer::function_words::is_function_word;
use crate::answer::units::{Kind, units};

/// The share of words that are replaced. Of people's questions (XQuAD, both languages, to paragraphs and to sentences) the
/// passage that answers holds 60 to 72 % by weight. What they say in other words means the same, which a vector sees and a word
/// from elsewhere does not: where vectors judge, half as many are replaced.
const fn replaced(basis: Basis) -> f32 {
    match basis {
        Basis::Lexical => 0.4,
        Basis::Hybrid => 0.2,
    }
}
/// Words with a meaning in one question.
const FEWEST_WORDS: usize = 4;
const MOST_WORDS: usize = 8;
/// A longer sentence is cut: it is data.
const MAX_UNIT_CHARS: usize = 600;
/// Tries for each question that is wanted: text of short lines and tables has few sentences.
const TRIES: usize = 8;

/// A passage that questions are made of.
#[derive(Clone, Debug)]
pub struct Sampled {
    pub document: DocumentId,
    pub content: ContentHash,
    pub text: String,
}

/// A question and the passage that it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PseudoQuestion {
    pub text: String,
    /// Place among the samples.
    pub of: usize,
}

/// At most `wanted` questions; the same ones for the same samples and seed.
pub(super) fn pseudo_questions(
    samples: &[Sampled],
    wanted: usize,
    basis: Basis,
    seed: u64,
) -> Vec<PseudoQuestion> {
    let mut chance = Chance::new(seed);
    let mut questions = Vec::new();
    if samples.len() < 2 {
        return questions;
    }
    for _ in 0..wanted.saturating_mul(TRIES) {
        if questions.len() >= wanted {
            break;
        }
        let of = chance.below(samples.len());
        if let Some(text) = question(samples, of, replaced(basis), &mut chance) {
            questions.push(PseudoQuestion { text, of });
        }
    }
    questions
}

fn question(samples: &[Sampled], of: usize, replaced: f32, chance: &mut Chance) -> Option<String> {
    let sentence = sentence(&samples[of].text, chance)?;
    let words = meaning(sentence);
    if words.len() < FEWEST_WORDS {
        return None;
    }
    let count = (FEWEST_WORDS + chance.below(MOST_WORDS - FEWEST_WORDS + 1)).min(words.len());
    let first = chance.below(words.len() - count + 1);
    let run = &words[first..first + count];
    let (mut text, mut at) = (String::new(), run[0].start);
    for word in run {
        text.push_str(&sentence[at..word.start]);
        let own = &sentence[word.clone()];
        let other = (chance.share() < replaced)
            .then(|| foreign(samples, of, chance))
            .flatten();
        text.push_str(other.as_deref().unwrap_or(own));
        at = word.end;
    }
    Some(text)
}

/// A word with a meaning from another document.
fn foreign(samples: &[Sampled], of: usize, chance: &mut Chance) -> Option<String> {
    let other = &samples[chance.below(samples.len())];
    if other.document == samples[of].document {
        return None;
    }
    let sentence = sentence(&other.text, chance)?;
    let words = meaning(sentence);
    let word = words.get(chance.below(words.len().max(1)))?;
    Some(sentence[word.clone()].to_owned())
}

fn sentence<'t>(text: &'t str, chance: &mut Chance) -> Option<&'t str> {
    let mut units = units(text, MAX_UNIT_CHARS);
    units.retain(|unit| matches!(unit.kind, Kind::Prose | Kind::Item | Kind::Row));
    let unit = units.get(chance.below(units.len().max(1)))?;
    Some(&text[unit.span.clone()])
}

/// Places of the words that mean something, none of them in another: of scripts without spaces, each two neighbours are a term.
fn meaning(sentence: &str) -> Vec<std::ops::Range<usize>> {
    let words = nexus_text::terms(sentence)
        .into_iter()
        .filter(|term| term.kind == TermKind::Word && !is_function_word(term.id));
    let mut places: Vec<std::ops::Range<usize>> = Vec::new();
    for word in words {
        if places.last().is_none_or(|last| last.end <= word.span.start) {
            places.push(word.span);
        }
    }
    places
}

/// SplitMix64 (Steele, Lea, Flood, 2014): enough for drawing samples, and the same on every machine.
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to `n` − 1; 0 where there is nothing to choose.
    pub fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n.max(1)).unwrap_or(1);
        usize::try_from(self.next() % n).unwrap_or(0)
    }

    /// 0 to 1.
    fn share(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use nexus_domain::Timestamp;

    use super::*;

    fn samples() -> Vec<Sampled> {
        let texts = [
            "The gateway keeps its settings in flash memory after the power fails. Hold the reset button for ten seconds.",
            "Городской архив хранит рукописи девятнадцатого века в стеклянных витринах третьего этажа.",
            "ok",
            "Invoices are archived every quarter by the accounting office in the northern building.",
        ];
        let sample = |(n, text): (i64, &str)| Sampled {
            document: DocumentId::new(Timestamp::from_micros(n)),
            content: ContentHash::of(text.as_bytes()),
            text: text.to_owned(),
        };
        (0..).zip(texts).map(sample).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_questions_of_some_words_of_their_own() {
        let samples = samples();
        let questions = pseudo_questions(&samples, 40, Basis::Lexical, 7);
        assert_eq!(questions, pseudo_questions(&samples, 40, Basis::Lexical, 7));
        assert_ne!(questions, pseudo_questions(&samples, 40, Basis::Lexical, 8));
        assert_eq!(questions.len(), 40);
        let held = |question: &PseudoQuestion| {
            let words = meaning(&question.text);
            let text = &samples[question.of].text;
            let own = words
                .iter()
                .filter(|word| text.contains(&question.text[(*word).clone()]));
            own.count() as f32 / words.len() as f32
        };
        let mean = questions.iter().map(held).sum::<f32>() / 40.0;
        assert!((0.5..0.9).contains(&mean), "{mean}");
    }

    #[test]
    fn scripts_without_spaces_make_questions_too() {
        let mut samples = samples();
        samples[0].text =
            "The codes (Chinese: 大元通制, of the great Yuan) were begun by his father in 1316.".to_owned();
        samples[1].text = "この倉庫では温度と湿度を毎日三回記録し、記録は五年間保存します。".to_owned();
        let questions = pseudo_questions(&samples, 200, Basis::Lexical, 7);
        assert_eq!(questions.len(), 200);
        assert!(questions.iter().any(|question| question.text.contains('元')));
    }

    #[test]
    fn text_without_sentences_makes_no_questions() {
        let mut samples = samples();
        samples
            .iter_mut()
            .for_each(|sample| "1 2 3".clone_into(&mut sample.text));
        assert!(pseudo_questions(&samples, 10, Basis::Lexical, 1).is_empty());
        assert!(pseudo_questions(&[], 10, Basis::Lexical, 1).is_empty());
    }
}
