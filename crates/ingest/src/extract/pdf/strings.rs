//! Strings outside of content streams (ISO 32000-2, 7.9.2.2): UTF-16, UTF-8, or bytes of some page.

use crate::extract::encoding;

/// Ends of titles that are only the name of the file that was printed.
const FILES: [&str; 10] = [
    ".doc", ".docx", ".dvi", ".indd", ".odt", ".pdf", ".ppt", ".pptx", ".tex", ".xls",
];

pub(super) fn decode(bytes: &[u8]) -> String {
    if let Some(units) = bytes.strip_prefix(b"\xfe\xff") {
        return encoding_rs::UTF_16BE
            .decode_without_bom_handling(units)
            .0
            .into_owned();
    }
    if let Some(text) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return String::from_utf8_lossy(text).into_owned();
    }
    encoding::decode(bytes).unwrap_or_default()
}

/// The title that a PDF gives itself, unless some program made it up.
pub(super) fn title(bytes: &[u8]) -> String {
    let title = decode(bytes);
    let title = title.trim();
    let title = title.strip_prefix("Microsoft Word - ").unwrap_or(title);
    let title = title.strip_prefix("Microsoft PowerPoint - ").unwrap_or(title);
    let lower = title.to_lowercase();
    let is_made_up = lower.starts_with("untitled")
        || lower.starts_with("без имени")
        || FILES.iter().any(|end| lower.ends_with(end));
    if is_made_up {
        String::new()
    } else {
        title.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn titles_are_read_in_any_form_and_made_up_ones_are_not() {
        let utf16: Vec<u8> = "\u{FEFF}Отчёт"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        assert_eq!(title(&utf16), "Отчёт");
        assert_eq!(title(b"\xef\xbb\xbfUser guide "), "User guide");
        assert_eq!(title(b"Plain"), "Plain");
        assert_eq!(title(b"Microsoft Word - report_final.doc"), "");
        assert_eq!(title(b"untitled"), "");
        assert_eq!(title(b""), "");
    }
}
