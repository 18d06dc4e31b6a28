//! Books.

use nexus_domain::Format;

use crate::support::{deflated, extract, stored, zip};

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
