//! What a converter makes of a format that is not read as it stands.

/// Markdown, and what the original calls its places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Derived {
    /// Empty where the text names no title.
    pub(super) title: String,
    pub(super) text: String,
    /// As [`super::Marks::anchors`].
    pub(super) anchors: Vec<(u32, String)>,
}
