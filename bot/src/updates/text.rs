//! Texts of updates: cut, without our name, and commands in them.

use super::incoming::{Entity, User};
use crate::telegram::Me;

/// The first characters, at most `limit`.
pub(super) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => text[..end].to_owned(),
        None => text.to_owned(),
    }
}

/// The first bytes, at most `limit`, whole characters.
pub(super) fn cut_bytes(text: &str, limit: usize) -> String {
    text[..text.floor_char_boundary(limit)].to_owned()
}

/// A name on one line: no control characters, cut.
pub(super) fn name(text: &str, limit: usize) -> String {
    let shown: String = text.chars().filter(|c| !c.is_control()).collect();
    cut(shown.trim(), limit)
}

/// A text without the places where it names us; `None` if it does not.
pub(super) fn without_our_name(text: &str, entities: &[Entity], me: &Me) -> Option<String> {
    let ours = entities.iter().filter_map(|entity| {
        let range = bytes(text, entity)?;
        let named = match entity.kind.as_str() {
            "mention" => text[range.clone()]
                .strip_prefix('@')
                .is_some_and(|name| !me.username.is_empty() && name.eq_ignore_ascii_case(&me.username)),
            "text_mention" => entity.user.as_ref().map(|user: &User| user.id) == Some(me.id),
            _ => false,
        };
        named.then_some(range)
    });
    let mut ranges: Vec<_> = ours.collect();
    if ranges.is_empty() {
        return None;
    }
    ranges.sort_by_key(|range| range.start);
    let mut left = String::with_capacity(text.len());
    let mut at = 0;
    for range in ranges {
        left.push_str(text.get(at..range.start).unwrap_or_default());
        at = at.max(range.end);
        // «tell me, @bot , why»: one space is enough.
        if left.is_empty() || left.ends_with(char::is_whitespace) {
            let rest = text[at..].trim_start_matches(' ');
            at = text.len() - rest.len();
        }
    }
    left.push_str(&text[at..]);
    Some(left.trim().to_owned())
}

/// The bytes that an entity covers; `None` if it does not lie within the text.
fn bytes(text: &str, entity: &Entity) -> Option<std::ops::Range<usize>> {
    let end = entity.offset.checked_add(entity.length)?;
    let mut units = 0;
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), '\0')]) {
        if units == entity.offset {
            start.get_or_insert(at);
        }
        if units == end {
            return start.map(|start| start..at);
        }
        units += c.len_utf16();
    }
    None
}

/// `/name@bot argument`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command<'a> {
    pub(super) name: &'a str,
    pub(super) bot: Option<&'a str>,
    pub(super) argument: &'a str,
}

impl<'a> Command<'a> {
    /// By the signs that Telegram makes a link of: letters, digits and `_`. So `/usr/bin` is none.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let text = text.trim_start().strip_prefix('/')?;
        let (word, argument) = match text.split_once(char::is_whitespace) {
            Some((word, rest)) => (word, rest.trim()),
            None => (text, ""),
        };
        let (name, bot) = match word.split_once('@') {
            Some((name, bot)) => (name, Some(bot)),
            None => (word, None),
        };
        let is_name = |name: &str| {
            (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        (is_name(name) && bot.is_none_or(is_name)).then_some(Self { name, bot, argument })
    }

    /// Whether it is meant for us, who may be one of several bots.
    pub(super) fn is_for(&self, me: &Me) -> bool {
        self.bot.is_none_or(|bot| bot.eq_ignore_ascii_case(&me.username))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> Me {
        Me {
            id: 7,
            username: "KbBot".to_owned(),
        }
    }

    fn mention(offset: usize, length: usize) -> Entity {
        Entity {
            kind: "mention".to_owned(),
            offset,
            length,
            user: None,
        }
    }

    #[test]
    fn our_name_goes_and_the_rest_stays() {
        let said = |text: &str, offset| without_our_name(text, &[mention(offset, 6)], &me());
        assert_eq!(said("@kbbot how?", 0).as_deref(), Some("how?"));
        assert_eq!(said("how, @kbbot ?", 5).as_deref(), Some("how, ?"));
        // Telegram counts UTF-16 units: the emoji is two.
        assert_eq!(said("😀 @kbbot", 3).as_deref(), Some("😀"));
        assert_eq!(said("@other how?", 0), None);
        assert_eq!(said("short", 40), None);
        assert_eq!(said("😀😀 @kbbot", 1), None);
    }

    #[test]
    fn commands_are_told_from_paths() {
        let command = Command::read("/KB@KbBot  docs ").unwrap();
        assert_eq!((command.name, command.argument), ("KB", "docs"));
        assert!(command.is_for(&me()));
        assert!(!Command::read("/kb@other").unwrap().is_for(&me()));
        assert_eq!(Command::read("/usr/bin?"), None);
        assert_eq!(Command::read("/"), None);
        assert_eq!(Command::read("a /kb"), None);
    }
}
