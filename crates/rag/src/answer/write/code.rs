//! Whether a place in Markdown lies inside of code, as far as it can be told without reading ahead.

/// Follows a text character by character.
#[derive(Debug, Default)]
pub(super) struct Code {
    state: State,
    /// Length and sign of the run of fence signs that goes on.
    run: usize,
    sign: char,
    /// Only blanks, and signs of the run, since the line began.
    at_line_start: bool,
    started: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// Between backticks, so many.
    Inline(usize),
    /// A fenced block; in its first line it may still turn out to be inline code.
    Fenced {
        sign: char,
        length: usize,
        first_line: bool,
    },
}

/// Signs that open a fenced block.
const FENCE: usize = 3;

impl Code {
    /// Whether the next character stands in code. The signs that end code do, too.
    pub(super) fn is_inside(&self) -> bool {
        match self.state {
            State::Text => self.run > 0 && self.opens().is_some(),
            State::Inline(length) => !(self.run == length && self.sign == '`'),
            State::Fenced { .. } => !self.closes(),
        }
    }

    pub(super) fn read(&mut self, c: char) {
        let begins_line = !self.started || self.at_line_start;
        if self.run > 0 && c == self.sign {
            self.run += 1;
            return;
        }
        self.settle();
        self.started = true;
        match c {
            '`' | '~' => {
                self.run = 1;
                self.sign = c;
                self.at_line_start = begins_line;
                self.first_line_backtick(c);
            }
            '\n' => {
                self.at_line_start = true;
                self.state = match self.state {
                    // Inline code that is not closed on its line was no code.
                    State::Inline(_) => State::Text,
                    State::Fenced { sign, length, .. } => State::Fenced {
                        sign,
                        length,
                        first_line: false,
                    },
                    State::Text => State::Text,
                };
            }
            c => self.at_line_start = begins_line && matches!(c, ' ' | '\t'),
        }
    }

    /// Whether the next character stands in inline code.
    pub(super) fn is_inline(&self) -> bool {
        self.is_inside() && !matches!(self.state, State::Fenced { .. })
    }

    /// Something that is no text stands here: a run of signs does not go on behind it.
    pub(super) fn interrupt(&mut self) {
        self.settle();
        self.started = true;
        self.at_line_start = false;
    }

    /// A run of signs has ended: it opens or closes code, or means nothing.
    fn settle(&mut self) {
        if self.run == 0 {
            return;
        }
        self.state = match self.state {
            State::Text => self.opens().unwrap_or(State::Text),
            State::Inline(length) if self.sign == '`' && self.run == length => State::Text,
            State::Fenced { .. } if self.closes() => State::Text,
            state => state,
        };
        self.run = 0;
        self.at_line_start = false;
    }

    fn opens(&self) -> Option<State> {
        match self.sign {
            sign if self.at_line_start && self.run >= FENCE => Some(State::Fenced {
                sign,
                length: self.run,
                first_line: true,
            }),
            '`' => Some(State::Inline(self.run)),
            _ => None,
        }
    }

    fn closes(&self) -> bool {
        matches!(self.state, State::Fenced { sign, length, first_line: false }
            if self.at_line_start && self.sign == sign && self.run >= length)
    }

    /// The first line of a fenced block holds no backtick: with one, it is inline code in three or more.
    fn first_line_backtick(&mut self, c: char) {
        if let State::Fenced {
            sign: '`',
            length,
            first_line: true,
        } = self.state
            && c == '`'
        {
            self.state = State::Inline(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The characters that stand in code, others as dots.
    fn inside(text: &str) -> String {
        let mut code = Code::default();
        text.chars()
            .map(|c| {
                let shown = if code.is_inside() && c != '`' && c != '~' {
                    c
                } else {
                    '.'
                };
                code.read(c);
                if c == '\n' { '\n' } else { shown }
            })
            .collect()
    }

    #[test]
    fn inline_code_ends_with_as_many_backticks_or_with_the_line() {
        assert_eq!(inside("a `b` c"), "...b...");
        assert_eq!(inside("``b`c`` d"), "..b.c....");
        assert_eq!(inside("a `b\nc"), "...b\n.");
        assert_eq!(inside("a ~~b~~"), ".......");
    }

    #[test]
    fn fenced_code_ends_with_its_fence() {
        assert_eq!(inside("```sh\na `b` c\n```\nd"), "...sh\na .b. c\n...\n.");
        assert_eq!(inside("  ~~~\nx\n~~~\ny"), ".....\nx\n...\n.");
        assert_eq!(inside("````\n```\nx\n````\ny"), "....\n...\nx\n....\n.");
        assert_eq!(inside("```a``` b [9]"), "...a.........");
    }
}
