//! Telegram HTML, written from text and spans. The only place that writes a tag or an entity.

use std::ops::Range;

use super::rich::RichText;
use super::tag::Tag;

/// A part of a text. Tags that are open at its ends are opened and closed there.
pub(super) fn write(rich: &RichText, part: Range<usize>) -> String {
    let mut html = String::with_capacity(part.len() + part.len() / 4);
    let mut open: Vec<(&Tag, usize)> = Vec::new();
    let mut at = part.start;
    for span in rich.spans_in(part.clone()) {
        let start = span.range.start.max(part.start);
        while let Some((tag, end)) = open.pop_if(|(_, end)| *end <= start) {
            escape(&rich.text[at..end], &mut html);
            close(tag, &mut html);
            at = end;
        }
        escape(&rich.text[at..start], &mut html);
        at = start;
        open_tag(&span.tag, &mut html);
        open.push((&span.tag, span.range.end.min(part.end)));
    }
    while let Some((tag, end)) = open.pop() {
        escape(&rich.text[at..end], &mut html);
        close(tag, &mut html);
        at = end;
    }
    escape(&rich.text[at..part.end], &mut html);
    html
}

/// Bytes that a tag takes, its end included.
pub(super) fn tag_bytes(tag: &Tag) -> usize {
    let mut html = String::new();
    open_tag(tag, &mut html);
    close(tag, &mut html);
    html.len()
}

/// Bytes that a character takes.
pub(super) const fn letter_bytes(c: char) -> usize {
    match entity(c) {
        Some(entity) => entity.len(),
        None => c.len_utf8(),
    }
}

fn open_tag(tag: &Tag, html: &mut String) {
    match tag {
        Tag::Bold => html.push_str("<b>"),
        Tag::Italic => html.push_str("<i>"),
        Tag::Underline => html.push_str("<u>"),
        Tag::Strike => html.push_str("<s>"),
        Tag::Code => html.push_str("<code>"),
        Tag::Pre { language: None } => html.push_str("<pre>"),
        Tag::Pre {
            language: Some(language),
        } => {
            html.push_str("<pre><code class=\"language-");
            escape(language, html);
            html.push_str("\">");
        }
        Tag::Link(href) => {
            html.push_str("<a href=\"");
            escape(href.as_str(), html);
            html.push_str("\">");
        }
        Tag::Quote { expandable: false } => html.push_str("<blockquote>"),
        Tag::Quote { expandable: true } => html.push_str("<blockquote expandable>"),
    }
}

fn close(tag: &Tag, html: &mut String) {
    html.push_str(match tag {
        Tag::Bold => "</b>",
        Tag::Italic => "</i>",
        Tag::Underline => "</u>",
        Tag::Strike => "</s>",
        Tag::Code => "</code>",
        Tag::Pre { language: None } => "</pre>",
        Tag::Pre { language: Some(_) } => "</code></pre>",
        Tag::Link(_) => "</a>",
        Tag::Quote { .. } => "</blockquote>",
    });
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match entity(c) {
            Some(entity) => html.push_str(entity),
            None => html.push(c),
        }
    }
}

/// The four characters that Telegram wants escaped, in text and in attributes alike.
const fn entity(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        _ => None,
    }
}
