//! The title of a reStructuredText document, and the one rule of its sections.

/// Whether a line is a section adornment: one punctuation character, repeated (docutils: four or more, or as long as the
/// title; three is what people write under short titles).
pub(crate) fn is_adornment(line: &str) -> Option<char> {
    let line = line.trim_end();
    let first = line.chars().next()?;
    let repeated = line.len() >= 3 && line.chars().all(|c| c == first);
    (first.is_ascii_punctuation() && repeated).then_some(first)
}

/// The first title: a line with an adornment under it that is about as long.
pub(super) fn title(text: &str) -> Option<String> {
    let mut before: Option<&str> = None;
    for line in text.lines().take(200) {
        let adorned = before.filter(|title| !title.trim().is_empty() && is_adornment(title).is_none());
        if let Some(title) = adorned
            && is_adornment(line).is_some()
            && !title.starts_with("..")
            && line.trim_end().chars().count() + 2 >= title.trim().chars().count()
        {
            return Some(title.trim().to_owned());
        }
        before = Some(line);
    }
    None
}
