//! Link definitions (`[1]: manual`) swallow their line and make links of marks. Nothing that a model writes may vanish,
//! so definitions are read as text.

use std::borrow::Cow;
use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag};

/// The same Markdown without link definitions: the colon that would make one is escaped, which does not show. Code and
/// addresses, where a backslash would show, stay as they are.
pub(super) fn disarm(text: &str, options: Options) -> Cow<'_, str> {
    if !text.contains("]:") {
        return Cow::Borrowed(text);
    }
    let literal = literal_ranges(text, options);
    let mut disarmed = String::with_capacity(text.len() + 8);
    let mut from = 0;
    let mut next_literal = literal.iter().peekable();
    for (at, _) in text.match_indices("]:") {
        while next_literal.next_if(|range| range.end <= at).is_some() {}
        if next_literal.peek().is_some_and(|range| range.contains(&at)) {
            continue;
        }
        disarmed.push_str(&text[from..=at]);
        disarmed.push('\\');
        from = at + 1;
    }
    disarmed.push_str(&text[from..]);
    Cow::Owned(disarmed)
}

/// Code, raw HTML and bare addresses, in order.
fn literal_ranges(text: &str, options: Options) -> Vec<Range<usize>> {
    let literal = |event: &Event<'_>| {
        matches!(
            event,
            Event::Code(_)
                | Event::Html(_)
                | Event::InlineHtml(_)
                | Event::Start(
                    Tag::CodeBlock(_)
                        | Tag::Link {
                            link_type: LinkType::Autolink | LinkType::Email,
                            ..
                        }
                )
        )
    };
    let events = Parser::new_ext(text, options).into_offset_iter();
    events
        .filter(|(event, _)| literal(event))
        .map(|(_, range)| range)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_text_and_code_stays_as_it_is() {
        let disarm = |text| disarm(text, Options::empty()).into_owned();
        assert_eq!(disarm("[1]: /manual\n\nsee [1]"), "[1]\\: /manual\n\nsee [1]");
        assert_eq!(disarm("`a[1]: b` and [x]: y"), "`a[1]: b` and [x]\\: y");
        assert_eq!(disarm("```\n[1]: x\n```\n"), "```\n[1]: x\n```\n");
    }
}
