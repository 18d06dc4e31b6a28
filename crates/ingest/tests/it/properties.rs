//! What holds for all input.

use nexus_domain::Format;
use nexus_ingest::{ChunkOptions, Limits, extract};
use proptest::prelude::*;
use serde_json::json;

use crate::office_file::{core_title, docx, opendocument, p, relations, xls, xlsx, xml};
use crate::pdf_file::Made;
use crate::sevenz_file::{Block7, around7, directory7, seven};
use crate::support::{
    assert_sound, bzip2, count, deflated, gzip, noise, stored, tar, tar_file, walk, walk_within, xz, zip,
    zstd,
};

const NAMES: [&str; 30] = [
    "a.pdf",
    "a.docx",
    "a.xlsx",
    "a.xls",
    "a.odt",
    "a.epub",
    "a.rtf",
    "a.ipynb",
    "a.eml",
    "a.mbox",
    "a.md",
    "a.html",
    "a.txt",
    "a.csv",
    "a.json",
    "a.jsonl",
    "a.rst",
    "a.rs",
    "a.py",
    "a.ts",
    "a.cpp",
    "a.go",
    "a.rb",
    "a.php",
    "a.sh",
    "a.toml",
    "a",
    "a.c",
    "a.mediawiki",
    "a.dokuwiki",
];

/// Pieces that mean something to some format; random text seldom does.
const PIECES: [&str; 44] = [
    "# ",
    "## ",
    "### ",
    "- ",
    "1. ",
    "> ",
    "```",
    "```\n",
    "    ",
    "\t",
    "| a | b |\n|---|---|\n",
    "| ",
    "---\n",
    "===\n",
    "\n",
    "\n\n",
    "<p>",
    "<ul><li>",
    "</ul>",
    "<table><tr><td>",
    "</table>",
    "<pre>",
    "</pre>",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "fn a() {\n",
    "}\n",
    "class A:\n",
    "def b(self):\n",
    "// note\n",
    "/* ",
    "*/",
    "Слово и дело. ",
    "word ",
    "длинноеслово",
    "語",
    "é",
    "::\n\n",
    ".. note::\n",
];

fn document() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => "[a-zа-я ]{1,40}",
        1 => "\\PC{0,8}",
        1 => "[ \n\t]{0,6}",
    ];
    prop::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
}

/// One honest archive of each kind, with a nested one in it.
fn archives() -> Vec<Vec<u8>> {
    use sevenz_rust2::EncoderMethod as Method;
    let text = noise(30);
    let inner = zip(&[deflated("x.md", &text), stored("y.md", "# Y\n")]);
    let inner_7z = seven(&[("x.md", text.as_bytes()), ("y.md", b"# Y\n")], &[Method::LZMA2]);
    let tarball = tar(&[tar_file("a.md", &text), tar_file("b.md", "# B\n")]);
    let files: [(&str, &[u8]); 3] = [
        ("a.md", text.as_bytes()),
        ("inner.zip", &inner),
        ("b.md", b"# B\n"),
    ];
    let mut all = vec![
        zip(&[
            deflated("a.md", &text),
            stored("inner.7z", &inner_7z),
            stored("inner.zip", &inner),
        ]),
        zip(&[
            stored("a.tar.xz", xz(&tarball)),
            stored("a.bz2", bzip2(text.as_bytes())),
        ]),
        gzip(&tarball),
        bzip2(&tarball),
        xz(&tarball),
        zstd(&tarball),
        xz(text.as_bytes()),
        bzip2(text.as_bytes()),
    ];
    for method in [
        Method::COPY,
        Method::LZMA,
        Method::LZMA2,
        Method::PPMD,
        Method::BZIP2,
        Method::DEFLATE,
        Method::ZSTD,
    ] {
        all.push(seven(&files, &[method]));
    }
    all.push(seven(&files, &[Method::LZMA2, Method::BCJ_X86_FILTER]));
    all
}

