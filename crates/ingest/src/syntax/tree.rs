//! Parsing with a bound, and one walk over the tree that follows no recursion.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use tree_sitter::{Decode, Node, ParseOptions, ParseState, Parser, Tree, TreeCursor};

use super::definition::{is_definition, is_preamble, is_wrapper, name_of};
use super::{Definition, Syntax};
use crate::extract::Language;

/// The parser reports after every 100 of its operations; sound code needs about one operation a byte. A count instead
/// of a clock: the same file is always read the same way, unless a scanner gets lost within one operation
/// ([`Limits::syntax_seconds`](crate::Limits::syntax_seconds)).
fn budget(text: &str) -> usize {
    1_000 + text.len() / 10
}

pub(super) fn read(text: &str, language: Language) -> Option<Syntax> {
    let tree = parse(text, language)?;
    let mut walk = Walk {
        text,
        levels: vec![Level::default()],
        statements: BTreeMap::new(),
        definitions: Vec::new(),
    };
    walk.run(&mut tree.walk());
    Some(Syntax {
        statements: walk.statements.into_iter().collect(),
        definitions: walk.definitions,
    })
}

/// What grammars see: ASCII as it is, and for any other character a letter or a space. Some scanners look characters up in
/// a table of 256, and what stands elsewhere would decide how the code is read.
struct Masked;

impl Decode for Masked {
    fn decode(bytes: &[u8]) -> (i32, u32) {
        let head = &bytes[..bytes.len().min(char::MAX_LEN_UTF8)];
        let next = head
            .utf8_chunks()
            .next()
            .and_then(|part| part.valid().chars().next());
        let Some(c) = next else {
            return (-1, 1);
        };
        let seen = match c {
            c if c.is_ascii() => c,
            // White space in most grammars, but for Unicode.
            '\u{200b}' | '\u{2060}' | '\u{feff}' => ' ',
            c if c.is_whitespace() => ' ',
            // One that means nothing after a backslash, nor in a number.
            _ => 'z',
        };
        (seen as i32, c.len_utf8() as u32)
    }
}

/// The syntax tree, or `None` where the parser needs too long (ambiguous or damaged code).
fn parse(text: &str, language: Language) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).ok()?;
    let mut left = budget(text);
    let mut progress = |_: &ParseState| {
        left = left.saturating_sub(1);
        if left == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let mut read = |byte: usize, _| text.as_bytes().get(byte..).unwrap_or_default();
    parser.parse_custom_encoding::<Masked, _, _>(
        &mut read,
        None,
        Some(ParseOptions::new().progress_callback(&mut progress)),
    )
}

/// One level of the walk: a node whose children are being seen.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    /// The innermost definition around it.
    within: Option<u32>,
    depth: u16,
    /// Row where comments begin that stand right before the next child, and the row after them.
    preamble: Option<(usize, usize)>,
    /// Row where the wrapper of the next definition begins.
    wrapper: Option<usize>,
}

struct Walk<'t> {
    text: &'t str,
    levels: Vec<Level>,
    statements: BTreeMap<u32, u16>,
    definitions: Vec<Definition>,
}

impl Walk<'_> {
    fn run(&mut self, cursor: &mut TreeCursor<'_>) {
        if !cursor.goto_first_child() {
            return;
        }
        loop {
            let node = cursor.node();
            // Only what spans lines can be cut.
            let inner = if node.is_named() { self.visit(node) } else { None };
            if let Some(level) = inner
                && cursor.goto_first_child()
            {
                self.levels.push(level);
                continue;
            }
            while !cursor.goto_next_sibling() {
                self.levels.pop();
                if !cursor.goto_parent() || self.levels.is_empty() {
                    return;
                }
            }
        }
    }

    /// Marks a node; the level of its children, if they are worth a look.
    fn visit(&mut self, node: Node<'_>) -> Option<Level> {
        let level = *self.levels.last()?;
        let (row, end) = (node.start_position().row, node.end_position().row);
        let preamble = level
            .preamble
            .filter(|(_, next)| *next == row)
            .map(|(first, _)| first);
        if is_preamble(node.kind()) {
            self.statement(preamble.unwrap_or(row), level.depth);
            // A comment may end with its line end: then it ends on the next row already.
            let next = if node.end_position().column == 0 {
                end
            } else {
                end + 1
            };
            self.remember(Some((preamble.unwrap_or(row), next)));
            return None;
        }
        self.remember(None);
        let first = preamble.unwrap_or(row).min(level.wrapper.unwrap_or(row));
        self.statement(first, level.depth);
        let inside = Level {
            depth: level.depth.saturating_add(1),
            preamble: None,
            wrapper: None,
            ..level
        };
        if is_wrapper(node.kind()) {
            return (end > row).then_some(Level {
                wrapper: Some(first),
                depth: level.depth,
                ..inside
            });
        }
        let name = if is_definition(node.kind()) {
            name_of(node, self.text)
        } else {
            None
        };
        match name {
            Some(name) => {
                let within = Some(self.definition(name, first, end, level.within));
                (end > row).then_some(Level { within, ..inside })
            }
            None => (end > row).then_some(inside),
        }
    }

    fn remember(&mut self, preamble: Option<(usize, usize)>) {
        if let Some(level) = self.levels.last_mut() {
            level.preamble = preamble;
        }
    }

    fn statement(&mut self, row: usize, depth: u16) {
        let least = self.statements.entry(row as u32).or_insert(depth);
        *least = depth.min(*least);
    }

    /// Its place in the list.
    fn definition(&mut self, name: String, first: usize, last: usize, within: Option<u32>) -> u32 {
        self.definitions.push(Definition {
            name,
            first: first as u32,
            last: last as u32,
            within,
        });
        (self.definitions.len() - 1) as u32
    }
}
