//! Office documents: what of them becomes text, and how they are told apart.

use nexus_domain::Format;
use nexus_domain::ProblemCode::{
    Binary, Corrupt, Empty, Encrypted, NestedTooDeep, ParseFailed, SuspiciousRatio, TooLarge, TooManyPages,
    Truncated, UnsupportedFormat,
};
use nexus_ingest::{Limits, Marks};

use crate::office_file::{compound, core_title, docx, opendocument, p, package, relations, xls, xlsx, xml};
use crate::support::{chunk, deflated, extract, refusal, stored, zip};

fn refused_within(limits: &Limits, path: &str, bytes: &[u8]) -> (nexus_domain::ProblemCode, String) {
    let problem = nexus_ingest::extract(path, bytes, limits).unwrap_err();
    (problem.code, problem.message)
}

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

#[test]
fn slides_are_sections_and_pages() {
    let shape = |kind: &str, text: &str| {
        let lines: String = text
            .split('/')
            .map(|line| format!("<a:p><a:r><a:t>{line}</a:t></a:r></a:p>"))
            .collect();
        format!("<p:sp><p:nvSpPr><p:nvPr>{kind}</p:nvPr></p:nvSpPr><p:txBody>{lines}</p:txBody></p:sp>")
    };
    let slide = |shapes: &[String]| {
        xml(
            "p:sld",
            &format!("<p:cSld><p:spTree>{}</p:spTree></p:cSld>", shapes.concat()),
        )
    };
    let cell =
        |text: &str| format!("<a:tc><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>");
    let table = format!(
        "<p:graphicFrame><a:tbl><a:tr>{}{}</a:tr><a:tr>{}{}</a:tr></a:tbl></p:graphicFrame>",
        cell("Q"),
        cell("Sum"),
        cell("1"),
        cell("2")
    );
    let parts = [
        (
            "ppt/presentation.xml",
            xml(
                "p:presentation",
                "<p:sldIdLst><p:sldId id=\"256\" r:id=\"r2\"/><p:sldId id=\"257\" r:id=\"r1\"/></p:sldIdLst>",
            ),
        ),
        (
            "ppt/_rels/presentation.xml.rels",
            relations(&[
                ("r1", "slide", "slides/slide1.xml"),
                ("r2", "slide", "slides/slide2.xml"),
            ]),
        ),
        (
            "ppt/slides/slide1.xml",
            slide(&[
                shape("<p:ph type=\"sldNum\"/>", "2"),
                shape("", "Free text"),
                table,
            ]),
        ),
        (
            "ppt/slides/slide2.xml",
            slide(&[
                shape("<p:ph idx=\"1\"/>", "Первое/Второе"),
                shape("<p:ph type=\"title\"/>", "Итоги"),
            ]),
        ),
        (
            "ppt/slides/_rels/slide2.xml.rels",
            relations(&[("n", "notesSlide", "../notesSlides/n1.xml")]),
        ),
        (
            "ppt/notesSlides/n1.xml",
            slide(&[
                shape("<p:ph type=\"body\"/>", "Сказать о планах"),
                shape("<p:ph type=\"sldNum\"/>", "1"),
            ]),
        ),
        core_title("Доклад"),
    ];
    let bytes = package("ppt/presentation.xml", &parts);
    let document = extract("a.pptx", &bytes);
    assert_eq!(document.format, Format::Pptx);
    assert_eq!(
        document.text,
        "## Итоги\n\n- Первое\n- Второе\n\n> Сказать о планах\n\n## Slide 2\n\nFree text\n\n| Q | Sum |\n| --- | --- |\n| 1 | 2 |\n"
    );
    assert_eq!(document.marks.pages, [(1, 1), (8, 2)]);
    let limits = Limits {
        pages: 1,
        ..Limits::default()
    };
    let (code, why) = refused_within(&limits, "a.pptx", &bytes);
    assert_eq!((code, why.as_str()), (TooManyPages, "2 slides, 1 are allowed"));
}

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

