//! The second pass: templates, parameters, links and footnotes, from the inside out. What is open stands on a stack, whose
//! depth is bounded; what is never closed is text.

mod frame;
mod notes;

use std::collections::HashMap;

use nexus_domain::ProblemCode;

use super::link::{self, Linked};
use super::template;
use crate::extract::Refusal;
use crate::extract::wiki::{Masks, Seek};
use crate::limits::Limits;
use frame::{Frame, Kind};

/// Most arguments of one template; bars behind them are text.
const ARGUMENTS: usize = 4_096;

/// A page without templates and links.
#[derive(Debug, Default)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// Footnotes by their numbers; empty where one is only referred to.
    pub(super) notes: Vec<String>,
    pub(super) categories: Vec<String>,
    /// As the page itself says it is called.
    pub(super) title: String,
}

pub(super) fn expand(text: &str, masks: &mut Masks, limits: &Limits) -> Result<Expanded, Refusal> {
    let lower = text.to_ascii_lowercase();
    let mut pass = Pass {
        text,
        seek: Seek::new(&lower),
        masks,
        nesting: limits.nesting,
        at: 0,
        stack: Vec::new(),
        page: Frame::new(Kind::Page, true),
        page_notes: HashMap::new(),
        in_list: false,
        references: 0,
        out: Expanded::default(),
    };
    pass.run()?;
    Ok(pass.finish())
}

struct Pass<'t> {
    text: &'t str,
    seek: Seek<'t>,
    masks: &'t mut Masks,
    nesting: usize,
    at: usize,
    stack: Vec<Frame>,
    /// Below everything that is open.
    page: Frame,
    page_notes: HashMap<String, usize>,
    /// Inside of `<references>`: footnotes are told there and not referred to.
    in_list: bool,
    references: usize,
    out: Expanded,
}

