//! A passage, exactly as it stands in its document, for those who want to see where a statement comes from.

use nexus_api::{DocumentFormat, Passage};

use super::markdown::{self, Reading};
use super::rich::RichText;
use super::sources;
use super::style::Style;
use super::tag::Tag;
use super::writer::Writer;
use crate::words::Words;

/// Where the passage stands, and its text.
pub fn passage(passage: &Passage, style: &Style) -> RichText {
    let words = Words::of(style.language);
    let mut out = Writer::new();
    let href = sources::href_of(passage, &passage.link, style);
    out.text("📄 ");
    out.open(Tag::Bold);
    sources::titled(&mut out, &passage.document_title, &passage.document_path, href);
    out.close();
    let headings = sources::headings(&passage.heading_path, &passage.document_title);
    if !headings.is_empty() {
        out.gap(1);
        out.text(&sources::on_one_line(&headings.join(" › ")));
    }
    out.gap(1);
    let path = sources::on_one_line(&passage.document_path);
    out.text(&path);
    out.text(" · ");
    out.text(&sources::place(passage, passage.lines, words));
    out.glue();
    out.gap(2);
    write_text(&mut out, &passage.text, passage, style);
    out.finish()
}

/// Text of a document in the form that the document has.
pub(super) fn write_text(out: &mut Writer, text: &str, of: &Passage, style: &Style) {
    match of.document_format {
        _ if is_markdown(of.document_format) => {
            let reading = Reading {
                join_lines: true,
                table_columns: style.table_columns,
                ..Reading::default()
            };
            markdown::write(out, text, &reading);
        }
        _ if is_shown_as_code(of) => {
            let language = markdown::language_of_file(&of.document_path);
            out.tagged(Tag::Pre { language }, text.trim_matches(['\n', '\r']));
        }
        _ => out.text(text.trim()),
    }
}

/// Whether columns and line ends of the document matter.
pub(super) const fn is_shown_as_code(passage: &Passage) -> bool {
    matches!(
        passage.document_format,
        DocumentFormat::Code | DocumentFormat::Json | DocumentFormat::Csv
    )
}

/// Whether the text is Markdown, or was made Markdown from something else.
const fn is_markdown(format: DocumentFormat) -> bool {
    !matches!(
        format,
        DocumentFormat::PlainText
            | DocumentFormat::Csv
            | DocumentFormat::Json
            | DocumentFormat::Rst
            | DocumentFormat::Code
            // Its layout is that of the site; read as text it stays whole.
            | DocumentFormat::Html
    )
}
