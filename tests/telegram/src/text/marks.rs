//! Commands and mentions, found as TDLib's `match_bot_commands` and `match_mentions` do
//! (<https://github.com/tdlib/td/blob/master/td/telegram/MessageEntity.cpp>).

use super::Entity;

const MAX_COMMAND: usize = 64;
const MAX_NAME: usize = 32;
const MIN_BOT_NAME: usize = 3;
const MIN_MENTION: usize = 4;

pub(crate) fn marks(text: &str) -> Vec<Entity> {
    let mut marks = Vec::new();
    let mut before = None;
    let mut units = 0;
    let mut skip = 0;
    for (at, c) in text.char_indices() {
        if at >= skip {
            let rest = &text[at + c.len_utf8()..];
            let found = match c {
                '/' => command(before, rest).map(|length| ("bot_command", length)),
                '@' => mention(before, rest).map(|length| ("mention", length)),
                _ => None,
            };
            if let Some((kind, length)) = found {
                // The sign and ASCII: as many UTF-16 units as bytes.
                marks.push(Entity::new(kind, units, length + 1));
                skip = at + 1 + length;
            }
        }
        units += c.len_utf16();
        before = Some(c);
    }
    marks
}

/// Bytes of the command after `/`.
fn command(before: Option<char>, rest: &str) -> Option<usize> {
    if before.is_some_and(|c| is_word(c) || matches!(c, '/' | '<' | '>' | ']')) {
        return None;
    }
    let name = name(rest);
    if name == 0 || name > MAX_COMMAND {
        return None;
    }
    let bot = rest[name..].strip_prefix('@').map_or(0, self::name);
    let length = match bot {
        MIN_BOT_NAME..=MAX_NAME => name + 1 + bot,
        _ => name,
    };
    let after = rest[length..].chars().next();
    let goes_on = after.is_some_and(|c| is_word(c) || matches!(c, '/' | '<' | '>'));
    (!goes_on).then_some(length)
}

/// Bytes of the name after `@`.
fn mention(before: Option<char>, rest: &str) -> Option<usize> {
    if before.is_some_and(is_word) {
        return None;
    }
    let length = name(rest);
    let goes_on = rest[length..].chars().next().is_some_and(is_word);
    (!goes_on && (MIN_MENTION..=MAX_NAME).contains(&length)).then_some(length)
}

fn name(text: &str) -> usize {
    text.bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        .count()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
