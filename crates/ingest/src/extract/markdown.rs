//! The title of a Markdown document.

use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd};

/// A title stands at the top; what follows is not looked at.
const HEAD: usize = 32 << 10;

/// Front matter's `title:`, else the heading that names the document.
pub(super) fn title(text: &str) -> Option<String> {
    let head = text.get(..text.floor_char_boundary(HEAD)).unwrap_or(text);
    front_matter_title(head).or_else(|| first_heading(head))
}

/// `title: …` between the `---` lines (YAML, as static site generators write it); other keys are not read.
fn front_matter_title(head: &str) -> Option<String> {
    let rest = head.strip_prefix("---\n")?;
    let block = rest.split("\n---").next()?;
    let value = block.lines().find_map(|line| line.strip_prefix("title:"))?.trim();
    let value = value
        .strip_prefix('"')
        .and_then(|inner| inner.strip_suffix('"'))
        .or_else(|| {
            value
                .strip_prefix('\'')
                .and_then(|inner| inner.strip_suffix('\''))
        })
        .unwrap_or(value);
    // A block scalar (`>` or `|`) has its text on the lines below: rare in titles, and not worth a YAML parser.
    (!value.is_empty() && !value.starts_with(['>', '|'])).then(|| value.replace("\\\"", "\""))
}

/// The first heading of the first level; or a heading of any level that stands above everything else. A section further
/// down names itself, not the document.
fn first_heading(head: &str) -> Option<String> {
    let mut heading: Option<(HeadingLevel, String)> = None;
    let (mut at_top, mut in_metadata) = (true, false);
    for event in Parser::new_ext(head, crate::chunk::markdown_options()) {
        match event {
            Event::Start(Tag::MetadataBlock(_)) => in_metadata = true,
            Event::End(TagEnd::MetadataBlock(_)) => in_metadata = false,
            Event::Start(Tag::Heading { level, .. }) => heading = Some((level, String::new())),
            Event::End(TagEnd::Heading(_)) => match heading.take() {
                Some((level, name)) if !name.trim().is_empty() && (at_top || level == HeadingLevel::H1) => {
                    return Some(name);
                }
                _ => {}
            },
            Event::Text(text) | Event::Code(text) => match &mut heading {
                Some((_, name)) => name.push_str(&text),
                None => at_top &= in_metadata,
            },
            Event::SoftBreak | Event::HardBreak => {
                if let Some((_, name)) = &mut heading {
                    name.push(' ');
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn a_title_is_what_names_the_whole_document() {
        for (text, expected) in [
            ("---\ntitle: \"Front\"\n---\n# Head\n", Some("Front")),
            ("# Head `of` all\n\ntext\n", Some("Head of all")),
            ("badge\n\n# Head\n", Some("Head")),
            (
                "---\ndate: 1\n---\n\n## Only section\n\ntext\n",
                Some("Only section"),
            ),
            ("Text first.\n\n## Remarks\n\nmore\n", None),
            ("no heading at all\n", None),
        ] {
            assert_eq!(title(text).as_deref(), expected, "{text:?}");
        }
    }
}