#[test]
fn open_documents_of_all_kinds_are_read() {
    let text = "<office:automatic-styles><style:style style:name=\"P1\" style:parent-style-name=\"Title\"/></office:automatic-styles>\
        <office:body><office:text><text:tracked-changes><text:p>old</text:p></text:tracked-changes>\
        <text:p text:style-name=\"P1\">Руководство</text:p><text:h text:outline-level=\"2\">Шаг<text:s text:c=\"2\"/>1</text:h>\
        <text:p>Сделайте<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Осторожно.</text:p></text:note-body>\
        </text:note> это.</text:p><text:list><text:list-item><text:p>a</text:p><text:list><text:list-item><text:p>b</text:p></text:list-item>\
        </text:list></text:list-item></text:list><table:table><table:table-row><table:table-cell><text:p>x</text:p></table:table-cell>\
        <table:table-cell><text:p>y</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell><text:p>1</text:p>\
        </table:table-cell><table:table-cell><text:p>2</text:p><text:p>3</text:p></table:table-cell></table:table-row></table:table>\
        </office:text></office:body>";
    let document = extract("a.odt", opendocument("text", text, &[]));
    assert_eq!(
        (document.format, document.title.as_str()),
        (Format::OpenDocument, "Руководство")
    );
    assert_eq!(
        document.text,
        "# Руководство\n\n## Шаг 1\n\nСделайте[^1] это.\n\n[^1]: Осторожно.\n\n- a\n  - b\n\n| x | y |\n| --- | --- |\n| 1 | 2 3 |\n"
    );
    let cell = |attributes: &str, text: &str| {
        format!("<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>")
    };
    let sheet = format!(
        "<office:body><office:spreadsheet><table:table table:name=\"Итог\"><table:table-row table:number-rows-repeated=\"1000000\">\
         <table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row><table:table-row>{}{}{}</table:table-row>\
         <table:table-row table:number-rows-repeated=\"2\">{}{}{}</table:table-row></table:table></office:spreadsheet></office:body>",
        cell("", ""),
        cell("", "Месяц"),
        cell("", "Сумма"),
        cell("", ""),
        cell("", "май"),
        cell("table:number-columns-repeated=\"1\"", "1 200,00 ₽"),
    );
    let document = extract("a.ods", opendocument("spreadsheet", &sheet, &[]));
    assert_eq!(document.format, Format::Spreadsheet);
    assert_eq!(
        document.text,
        "# Итог\n\n| Месяц | Сумма |\n| --- | --- |\n| май | 1 200,00 ₽ |\n| май | 1 200,00 ₽ |\n"
    );
    let slides = "<office:body><office:presentation><draw:page><draw:frame presentation:class=\"title\"><draw:text-box>\
        <text:p>Планы</text:p></draw:text-box></draw:frame><draw:frame><draw:text-box><text:p>Текст</text:p></draw:text-box></draw:frame>\
        </draw:page><draw:page><draw:frame><draw:text-box><text:p>Без заголовка</text:p></draw:text-box></draw:frame></draw:page>\
        </office:presentation></office:body>";
    let document = extract("a.odp", opendocument("presentation", slides, &[]));
    assert_eq!(
        document.text,
        "## Планы\n\nТекст\n\n## Slide 2\n\nБез заголовка\n"
    );
    assert_eq!(document.marks.pages, [(1, 1), (5, 2)]);
    let locked = deflated("META-INF/manifest.xml", "<manifest:encryption-data/>");
    assert_eq!(refusal("a.odt", opendocument("text", text, &[locked])), Encrypted);
}

#[test]
fn a_book_is_read_in_the_order_of_its_spine() {
    let container = "<container><rootfiles><rootfile full-path=\"OEBPS/book.opf\"/></rootfiles></container>";
    let opf = "<package><metadata><dc:title xmlns:dc=\"dc\">Мастер</dc:title></metadata><manifest>\
        <item id=\"b\" href=\"ch%202.xhtml\" media-type=\"application/xhtml+xml\"/>\
        <item id=\"a\" href=\"text/ch1.xhtml\" media-type=\"application/xhtml+xml\"/>\
        <item id=\"nav\" href=\"nav.xhtml\" properties=\"nav\" media-type=\"application/xhtml+xml\"/>\
        <item id=\"i\" href=\"i.png\" media-type=\"image/png\"/></manifest>\
        <spine><itemref idref=\"nav\"/><itemref idref=\"a\"/><itemref idref=\"b\"/></spine></package>";
    let book = zip(&[
        stored("mimetype", "application/epub+zip"),
        deflated("META-INF/container.xml", container),
        deflated("OEBPS/book.opf", opf),
        deflated("OEBPS/nav.xhtml", "<html><body><p>contents</p></body></html>"),
        deflated(
            "OEBPS/text/ch1.xhtml",
            "<html><head><title/></head><body><h1>Глава 1</h1><p>Однажды весною.</p></body></html>",
        ),
        deflated(
            "OEBPS/ch 2.xhtml",
            "<html><body><h1>Глава 2</h1><p>Потом.</p></body></html>",
        ),
    ]);
    for name in ["a.epub", "book.zip"] {
        let document = extract(name, &book);
        assert_eq!(
            (document.format, document.title.as_str()),
            (Format::Epub, "Мастер")
        );
        assert_eq!(
            document.text,
            "# Глава 1\n\nОднажды весною.\n\n# Глава 2\n\nПотом.\n"
        );
    }
}

