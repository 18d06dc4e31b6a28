//! Word documents.

use nexus_domain::Format;
use nexus_domain::ProblemCode::Empty;

use crate::office_file::{core_title, docx, p, relations, xml};
use crate::support::{chunk, extract, refusal};

#[test]
fn a_word_document_keeps_its_structure() {
    let styles = xml(
        "w:styles",
        "<w:style w:styleId=\"1\"><w:name w:val=\"heading 1\"/><w:pPr><w:outlineLvl w:val=\"0\"/></w:pPr></w:style>\
         <w:style w:styleId=\"Глава\"><w:name w:val=\"Моя глава\"/><w:basedOn w:val=\"2\"/></w:style>\
         <w:style w:styleId=\"2\"><w:name w:val=\"heading 2\"/></w:style>\
         <w:style w:styleId=\"11\"><w:name w:val=\"toc 1\"/></w:style>",
    );
    let numbering = xml(
        "w:numbering",
        "<w:abstractNum w:abstractNumId=\"0\"><w:lvl w:ilvl=\"0\"><w:numFmt w:val=\"bullet\"/></w:lvl>\
         <w:lvl w:ilvl=\"1\"><w:numFmt w:val=\"decimal\"/></w:lvl></w:abstractNum>\
         <w:num w:numId=\"5\"><w:abstractNumId w:val=\"0\"/></w:num>",
    );
    let notes = xml(
        "w:footnotes",
        "<w:footnote w:type=\"separator\" w:id=\"0\"><w:p><w:r><w:t>----</w:t></w:r></w:p></w:footnote>\
         <w:footnote w:id=\"2\"><w:p><w:r><w:t>Сноска о шлюзе.</w:t></w:r></w:p></w:footnote>",
    );
    let item = |level: u8, text: &str| {
        format!(
            "<w:p><w:pPr><w:numPr><w:ilvl w:val=\"{level}\"/><w:numId w:val=\"5\"/></w:numPr></w:pPr>\
             <w:r><w:t>{text}</w:t></w:r></w:p>"
        )
    };
    let styled = |style: &str, text: &str| {
        format!("<w:p><w:pPr><w:pStyle w:val=\"{style}\"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>")
    };
    let cell = |text: &str| format!("<w:tc><w:tcPr/>{}</w:tc>", p(text));
    let body = [
        styled("11", "Настройка 2"),
        styled("1", "Настройка &amp; запуск"),
        "<w:p><w:r><w:t xml:space=\"preserve\">Шлюз </w:t></w:r><w:hyperlink r:id=\"x\"><w:r><w:t>описан здесь</w:t></w:r></w:hyperlink>\
         <w:r><w:t>.</w:t></w:r><w:r><w:footnoteReference w:id=\"2\"/></w:r>\
         <w:del><w:r><w:delText>старое</w:delText><w:t>убрано</w:t></w:r></w:del><w:ins><w:r><w:t> Новое.</w:t></w:r></w:ins></w:p>"
            .to_owned(),
        item(0, "one"),
        item(1, "deep"),
        item(1, "deeper"),
        styled("Глава", "Tables"),
        format!(
            "<w:tbl><w:tr>{}{}</w:tr><w:tr>{}<w:tc>{}</w:tc></w:tr>\
             <w:tr><w:trPr><w:del w:id=\"1\"/></w:trPr>{}{}</w:tr></w:tbl>",
            cell("Name"),
            cell("Type"),
            cell("a|b"),
            [p("int"), p("or long")].concat(),
            cell("gone"),
            cell("gone"),
        ),
        "<w:p><w:r><mc:AlternateContent><mc:Choice><w:drawing><wps:txbx><w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p>\
         </w:txbxContent></wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:p><w:r><w:t>twice</w:t></w:r></w:p></mc:Fallback>\
         </mc:AlternateContent></w:r><w:r><w:t>Beside</w:t><w:br/><w:t>a line</w:t></w:r></w:p>"
            .to_owned(),
    ]
    .concat();
    let parts = [
        ("word/styles.xml", styles),
        ("word/numbering.xml", numbering),
        ("word/footnotes.xml", notes),
        (
            "word/_rels/document.xml.rels",
            relations(&[
                ("1", "styles", "styles.xml"),
                ("2", "numbering", "numbering.xml"),
                ("3", "footnotes", "/word/footnotes.xml"),
            ]),
        ),
        core_title("Not this"),
    ];
    let document = extract("a.docx", docx(&body, &parts));
    assert_eq!(
        (document.format, document.title.as_str()),
        (Format::Docx, "Настройка & запуск")
    );
    assert_eq!(
        document.text,
        "# Настройка & запуск\n\nШлюз описан здесь.[^1] Новое.\n\n[^1]: Сноска о шлюзе.\n\n- one\n  1. deep\n  2. deeper\n\n\
         ## Tables\n\n| Name | Type |\n| --- | --- |\n| a\\|b | int or long |\n\nBeside\na line\n\nIn a box\n"
    );
    let chunks = chunk(&document, 8, 16);
    let row = chunks.iter().find(|chunk| chunk.text.contains("long")).unwrap();
    assert_eq!(row.heading_path[..2], ["Настройка & запуск", "Tables"]);
}

#[test]
fn a_word_document_without_headings_is_called_by_its_properties() {
    let bytes = docx(&p("Just text."), &[core_title("Регламент")]);
    for name in ["a.docx", "a.docm", "a.dotx", "a.pdf", "a.bin", "a"] {
        let document = extract(name, &bytes);
        assert_eq!(
            (document.title.as_str(), document.text.as_str()),
            ("Регламент", "Just text.\n"),
            "{name}"
        );
    }
    assert_eq!(extract("отчёт.docx", docx(&p("Text"), &[])).title, "отчёт");
    assert_eq!(refusal("a.docx", docx("<w:p/>", &[])), Empty);
}
