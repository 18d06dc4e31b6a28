//! What a site asks of robots: RFC 9309, with `Sitemap` and `Crawl-delay`, which it leaves to others.

use std::time::Duration;

/// The name that sites can call us by.
const TOKEN: &str = "nexusknowledge";
/// As much as RFC 9309 wants to be read at least.
pub(super) const MOST_BYTES: u64 = 500 << 10;
const MOST_DELAY: f64 = 10.0;
const MOST_SITEMAPS: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Robots {
    rules: Vec<Rule>,
    pub(super) delay: Option<Duration>,
    pub(super) sitemaps: Vec<String>,
}

#[derive(Debug)]
struct Rule {
    allows: bool,
    pattern: String,
}

/// One group's lines, while the file is read.
#[derive(Default)]
struct Group {
    rules: Vec<Rule>,
    delay: Option<Duration>,
    is_met: bool,
}

impl Robots {
    /// Reads a robots.txt. Groups of one name count as one; those that name us come before those for all.
    pub(super) fn parse(text: &str) -> Self {
        let (mut ours, mut for_all) = (Group::default(), Group::default());
        let (mut is_ours, mut is_for_all, mut in_rules) = (false, false, true);
        let mut sitemaps = Vec::new();
        for line in text.trim_start_matches('\u{feff}').split(['\n', '\r']) {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "user-agent" => {
                    if in_rules {
                        (is_ours, is_for_all, in_rules) = (false, false, false);
                    }
                    is_ours |= names_us(value);
                    is_for_all |= value == "*";
                    ours.is_met |= is_ours;
                }
                "sitemap" if sitemaps.len() < MOST_SITEMAPS => sitemaps.push(value.to_owned()),
                key @ ("allow" | "disallow" | "crawl-delay") => {
                    in_rules = true;
                    for (group, is_meant) in [(&mut ours, is_ours), (&mut for_all, is_for_all)] {
                        if is_meant {
                            group.add(key, value);
                        }
                    }
                }
                _ => {}
            }
        }
        let group = if ours.is_met { ours } else { for_all };
        Self {
            rules: group.rules,
            delay: group.delay,
            sitemaps,
        }
    }

    /// Whether a path with its query may be read: the longest pattern that matches decides, and `Allow` among equals.
    pub(super) fn allows(&self, path_and_query: &str) -> bool {
        let path = normalised(path_and_query);
        self.rules
            .iter()
            .filter(|rule| matches(&rule.pattern, &path))
            .max_by_key(|rule| (rule.pattern.len(), rule.allows))
            .is_none_or(|rule| rule.allows)
    }
}

impl Group {
    fn add(&mut self, key: &str, value: &str) {
        match key {
            "crawl-delay" => {
                let seconds = value.parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
                self.delay = seconds.map(|seconds| Duration::from_secs_f64(seconds.min(MOST_DELAY)));
            }
            // An empty pattern matches nothing.
            _ if value.is_empty() => {}
            _ => self.rules.push(Rule {
                allows: key == "allow",
                pattern: normalised(value),
            }),
        }
    }
}

/// A product token may be followed by a version.
fn names_us(value: &str) -> bool {
    let name = value.split(['/', ' ', '\t']).next().unwrap_or_default();
    name.eq_ignore_ascii_case(TOKEN)
}

/// Upper-case escapes, none for what needs none, and escapes for what is not ASCII: two spellings of one path become one.
pub(super) fn normalised(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = String::with_capacity(path.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                out.push(char::from(byte));
            }
            Some(byte) => out.push_str(&format!("%{byte:02X}")),
            None if byte.is_ascii() => out.push(char::from(byte)),
            None => out.push_str(&format!("%{byte:02X}")),
        }
        at += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

/// `*` stands for anything, `$` at the end for the end. Each piece is taken at its first place, which is enough because
/// only the last one may be tied to the end.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, to_the_end) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = path.strip_prefix(first) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return !to_the_end || rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if to_the_end && pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(after) = rest.find(piece).and_then(|at| rest.get(at + piece.len()..)) else {
            return false;
        };
        rest = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_that_names_us_counts_alone() {
        let robots = Robots::parse(
            "User-agent: *\nDisallow: /\n\nUser-agent: other\nUser-Agent: NexusKnowledge/1.0\nDisallow: /private/\n\
             Crawl-delay: 2\n\nuser-agent: nexusknowledge\nDisallow: /drafts\nSitemap: https://x.org/s.xml",
        );
        assert!(robots.allows("/a"));
        assert!(!robots.allows("/private/a"));
        assert!(!robots.allows("/drafts"));
        assert_eq!(robots.delay, Some(Duration::from_secs(2)));
        assert_eq!(robots.sitemaps, ["https://x.org/s.xml"]);
    }

    #[test]
    fn the_longest_pattern_decides() {
        let robots =
            Robots::parse("User-agent: *\nDisallow: /docs\nAllow: /docs/open\nDisallow: /docs/open/x$\n");
        assert!(!robots.allows("/docs/a"));
        assert!(robots.allows("/docs/open/y"));
        assert!(robots.allows("/docs/open/xy"));
        assert!(!robots.allows("/docs/open/x"));
        let tie = Robots::parse("User-agent: *\nDisallow: /a\nAllow: /a\n");
        assert!(tie.allows("/a"));
    }

    #[test]
    fn wildcards_and_escapes() {
        let robots = Robots::parse(
            "User-agent: *\nDisallow: /*.php$\nDisallow: /*?sort=\nDisallow: /тест\nDisallow: /%7eme",
        );
        assert!(!robots.allows("/a/b.php"));
        assert!(robots.allows("/a/b.php?x=1"));
        assert!(!robots.allows("/list?sort=up"));
        assert!(!robots.allows("/%D1%82%d0%b5%D1%81%D1%82/1"));
        assert!(!robots.allows("/~me"));
        assert!(robots.allows("/"));
    }

    #[test]
    fn a_delay_is_bounded_and_sound() {
        let delay = |text: &str| Robots::parse(&format!("User-agent: *\nCrawl-delay: {text}")).delay;
        assert_eq!(delay("3600"), Some(Duration::from_secs(10)));
        for text in ["-1", "NaN", "x", "0"] {
            assert_eq!(delay(text), None, "{text}");
        }
    }

    #[test]
    fn an_empty_file_and_an_empty_rule_forbid_nothing() {
        assert!(Robots::parse("").allows("/"));
        assert!(Robots::parse("User-agent: *\nDisallow:").allows("/a"));
        assert!(!Robots::parse("\u{feff}User-agent: *\nDisallow: *").allows("/a"));
    }
}