#[test]
fn russian_rtf_is_read_in_all_its_spellings() {
    let rtf = br"{\rtf1\ansi\ansicpg1251\deff0{\fonttbl{\f0\fcharset204 Arial;}{\f1\fcharset0 Times;}{\f2\fcharset238 CE;}}
{\stylesheet{\ql Normal;}{\s1\outlinelevel0 heading 1;}}{\info{\title \'ce\'f2\'f7\'b8\'f2}}{\*\generator x;}
\pard\s1\b \'cd\'e0\'f7\'e0\'eb\'ee\b0\par
\pard\plain\f0 \'cf\'f0\'e8\'e2\'e5\'f2, {\uc1\u1084?\u1080?\u1088?}! {\f1 caf\u233?} {\f2 \'b9}{\v hidden}{\deleted gone}\emdash\u-10179?\u-8704?\par
\pard{\listtext \'b7\tab}\'ef\'f3\'ed\'ea\'f2\par{\listtext 2.\tab}two\par
\trowd\pard\intbl a\cell b|c\cell\row\trowd\pard\intbl 1\cell 2\cell\row
\pard Text{\footnote \pard Note.\par}\{x\} {\pict ffff}\par}";
    let document = extract("a.rtf", rtf);
    assert_eq!(
        (document.format, document.title.as_str()),
        (Format::Rtf, "Начало")
    );
    assert_eq!(
        document.text,
        "# Начало\n\nПривет, мир! café ą—😀\n\n- пункт\n2. two\n\n| a | b\\|c |\n| --- | --- |\n| 1 | 2 |\n\nText (Note.){x}\n"
    );
    assert_eq!(
        extract("a.doc", rtf).text,
        document.text,
        "Word saves RTF under that name, too"
    );
    assert_eq!(
        refusal("a.rtf", format!("{{\\rtf1 {}", "{".repeat(100_000))),
        NestedTooDeep
    );
}

#[test]
fn a_notebook_is_prose_and_code() {
    let notebook = r##"{"cells":[{"cell_type":"markdown","source":["# Анализ\n","Шаг 1."]},
        {"cell_type":"code","source":"print(1)","outputs":[{"output_type":"stream","text":["1\n"]},
        {"data":{"image/png":"iVBOR","text/plain":"<Figure size 1x1>"}},{"ename":"ValueError","evalue":"no","traceback":["x"]}]}],
        "metadata":{"kernelspec":{"language":"python"}},"nbformat":4}"##;
    let document = extract("a.ipynb", notebook);
    assert_eq!(
        (document.format, document.title.as_str()),
        (Format::Notebook, "Анализ")
    );
    assert_eq!(
        document.text,
        "# Анализ\nШаг 1.\n\n```python\nprint(1)\n```\n\n```text\n1\n```\n\n```text\nValueError: no\n```\n"
    );
    assert_eq!(
        extract("a.ipynb", "{\"cells\": 1}").format,
        Format::Json,
        "no notebook, still JSON"
    );
    assert_eq!(extract("a.ipynb", "{broken").format, Format::PlainText);
}

#[test]
fn a_message_is_told_with_its_people_and_what_is_attached() {
    let message = "From: =?koi8-r?B?6dfBzg==?= <ivan@example.org>\r\nTo: b@example.org\r\nSubject: =?utf-8?B?0J7RgtGH0ZHRgg==?=\r\n\
        Date: Fri, 20 Nov 2026 10:00:00 +0300\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
        --x\r\nContent-Type: text/plain; charset=windows-1251\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        =CF=F0=E8=E2=E5=F2!\r\n\r\n# not a heading\r\n--x\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--x--\r\n";
    let document = extract("a.eml", message);
    assert_eq!(
        (document.format, document.title.as_str()),
        (Format::Email, "Отчёт")
    );
    assert_eq!(
        document.text,
        "# Отчёт\n\nFrom: Иван <ivan@example.org>\nTo: b@example.org\nDate: 2026-11-20T10:00:00+03:00\n\nПривет!\n\n\
         \\# not a heading\n\nAttached, and not read:\n\n- a.pdf (application/pdf, 3 bytes)\n"
    );
    let html = "Subject: News\r\nFrom: a@b.c\r\nContent-Type: text/html\r\n\r\n<h2>Big</h2><p>news</p>";
    assert_eq!(
        extract("a.eml", html).text,
        "# News\n\nFrom: a@b.c\n\n## Big\n\nnews\n"
    );
    let mbox = format!(
        "From a@b.c Fri Nov 20 10:00:00 2026\n{html}\n\nFrom x Fri Nov 20 10:00:01 2026\nSubject: Two\n\nFrom here on.\n"
    );
    let document = extract("all.mbox", &mbox);
    assert_eq!(document.marks.pages, [(1, 1), (9, 2)]);
    assert!(
        document.text.ends_with("# Two\n\nFrom here on.\n"),
        "{}",
        document.text
    );
    assert_eq!(document.title, "all");
    assert_eq!(
        extract("notes.eml", "Only words.\n").text,
        "Only words.\n",
        "what is no message is text"
    );
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
