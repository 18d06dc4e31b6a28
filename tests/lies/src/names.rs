//! Names in sentences: runs of words with capitals that do not begin the sentence, or that begin it together.

use std::ops::Range;

/// Where names stand, in bytes.
pub(crate) fn names(sentence: &str) -> Vec<Range<usize>> {
    let mut names: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    let mut open: Option<(Range<usize>, usize)> = None;
    let mut begins = true;
    for word in sentence.split(' ') {
        let start = at;
        at += word.len() + 1;
        let core = word.trim_matches(|c: char| !c.is_alphanumeric());
        let begins_clean = word.starts_with(|c: char| c.is_alphanumeric());
        let is_name = core.chars().count() > 2
            && core.starts_with(char::is_uppercase)
            && core.chars().all(|c| c.is_alphabetic() || c == '-')
            && core.chars().skip(1).any(char::is_lowercase);
        let span = start..start + word.find(core).unwrap_or(0) + core.len();
        let ends = word.len() > core.len();
        if is_name && begins_clean {
            match &mut open {
                Some((range, words)) => {
                    range.end = span.end;
                    *words += 1;
                }
                None => open = Some((span, usize::from(!begins))),
            }
        }
        if (!is_name || !begins_clean || ends)
            && let Some((range, words)) = open.take()
            && words > 0
        {
            names.push(range);
        }
        begins = word.ends_with(['.', ':', '!', '?', ';', '—', '–', '-']);
    }
    if let Some((range, words)) = open
        && words > 0
    {
        names.push(range);
    }
    names
}
