//! Answers as the backend gives them.

use nexus_api::{
    Answer, AnswerBlock, AnswerLanguage, Citation, DocumentFormat, Generation, GenerationReason,
    GenerationStatus, LineRange, Passage, RerankReport, RerankStatus, Retrieval, RetrievalMode, SideReport,
    SideStatus,
};
use nexus_bot::render::{Limits, Part, RichText, Style};
use nexus_bot::testing;
use nexus_bot::words::Language;
use uuid::Uuid;

pub(crate) fn style(language: Language) -> Style {
    Style {
        base_address: Some("https://kb.example".to_owned()),
        ..Style::new(language)
    }
}

fn side() -> SideReport {
    SideReport {
        status: SideStatus::Ran,
        reason: None,
        candidates: 10,
        best_score: Some(1.0),
        milliseconds: 1.0,
    }
}

fn retrieval() -> Retrieval {
    Retrieval {
        mode: RetrievalMode::Hybrid,
        question: None,
        rewritten_by: None,
        rewrite_failure: None,
        lexical: side(),
        dense: side(),
        rerank: RerankReport {
            status: RerankStatus::NotConfigured,
            reason: None,
            candidates: 0,
            milliseconds: 0.0,
        },
        lexical_weight: None,
        model: None,
        embedding_milliseconds: 0.0,
        total_milliseconds: 2.0,
    }
}

pub(crate) fn generation(status: GenerationStatus, reason: Option<GenerationReason>) -> Generation {
    Generation {
        status,
        reason,
        model: None,
        prompt_version: None,
        usage: None,
        truncated: false,
        invented_citations: 0,
        milliseconds: 0.0,
        first_token_milliseconds: None,
        cached: nexus_api::Cached::None,
        cost: None,
    }
}

pub(crate) fn citation(number: u32, title: &str, headings: &[&str], quote: &str) -> Citation {
    let lines = LineRange {
        first: 10 * number,
        last: 10 * number + 4,
    };
    let id = Uuid::from_u128(u128::from(number));
    let link = format!(
        "/api/v1/documents/{id}/text?first_line={}&last_line={}",
        lines.first, lines.last
    );
    Citation {
        number,
        quote: quote.to_owned(),
        quote_lines: lines,
        link: link.clone(),
        passage: Passage {
            chunk_id: id,
            knowledge_base_id: id,
            knowledge_base: "handbook".to_owned(),
            document_id: id,
            document_path: "ru/gateway.md".to_owned(),
            document_title: title.to_owned(),
            document_format: DocumentFormat::Markdown,
            source: "docs.zip".to_owned(),
            heading_path: headings.iter().map(|&heading| heading.to_owned()).collect(),
            lines,
            pages: None,
            link,
            source_link: None,
            text: quote.to_owned(),
            score: 1.0,
            lexical_score: None,
            dense_score: None,
            rerank_score: None,
        },
    }
}

/// A written answer; `blocks` are its text without marks, and whether they are supported.
pub(crate) fn written(text: &str, blocks: &[(&str, bool)], citations: Vec<Citation>) -> Answer {
    let blocks: Vec<_> = blocks
        .iter()
        .map(|(text, supported)| AnswerBlock {
            text: (*text).to_owned(),
            citations: Vec::new(),
            supported: *supported,
        })
        .collect();
    Answer {
        id: None,
        text: text.to_owned(),
        unsupported_blocks: blocks.iter().filter(|block| !block.supported).count() as u32,
        blocks,
        found: true,
        language: AnswerLanguage::Ru,
        citations,
        nearest: Vec::new(),
        support: None,
        retrieval: retrieval(),
        generation: generation(GenerationStatus::Written, None),
    }
}

/// An extractive answer of all citations' quotes.
pub(crate) fn extractive(citations: Vec<Citation>, reason: GenerationReason) -> Answer {
    let blocks: Vec<_> = citations
        .iter()
        .map(|citation| AnswerBlock {
            text: citation.quote.clone(),
            citations: vec![citation.number],
            supported: true,
        })
        .collect();
    let texts: Vec<_> = citations
        .iter()
        .map(|citation| format!("{} [{}]", citation.quote, citation.number))
        .collect();
    Answer {
        blocks,
        generation: generation(GenerationStatus::Extractive, Some(reason)),
        ..written(&texts.join("\n\n"), &[], citations)
    }
}

/// What holds for every message, however it came about. Gives back its parts.
pub(crate) fn checked(rich: &RichText, limits: Limits) -> Vec<Part> {
    let parts = rich.parts(limits);
    let mut whole = String::new();
    for part in &parts {
        let parsed =
            testing::parse(&part.html).unwrap_or_else(|refusal| panic!("{refusal:?} in {}", part.html));
        assert_eq!(parsed.text, part.text);
        assert!(
            parsed.utf16_len() <= limits.units(),
            "{} units",
            parsed.utf16_len()
        );
        assert!(
            parsed.entities.len() <= limits.entities(),
            "{} entities",
            parsed.entities.len()
        );
        assert!(shows_something(&part.text), "{:?} shows nothing", part.text);
        whole.push_str(&part.text);
    }
    assert_eq!(whole, rich.plain());
    parts
}

/// Telegram's own measure of a message that is not empty, and a little stricter.
fn shows_something(text: &str) -> bool {
    text.chars().any(|c| {
        !c.is_whitespace()
            && !c.is_control()
            && !('\u{200b}'..='\u{200f}').contains(&c)
            && c != '\u{feff}'
            && c != '\u{2800}'
    })
}

/// All parts, with a line between them, for snapshots.
pub(crate) fn shown(rich: &RichText, limits: Limits) -> String {
    let parts = checked(rich, limits);
    let parts: Vec<_> = parts.into_iter().map(|part| part.html).collect();
    parts.join("\n======== next part ========\n")
}
