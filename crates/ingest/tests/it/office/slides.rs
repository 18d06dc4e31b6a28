//! Presentations.

use nexus_domain::Format;
use nexus_domain::ProblemCode::TooManyPages;
use nexus_ingest::Limits;

use super::refused_within;
use crate::office_file::{core_title, package, relations, xml};
use crate::support::extract;

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
