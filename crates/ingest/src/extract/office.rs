//! Zip files that are documents: which one, their parts tell.

use nexus_domain::ProblemCode;

use super::package::Package;
use super::{Extracted, Progress, Refusal, detect, docx, epub, ooxml, opendocument, pptx, sheets};
use crate::limits::Limits;

/// `None`: a zip file that neither is a document nor is called one.
pub(super) fn read(
    name: &str,
    bytes: &[u8],
    limits: &Limits,
    progress: &mut Progress<'_>,
) -> Result<Option<Extracted>, Refusal> {
    let is_called_document = detect::promises_document(name);
    let mut package = match Package::open(bytes, limits) {
        Ok(package) => package,
        Err(refusal) if is_called_document => return Err(refusal),
        Err(_) => return Ok(None),
    };
    if let Some(main) = ooxml::main_part(&mut package)? {
        return match main.to_lowercase().split('/').next() {
            Some("word") => docx::read(&mut package, &main),
            Some("ppt") => pptx::read(&mut package, &main),
            Some("xl") if package.has("xl/workbook.bin") => Err((
                ProblemCode::UnsupportedFormat,
                "Binary Excel workbooks are not read; save it as xlsx".into(),
            )),
            Some("xl") => sheets::read_xlsx(bytes, &mut package, progress),
            _ => Err((
                ProblemCode::UnsupportedFormat,
                format!("An Office document around {main:?} is not read"),
            )),
        }
        .map(Some);
    }
    let kind = package.text("mimetype")?.unwrap_or_default();
    let is_epub = kind.trim() == "application/epub+zip" || package.has("META-INF/container.xml");
    if is_epub {
        return epub::read(&mut package).map(Some);
    }
    if kind.starts_with("application/vnd.oasis.opendocument")
        || package.has("content.xml") && is_called_document
    {
        return opendocument::read(&mut package).map(Some);
    }
    if is_called_document {
        let why = format!("{name:?} is not the document that its name promises, but a zip archive");
        return Err((ProblemCode::UnsupportedFormat, why));
    }
    Ok(None)
}
