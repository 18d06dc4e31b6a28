//! RTF: paragraphs, headings by their style or outline level, tables, notes. Text stands in code pages that change with
//! the font, or as UTF-16 beside a stand-in for older readers.

mod charset;
mod state;
mod token;

use nexus_domain::{Format, ProblemCode};

use super::{Extracted, Refusal};
use crate::limits::Limits;
use state::Document;
use token::{Token, Tokens};

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Extracted, Refusal> {
    let mut document = Document::new(limits);
    let mut tokens = Tokens::new(bytes);
    while let Some(token) = tokens.next() {
        match token {
            Token::Open => {
                let depth = document.open();
                if depth > limits.nesting {
                    let why = format!(
                        "Its groups nest deeper than the {} levels allowed",
                        limits.nesting
                    );
                    return Err((ProblemCode::NestedTooDeep, why));
                }
            }
            Token::Close => document.close(),
            Token::Word("bin", count) => {
                tokens.pass(count.and_then(|n| usize::try_from(n).ok()).unwrap_or(0));
            }
            Token::Word(word, number) => document.word(word, number),
            Token::Sign(sign) => document.sign(sign),
            Token::Byte(byte) => document.byte(byte),
            Token::Text(text) => document.text(text),
        }
        if document.has_too_many_cells() {
            let why = format!("More than the {} cells allowed", limits.cells);
            return Err((ProblemCode::TooLarge, why));
        }
        if document.blocks.is_full() {
            break;
        }
    }
    let (blocks, title) = document.finish();
    blocks.finish(
        Format::Rtf,
        &title,
        "The document holds no text; pictures are not read",
    )
}
