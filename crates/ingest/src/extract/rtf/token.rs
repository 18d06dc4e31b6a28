//! RTF (1.9.1) cut into its tokens.

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    /// `\word` with its number.
    Word(&'a str, Option<i32>),
    /// `\*`, `\~` and other signs.
    Sign(u8),
    /// `\'xx`.
    Byte(u8),
    /// Text, in the code page that holds; never empty.
    Text(&'a [u8]),
}

/// Longest control word; the specification has none longer than 32.
const WORD: usize = 40;

#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Passes over the bytes of `\bin`.
    pub(super) fn pass(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    fn control(&mut self) -> Option<Token<'a>> {
        let (first, after) = self.rest.split_first()?;
        if !first.is_ascii_alphabetic() {
            self.rest = after;
            return Some(match (first, hex(after)) {
                (b'\'', Some(byte)) => {
                    self.pass(2);
                    Token::Byte(byte)
                }
                (b'\n' | b'\r', _) => Token::Word("par", None),
                (sign, _) => Token::Sign(*sign),
            });
        }
        let length = self
            .rest
            .iter()
            .take(WORD)
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let (word, after) = self.rest.split_at(length);
        let word = std::str::from_utf8(word).unwrap_or_default();
        let is_negative = after.first() == Some(&b'-');
        let digits = after.get(usize::from(is_negative)..).unwrap_or_default();
        let count = digits
            .iter()
            .take(10)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let number = std::str::from_utf8(digits.get(..count).unwrap_or_default());
        let number = number.ok().and_then(|digits| digits.parse::<i64>().ok());
        let number = number.map(|number| if is_negative { -number } else { number });
        self.rest = match number {
            Some(_) => digits.get(count..).unwrap_or_default(),
            None => after,
        };
        // A space ends the word and belongs to it.
        if self.rest.first() == Some(&b' ') {
            self.pass(1);
        }
        let number = number.map(|number| i32::try_from(number).unwrap_or(i32::MAX));
        Some(Token::Word(word, number))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let (first, after) = self.rest.split_first()?;
            match first {
                b'{' => {
                    self.rest = after;
                    return Some(Token::Open);
                }
                b'}' => {
                    self.rest = after;
                    return Some(Token::Close);
                }
                b'\\' => {
                    self.rest = after;
                    return self.control();
                }
                // Line ends only wrap the file.
                b'\r' | b'\n' | 0 => self.rest = after,
                _ => {
                    let is_text = |byte: &u8| !matches!(byte, b'{' | b'}' | b'\\' | b'\r' | b'\n' | 0);
                    let length = self.rest.iter().take_while(|byte| is_text(byte)).count();
                    let (text, rest) = self.rest.split_at(length);
                    self.rest = rest;
                    return Some(Token::Text(text));
                }
            }
        }
    }
}

fn hex(after: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(after.get(..2)?).ok()?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_signs_bytes_and_text_are_told_apart() {
        let tokens: Vec<Token<'_>> = Tokens::new(b"{\\rtf1\\u-1055? a\\'cf\\~b\r\nc\\\n\\'zz}").collect();
        assert_eq!(
            tokens,
            [
                Token::Open,
                Token::Word("rtf", Some(1)),
                Token::Word("u", Some(-1055)),
                Token::Text(b"? a"),
                Token::Byte(0xcf),
                Token::Sign(b'~'),
                Token::Text(b"b"),
                Token::Text(b"c"),
                Token::Word("par", None),
                Token::Sign(b'\''),
                Token::Text(b"zz"),
                Token::Close,
            ]
        );
    }
}