impl<'t> Pass<'t> {
    fn run(&mut self) -> Result<(), Refusal> {
        while let Some(byte) = self.keep_until_sign() {
            match byte {
                b'{' => self.open_braces()?,
                b'}' => self.close_braces(),
                b'[' => self.open_link()?,
                b']' => self.close_link(),
                b'|' => self.bar(),
                b'=' => self.equals(),
                b'<' => self.tag()?,
                b'_' => self.magic_word(),
                _ => self.line_end(),
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Expanded {
        while !self.stack.is_empty() {
            self.close_as_text();
        }
        self.out.text = self.page.part.text;
        self.out
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn top(&mut self) -> &mut Frame {
        self.stack.last_mut().unwrap_or(&mut self.page)
    }

    fn put(&mut self, text: &str) {
        self.top().part.text.push_str(text);
    }

    /// Keeps the next bytes as they are.
    fn keep(&mut self, bytes: usize) {
        let text = self.rest().get(..bytes).unwrap_or_default();
        self.put(text);
        self.at += bytes;
    }

    fn keep_until_sign(&mut self) -> Option<u8> {
        let rest = self.rest();
        let sign = rest.bytes().position(|byte| {
            matches!(
                byte,
                b'{' | b'}' | b'[' | b']' | b'|' | b'=' | b'<' | b'_' | b'\n'
            )
        });
        self.keep(sign.unwrap_or(rest.len()));
        self.rest().bytes().next()
    }

    fn run_of(&self, sign: u8) -> usize {
        self.rest().bytes().take_while(|byte| *byte == sign).count()
    }

    fn open(&mut self, kind: Kind) -> Result<(), Refusal> {
        if self.stack.len() >= self.nesting {
            let why = format!("Templates and links nest deeper than {} levels", self.nesting);
            return Err((ProblemCode::NestedTooDeep, why));
        }
        let before = &self.top().part.text;
        let starts_line = before.is_empty() || before.ends_with('\n');
        self.stack.push(Frame::new(kind, starts_line));
        Ok(())
    }

    fn open_braces(&mut self) -> Result<(), Refusal> {
        let mut run = self.run_of(b'{');
        if run == 1 {
            self.keep(1);
            return Ok(());
        }
        while run >= 2 {
            let (kind, width) = if run == 3 {
                (Kind::Parameter, 3)
            } else {
                (Kind::Template, 2)
            };
            self.open(kind)?;
            self.at += width;
            run -= width;
        }
        Ok(())
    }

    fn close_braces(&mut self) {
        let mut run = self.run_of(b'}');
        while run > 0 {
            let below = self.stack.len().checked_sub(2).and_then(|at| self.stack.get(at));
            let in_braces = below.is_some_and(|frame| matches!(frame.kind, Kind::Template | Kind::Parameter));
            match self.stack.last().map(|frame| &frame.kind) {
                Some(Kind::Parameter) if run >= 3 => {
                    self.at += 3;
                    run -= 3;
                    self.close_parameter();
                }
                Some(Kind::Template) if run >= 2 => {
                    self.at += 2;
                    run -= 2;
                    self.close_template();
                }
                Some(Kind::Parameter) if run == 2 => {
                    if let Some(frame) = self.stack.last_mut() {
                        frame.kind = Kind::Template;
                    }
                }
                // The link was never closed.
                Some(Kind::Link) if run >= 2 && in_braces => self.close_as_text(),
                _ => {
                    self.keep(run);
                    return;
                }
            }
        }
    }

    /// Of a parameter, its default is what a page shows.
    fn close_parameter(&mut self) {
        if let Some(frame) = self.stack.pop()
            && let Some(default) = frame.into_parts().into_iter().nth(1)
        {
            self.put(&default.text);
        }
    }

    fn close_template(&mut self) {
        let Some(frame) = self.stack.pop() else { return };
        let starts_line = frame.starts_line;
        let mut parts = frame.into_parts().into_iter();
        let name = parts.next().unwrap_or_default().text;
        if let Some(title) = template::display_title(&name) {
            self.out.title = title;
            self.close_gap(starts_line);
            return;
        }
        let text = template::text(&name, parts, starts_line);
        self.put(&text);
        self.close_gap(starts_line && text.is_empty());
    }

    /// What is left of a line that began with something dropped does not begin with a space, which would mean something.
    fn close_gap(&mut self, dropped: bool) {
        if dropped {
            self.at += self.run_of(b' ');
        }
    }

    fn open_link(&mut self) -> Result<(), Refusal> {
        if self.run_of(b'[') < 2 {
            self.keep(1);
            return Ok(());
        }
        self.open(Kind::Link)?;
        self.at += 2;
        Ok(())
    }

    fn close_link(&mut self) {
        let run = self.run_of(b']');
        let is_link = matches!(self.stack.last().map(|frame| &frame.kind), Some(Kind::Link));
        if run < 2 || !is_link {
            self.keep(run);
            return;
        }
        // `[[File:a.png|see [http://b c]]]`: the first one closes what is inside.
        let text = &self.top().part.text;
        if run > 2
            && text
                .rfind('[')
                .is_some_and(|open| text.rfind(']').is_none_or(|close| close < open))
        {
            self.keep(1);
        }
        self.at += 2;
        let Some(frame) = self.stack.pop() else { return };
        let starts_line = frame.starts_line;
        let parts = frame.into_parts().into_iter().map(|part| part.text).collect();
        match link::read(parts, starts_line) {
            Linked::Text(text) => {
                self.put(&text);
                self.close_gap(starts_line && text.is_empty());
            }
            Linked::Category(name) => {
                self.close_gap(starts_line);
                if !self.out.categories.contains(&name) && self.out.categories.len() < link::CATEGORIES {
                    self.out.categories.push(name);
                }
            }
        }
    }

    fn bar(&mut self) {
        let frame = self.top();
        if matches!(frame.kind, Kind::Page | Kind::Note { .. }) || frame.parts.len() >= ARGUMENTS {
            return self.keep(1);
        }
        self.top().next_part();
        self.at += 1;
    }

    fn equals(&mut self) {
        let frame = self.top();
        let at = frame.part.text.len();
        frame.part.equals.get_or_insert(at);
        self.keep(1);
    }

    fn line_end(&mut self) {
        // A link does not run over a blank line.
        if self.rest().starts_with("\n\n") {
            while matches!(self.stack.last().map(|frame| &frame.kind), Some(Kind::Link)) {
                self.close_as_text();
            }
        }
        self.keep(1);
    }

    /// `__NOTOC__` and its like tell how a page is shown.
    fn magic_word(&mut self) {
        let word = self.rest().strip_prefix("__").unwrap_or_default();
        let length: usize = word
            .chars()
            .take(40)
            .take_while(|c| c.is_uppercase())
            .map(char::len_utf8)
            .sum();
        if length > 2 && word.get(length..).is_some_and(|rest| rest.starts_with("__")) {
            self.at += length + 4;
            let before = &self.top().part.text;
            let starts_line = before.is_empty() || before.ends_with('\n');
            self.close_gap(starts_line);
        } else {
            let run = self.run_of(b'_');
            self.keep(run);
        }
    }

    /// The innermost open thing was none.
    fn close_as_text(&mut self) {
        let Some(frame) = self.stack.pop() else { return };
        let opening = match frame.kind {
            Kind::Page => "",
            Kind::Template => "{{",
            Kind::Parameter => "{{{",
            Kind::Link => "[[",
            Kind::Note { number, .. } => return self.end_note(number, frame.into_text("")),
        };
        let text = frame.into_text(opening);
        self.put(&text);
    }
}
