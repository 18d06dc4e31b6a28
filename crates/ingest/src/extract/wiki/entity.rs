//! Character references of HTML in wiki text.

use quick_xml::escape::resolve_html5_entity;

/// Longest reference that is looked for, in bytes.
const LONGEST: usize = 34;

/// The character that the reference at the start of `text` (which begins with `&`) stands for, and the reference's length.
/// White space of any kind becomes a space; what no text should hold is not resolved.
pub(in crate::extract) fn character(text: &str) -> Option<(String, usize)> {
    let head = text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text);
    let end = head.find(';')?;
    let name = head.get(1..end)?;
    let resolved = match name.strip_prefix('#') {
        Some(number) => numeric(number)?.to_string(),
        None => resolve_html5_entity(name)?.to_owned(),
    };
    let blank = resolved.chars().all(char::is_whitespace);
    let sound = blank || !resolved.chars().any(char::is_control);
    sound.then(|| (if blank { " ".to_owned() } else { resolved }, end + 1))
}

fn numeric(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code)
}

/// The text with its references resolved.
pub(in crate::extract) fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match character(rest) {
            Some((resolved, length)) => {
                out.push_str(&resolved);
                rest = &rest[length..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn references_become_characters_where_they_make_text() {
        assert_eq!(
            decoded("a&nbsp;&mdash; b &lt;x&gt; &#1103;&#x44F; &quot;"),
            "a — b <x> яя \""
        );
        assert_eq!(
            decoded("&unknown; &#1; &#0; & &;"),
            "&unknown; &#1; &#0; & &;",
            "the rest stays"
        );
    }
}
