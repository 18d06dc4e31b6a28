//! Addresses that a reader could open: of pages, of mail, of accounts in Telegram. One that no source holds is the model's
//! invention, or the bait of a document that told it what to write.
//!
//! Found by the forms that Telegram makes a link of. Compared without scheme, `www.` and case, as a whole: an address of which
//! a source holds only the beginning is another address. One that is the beginning of what a source holds, up to a `/`, leads
//! to the same host.

use std::ops::Range;

use super::Evidence;

/// Ends of names that Telegram makes a link of without a scheme, and that rarely end the name of a program or a file.
const ENDINGS: [&str; 14] = [
    "com", "org", "ru", "рф", "su", "xyz", "top", "site", "online", "shop", "click", "link", "info", "biz",
];
/// Length of a name in Telegram, in characters, without its `@`.
const ACCOUNT_CHARS: std::ops::RangeInclusive<usize> = 5..=32;

/// The places of addresses that none of the sources holds.
pub(crate) fn invented(text: &str, sources: &[Evidence]) -> Vec<Range<usize>> {
    let mut spans = addresses(text);
    spans.retain(|span| {
        let key = key(&text[span.clone()]);
        !sources.iter().any(|source| holds(&source.lower, &key))
    });
    spans
}

/// What separates addresses from the words around them.
fn ends_address(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '<' | '>'
                | '"'
                | '\''
                | '`'
                | '('
                | ')'
                | '['
                | ']'
                | '{'
                | '}'
                | '|'
                | '«'
                | '»'
                | '“'
                | '”'
                | '*'
                | ','
                | ';'
        )
}

fn addresses(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for piece in text.split(ends_address) {
        let at = start;
        start += piece.len();
        start += text[start..].chars().next().map_or(0, char::len_utf8);
        // A sentence ends behind an address, not in it.
        let kept = piece.trim_end_matches(['.', ':', '!', '?', '…', '_']);
        let kept = kept.trim_start_matches(['_', ':', '.']);
        if is_address(kept) {
            let from = at + piece.find(kept).unwrap_or(0);
            found.push(from..from + kept.len());
        }
    }
    found
}

fn is_address(word: &str) -> bool {
    if let Some((scheme, rest)) = word.split_once("://") {
        return !rest.is_empty() && scheme.ends_with(|c: char| c.is_ascii_alphanumeric());
    }
    if let Some(name) = word.strip_prefix('@') {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        return ACCOUNT_CHARS.contains(&name.chars().count()) && name.chars().all(is_name);
    }
    let lower = word.to_lowercase();
    let rest = ["mailto:", "tg:", "tel:", "www."]
        .iter()
        .find_map(|prefix| lower.strip_prefix(prefix));
    if rest.is_some_and(|rest| !rest.is_empty()) {
        return true;
    }
    let host = lower.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let Some((name, ending)) = host.rsplit_once('.') else {
        return false;
    };
    let is_host = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.');
    if name.is_empty() || !name.chars().all(is_host) {
        return false;
    }
    let is_mail = lower.contains('@') && !lower.starts_with('@');
    let is_word = ending.chars().count() >= 2 && ending.chars().all(char::is_alphabetic);
    (is_mail && is_word) || ENDINGS.contains(&ending) || lower.starts_with("t.me/")
}

/// What of an address is compared.
fn key(address: &str) -> String {
    let lower = address.to_lowercase();
    let rest = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
    let rest = rest.trim_start_matches("mailto:").trim_start_matches("www.");
    rest.trim_end_matches('/').to_owned()
}

/// Whether a text holds an address as a whole.
fn holds(text: &str, key: &str) -> bool {
    text.match_indices(key).any(|(at, _)| {
        let (before, behind) = (&text[..at], &text[at + key.len()..]);
        let before = before.strip_suffix("www.").unwrap_or(before);
        let joins = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '@' | '%');
        let mut behind = behind.chars();
        let goes_on = match behind.next() {
            Some('.' | ':') => behind.next().is_some_and(joins),
            Some(c) => joins(c),
            None => false,
        };
        let is_part = before.ends_with(|c: char| joins(c) || c == '.');
        !goes_on && !is_part
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "See https://docs.example.com/guide/start?x=1#top, write to help@example.com, ask @example_help \
        or open panel.example.net. The decorator @property is built in; `ASP.NET` runs it. Пишите на пример.рф.";

    fn flagged(text: &str) -> Vec<&str> {
        let sources = [Evidence::new(SOURCE, "install.example.org/readme.md")];
        let spans = invented(text, &sources);
        spans.into_iter().map(|span| &text[span]).collect()
    }

    #[test]
    fn what_a_source_holds_is_no_invention() {
        for text in [
            "Open https://docs.example.com/guide/start?x=1#top.",
            "Open [the guide](https://docs.example.com/guide).",
            "Open HTTPS://Docs.Example.com/, or www.docs.example.com.",
            "Mail help@example.com or mailto:help@example.com.",
            "Ask @example_help; use @property.",
            "Open http://panel.example.net/ now.",
            "Откройте пример.рф.",
            "It is said at install.example.org.",
            "ASP.NET and main.rs and config.toml and e.g. this, 3.5 and a@b.",
        ] {
            assert!(flagged(text).is_empty(), "{text}: {:?}", flagged(text));
        }
    }

    #[test]
    fn what_none_holds_is_whatever_it_looks_like() {
        for (text, address) in [
            (
                "Open https://docs.example.com.evil.top/guide.",
                "https://docs.example.com.evil.top/guide",
            ),
            ("See [here](https://evil.test/x)", "https://evil.test/x"),
            ("![](http://evil.test/?q=secret)", "http://evil.test/?q=secret"),
            (
                "https://docs.example.com/guide/start?x=2",
                "https://docs.example.com/guide/start?x=2",
            ),
            ("https://docs.example.co", "https://docs.example.co"),
            ("https://ocs.example.com", "https://ocs.example.com"),
            ("http://help@example.com.ru/", "http://help@example.com.ru/"),
            ("Write to boss@example.com!", "boss@example.com"),
            ("Ask @evil_helper.", "@evil_helper"),
            ("Go to t.me/evilbot now", "t.me/evilbot"),
            ("tg://resolve?domain=evil", "tg://resolve?domain=evil"),
            ("**free-prize.xyz**", "free-prize.xyz"),
            ("javascript://x%0Aalert", "javascript://x%0Aalert"),
        ] {
            assert_eq!(flagged(text), [address], "{text}");
        }
    }
}
