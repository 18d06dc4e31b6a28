//! The formats of Telegram's messages, and which of them may stand in which.

use super::link::Href;

/// A format of a stretch of text (<https://core.telegram.org/bots/api#html-style>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tag {
    /// `<b>`
    Bold,
    /// `<i>`
    Italic,
    /// `<u>`
    Underline,
    /// `<s>`
    Strike,
    /// `<code>`: within a line.
    Code,
    /// `<pre>`: lines of their own.
    Pre {
        /// For highlighting, in lower case.
        language: Option<String>,
    },
    /// `<a>`
    Link(Href),
    /// `<blockquote>`
    Quote {
        /// Shown with its first lines until it is opened.
        expandable: bool,
    },
}

impl Tag {
    /// Code of any kind: it contains no other format, and stands in nothing but a block quote.
    pub(super) const fn is_code(&self) -> bool {
        matches!(self, Self::Code | Self::Pre { .. })
    }

    pub(super) const fn is_pre(&self) -> bool {
        matches!(self, Self::Pre { .. })
    }

    pub(super) const fn is_quote(&self) -> bool {
        matches!(self, Self::Quote { .. })
    }

    /// Telegram cuts these at the ends of other formats as it needs.
    pub(super) const fn is_emphasis(&self) -> bool {
        matches!(self, Self::Bold | Self::Italic | Self::Underline | Self::Strike)
    }

    /// Whether Telegram keeps this format within `outer`, by `are_entities_valid` of TDLib's `MessageEntity.cpp`.
    /// Emphasis around code is cut before it, so it is not asked about.
    pub(super) fn may_stand_in(&self, outer: &Self) -> bool {
        if outer.is_code() || std::mem::discriminant(self) == std::mem::discriminant(outer) {
            return false;
        }
        match self {
            Self::Bold | Self::Italic | Self::Underline | Self::Strike => true,
            Self::Code | Self::Pre { .. } | Self::Quote { .. } => !matches!(outer, Self::Link(_)),
            Self::Link(_) => true,
        }
    }
}
