//! Items of lists: how deep they are, and what marks them.

/// Lists that indent; deeper ones add nothing, so that no page can grow by its indentation.
const INDENTING: usize = 8;

/// The lists that are open, outermost first: their sign, and the number of their last item.
#[derive(Debug, Default)]
pub(super) struct Lists(Vec<(u8, u32)>);

/// How an item is written: before its first line, and before further ones.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) first: String,
    pub(super) rest: String,
    /// `;`: the text is a term.
    pub(super) is_term: bool,
}

/// The signs that a line begins with; empty where it is no item.
pub(super) fn signs(line: &str) -> &str {
    let length = line
        .bytes()
        .take_while(|byte| matches!(byte, b'*' | b'#' | b':' | b';'))
        .count();
    line.get(..length).unwrap_or_default()
}

impl Lists {
    pub(super) fn is_open(&self) -> bool {
        !self.0.is_empty()
    }

    pub(super) fn close(&mut self) {
        self.0.clear();
    }

    pub(super) fn item(&mut self, signs: &str) -> Marker {
        let signs = signs.as_bytes().get(..INDENTING).unwrap_or(signs.as_bytes());
        let same = signs
            .iter()
            .zip(&self.0)
            .take_while(|(sign, (open, _))| kind(**sign) == *open)
            .count();
        let last = signs.last().copied().unwrap_or(b':');
        self.0.truncate(same);
        for sign in signs.get(same..).unwrap_or_default() {
            self.0.push((kind(*sign), 0));
        }
        // Terms and what explains them indent nothing; an item's own list does not indent it.
        let outer = self.0.len().saturating_sub(1);
        let indent: String = self
            .0
            .iter()
            .take(outer)
            .map(|(sign, _)| indentation(*sign))
            .collect();
        let marker = match (last, self.0.last_mut()) {
            (b'*', _) => "- ".to_owned(),
            (b'#', Some((_, number))) => {
                *number = number.saturating_add(1);
                format!("{number}. ")
            }
            _ => String::new(),
        };
        Marker {
            rest: format!("{indent}{}", " ".repeat(marker.len())),
            first: format!("{indent}{marker}"),
            is_term: last == b';',
        }
    }
}

/// `;` and `:` make one list together.
const fn kind(sign: u8) -> u8 {
    if sign == b';' { b':' } else { sign }
}

const fn indentation(sign: u8) -> &'static str {
    match sign {
        b'*' => "  ",
        b'#' => "   ",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_marked_by_their_depth_and_number() {
        let mut lists = Lists::default();
        let markers: Vec<String> = ["#", "#*", "#*", "#", "#:", "*", "**", "*#", ";", ":"]
            .map(|signs| lists.item(signs).first)
            .into();
        assert_eq!(
            markers,
            [
                "1. ", "   - ", "   - ", "2. ", "   ", "- ", "  - ", "  1. ", "", ""
            ]
        );
    }
}
