//! The first pass: what stands between two signs, whatever lines it runs over. Nothing of it nests in itself, so every
//! sign is looked for once.

use crate::extract::wiki::{CLOSE, Mask, Masks, OPEN, Seek};

/// Most footnotes of one page.
const NOTES: usize = 20_000;

/// A page without links, media, footnotes and what no markup is read in.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) text: String,
    pub(super) notes: Vec<String>,
    pub(super) tags: Vec<String>,
}

pub(super) fn resolve(text: &str, masks: &mut Masks) -> Page {
    let lower = text.to_ascii_lowercase();
    let mut pass = Pass {
        text,
        lower: &lower,
        seek: Seek::new(&lower),
        masks,
        at: 0,
        note: None,
        page: Page::default(),
    };
    pass.run();
    pass.page
}

struct Pass<'t> {
    text: &'t str,
    /// The text in lower case, byte for byte.
    lower: &'t str,
    seek: Seek<'t>,
    masks: &'t mut Masks,
    at: usize,
    /// The footnote that is open: where it begins in the page, and where it ends in the text.
    note: Option<(usize, usize)>,
    page: Page,
}

impl<'t> Pass<'t> {
    fn run(&mut self) {
        loop {
            let rest = self.rest();
            let sign = rest.bytes().position(|byte| {
                matches!(byte, b'<' | b'%' | b'[' | b'{' | b'(' | b')' | b'~')
                    || byte == OPEN as u8
                    || byte == CLOSE as u8
            });
            self.keep(sign.unwrap_or(rest.len()));
            if self.note.is_some_and(|(_, end)| end <= self.at) {
                self.end_note();
                continue;
            }
            let rest = self.rest();
            let Some(byte) = rest.bytes().next() else { break };
            let twice = rest.as_bytes().get(1) == Some(&byte);
            let read = match byte {
                b'<' => self.verbatim(),
                b'%' if twice => self.between("%%").map(|text| self.text_as_is(text)),
                b'[' if twice => self.between("]]").map(|link| self.link(link)),
                b'{' if twice => self.between("}}").map(|media| self.media(media)),
                b'(' if twice => self.begin_note(),
                b'~' if twice => self.macro_word(),
                _ if byte == OPEN as u8 || byte == CLOSE as u8 => {
                    self.at += 1;
                    Some(())
                }
                _ => None,
            };
            if read.is_none() {
                self.keep(1);
            }
        }
        if self.note.is_some() {
            self.end_note();
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn put(&mut self, text: &str) {
        self.page.text.push_str(text);
    }

    fn keep(&mut self, bytes: usize) {
        let text = self.rest().get(..bytes).unwrap_or_default();
        self.put(text);
        self.at += bytes;
    }

    /// Takes what stands between the two bytes here and `close`, and both.
    fn between(&mut self, close: &'static str) -> Option<String> {
        let begin = self.at + 2;
        let end = self.seek.next(close, begin)?;
        let inner = self.text.get(begin..end)?;
        self.at = end + close.len();
        Some(without_signs(inner))
    }

    fn text_as_is(&mut self, text: String) {
        let sign = self.masks.put(Mask::Text(text));
        self.put(&sign);
    }

    /// `<code lang file>`, `<file>`, `<nowiki>`; scripts are dropped.
    fn verbatim(&mut self) -> Option<()> {
        const CLOSINGS: [(&str, &str); 7] = [
            ("<code", "</code>"),
            ("<file", "</file>"),
            ("<nowiki", "</nowiki>"),
            ("<html", "</html>"),
            ("<php", "</php>"),
            ("<latex", "</latex>"),
            ("<graphviz", "</graphviz>"),
        ];
        let head = self.lower.get(self.at..)?;
        let (opening, closing) = *CLOSINGS.iter().find(|(opening, _)| {
            head.strip_prefix(opening)
                .is_some_and(|rest| rest.starts_with(|c: char| c == '>' || c.is_ascii_whitespace()))
        })?;
        let gt = self.seek.next(">", self.at)?;
        let end = self.seek.next(closing, gt)?;
        let attributes = self.text.get(self.at + opening.len()..gt)?;
        let content = without_signs(self.text.get(gt + 1..end)?);
        let mask = match opening {
            "<nowiki" => Some(Mask::Text(content)),
            "<code" | "<file" => {
                let mut words = attributes.split_whitespace();
                let language = words.next().filter(|word| *word != "-").unwrap_or_default();
                let name = words.next().filter(|name| !name.starts_with('['));
                let head = name
                    .map(|name| format!("{} ", without_signs(name)))
                    .unwrap_or_default();
                self.put(&head);
                Some(Mask::Code {
                    language: language.to_ascii_lowercase(),
                    text: content,
                })
            }
            _ => None,
        };
        if let Some(mask) = mask {
            let sign = self.masks.put(mask);
            self.put(&sign);
        }
        self.at = end + closing.len();
        Some(())
    }

    /// `[[page#section|text]]`
    fn link(&mut self, link: String) {
        let (target, label) = match link.split_once('|') {
            Some((target, label)) => (target.trim(), label.trim()),
            None => (link.trim(), ""),
        };
        let label = match label
            .strip_prefix("{{")
            .and_then(|media| media.strip_suffix("}}"))
        {
            Some(media) => caption(media),
            None => label,
        };
        let is_url = target.contains("://") || target.starts_with("mailto:");
        let text = match (is_url, label.is_empty()) {
            (true, true) => target.to_owned(),
            (true, false) => {
                let url = target.replace(' ', "%20").replace('(', "%28").replace(')', "%29");
                format!("[{label}]({url})")
            }
            (false, true) => page_name(target),
            (false, false) => label.to_owned(),
        };
        // The address must not be read as markup.
        if is_url {
            self.text_as_is(text);
        } else {
            self.put(&text);
        }
    }

    /// `{{ns:picture.png?200|caption}}`, `{{tag>one two}}`
    fn media(&mut self, media: String) {
        match media.split_once('>') {
            Some((plugin, words)) if plugin.trim() == "tag" => {
                let words = words.split_whitespace().map(str::to_owned);
                let room = 200_usize.saturating_sub(self.page.tags.len());
                self.page.tags.extend(words.take(room));
            }
            Some((plugin, _)) if plugin.trim().chars().all(char::is_alphanumeric) => {}
            _ => self.put(caption(&media)),
        }
    }

    fn begin_note(&mut self) -> Option<()> {
        let end = self.seek.next("))", self.at + 2)?;
        if self.note.is_some() || self.page.notes.len() >= NOTES {
            return None;
        }
        self.note = Some((self.page.text.len(), end));
        self.at += 2;
        Some(())
    }

    fn end_note(&mut self) {
        let Some((begin, end)) = self.note.take() else {
            return;
        };
        let text = self.page.text.split_off(begin);
        let sign = self.masks.put(Mask::Note(self.page.notes.len()));
        self.page.notes.push(text);
        self.put(&sign);
        self.at = self.at.max(end + 2).min(self.text.len());
    }

    /// `~~NOTOC~~`
    fn macro_word(&mut self) -> Option<()> {
        let end = self.seek.next("~~", self.at + 2)?;
        let word = self.text.get(self.at + 2..end)?;
        let is_macro =
            word.len() < 200 && word.starts_with(|c: char| c.is_ascii_uppercase()) && !word.contains('\n');
        is_macro.then(|| self.at = end + 2)
    }
}

fn without_signs(text: &str) -> String {
    text.chars().filter(|c| !matches!(*c, OPEN | CLOSE)).collect()
}

fn caption(media: &str) -> &str {
    media.split_once('|').map_or("", |(_, caption)| caption.trim())
}

/// How a link without a text is shown: the page's own name, or the section's.
fn page_name(target: &str) -> String {
    let target = target.split_once('>').map_or(target, |(_, page)| page);
    let (page, section) = target.split_once('#').unwrap_or((target, ""));
    let name = page
        .trim_end_matches(':')
        .rsplit([':', '/'])
        .next()
        .unwrap_or(page);
    let name = if name.is_empty() { section } else { name };
    name.trim_start_matches('.').replace('_', " ")
}
