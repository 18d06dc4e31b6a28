//! PDF: letters by where they are drawn, put together to lines, paragraphs and sections, page by page.
//!
//! A PDF holds drawings, not text. What belongs together is told by distances, what is a heading by its size, and what
//! runs through all pages by its repetition.

mod glyphs;
mod lines;
mod paragraphs;
mod running;
mod strings;

use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::{
    Context, InterpreterCache, InterpreterSettings, RectExt as _, TransformExt as _, interpret_page,
};
use nexus_domain::{Format, ProblemCode};

use super::blocks::Blocks;
use super::{Extracted, Progress, Refusal};
use crate::limits::Limits;
use glyphs::Recorder;
use lines::Line;

/// The text of a page.
#[derive(Debug)]
struct PageText {
    /// From 1.
    number: u32,
    height: f64,
    /// In the order of reading.
    lines: Vec<Line>,
}

/// What was met besides lines.
#[derive(Debug, Default)]
struct Met {
    bytes: u64,
    images: u64,
    /// Letters that the fonts give no character for.
    unknown: u64,
}

pub(super) fn read(bytes: &[u8], limits: &Limits, progress: &mut Progress<'_>) -> Result<Extracted, Refusal> {
    let pdf = Pdf::new(bytes.to_vec()).map_err(refusal)?;
    let count = pdf.pages().len();
    if count as u64 > limits.pages {
        let why = format!("{count} pages, {} are allowed", limits.pages);
        return Err((ProblemCode::TooManyPages, why));
    }
    let (mut pages, met) = pages(&pdf, limits, progress)?;
    running::remove(&mut pages);
    let body = paragraphs::body_size(&pages);
    let mut blocks = Blocks::new(limits);
    for page in &pages {
        blocks.page(page.number);
        paragraphs::write(page, body, &mut blocks);
    }
    let title = pdf
        .metadata()
        .title
        .as_deref()
        .map(strings::title)
        .unwrap_or_default();
    blocks.finish(Format::Pdf, &title, &why_empty(count, &met))
}

fn pages(pdf: &Pdf, limits: &Limits, progress: &mut Progress<'_>) -> Result<(Vec<PageText>, Met), Refusal> {
    let cache = InterpreterCache::new();
    let settings = InterpreterSettings::default();
    let mut met = Met::default();
    let mut pages = Vec::new();
    for (at, page) in pdf.pages().iter().enumerate() {
        let mut recorder = Recorder::new(limits.document_text_bytes - met.bytes);
        let mut context = Context::new(
            page.initial_transform(true).to_kurbo(),
            page.intersected_crop_box().to_kurbo(),
            &cache,
            pdf.xref(),
            settings.clone(),
        );
        interpret_page(page, &mut context, &mut recorder);
        if recorder.is_full() {
            let why = format!(
                "Its text passes {} bytes, which are allowed for one document",
                limits.document_text_bytes
            );
            return Err((ProblemCode::TooLarge, why));
        }
        met.bytes += recorder.bytes();
        met.images += recorder.images();
        met.unknown += recorder.unknown();
        pages.push(PageText {
            number: u32::try_from(at + 1).unwrap_or(u32::MAX),
            height: f64::from(page.render_dimensions().1),
            lines: lines::of(recorder.into_glyphs()),
        });
        progress();
    }
    Ok((pages, met))
}

fn refusal(error: LoadPdfError) -> Refusal {
    match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => (
            ProblemCode::Encrypted,
            "The document opens only with its password".into(),
        ),
        LoadPdfError::Decryption(_) => (
            ProblemCode::Encrypted,
            "The document is encrypted in a way that is not read".into(),
        ),
        LoadPdfError::Invalid => (
            ProblemCode::Corrupt,
            "The document is damaged beyond what can be repaired".into(),
        ),
    }
}

fn why_empty(pages: usize, met: &Met) -> String {
    if met.unknown > 0 {
        "Its fonts do not say which letters they draw; only recognition of the drawn text would help".into()
    } else if met.images > 0 {
        format!("Its {pages} pages hold images only (a scan without recognised text)")
    } else {
        format!("Its {pages} pages hold no text")
    }
}