/// One honest document of each kind, with its name.
fn documents() -> Vec<(&'static str, Vec<u8>)> {
    let pages = [vec![
        (50.0, 700.0, 20.0, "Глава"),
        (50.0, 660.0, 12.0, "Text of it."),
    ]];
    let made = Made::default();
    let packed = Made { packed: true, ..made };
    let encrypted = Made {
        password: Some(""),
        ..made
    };
    let body = format!(
        "<w:tbl><w:tr><w:tc>{0}</w:tc><w:tc>{0}</w:tc></w:tr></w:tbl>{0}",
        p("Текст")
    );
    let table = "<office:body><office:text><text:h>A</text:h><table:table><table:table-row><table:table-cell><text:p>1</text:p>\
                 </table:table-cell></table:table-row></table:table></office:text></office:body>";
    vec![
        ("a.pdf", made.pdf(&pages)),
        ("b.pdf", packed.pdf(&pages)),
        ("c.pdf", encrypted.pdf(&pages)),
        ("a.docx", docx(&body, &[core_title("T")])),
        ("a.xlsx", xlsx(&[("S", "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\"><v>2</v></c></row>")], &["x"])),
        ("a.xls", xls("S", &[(0, 0, Ok("a")), (1, 1, Err(2.5))])),
        ("a.odt", opendocument("text", table, &[])),
        ("a.rtf", br"{\rtf1\ansicpg1251{\fonttbl{\f0\fcharset204 A;}}\f0 \'cf\u1088?\par\trowd a\cell b\cell\row}".to_vec()),
        ("a.ipynb", br#"{"cells":[{"cell_type":"code","source":["a"],"outputs":[{"text":"b"}]}],"metadata":{}}"#.to_vec()),
        ("a.eml", b"From: a@b.c\nSubject: =?utf-8?B?0J4=?=\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nText\n--x--\n".to_vec()),
    ]
}

/// XML that is well-formed and makes no sense: elements of office documents anywhere in each other.
fn nonsense(prefix: &'static str, names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let step = prop_oneof![
        4 => prop::sample::select(names).prop_map(Some),
        2 => Just(None),
    ];
    prop::collection::vec((step, "[ а-яa-z|#]{0,6}", 0..30_u8), 0..80).prop_map(move |steps| {
        let (mut xml, mut open) = (String::new(), Vec::new());
        for (step, text, number) in steps {
            match step {
                Some(name) => {
                    xml += &format!("<{prefix}{name} {prefix}val=\"{number}\" {prefix}id=\"{number}\" \
                        {prefix}number-columns-repeated=\"{number}\" {prefix}number-rows-repeated=\"{number}\">{text}");
                    open.push(name);
                }
                None => xml += &open.pop().map(|name| format!("</{prefix}{name}>")).unwrap_or_default(),
            }
        }
        for name in open.into_iter().rev() {
            xml += &format!("</{prefix}{name}>");
        }
        xml
    })
}

const WORD: [&str; 24] = [
    "p",
    "r",
    "t",
    "t",
    "p",
    "pPr",
    "pStyle",
    "numPr",
    "numId",
    "ilvl",
    "tbl",
    "tr",
    "trPr",
    "tc",
    "gridSpan",
    "del",
    "txbxContent",
    "footnoteReference",
    "br",
    "tab",
    "outlineLvl",
    "Fallback",
    "hyperlink",
    "sdt",
];

const OPEN_DOCUMENT: [&str; 22] = [
    "p",
    "p",
    "h",
    "s",
    "tab",
    "list",
    "list-item",
    "note",
    "note-body",
    "note-citation",
    "table",
    "table-row",
    "table-cell",
    "covered-table-cell",
    "page",
    "frame",
    "notes",
    "spreadsheet",
    "tracked-changes",
    "text-box",
    "style",
    "annotation",
];

/// A counter that is not additive, and one that counts characters.
fn per_three_bytes(text: &str) -> usize {
    text.len() / 3 + usize::from(text.len() > 40)
}

fn per_char(text: &str) -> usize {
    text.chars().count()
}

/// Other cases at each run; `PROPTEST_CASES` asks for more of them.
fn cases() -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(400),
    }
}

