//! The letters of Telegram's HTML: tag names, attributes and entities.

use super::Refusal;

/// Reads a text from its beginning to its end.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    html: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(html: &'a str) -> Self {
        Self { html, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.html[self.at..]
    }

    /// What has been read.
    pub(super) fn read(&self) -> &'a str {
        &self.html[..self.at]
    }

    /// Takes `expected` if it stands here.
    pub(super) fn takes(&mut self, expected: &str) -> bool {
        let stands = self.rest().starts_with(expected);
        self.at += if stands { expected.len() } else { 0 };
        stands
    }

    pub(super) fn refuse<T>(&self, reason: &str) -> Result<T, Refusal> {
        Err(Refusal {
            at: self.at,
            reason: reason.to_owned(),
        })
    }

    /// One character of text.
    pub(super) fn letter(&mut self) -> Result<Option<char>, Refusal> {
        match self.rest().chars().next() {
            Some('&') => self.entity().map(Some),
            Some('>') => self.refuse("a bare >"),
            Some(c) if c.is_control() && c != '\n' => self.refuse("a control character"),
            Some(c) => {
                self.at += c.len_utf8();
                Ok(Some(c))
            }
            None => Ok(None),
        }
    }

    /// `&lt;` `&gt;` `&amp;` `&quot;` and numbers: "all numerical HTML entities are supported".
    fn entity(&mut self) -> Result<char, Refusal> {
        let rest = self.rest();
        let Some(end) = rest.find(';') else {
            return self.refuse("a bare &");
        };
        let name = &rest[1..end];
        if name.contains('+') {
            return self.refuse("a number with a sign");
        }
        let c = match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            _ => name.strip_prefix('#').and_then(|number| {
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
                    None => number.parse(),
                };
                code.ok().filter(|code| *code != 0).and_then(char::from_u32)
            }),
        };
        match c {
            Some(c) => {
                self.at += end + 1;
                Ok(c)
            }
            None => self.refuse("an unknown entity"),
        }
    }

    pub(super) fn name(&mut self) -> String {
        let rest = self.rest();
        let length = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
            .count();
        self.at += length;
        rest[..length].to_owned()
    }

    /// Up to and with the closing bracket.
    pub(super) fn attributes(&mut self) -> Result<Vec<(String, Option<String>)>, Refusal> {
        let mut attributes = Vec::new();
        loop {
            if self.takes(">") {
                return Ok(attributes);
            }
            if !self.takes(" ") {
                return self.refuse("a tag that does not end");
            }
            let name = self.name();
            if name.is_empty() {
                return self.refuse("an attribute without a name");
            }
            let value = if self.takes("=\"") {
                Some(self.value()?)
            } else {
                None
            };
            attributes.push((name, value));
        }
    }

    /// Up to and with the closing quote.
    fn value(&mut self) -> Result<String, Refusal> {
        let mut value = String::new();
        loop {
            match self.rest().chars().next() {
                Some('"') => {
                    self.at += 1;
                    return Ok(value);
                }
                Some('&') => value.push(self.entity()?),
                Some(c) if c != '<' && c != '>' && !c.is_control() => {
                    self.at += c.len_utf8();
                    value.push(c);
                }
                _ => return self.refuse("an attribute that does not end"),
            }
        }
    }
}
