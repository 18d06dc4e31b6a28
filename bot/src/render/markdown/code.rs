//! Languages of code blocks.

/// Longest name of a language.
const MAX_CHARS: usize = 32;

/// The language that a fence names, if it is a name: ` ```rust,no_run ` is `rust`.
pub(super) fn language(info: &str) -> Option<String> {
    let name = info.split([',', ' ', '\t', '{', ':']).next().unwrap_or_default();
    let is_name = !name.is_empty()
        && name.chars().count() <= MAX_CHARS
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_' | '#' | '.'));
    is_name.then(|| name.to_ascii_lowercase())
}

/// The language of a file, by its extension. Telegram's apps know most extensions as names.
pub(crate) fn of_file(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?;
    language(name.rsplit_once('.')?.1)
}

#[cfg(test)]
mod tests {
    use super::language;

    #[test]
    fn a_language_is_a_short_name() {
        assert_eq!(language("rust,no_run").as_deref(), Some("rust"));
        assert_eq!(language("C++").as_deref(), Some("c++"));
        assert_eq!(language("\"><script>"), None);
        assert_eq!(language(""), None);
    }
}
