//! PDF: letters on pages become text again.

use nexus_domain::Format;
use nexus_domain::ProblemCode::{Corrupt, Empty, Encrypted, TooLarge, TooManyPages};
use nexus_ingest::Limits;

use crate::pdf_file::{Drawn, Made};
use crate::support::{chunk, extract, refusal};

/// Two pages of a Russian document with all that pages have.
fn pages() -> Vec<Vec<Drawn<'static>>> {
    let mut first: Vec<Drawn<'_>> = vec![
        (50.0, 700.0, 24.0, "Руководство"),
        (50.0, 660.0, 12.0, "Шлюз соединяет сети. Его наст-"),
        (50.0, 646.0, 12.0, "ройка описана ниже."),
        (50.0, 610.0, 16.0, "Установка"),
        (50.0, 580.0, 12.0, "• Скачайте файл"),
        (50.0, 566.0, 12.0, "• Запустите"),
    ];
    let mut second: Vec<Drawn<'_>> = vec![(50.0, 700.0, 12.0, "Word by"), (100.0, 700.0, 12.0, "word.")];
    let mut third: Vec<Drawn<'_>> = vec![(50.0, 700.0, 12.0, "Конец.")];
    for (page, number) in [
        (&mut first, "- 1 -"),
        (&mut second, "- 2 -"),
        (&mut third, "- 3 -"),
    ] {
        page.insert(0, (50.0, 780.0, 10.0, "ООО Ромашка"));
        page.push((280.0, 20.0, 10.0, number));
    }
    vec![first, second, third]
}

const TEXT: &str = "# Руководство\n\nШлюз соединяет сети. Его настройка описана ниже.\n\n### Установка\n\n- Скачайте файл\n\
                    - Запустите\n\nWord by word.\n\nКонец.\n";

#[test]
fn a_page_is_read_with_headings_paragraphs_and_lists_however_it_is_packed() {
    for made in [
        Made::default(),
        Made {
            compressed: true,
            ..Made::default()
        },
        Made {
            compressed: true,
            packed: true,
            ..Made::default()
        },
        Made {
            password: Some(""),
            ..Made::default()
        },
    ] {
        let document = extract("a.pdf", made.pdf(&pages()));
        assert_eq!(document.text, TEXT, "{made:?}");
        assert_eq!(
            (document.format, document.title.as_str()),
            (Format::Pdf, "Руководство")
        );
        assert_eq!(document.marks.pages, [(1, 1), (10, 2), (12, 3)]);
    }
}

#[test]
fn passages_know_their_pages() {
    let document = extract("a.pdf", Made::default().pdf(&pages()));
    let chunks = chunk(&document, 6, 12);
    let last = chunks.last().unwrap();
    assert!(last.text.contains("Конец"));
    assert_eq!(last.pages.unwrap().last, 3);
    assert_eq!(chunks[0].pages.unwrap().first, 1);
}

#[test]
fn a_password_is_told_and_a_title_is_taken_from_the_properties() {
    let made = Made {
        password: Some("secret"),
        ..Made::default()
    };
    assert_eq!(refusal("a.pdf", made.pdf(&pages())), Encrypted);
    let made = Made {
        title: Some("Отчёт за год"),
        ..Made::default()
    };
    let plain = vec![vec![(50.0, 700.0, 12.0, "Только текст.")]];
    assert_eq!(extract("a.pdf", made.pdf(&plain)).title, "Отчёт за год");
    let encrypted = Made {
        password: Some(""),
        ..made
    };
    assert_eq!(extract("a.pdf", encrypted.pdf(&plain)).title, "Отчёт за год");
    assert_eq!(extract("docs/год.pdf", Made::default().pdf(&plain)).title, "год");
}

#[test]
fn a_scan_says_that_it_is_one() {
    let inline = "q 100 0 0 100 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID x EI Q\n";
    let scan = Made {
        prefix: inline,
        ..Made::default()
    };
    let problem =
        nexus_ingest::extract("a.pdf", &scan.pdf(&[vec![], vec![]]), &Limits::default()).unwrap_err();
    assert_eq!(problem.code, Empty);
    assert!(
        problem.message.contains("2 pages hold images only"),
        "{}",
        problem.message
    );
    let mute = Made {
        mute: true,
        ..Made::default()
    };
    let problem = nexus_ingest::extract("a.pdf", &mute.pdf(&pages()), &Limits::default()).unwrap_err();
    assert_eq!(problem.code, Empty);
    assert!(problem.message.contains("fonts"), "{}", problem.message);
}

#[test]
fn running_lines_that_mark_themselves_are_left_out_and_replaced_text_is_taken() {
    let made = Made {
        prefix: "/Artifact <</Type/Pagination>> BDC BT /F 12 Tf 1 0 0 1 50 600 Tm <00010001> Tj ET EMC \
                 /Span <</ActualText<FEFF0421043B043E0432043E>>> BDC BT /F 12 Tf 1 0 0 1 50 500 Tm <000100010001> Tj ET EMC\n",
        ..Made::default()
    };
    let document = extract("a.pdf", made.pdf(&[vec![(50.0, 400.0, 12.0, "x.")]]));
    assert_eq!(document.text, "Слово\n\nx.\n");
}

#[test]
fn a_title_that_runs_on_over_all_pages_stays_and_contents_keep_their_lines() {
    let head = (50.0, 780.0, 10.0, "Устав");
    let pages = vec![
        vec![
            (50.0, 760.0, 20.0, "Устав"),
            (50.0, 700.0, 12.0, "1.1 Общее ........ 2"),
            (50.0, 686.0, 12.0, "1.2 Права ........ 3"),
        ],
        vec![head, (50.0, 700.0, 12.0, "Общее.")],
        vec![head, (50.0, 700.0, 12.0, "Права.")],
        vec![head, (50.0, 700.0, 12.0, "Всё.")],
    ];
    let text = extract("a.pdf", Made::default().pdf(&pages)).text;
    assert_eq!(
        text,
        "## Устав\n\n1.1 Общее ........ 2\n\n1.2 Права ........ 3\n\nОбщее.\n\nПрава.\n\nВсё.\n"
    );
}

#[test]
fn bounds_of_pages_and_text_are_kept() {
    let bytes = Made::default().pdf(&pages());
    let limits = Limits {
        pages: 2,
        ..Limits::default()
    };
    let problem = nexus_ingest::extract("a.pdf", &bytes, &limits).unwrap_err();
    assert_eq!(
        (problem.code, problem.message.as_str()),
        (TooManyPages, "3 pages, 2 are allowed")
    );
    let limits = Limits {
        document_text_bytes: 50,
        ..Limits::default()
    };
    assert_eq!(
        nexus_ingest::extract("a.pdf", &bytes, &limits).unwrap_err().code,
        TooLarge
    );
    assert_eq!(refusal("a.pdf", b"%PDF-1.4\nnothing of a PDF"), Corrupt);
}

#[test]
fn a_pdf_is_one_whatever_its_name_and_a_damaged_table_is_repaired() {
    let bytes = Made::default().pdf(&pages());
    assert_eq!(extract("a.docx", &bytes).text, TEXT);
    assert_eq!(
        extract("a.pdf", [b"HTTP/1.1 200 OK\r\n\r\n", &bytes[..]].concat()).text,
        TEXT
    );
    let cut = bytes.len() - 300;
    assert_eq!(
        extract("a.pdf", &bytes[..cut]).text,
        TEXT,
        "the table at the end is lost"
    );
}
