//! Files of streams (the OLE compound file of Office 97-2003). Excel's are read; of the others it is said what to do. What
//! a file holds is told by the names of its streams, which stand there in UTF-16.

use nexus_domain::ProblemCode;

use super::detect::extension;
use super::{Extracted, Progress, Refusal, sheets};
use crate::limits::Limits;

pub(super) fn read(
    name: &str,
    bytes: &[u8],
    limits: &Limits,
    progress: &mut Progress<'_>,
) -> Result<Extracted, Refusal> {
    let has = |stream: &str| {
        let units: Vec<u8> = stream.encode_utf16().flat_map(u16::to_le_bytes).collect();
        memchr::memmem::find(bytes, &units).is_some()
    };
    let is_sheets = has("Workbook") || has("Book");
    let unread = |format: &str, other: &str| {
        let why = format!("{format} are not read; save it as {other}");
        Err((ProblemCode::UnsupportedFormat, why))
    };
    if has("EncryptedPackage") {
        return Err((
            ProblemCode::Encrypted,
            "The document opens only with its password".into(),
        ));
    }
    // Documents hold each other: a letter with a sheet in it has the streams of both.
    if is_sheets && matches!(extension(name).as_str(), "xls" | "xlt" | "xla") {
        return sheets::read_xls(bytes, limits, progress);
    }
    if has("WordDocument") {
        return unread("Word 97-2003 documents", "docx");
    }
    if has("PowerPoint Document") {
        return unread("PowerPoint 97-2003 presentations", "pptx");
    }
    if has("__properties_version1.0") {
        return unread("Outlook messages", "eml");
    }
    if is_sheets {
        return sheets::read_xls(bytes, limits, progress);
    }
    unread("Office 97-2003 documents of this kind", "docx, xlsx, pptx or PDF")
}
