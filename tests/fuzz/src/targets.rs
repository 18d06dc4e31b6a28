//! What is fuzzed: each reader by the name of its files, the walker of archives, the chunker behind all of them.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use nexus_ingest::{
    BundleReader, ChunkOptions, Extracted, Limits, Readers, chunk, extract, extract_guarded, walk,
};

pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// What its format is made of.
    pub(crate) words: &'static [&'static str],
    pub(crate) run: fn(&[u8]),
}

const XML: &[&str] = &[
    "<",
    ">",
    "</",
    "/>",
    "<a>",
    "</a>",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "&amp;",
    "&#0;",
    "&#x10FFFF;",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
    "&b;",
    "xmlns:w=\"x\"",
    "<w:p>",
    "<w:tbl>",
    "<w:tr>",
    "<w:tc>",
    "<a:t>",
    "<text:p>",
    "<table:table>",
    "<row>",
    "<c t=\"s\">",
    "<v>9999999999</v>",
    "\u{feff}",
];
const MARKUP: &[&str] = &[
    "#", "\n", "\n\n", "- ", "1. ", "> ", "|", "|---|", "```", "~~~", "    ", "\t", "**", "_", "[", "](",
    ")", "![", "<b>", "<!--", "---", "===", "\\", "`", "[^1]", "ё", "\u{0}", "\u{202e}", "\r\n", "\r",
];
const WIKI: &[&str] = &[
    "[[",
    "]]",
    "{{",
    "}}",
    "{|",
    "|}",
    "|-",
    "||",
    "!!",
    "'''",
    "''",
    "==",
    "===",
    "<ref>",
    "</ref>",
    "<ref/>",
    "<nowiki>",
    "</nowiki>",
    "<pre>",
    "<syntaxhighlight>",
    "<!--",
    "*",
    "#",
    ":",
    ";",
    "|",
    "\n",
    "[http://a b]",
    "__TOC__",
    "{{lang|ru|",
    "[[File:a|",
    "#REDIRECT [[a]]",
    "======",
    "((",
    "))",
    "%%",
    "<code>",
    "<file>",
    "^",
    "~~NOTOC~~",
    "\\\\",
];
const PDF: &[&str] = &[
    "obj",
    "endobj",
    "stream",
    "endstream",
    "xref",
    "trailer",
    "startxref",
    "<<",
    ">>",
    "[",
    "]",
    "(",
    ")",
    "/Type",
    "/Page",
    "/Pages",
    "/Kids",
    "/Count 99999999",
    "/Length -1",
    "/Filter /FlateDecode",
    "/Contents",
    "/Font",
    "BT",
    "ET",
    "Tj",
    "TJ",
    "Tf",
    "0 0 R",
    "1 0 R",
    "%%EOF",
    "/Encrypt",
    "/ObjStm",
    "/W [1 2 1]",
    "beginbfchar",
    "endbfchar",
];
const RTF: &[&str] = &[
    "{",
    "}",
    "\\",
    "\\par",
    "\\u1055?",
    "\\'cf",
    "\\ansicpg1251",
    "\\bin99999999",
    "{\\*",
    "\\fonttbl",
    "\\b0",
    "\\uc2",
];
const MAIL: &[&str] = &[
    "\r\n",
    "\r\n\r\n",
    "Subject: ",
    "Content-Type: multipart/mixed; boundary=a",
    "--a",
    "--a--",
    "=?utf-8?B?0K8=?=",
    "Content-Transfer-Encoding: base64",
    "Content-Transfer-Encoding: quoted-printable",
    "=D0",
    "From: a@b",
    "Content-Type: text/html",
];
const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "1e999",
    "\"cells\"",
    "\"cell_type\"",
    "\"source\"",
    "\"outputs\"",
    "\\u0000",
    "\\ud800",
];
const CODE: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    ";",
    "\n",
    "fn ",
    "class ",
    "def ",
    "\"",
    "'",
    "/*",
    "*/",
    "//",
    "#",
    "<?php",
    "=>",
    "::",
    "\t",
    "struct ",
    "<<A\n",
    "\nA\n",
    "<<~",
    "<<<",
    "#{",
    "${",
    "%w(",
    "f\"",
    "R\"(",
    "ё",
    "\u{1f600}",
];
const BUNDLE: &[&str] = &[
    "{\"record\":\"source\",\"kind\":\"files\",\"name\":\"a\"}\n",
    "{\"record\":\"end\",\"sources\":1,\"documents\":1,\"passages\":1}\n",
    "\"record\":\"passage\"",
    "\"record\":\"document\"",
    "\"passages\":99999999999",
    "\"vector\":\"AAAAAA==\"",
    "\"heading_path\":[\"\",\"\"]",
    "\"lines\":{\"first\":0,\"last\":0}",
    "\"pages\":{\"first\":2,\"last\":1}",
    "\"dimension\":0",
    "\\u0000",
    "\n",
    "{",
    "}",
    "null",
];
const ARCHIVE: &[&str] = &[
    "PK\u{3}\u{4}",
    "PK\u{1}\u{2}",
    "PK\u{5}\u{6}",
    "../",
    "/",
    "\u{0}",
    "a.md",
    "ustar",
    "7z",
];

