//! Office documents made of the parts that a test is about.

use std::io::Write as _;

use crate::support::{Item, deflated, stored, zip};

const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// An XML part in the namespaces that tests use.
pub(crate) fn xml(root: &str, inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<{root} xmlns:w=\"w\" xmlns:r=\"r\" xmlns:a=\"a\" \
         xmlns:p=\"p\" xmlns:mc=\"mc\" xmlns:wps=\"wps\" xmlns:dc=\"dc\" xmlns:cp=\"cp\" xmlns:office=\"o\" xmlns:text=\"t\" \
         xmlns:table=\"tb\" xmlns:draw=\"d\" xmlns:presentation=\"pr\" xmlns:style=\"s\" xmlns:svg=\"v\">{inner}</{root}>"
    )
}

pub(crate) fn relations(all: &[(&str, &str, &str)]) -> String {
    let one = |(id, kind, target): &(&str, &str, &str)| {
        format!("<Relationship Id=\"{id}\" Type=\"{RELATIONS}/{kind}\" Target=\"{target}\"/>")
    };
    xml("Relationships", &all.iter().map(one).collect::<String>())
}

/// A package whose main part is `main`, with these parts.
pub(crate) fn package(main: &str, parts: &[(&str, String)]) -> Vec<u8> {
    let mut items = vec![
        deflated("[Content_Types].xml", xml("Types", "")),
        deflated("_rels/.rels", relations(&[("rId1", "officeDocument", main)])),
    ];
    items.extend(parts.iter().map(|(name, text)| deflated(name, text)));
    zip(&items)
}

pub(crate) fn core_title(title: &str) -> (&'static str, String) {
    let inner = format!("<dc:creator>A</dc:creator><dc:title>{title}</dc:title>");
    ("docProps/core.xml", xml("cp:coreProperties", &inner))
}

pub(crate) fn docx(body: &str, more: &[(&str, String)]) -> Vec<u8> {
    let mut parts = vec![(
        "word/document.xml",
        xml("w:document", &format!("<w:body>{body}</w:body>")),
    )];
    parts.extend(more.iter().cloned());
    package("word/document.xml", &parts)
}

/// A paragraph of one run.
pub(crate) fn p(text: &str) -> String {
    format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
}

/// A document of one of OpenDocument's kinds, with this content.
pub(crate) fn opendocument(kind: &str, content: &str, more: &[Item]) -> Vec<u8> {
    let mut items = vec![
        stored("mimetype", format!("application/vnd.oasis.opendocument.{kind}")),
        deflated("content.xml", xml("office:document-content", content)),
    ];
    items.extend(more.iter().cloned());
    zip(&items)
}

/// A compound file with these streams.
pub(crate) fn compound(streams: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(std::io::Cursor::new(Vec::new())).unwrap();
    for (name, bytes) in streams {
        file.create_stream(name).unwrap().write_all(bytes).unwrap();
    }
    file.flush().unwrap();
    file.into_inner().into_inner()
}

/// A workbook in BIFF8 with one sheet of text and numbers.
pub(crate) fn xls(sheet: &str, cells: &[(u16, u16, Result<&str, f64>)]) -> Vec<u8> {
    let record = |kind: u16, data: &[u8]| {
        let mut record = kind.to_le_bytes().to_vec();
        record.extend_from_slice(&(data.len() as u16).to_le_bytes());
        record.extend_from_slice(data);
        record
    };
    let wide = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    let begin = |kind: u16| {
        record(
            0x0809,
            &[&[0, 6][..], &kind.to_le_bytes(), &[0xBB, 0x0D, 0xCC, 7], &[0; 8]].concat(),
        )
    };
    let end = record(0x000A, &[]);
    let globals = |at: u32| {
        let name = wide(sheet);
        let length = sheet.encode_utf16().count() as u8;
        let bound = [&at.to_le_bytes()[..], &[0, 0, length, 1], &name].concat();
        [
            begin(5),
            record(0x0042, &1_200_u16.to_le_bytes()),
            record(0x0085, &bound),
            end.clone(),
        ]
        .concat()
    };
    let mut book = globals(globals(0).len() as u32);
    book.extend(begin(0x10));
    for (row, column, value) in cells {
        let place = [row.to_le_bytes(), column.to_le_bytes(), [0, 0]].concat();
        book.extend(match value {
            Ok(text) => {
                let length = (text.encode_utf16().count() as u16).to_le_bytes();
                record(0x0204, &[&place[..], &length, &[1], &wide(text)].concat())
            }
            Err(number) => record(0x0203, &[&place[..], &number.to_le_bytes()].concat()),
        });
    }
    book.extend(end);
    compound(&[("Workbook", &book)])
}

/// A workbook whose sheets have this XML as their data.
pub(crate) fn xlsx(sheets: &[(&str, &str)], shared: &[&str]) -> Vec<u8> {
    let mut parts = vec![core_title("Книга")];
    let mut targets = vec![
        ("rIdS".to_owned(), "sharedStrings", "sharedStrings.xml".to_owned()),
        ("rIdT".to_owned(), "styles", "styles.xml".to_owned()),
    ];
    let mut listed = String::new();
    let mut data = Vec::new();
    for (at, (name, rows)) in sheets.iter().enumerate() {
        listed += &format!("<sheet name=\"{name}\" sheetId=\"{0}\" r:id=\"rId{0}\"/>", at + 1);
        targets.push((
            format!("rId{}", at + 1),
            "worksheet",
            format!("worksheets/sheet{}.xml", at + 1),
        ));
        data.push((
            format!("xl/worksheets/sheet{}.xml", at + 1),
            xml("worksheet", &format!("<sheetData>{rows}</sheetData>")),
        ));
    }
    let all: Vec<(&str, &str, &str)> = targets
        .iter()
        .map(|(id, kind, to)| (id.as_str(), *kind, to.as_str()))
        .collect();
    parts.push(("xl/_rels/workbook.xml.rels", relations(&all)));
    parts.push((
        "xl/workbook.xml",
        xml("workbook", &format!("<sheets>{listed}</sheets>")),
    ));
    let strings: String = shared
        .iter()
        .map(|text| format!("<si><t>{text}</t></si>"))
        .collect();
    parts.push(("xl/sharedStrings.xml", xml("sst", &strings)));
    let formats = "<cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"22\"/></cellXfs>";
    parts.push(("xl/styles.xml", xml("styleSheet", formats)));
    parts.extend(data.iter().map(|(name, text)| (name.as_str(), text.clone())));
    package("xl/workbook.xml", &parts)
}
