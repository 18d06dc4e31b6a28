//! Checks what a written answer states against the passages that it cites: a program, not a model.
//!
//! A statement is a sentence, a list item or a table row. Its quotes, numbers and names must stand in a cited passage, and what
//! it denies must be denied there. What is found is a [`Fault`] with its place; a statement without faults may still be wrong in
//! ways that words do not show (docs/adr/0015).
//!
//! Pure functions over text. Time is bounded by the length of the statement times that of the passages, both of which are
//! bounded by the budgets of tokens of an answer.

mod addresses;
mod contradiction;
mod evidence;
mod kin;
mod lexicon;
mod names;
mod numbers;
mod polarity;
mod quotes;
mod reading;
mod tokens;

use std::ops::Range;

pub(crate) use addresses::invented as invented_addresses;

pub use crate::answer::checked;
pub use evidence::Evidence;
use reading::Reading;
use serde::{Deserialize, Serialize};

/// What is wrong with a statement, and where: bytes of its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Words in quotation marks that no cited passage holds.
    Quote(Range<usize>),
    /// A number, a date, a version or an amount that no cited passage gives there.
    Number(Range<usize>),
    /// A name or an identifier that no cited passage holds.
    Name(Range<usize>),
    /// It denies what the passage states, or states what the passage denies.
    Negation(Range<usize>),
    /// It cites a source that does not exist. The number was taken out; what is left of the citations was checked.
    Source(Range<usize>),
    /// A link, a mail address or a name in Telegram that no source holds, cited or not.
    Address(Range<usize>),
    /// Hardly a word of it stands in a cited passage.
    Unsupported(Range<usize>),
}

impl Fault {
    pub const fn span(&self) -> &Range<usize> {
        match self {
            Self::Quote(span)
            | Self::Number(span)
            | Self::Name(span)
            | Self::Negation(span)
            | Self::Source(span)
            | Self::Address(span)
            | Self::Unsupported(span) => span,
        }
    }

    /// A word for reports and logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Quote(_) => "quote",
            Self::Number(_) => "number",
            Self::Name(_) => "name",
            Self::Negation(_) => "negation",
            Self::Source(_) => "source",
            Self::Address(_) => "address",
            Self::Unsupported(_) => "unsupported",
        }
    }

    /// Whether a statement with this fault must not pass for one that its sources hold. A number that was taken out leaves the
    /// other citations standing.
    pub const fn refutes(&self) -> bool {
        !matches!(self, Self::Source(_))
    }
}

/// What to do with statements that their sources do not hold. They are never shown as if they were held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unverified {
    /// They stay, and are marked; but for addresses that no source holds, which somebody might open.
    #[default]
    Mark,
    /// They are left out.
    Drop,
}

/// Share of a statement's weight below which it has nothing to do with its passages, if it has at least
/// [`MIN_WORDS`] that mean something. Low, because a summary may share few words with what it sums up.
const MIN_SHARE: f32 = 0.2;
const MIN_WORDS: usize = 3;

/// What is wrong with a statement that cites these passages, in the order of its text for each kind.
pub fn faults(statement: &str, cited: &[&Evidence]) -> Vec<Fault> {
    if cited.is_empty() {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let quotes = quotes::check(statement, cited, &mut faults);
    let reading = Reading::new(statement, &quotes, cited);
    numbers::check(&reading, &mut faults);
    names::check(&reading, &mut faults);
    if reading.is_of_one_language() {
        contradiction::check(&reading, &mut faults);
        if reading.words() >= MIN_WORDS
            && reading.share() < MIN_SHARE
            && quotes.is_empty()
            && faults.is_empty()
        {
            faults.push(Fault::Unsupported(0..statement.len()));
        }
    }
    faults
}