macro_rules! targets {
    ($($name:literal: $words:ident, $run:expr;)+) => {
        pub(crate) const TARGETS: &[Target] = &[$(Target { name: $name, words: $words, run: $run },)+];
    };
}

targets! {
    "markdown": MARKUP, |bytes| document("a.md", bytes);
    "text": MARKUP, |bytes| document("a.txt", bytes);
    "rst": MARKUP, |bytes| document("a.rst", bytes);
    "csv": MARKUP, |bytes| document("a.csv", bytes);
    "html": XML, |bytes| document("a.html", bytes);
    "json": JSON, |bytes| document("a.json", bytes);
    "rust": CODE, |bytes| code("a.rs", bytes);
    "python": CODE, |bytes| code("a.py", bytes);
    "cpp": CODE, |bytes| code("a.cpp", bytes);
    "php": CODE, |bytes| code("a.php", bytes);
    "ruby": CODE, |bytes| code("a.rb", bytes);
    "bash": CODE, |bytes| code("a.sh", bytes);
    "notebook": JSON, |bytes| document("a.ipynb", bytes);
    "docx": XML, |bytes| document("a.docx", bytes);
    "pptx": XML, |bytes| document("a.pptx", bytes);
    "xlsx": XML, |bytes| document("a.xlsx", bytes);
    "odt": XML, |bytes| document("a.odt", bytes);
    "epub": XML, |bytes| document("a.epub", bytes);
    "rtf": RTF, |bytes| document("a.rtf", bytes);
    "email": MAIL, |bytes| document("a.eml", bytes);
    "pdf": PDF, |bytes| document("a.pdf", bytes);
    "mediawiki": WIKI, |bytes| document("a.mediawiki", bytes);
    "dokuwiki": WIKI, |bytes| document("a.dokuwiki", bytes);
    "archive": ARCHIVE, |bytes| upload("a.zip", bytes);
    "bundle": BUNDLE, bundle;
    "dump": XML, |bytes| upload("a.xml", bytes);
}

/// Reads a document and cuts it.
fn document(path: &str, bytes: &[u8]) {
    if let Ok(extracted) = extract(path, bytes, &Limits::default()) {
        cut(&extracted);
    }
}

/// The same where it may be code: its grammar may break down in the process that it has to itself, and nowhere else.
fn code(path: &str, bytes: &[u8]) {
    static READERS: LazyLock<Readers> =
        LazyLock::new(|| Readers::new(std::env::current_exe().expect("its own path"), ["--reader"]));
    if let Ok(extracted) = extract_guarded(&READERS, path, bytes, &Limits::default()) {
        cut(&extracted);
    }
}

/// What must hold of every cut: the passages cover what is not blank, once and in order, and none is too long.
fn cut(extracted: &Extracted) {
    let options = ChunkOptions::new(nexus_text::count_tokens);
    let text = extracted.text.as_str();
    assert!(!extracted.title.trim().is_empty(), "a document has a title");
    let mut covered = 0;
    for passage in chunk(extracted, &options) {
        let range = passage.bytes.clone();
        assert_eq!(
            text.get(range.clone()),
            Some(passage.text.as_str()),
            "a passage quotes its text"
        );
        assert!(range.start >= covered, "passages do not overlap");
        let between = text.get(covered..range.start).unwrap_or("x");
        assert!(between.trim().is_empty(), "{between:?} is in no passage");
        assert!(passage.tokens <= options.max_tokens, "{} tokens", passage.tokens);
        assert!(passage.lines.first <= passage.lines.last);
        covered = range.end;
    }
    assert!(
        text.get(covered..).unwrap_or("x").trim().is_empty(),
        "the end is in no passage"
    );
}

/// Reads an exported knowledge base, whose bytes are packed here: damage to a packed stream is found before it is read.
fn bundle(bytes: &[u8]) {
    let limits = Limits {
        unpacked_bytes: 16 << 20,
        document_text_bytes: 1 << 20,
        ..Limits::default()
    };
    let Ok(packed) = zstd::encode_all(bytes, 1) else {
        return;
    };
    let Ok(mut reader) = BundleReader::open(packed.as_slice(), &limits) else {
        return;
    };
    while let Ok(Some(_)) = reader.next_source() {
        while let Ok(Some(document)) = reader.next_document() {
            let Ok(document) = document else { continue };
            assert!(
                document
                    .passages
                    .iter()
                    .all(|passage| !passage.text.trim().is_empty())
            );
            assert!(
                document.memory() <= 4 << 20,
                "{} bytes in memory",
                document.memory()
            );
        }
    }
}

/// Walks an upload, and reads what is in it.
fn upload(name: &str, bytes: &[u8]) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join("upload");
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let limits = Limits {
        unpacked_bytes: 16 << 20,
        file_bytes: 4 << 20,
        ..Limits::default()
    };
    let _ = walk(&path, name, &limits, &mut |entry| {
        if let nexus_ingest::Entry::File(file) = entry {
            code(&file.path, &file.bytes);
        }
        ControlFlow::Continue(())
    });
}
