//! An answer as it is kept: small, for all that stands in its passages is told by where it stands there, and whole, for
//! [`answer`] gives back every byte of it.

use std::borrow::Cow;

use nexus_domain::{ContentHash, Cost, LineRange, Passage, Script};
use nexus_rag::follow_up::{RewriteFailure, RewrittenBy};
use nexus_rag::support::Support;
use nexus_rag::verify::Fault;
use nexus_rag::{
    Answer, AnswerLanguage, Block, Cached, Citation, Generation, GenerationStatus, Mode, RerankReport,
    RerankStatus, RetrievalReport, SideReport, SideStatus, assembled,
};
use nexus_storage::{AnswerRow, KeptPassage, UsedPassage};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::service::ServiceError;

/// A shorter quote is written out.
const MIN_QUOTE_BYTES: usize = 16;

/// A piece of a text.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Piece {
    /// The quote of the citation at this place.
    Quote(usize),
    /// Bytes of the answer's text: where they begin, and how many.
    Part(usize, usize),
    Words(String),
}

/// What an answer says.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    text: Vec<Piece>,
    blocks: Vec<Told>,
    citations: Vec<Cited>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    nearest: Vec<Cited>,
}

/// A block: its text, its citations, whether they support it, and what is wrong with it.
#[derive(Debug, Serialize, Deserialize)]
struct Told(Vec<Piece>, Vec<u32>, bool, Vec<Fault>);

/// Number, place of the passage, first byte and length of the quote in it, its lines, and what it was ranked by.
#[derive(Debug, Serialize, Deserialize)]
struct Cited(
    u32,
    usize,
    usize,
    usize,
    [u32; 2],
    f32,
    Option<f32>,
    Option<f32>,
    Option<f32>,
);

/// Status, candidates, best and last score, microseconds.
#[derive(Debug, Serialize, Deserialize)]
struct Side(SideStatus, usize, Option<f32>, Option<f32>, u64);

/// What is told of an answer besides its columns.
#[derive(Debug, Serialize, Deserialize)]
struct Report {
    lexical: Side,
    dense: Side,
    rerank: (RerankStatus, usize, u64),
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weight: Option<f32>,
    script: Script,
    support: Support,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// To embed, to fuse and to hydrate.
    micros: [u64; 3],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_token: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rewritten_by: Option<RewrittenBy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rewrite_failure: Option<RewriteFailure>,
    #[serde(default, skip_serializing_if = "is_default")]
    uncounted: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    truncated: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    invented: usize,
    #[serde(default, skip_serializing_if = "is_default")]
    cached: Cached,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What an answer was made from: what was read, and then what is quoted besides. A model may have said something of all that
/// it has read, quotes are of what they are taken from alone.
pub(super) fn used(answer: &Answer, read: Vec<Passage>) -> Vec<UsedPassage> {
    let mut passages = read;
    for citation in answer.citations.iter().chain(&answer.nearest) {
        let is_there = |passage: &Passage| passage.chunk.id == citation.passage.chunk.id;
        if !passages.iter().any(is_there) {
            passages.push(citation.passage.clone());
        }
    }
    let is_written = answer.generation.status == GenerationStatus::Written;
    let is_cited = |passage: &Passage| {
        let cited = answer.citations.iter().chain(&answer.nearest);
        let mut cited = cited.map(|citation| citation.passage.chunk.id);
        cited.any(|chunk| chunk == passage.chunk.id)
    };
    let used = passages.into_iter().map(|passage| {
        let is_cited = is_cited(&passage);
        UsedPassage {
            is_shown: is_written || is_cited,
            is_cited,
            passage,
        }
    });
    used.collect()
}

/// The hash of the passages as a model is given them.
pub(super) fn context_hash<'a>(passages: impl Iterator<Item = &'a Passage> + Clone) -> ContentHash {
    ContentHash::of(assembled(passages).as_bytes())
}

/// What an answer says, told by its passages as far as it goes.
pub(super) fn body(answer: &Answer, used: &[UsedPassage]) -> Result<String, ServiceError> {
    let quotes: Vec<&str> = answer
        .citations
        .iter()
        .map(|citation| citation.quote.as_str())
        .collect();
    let block = |block: &Block| {
        let pieces = match answer.text.find(&block.text) {
            Some(at) if !quotes.contains(&block.text.as_str()) => vec![Piece::Part(at, block.text.len())],
            _ => pieces(&block.text, &quotes),
        };
        Told(
            pieces,
            block.citations.clone(),
            block.supported,
            block.faults.clone(),
        )
    };
    let told = |citations: &[Citation]| {
        let told = citations.iter().map(|citation| cited(citation, used));
        told.collect::<Option<Vec<_>>>()
            .ok_or_else(|| broken("a quote that is none"))
    };
    let body = Body {
        text: pieces(&answer.text, &quotes),
        blocks: answer.blocks.iter().map(block).collect(),
        citations: told(&answer.citations)?,
        nearest: told(&answer.nearest)?,
    };
    Ok(to_json(&body))
}

