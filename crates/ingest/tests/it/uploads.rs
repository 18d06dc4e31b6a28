//! Documents that are archives inside, as uploads and within archives: one document each.

use nexus_domain::ProblemCode::UnsupportedFormat;
use nexus_ingest::{Container, Limits};
use sevenz_rust2::EncoderMethod;

use crate::office_file::{docx, opendocument, p};
use crate::sevenz_file::seven;
use crate::support::{Outcome, deflated, extract, refusal, stored, tar, tar_entry, walk, zip};

/// A Word file that does not begin like one.
fn unordered() -> Vec<u8> {
    zip(&[
        deflated(
            "word/document.xml",
            "<w:document><w:body><w:p><w:r><w:t>Text</w:t></w:r></w:p></w:body></w:document>",
        ),
        deflated("[Content_Types].xml", "<Types/>"),
    ])
}

fn only(outcome: &Outcome, path: &str, bytes: &[u8]) {
    assert_eq!(outcome.paths(), [path]);
    assert_eq!(outcome.files[0].bytes, bytes);
    assert!(outcome.complete() && outcome.problems.is_empty());
}

#[test]
fn a_document_that_is_uploaded_alone_is_one_document_whatever_its_name() {
    let odt = opendocument(
        "text",
        "<office:body><office:text><text:p>Text</text:p></office:text></office:body>",
        &[],
    );
    for bytes in [docx(&p("Text"), &[]), unordered(), odt] {
        for name in ["report.docx", "report.zip", "report", "report.bin"] {
            let outcome = walk(&bytes, name);
            only(&outcome, name, &bytes);
            assert_eq!(outcome.result.unwrap().container, Container::Single);
            assert_eq!(extract(name, &bytes).text, "Text\n", "{name}");
        }
    }
}

#[test]
fn documents_within_archives_are_documents() {
    for bytes in [docx(&p("Text"), &[]), unordered()] {
        for name in ["a/report.docx", "a/report.zip", "a/report"] {
            only(&walk(&zip(&[stored(name, &bytes)]), "up.zip"), name, &bytes);
            only(&walk(&zip(&[deflated(name, &bytes)]), "up.zip"), name, &bytes);
            only(
                &walk(&seven(&[(name, &bytes)], &[EncoderMethod::LZMA2]), "up.7z"),
                name,
                &bytes,
            );
            let tarball = tar(&[tar_entry(tar::EntryType::Regular, name.as_bytes(), &bytes)]);
            only(&walk(&tarball, "up.tar"), name, &bytes);
        }
    }
    let inner = zip(&[
        stored("report.docx", docx(&p("Text"), &[])),
        stored("b.md", "# B\n"),
    ]);
    let outcome = walk(&zip(&[stored("inner.zip", &inner)]), "up.zip");
    assert_eq!(outcome.paths(), ["inner.zip/report.docx", "inner.zip/b.md"]);
}

#[test]
fn archives_that_only_resemble_documents_are_walked_and_those_that_are_called_so_are_refused() {
    let package = zip(&[
        stored("[Content_Types].xml", "<Types/>"),
        stored("readme.md", "# R\n"),
    ]);
    assert_eq!(
        walk(&package, "lib.nupkg").paths(),
        ["[Content_Types].xml", "readme.md"]
    );
    let plain = zip(&[stored("readme.md", "# R\n")]);
    let outcome = walk(&plain, "not.docx");
    only(&outcome, "not.docx", &plain);
    assert_eq!(refusal("not.docx", &plain), UnsupportedFormat);
    let large = Limits {
        file_bytes: 50,
        ..Limits::default()
    };
    let outcome = crate::support::walk_within(
        &zip(&[stored("report", unordered()), stored("b.md", "# B\n")]),
        "up.zip",
        &large,
    );
    assert_eq!(outcome.paths(), ["b.md"]);
    assert_eq!(
        outcome.codes(),
        [(Some("report"), nexus_domain::ProblemCode::TooLarge)]
    );
}
