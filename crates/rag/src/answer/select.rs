//! Which passages are quoted: the best ones, as long as they keep up with the first, say something new, and fit.

use std::collections::HashSet;

use nexus_domain::Passage;

use super::quote::{best_span, lines_of};
use super::relevance::QuestionTerms;
use super::{AnswerSettings, Citation};
use crate::retrieve::RankedPassage;
use crate::support::Asked;

/// Two quotes that share this much of their words (Jaccard) say the same.
const SAME_WORDS: f32 = 0.8;

/// Passages at these ranks are looked at, at most: what stands below has no chance to be quoted.
const CANDIDATES: usize = 24;

/// Passages shown where none is an answer.
const MAX_NEAREST: usize = 3;

/// The citations of an answer, best first; none if nothing shares a meaning with the question. How much of it a passage
/// holds is weighed by the rarity of words in the knowledge bases (`asked`): among a few candidates no word is rare.
pub(super) fn citations(
    question: &str,
    asked: &Asked,
    mut hits: Vec<RankedPassage>,
    settings: &AnswerSettings,
) -> Vec<Citation> {
    hits.truncate(CANDIDATES);
    let held: Vec<HashSet<u32>> = hits.iter().map(|hit| held(&hit.passage)).collect();
    let terms = QuestionTerms::new(question, &held);
    let mut chosen = Chosen::nothing(&terms, settings);
    let mut best: Option<(f32, f32)> = None;
    for (hit, held) in hits.into_iter().zip(&held) {
        if chosen.citations.len() >= settings.max_citations {
            break;
        }
        let coverage = terms.coverage(held);
        let near = settings
            .near_cosine
            .zip(hit.dense)
            .is_some_and(|(near, cosine)| cosine >= near);
        let related =
            near || (terms.shares_meaning(held) && asked.share_of_terms(held) >= settings.min_coverage);
        if !related {
            continue;
        }
        let (best_score, best_coverage) = *best.get_or_insert((hit.score, coverage));
        let keeps_up = hit.score >= best_score * settings.min_relative_score
            && (near || coverage >= best_coverage * settings.min_relative_coverage);
        if keeps_up {
            chosen.quote(hit);
        }
    }
    chosen.citations
}

/// What comes nearest where nothing is an answer: a quote of each of the first passages.
pub(super) fn nearest(
    question: &str,
    mut hits: Vec<RankedPassage>,
    settings: &AnswerSettings,
) -> Vec<Citation> {
    hits.truncate(CANDIDATES);
    let held: Vec<HashSet<u32>> = hits.iter().map(|hit| held(&hit.passage)).collect();
    let terms = QuestionTerms::new(question, &held);
    let mut chosen = Chosen::nothing(&terms, settings);
    for hit in hits {
        if chosen.citations.len() >= MAX_NEAREST {
            break;
        }
        chosen.quote(hit);
    }
    chosen.citations
}

/// The terms of a passage and of the place where it stands.
pub(super) fn held(passage: &Passage) -> HashSet<u32> {
    let chunk = &passage.chunk;
    let place = std::iter::once(&passage.document_title).chain(&chunk.heading_path);
    place
        .chain([&chunk.text])
        .flat_map(|text| nexus_text::terms(text))
        .map(|term| term.id)
        .collect()
}

struct Chosen<'a> {
    terms: &'a QuestionTerms,
    settings: &'a AnswerSettings,
    tokens: usize,
    /// The terms of each quote.
    words: Vec<HashSet<u32>>,
    citations: Vec<Citation>,
}

impl<'a> Chosen<'a> {
    const fn nothing(terms: &'a QuestionTerms, settings: &'a AnswerSettings) -> Self {
        Self {
            terms,
            settings,
            tokens: 0,
            words: Vec::new(),
            citations: Vec::new(),
        }
    }

    /// Quotes a passage, unless its quote is blank, repeats another one, or does not fit the budget any more.
    fn quote(&mut self, hit: RankedPassage) {
        let RankedPassage {
            passage,
            score,
            lexical,
            dense,
            rerank,
        } = hit;
        let text = &passage.chunk.text;
        let text_terms = nexus_text::terms(text);
        let matches = self.terms.matches(&text_terms);
        let Some(span) = best_span(text, &matches, self.settings.max_quote_chars) else {
            return;
        };
        let inside =
            |term: &&nexus_text::Term<'_>| span.start <= term.span.start && term.span.end <= span.end;
        let words: HashSet<u32> = text_terms.iter().filter(inside).map(|term| term.id).collect();
        if self
            .words
            .iter()
            .any(|other| jaccard(other, &words) >= SAME_WORDS)
        {
            return;
        }
        let quote = text[span.clone()].to_owned();
        let tokens = nexus_text::count_tokens(&quote);
        if !self.citations.is_empty() && self.tokens + tokens > self.settings.max_tokens {
            return;
        }
        self.tokens += tokens;
        self.words.push(words);
        let number = u32::try_from(self.citations.len() + 1).unwrap_or(u32::MAX);
        let quote_lines = lines_of(&passage.chunk, &span);
        self.citations.push(Citation {
            number,
            quote,
            quote_lines,
            passage,
            score,
            lexical,
            dense,
            rerank,
        });
    }
}

fn jaccard(a: &HashSet<u32>, b: &HashSet<u32>) -> f32 {
    let common = a.intersection(b).count();
    let all = a.len() + b.len() - common;
    if all == 0 { 1.0 } else { common as f32 / all as f32 }
}