fn cited(citation: &Citation, used: &[UsedPassage]) -> Option<Cited> {
    let is_there = |used: &UsedPassage| used.passage.chunk.id == citation.passage.chunk.id;
    let place = used.iter().position(is_there)?;
    let start = used.get(place)?.passage.chunk.text.find(&citation.quote)?;
    let lines = citation.quote_lines;
    Some(Cited(
        citation.number,
        place,
        start,
        citation.quote.len(),
        [lines.first, lines.last],
        citation.score,
        citation.lexical,
        citation.dense,
        citation.rerank,
    ))
}

/// A text as quotes and the words between them.
fn pieces(text: &str, quotes: &[&str]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let found = quotes.iter().enumerate().filter_map(|(number, quote)| {
            let at = (quote.len() >= MIN_QUOTE_BYTES)
                .then(|| rest.find(quote))
                .flatten()?;
            Some((at, std::cmp::Reverse(quote.len()), number))
        });
        let Some((at, std::cmp::Reverse(length), number)) = found.min() else {
            pieces.push(Piece::Words(rest.to_owned()));
            break;
        };
        let (before, quoted) = rest.split_at(at);
        if !before.is_empty() {
            pieces.push(Piece::Words(before.to_owned()));
        }
        pieces.push(Piece::Quote(number));
        rest = quoted.get(length..).unwrap_or_default();
    }
    pieces
}

/// How an answer came about, besides what its row says.
pub(super) fn report(answer: &Answer) -> String {
    let RetrievalReport {
        lexical,
        dense,
        rerank,
        lexical_weight,
        script,
        model,
        embed_micros,
        fuse_micros,
        hydrate_micros,
        rewritten_by,
        rewrite_failure,
        ..
    } = answer.retrieval.clone();
    let side = |side: SideReport| {
        Side(
            side.status,
            side.candidates,
            side.best_score,
            side.last_score,
            side.micros,
        )
    };
    to_json(&Report {
        lexical: side(lexical),
        dense: side(dense),
        rerank: (rerank.status, rerank.candidates, rerank.micros),
        weight: lexical_weight,
        script,
        support: answer.support,
        model,
        micros: [embed_micros, fuse_micros, hydrate_micros],
        first_token: answer.generation.first_token_micros,
        rewritten_by,
        rewrite_failure,
        uncounted: answer.generation.uncounted,
        truncated: answer.generation.truncated,
        invented: answer.generation.invented_citations,
        cached: answer.generation.cached,
        cost: answer.generation.cost,
    })
}

/// The answer as it was given; what it said is gone where its body is.
pub(super) fn answer(row: &AnswerRow, passages: &[KeptPassage]) -> Result<Answer, ServiceError> {
    let body = row.body.as_deref().map(from_json::<Body>).transpose()?;
    let quoted = |cited: &[Cited]| {
        let citations = cited.iter().map(|cited| citation(cited, passages));
        citations
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| broken("a quote that is none"))
    };
    let (citations, nearest) = match &body {
        Some(body) => (quoted(&body.citations)?, quoted(&body.nearest)?),
        None => (Vec::new(), Vec::new()),
    };
    let (text, blocks) = match body {
        Some(body) => {
            let text = joined(&body.text, &citations, "").ok_or_else(|| broken("a text"))?;
            let blocks = body
                .blocks
                .into_iter()
                .map(|Told(pieces, numbers, supported, faults)| {
                    Some(Block {
                        text: joined(&pieces, &citations, &text)?,
                        citations: numbers,
                        supported,
                        faults,
                    })
                });
            let blocks = blocks.collect::<Option<_>>().ok_or_else(|| broken("a block"))?;
            (text, blocks)
        }
        None => (String::new(), Vec::new()),
    };
    let report: Report = from_json(&row.report)?;
    Ok(Answer {
        id: Some(row.id),
        text,
        blocks,
        citations,
        nearest,
        support: report.support,
        found: row.found,
        language: match row.language.as_str() {
            "ru" => AnswerLanguage::Russian,
            _ => AnswerLanguage::English,
        },
        generation: Generation {
            status: unworded(&row.status)?,
            reason: row.reason.as_deref().map(unworded).transpose()?,
            model: row.model.clone(),
            prompt_version: row.prompt_version.clone().map(Cow::Owned),
            usage: row.usage,
            uncounted: report.uncounted,
            truncated: report.truncated,
            invented_citations: report.invented,
            micros: row.generation_micros,
            first_token_micros: report.first_token,
            cached: report.cached,
            cost: report.cost,
        },
        retrieval: RetrievalReport {
            question: row.searched.clone(),
            ..retrieval(report, unworded(&row.mode)?, row.retrieval_micros)
        },
    })
}

