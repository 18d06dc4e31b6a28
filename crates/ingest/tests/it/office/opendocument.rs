//! Texts, sheets and presentations of OpenDocument.

use nexus_domain::Format;
use nexus_domain::ProblemCode::Encrypted;

use crate::office_file::opendocument;
use crate::support::{deflated, extract, refusal};

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
