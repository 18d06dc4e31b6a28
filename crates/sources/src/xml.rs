//! What sitemaps and XML-RPC have in common: which references in a text are resolved. Those that a document type declares never
//! are, so nothing grows and no file is opened.

use quick_xml::events::BytesRef;

/// The five entities of XML, and characters by their number.
pub(crate) fn character(reference: &BytesRef<'_>) -> Option<char> {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return Some(c);
    }
    match reference.as_ref() {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}
