//! Office documents, books, notebooks and mail: what of them becomes text, format by format; here how they are told apart and
//! what ends in problems.

mod email;
mod epub;
mod notebook;
mod opendocument;
mod rtf;
mod sheets;
mod slides;
mod word;

use nexus_domain::Format;
use nexus_domain::ProblemCode::{
    Binary, Corrupt, NestedTooDeep, ParseFailed, SuspiciousRatio, TooLarge, Truncated, UnsupportedFormat,
};
use nexus_ingest::{Limits, Marks};

use crate::office_file::{docx, opendocument, p, package, xlsx};
use crate::support::{extract, refusal, stored, zip};

fn refused_within(limits: &Limits, path: &str, bytes: &[u8]) -> (nexus_domain::ProblemCode, String) {
    let problem = nexus_ingest::extract(path, bytes, limits).unwrap_err();
    (problem.code, problem.message)
}

#[test]
fn what_a_file_is_its_bytes_say() {
    let page = "<!DOCTYPE html><html><body><h1>Page</h1></body></html>";
    for name in ["a.pdf", "a.doc", "a.xls", "a.docx"] {
        assert_eq!(extract(name, page).format, Format::Html, "{name}");
    }
    assert_eq!(extract("a.docx", "words\n").format, Format::PlainText);
    let (code, why) = refused_within(&Limits::default(), "a.docx", &zip(&[stored("a.md", "# A\n")]));
    assert_eq!(code, UnsupportedFormat);
    assert!(why.contains("zip archive"), "{why}");
    assert_eq!(refusal("a.jar", zip(&[stored("a.class", "x")])), Binary);
    assert_eq!(refusal("a.docx", &docx(&p("x"), &[])[..200]), Corrupt);
    assert_eq!(refusal("a.pages", b"\0\x01\x02\x03"), UnsupportedFormat);
}

#[test]
fn bombs_end_in_problems() {
    let limits = Limits {
        ratio_floor_bytes: 1 << 20,
        ..Limits::default()
    };
    let bomb = docx(&p(&"a".repeat(4 << 20)), &[]);
    assert_eq!(refused_within(&limits, "a.docx", &bomb).0, SuspiciousRatio);
    let small = Limits {
        document_unpacked_bytes: 1 << 20,
        ..Limits::default()
    };
    assert_eq!(refused_within(&small, "a.docx", &bomb).0, TooLarge);
    let sheet = format!(
        "<row r=\"1\"><c r=\"A1\" t=\"str\"><v>{}</v></c></row>",
        "a".repeat(4 << 20)
    );
    assert_eq!(
        refused_within(&limits, "a.xlsx", &xlsx(&[("S", &sheet)], &[])).0,
        SuspiciousRatio
    );
    let deep = docx(&"<w:p>".repeat(100_000), &[]);
    assert_eq!(refusal("a.docx", deep), NestedTooDeep);
    let cut = package(
        "word/document.xml",
        &[("word/document.xml", "<w:document><w:body><w:p>".to_owned())],
    );
    assert_eq!(refusal("a.docx", cut), Truncated);
    let crossed = package(
        "word/document.xml",
        &[("word/document.xml", "<a><b></a></b>".to_owned())],
    );
    assert_eq!(refusal("a.docx", crossed), ParseFailed);
    let laughs = "<!DOCTYPE d [<!ENTITY a \"ha ha ha\"><!ENTITY b \"&a;&a;&a;&a;\">]><w:document><w:body><w:p><w:r>\
                  <w:t>x&b;</w:t></w:r></w:p></w:body></w:document>";
    let laughing = package("word/document.xml", &[("word/document.xml", laughs.to_owned())]);
    assert_eq!(extract("a.docx", laughing).text, "x\n");
    let cell = format!(
        "<office:body><office:spreadsheet><table:table table:name=\"S\"><table:table-row table:number-rows-repeated=\"1000\">\
         <table:table-cell table:number-columns-repeated=\"1000\"><text:p>{}</text:p></table:table-cell></table:table-row>\
         </table:table></office:spreadsheet></office:body>",
        "a".repeat(10_000)
    );
    assert_eq!(
        refusal("a.ods", opendocument("spreadsheet", &cell, &[])),
        TooLarge
    );
    let long = Limits {
        document_text_bytes: 100,
        ..Limits::default()
    };
    let (code, why) = refused_within(&long, "a.docx", &docx(&p("word ").repeat(50), &[]));
    assert_eq!(code, TooLarge);
    assert!(why.contains("100 bytes"), "{why}");
}

#[test]
fn places_in_text_know_their_pages() {
    let marks = Marks {
        pages: vec![(1, 1), (5, 2)],
        anchors: Vec::new(),
    };
    let lines = nexus_domain::LineRange { first: 4, last: 6 };
    let pages = marks.pages_of(lines).unwrap();
    assert_eq!((pages.first, pages.last), (1, 2));
}