fn row() -> impl Strategy<Value = u32> {
    prop_oneof![0_u32..60, any::<u32>()]
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn passages_cover_every_text_once(
        text in document(),
        name in prop::sample::select(&NAMES[..]),
        target in 1_usize..60,
        over in 0_usize..40,
        counter in 0_usize..3,
    ) {
        let Ok(document) = extract(name, text.as_bytes(), &Limits::default()) else { return Ok(()) };
        let count = [count as fn(&str) -> usize, per_three_bytes, per_char][counter];
        let options = ChunkOptions { target_tokens: target, max_tokens: target + over, count };
        if counter == 1 && options.max_tokens < 16 {
            return Ok(()); // One character of three bytes may weigh more than such a maximum.
        }
        assert_sound(&document, &nexus_ingest::chunk(&document, &options), &options);
    }

    /// What says it comes from a process that strangers' code may have taken over.
    #[test]
    fn passages_cover_every_text_once_whatever_is_said_of_its_syntax(
        text in document(),
        statements in prop::collection::vec((row(), any::<u16>()), 0..20),
        definitions in prop::collection::vec(("[a-zё\u{0}\n]{0,9}", row(), row(), prop::option::of(row())), 0..20),
        target in 1_usize..60,
        over in 0_usize..40,
    ) {
        let Ok(mut document) = extract("a.txt", text.as_bytes(), &Limits::default()) else { return Ok(()) };
        document.format = Format::Code;
        let definition = |(name, first, last, within): &(String, u32, u32, Option<u32>)| {
            json!({"name": name, "first": first, "last": last, "within": within})
        };
        let definitions: Vec<_> = definitions.iter().map(definition).collect();
        let said = json!({"statements": statements, "definitions": definitions});
        document.syntax = serde_json::from_value(said).unwrap();
        let options = ChunkOptions { target_tokens: target, max_tokens: target + over, count };
        assert_sound(&document, &nexus_ingest::chunk(&document, &options), &options);
    }

    #[test]
    fn no_bytes_make_extraction_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        name in prop::sample::select(&NAMES[..]),
    ) {
        if let Ok(document) = extract(name, &bytes, &Limits::default()) {
            let options = ChunkOptions { target_tokens: 8, max_tokens: 12, count };
            assert_sound(&document, &nexus_ingest::chunk(&document, &options), &options);
        }
    }

    #[test]
    fn elements_in_any_order_give_text_or_a_problem(
        word in nonsense("w:", &WORD),
        open in nonsense("text:", &OPEN_DOCUMENT),
        rtf in "([{}]|\\\\(par|cell|row|intbl|trowd|footnote|u[0-9-]{1,6}|'[0-9a-f]{2}|f1|s1|uc[0-9]|listtext|bin9|stylesheet|v|\\*) ?|[a-zа-я]){0,60}",
    ) {
        let note = format!("<w:footnote w:id=\"7\">{word}</w:footnote>");
        let parts = [
            ("word/_rels/document.xml.rels", relations(&[("1", "footnotes", "footnotes.xml"), ("2", "styles", "document2.xml")])),
            ("word/footnotes.xml", xml("w:footnotes", &note)),
            ("word/document2.xml", xml("w:styles", &word)),
        ];
        for (name, bytes) in [
            ("a.docx", docx(&word, &parts)),
            ("a.odt", opendocument("text", &open, &[])),
            ("a.rtf", format!("{{\\rtf1 {rtf}").into_bytes()),
        ] {
            if let Ok(document) = extract(name, &bytes, &Limits::default()) {
                let options = ChunkOptions { target_tokens: 8, max_tokens: 12, count };
                assert_sound(&document, &nexus_ingest::chunk(&document, &options), &options);
            }
        }
    }

    #[test]
    fn mutated_documents_give_text_within_bounds_or_a_problem(
        (name, whole) in prop::sample::select(documents()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut bytes = whole;
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let limits = Limits { document_text_bytes: 10_000, document_unpacked_bytes: 1 << 20, ..Limits::default() };
        match extract(name, &bytes, &limits) {
            Ok(document) => {
                prop_assert!(!document.text.trim().is_empty() && !document.text.contains('\0'));
                prop_assert!(document.text.len() <= 10_000.max(2 * bytes.len()));
                let options = ChunkOptions { target_tokens: 8, max_tokens: 12, count };
                assert_sound(&document, &nexus_ingest::chunk(&document, &options), &options);
            }
            Err(problem) => prop_assert!(problem.path.is_some() && !problem.message.is_empty()),
        }
    }

    #[test]
    fn no_bytes_make_a_walk_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        magic in prop::sample::select(vec![&b"PK\x03\x04"[..], b"PK\x05\x06", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd",
            b"7z\xbc\xaf\x27\x1c\0\x04", b"BZh91AY&SY", b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46", b"ustar", b""]),
        name in prop::sample::select(&["a.zip", "a.tar", "a.tgz", "a.7z", "a.xz", "a.md", ""][..]),
    ) {
        walk(&[magic, &bytes].concat(), name);
    }

    #[test]
    fn flipped_bits_of_an_archive_give_an_outcome_within_its_bounds(
        whole in prop::sample::select(archives()),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = whole;
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let limits = Limits { unpacked_bytes: 1 << 20, entries: 50, file_bytes: 100_000, ..Limits::default() };
        let outcome = walk_within(&bytes, "a.bin", &limits);
        prop_assert!(outcome.files.len() <= 50);
        prop_assert!(outcome.files.iter().map(|file| file.bytes.len()).sum::<usize>() <= 1 << 20);
        prop_assert!(outcome.result.is_ok() || outcome.files.is_empty(), "what was handed out counts");
    }

    #[test]
    fn a_7z_directory_may_lie_about_anything(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        solid in any::<bool>(),
    ) {
        let block = || Block7::stored(&[("a.md", b"# A\n"), ("docs/b.md", b"# B\n")]);
        let blocks = if solid { vec![block()] } else { vec![block(), Block7::lzma2(&[("c.md", b"# C\n")])] };
        let mut directory = directory7(&blocks);
        for (at, byte) in flips {
            let at = at.index(directory.len());
            directory[at] = byte;
        }
        let packed: Vec<u8> = blocks.iter().flat_map(|block| block.packed.clone()).collect();
        let outcome = walk(&around7(&packed, &directory), "a.7z");
        prop_assert!(outcome.files.len() <= 4);
    }
}
