//! Workbooks, new and old.

use nexus_domain::Format;
use nexus_domain::ProblemCode::{Encrypted, TooLarge, UnsupportedFormat};
use nexus_ingest::Limits;

use super::refused_within;
use crate::office_file::{compound, xls, xlsx};
use crate::support::{extract, refusal};

#[test]
fn sheets_are_tables_under_their_names() {
    let rows = "<row r=\"3\"><c r=\"B3\" t=\"s\"><v>0</v></c><c r=\"D3\" t=\"s\"><v>1</v></c></row>\
                <row r=\"5\"><c r=\"B5\" t=\"inlineStr\"><is><t>a|b&#10;c</t></is></c><c r=\"D5\" s=\"1\"><v>45943</v></c></row>\
                <row r=\"6\"><c r=\"B6\"><v>0.25</v></c><c r=\"D6\" s=\"2\"><v>45943.5</v></c></row>";
    let bytes = xlsx(&[("Склад", rows), ("Empty", "")], &["Имя", "Дата"]);
    let document = extract("a.xlsx", &bytes);
    assert_eq!(document.format, Format::Spreadsheet);
    assert_eq!(
        document.text,
        "# Склад\n\n| Имя | Дата |\n| --- | --- |\n| a\\|b c | 2025-10-13 |\n| 0.25 | 2025-10-13 12:00 |\n"
    );
    assert_eq!(extract("a.xlsm", &bytes).text, document.text);
    let limits = Limits {
        cells: 5,
        ..Limits::default()
    };
    let (code, why) = refused_within(&limits, "a.xlsx", &bytes);
    assert_eq!((code, why.as_str()), (TooLarge, "More than the 5 cells allowed"));
}

#[test]
fn two_cells_far_apart_are_two_cells() {
    let far = "<row r=\"1\"><c r=\"A1\"><v>1</v></c></row><row r=\"1048576\"><c r=\"XFD1048576\"><v>2</v></c></row>";
    assert_eq!(
        extract("a.xlsx", xlsx(&[("S", far)], &[])).text,
        "# S\n\n| 1 |  |\n| --- | --- |\n|  | 2 |\n"
    );
}

#[test]
fn old_workbooks_are_read_and_other_old_documents_say_what_to_do() {
    let bytes = xls(
        "Лист",
        &[
            (1, 1, Ok("Имя")),
            (1, 2, Ok("Сумма")),
            (2, 1, Ok("Обед")),
            (2, 2, Err(12.5)),
        ],
    );
    let text = "# Лист\n\n| Имя | Сумма |\n| --- | --- |\n| Обед | 12.5 |\n";
    for name in ["a.xls", "a.xlsx", "a"] {
        assert_eq!(extract(name, &bytes).text, text, "{name}");
    }
    for (stream, name, advice) in [
        ("WordDocument", "a.doc", "save it as docx"),
        ("PowerPoint Document", "a.ppt", "save it as pptx"),
        ("__properties_version1.0", "a.msg", "save it as eml"),
    ] {
        let (code, why) = refused_within(&Limits::default(), name, &compound(&[(stream, &[0; 99])]));
        assert_eq!(code, UnsupportedFormat);
        assert!(why.contains(advice), "{why}");
    }
    let encrypted = compound(&[("EncryptionInfo", &[0; 9]), ("EncryptedPackage", &[0; 99])]);
    assert_eq!(refusal("a.docx", encrypted), Encrypted);
}