fn citation(cited: &Cited, passages: &[KeptPassage]) -> Option<Citation> {
    let Cited(number, place, start, length, [first, last], score, lexical, dense, rerank) = cited;
    let passage = passages.get(*place)?.passage.clone()?;
    Some(Citation {
        number: *number,
        quote: passage
            .chunk
            .text
            .get(*start..start.checked_add(*length)?)?
            .to_owned(),
        quote_lines: LineRange {
            first: *first,
            last: *last,
        },
        passage,
        score: *score,
        lexical: *lexical,
        dense: *dense,
        rerank: *rerank,
    })
}

fn joined(pieces: &[Piece], citations: &[Citation], text: &str) -> Option<String> {
    let piece = |piece: &Piece| match piece {
        Piece::Quote(at) => citations.get(*at).map(|citation| citation.quote.clone()),
        Piece::Part(start, length) => text.get(*start..start.checked_add(*length)?).map(str::to_owned),
        Piece::Words(words) => Some(words.clone()),
    };
    pieces.iter().map(piece).collect()
}

fn retrieval(report: Report, mode: Mode, total: u64) -> RetrievalReport {
    let side = |Side(status, candidates, best_score, last_score, micros)| SideReport {
        status,
        candidates,
        best_score,
        last_score,
        micros,
    };
    let (status, candidates, micros) = report.rerank;
    let [embed_micros, fuse_micros, hydrate_micros] = report.micros;
    RetrievalReport {
        mode_asked: mode,
        lexical: side(report.lexical),
        dense: side(report.dense),
        rerank: RerankReport {
            status,
            candidates,
            micros,
        },
        lexical_weight: report.weight,
        script: report.script,
        model: report.model,
        embed_micros,
        fuse_micros,
        hydrate_micros,
        question: None,
        rewritten_by: report.rewritten_by,
        rewrite_failure: report.rewrite_failure,
        total_micros: total,
        hitch: false,
    }
}

/// The word that an enumeration is written as.
pub(super) fn worded(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn unworded<T: DeserializeOwned>(word: &str) -> Result<T, ServiceError> {
    let value = serde_json::Value::String(word.to_owned());
    serde_json::from_value(value).map_err(|error| ServiceError::Internal(error.into()))
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts, numbers and lists of them can be written")
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, ServiceError> {
    serde_json::from_str(text).map_err(|error| ServiceError::Internal(error.into()))
}

fn broken(what: &str) -> ServiceError {
    ServiceError::Internal(format!("a kept answer holds {what}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_told_by_its_quotes_and_comes_back_byte_for_byte() {
        let long = "Удерживайте кнопку сброса десять секунд.";
        let longer = "Удерживайте кнопку сброса десять секунд. Потом ждите.";
        let text = format!("Да: {longer} [2]\n\n{long} [1] {{\"a\": 1}} да");
        let told = pieces(&text, &[long, longer, "да"]);
        let expected = [
            Piece::Words("Да: ".to_owned()),
            Piece::Quote(1),
            Piece::Words(" [2]\n\n".to_owned()),
            Piece::Quote(0),
            Piece::Words(" [1] {\"a\": 1} да".to_owned()),
        ];
        assert_eq!(told, expected);
        let written = to_json(&told);
        let read: Vec<Piece> = from_json(&written).unwrap();
        assert_eq!(read, told);
        assert!(pieces("", &[long]).is_empty());
        assert_eq!(from_json::<Vec<Piece>>("[[3,4]]").unwrap(), [Piece::Part(3, 4)]);
    }

    #[test]
    fn what_an_enumeration_is_called_is_read_again() {
        assert_eq!(worded(&GenerationStatus::Extractive), "extractive");
        assert_eq!(unworded::<Mode>("hybrid").unwrap(), Mode::Hybrid);
        assert!(unworded::<Mode>("sideways").is_err());
    }
}
