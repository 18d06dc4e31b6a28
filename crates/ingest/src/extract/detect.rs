//! What kind of text a file is. Its name decides among text formats; its bytes decide what is no text.

use nexus_domain::ProblemCode;

use super::{Language, Refusal};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Markdown,
    Html,
    Csv,
    Json,
    Rst,
    MediaWiki,
    DokuWiki,
    /// Source code, with or without a grammar.
    Code(Option<Language>),
    Text,
}

/// By the file's name; `None` where it tells nothing.
pub(super) fn by_name(name: &str) -> Option<Kind> {
    let lower = name.to_lowercase();
    if let Some(kind) = by_whole_name(&lower) {
        return Some(kind);
    }
    let (_, extension) = lower.rsplit_once('.')?;
    if let Some(language) = Language::by_extension(extension) {
        return Some(Kind::Code(Some(language)));
    }
    Some(match extension {
        "md" | "markdown" | "mdown" | "mkd" | "mkdn" | "mdx" | "qmd" | "rmd" => Kind::Markdown,
        "html" | "htm" | "xhtml" | "shtml" => Kind::Html,
        "csv" | "tsv" | "tab" => Kind::Csv,
        "json" | "jsonl" | "ndjson" | "geojson" | "json5" | "jsonc" | "ipynb" | "webmanifest" => Kind::Json,
        "rst" | "rest" => Kind::Rst,
        "mediawiki" | "wikitext" => Kind::MediaWiki,
        "dokuwiki" => Kind::DokuWiki,
        "sql" | "yaml" | "yml" | "toml" | "ini" | "cfg" | "conf" | "properties" | "env" | "kt" | "kts"
        | "swift" | "scala" | "lua" | "pl" | "pm" | "r" | "jl" | "dart" | "ex" | "exs" | "erl" | "hs"
        | "ml" | "fs" | "vb" | "pas" | "groovy" | "gradle" | "clj" | "lisp" | "el" | "scm" | "zig"
        | "nim" | "d" | "asm" | "s" | "f90" | "m" | "mm" | "vue" | "svelte" | "css" | "scss" | "sass"
        | "less" | "xml" | "xsd" | "xsl" | "xslt" | "svg" | "plist" | "proto" | "graphql" | "gql" | "tf"
        | "hcl" | "cmake" | "mk" | "ps1" | "psm1" | "bat" | "cmd" | "vbs" | "sol" | "bsl" | "os" | "1c" => {
            Kind::Code(None)
        }
        "txt" | "text" | "log" | "adoc" | "asciidoc" | "org" | "tex" | "textile" | "wiki" | "nfo" | "srt"
        | "vtt" => Kind::Text,
        _ => return None,
    })
}

fn by_whole_name(lower: &str) -> Option<Kind> {
    Some(match lower {
        "dockerfile" | "containerfile" | "makefile" | "gnumakefile" | "cmakelists.txt" | "jenkinsfile"
        | "vagrantfile" | ".gitignore" | ".dockerignore" | ".editorconfig" | ".env.example" => {
            Kind::Code(None)
        }
        "rakefile" | "gemfile" | "podfile" | "brewfile" => Kind::Code(Some(Language::Ruby)),
        ".bashrc" | ".bash_profile" | ".profile" | ".zshrc" => Kind::Code(Some(Language::Bash)),
        "readme" | "license" | "licence" | "copying" | "notice" | "authors" | "changelog" | "changes" => {
            Kind::Text
        }
        _ => return None,
    })
}

/// By how the text begins: an interpreter line, an HTML page; else plain text.
pub(super) fn by_content(text: &str) -> Kind {
    if let Some(line) = text.strip_prefix("#!").and_then(|rest| rest.lines().next()) {
        return Kind::Code(Language::by_interpreter(line));
    }
    let head: String = text
        .trim_start()
        .chars()
        .take(14)
        .collect::<String>()
        .to_ascii_lowercase();
    if head.starts_with("<!doctype html") || head.starts_with("<html") {
        Kind::Html
    } else {
        Kind::Text
    }
}

/// What people call a document: read by a reader of its own, not as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Document {
    Pdf,
    Rtf,
    /// Office 97-2003, and whatever else keeps streams in one file.
    Compound,
    /// A zip file, which may be one of many.
    Zip,
    Notebook,
    Email,
    Mailbox,
}

/// How far into a file a PDF may begin, behind what was put before it by mistake (ISO 32000-2, annex I of older readers).
const PDF_HEAD: usize = 1_024;

/// By the first bytes; only where they are text, by the name.
pub(super) fn document(name: &str, bytes: &[u8]) -> Option<Document> {
    let extension = extension(name);
    let start = bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(bytes)
        .trim_ascii_start();
    let head = bytes.get(..PDF_HEAD).unwrap_or(bytes);
    let is_pdf =
        start.starts_with(b"%PDF-") || (extension == "pdf" && memchr::memmem::find(head, b"%PDF-").is_some());
    if is_pdf {
        return Some(Document::Pdf);
    }
    if start.starts_with(b"{\\rtf") {
        return Some(Document::Rtf);
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Some(Document::Compound);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Some(Document::Zip);
    }
    match extension.as_str() {
        "ipynb" => Some(Document::Notebook),
        "eml" => Some(Document::Email),
        "mbox" | "mbx" => Some(Document::Mailbox),
        _ if by_name(name).is_none() && looks_like_email(bytes) => Some(Document::Email),
        _ => None,
    }
}

/// Whether it begins with the lines that mail servers write.
fn looks_like_email(bytes: &[u8]) -> bool {
    const FIRST: [&[u8]; 6] = [
        b"Return-Path:",
        b"Received:",
        b"Delivered-To:",
        b"Message-ID:",
        b"MIME-Version:",
        b"From:",
    ];
    let begins = FIRST.iter().any(|first| {
        let here = bytes.get(..first.len());
        here.is_some_and(|here| here.eq_ignore_ascii_case(first))
    });
    let head = bytes.get(..16 << 10).unwrap_or(bytes);
    let has = |line: &[u8]| memchr::memmem::find(head, line).is_some();
    begins && has(b"\nSubject:") && (has(b"\nDate:") || has(b"\nFrom:"))
}

pub(super) fn extension(name: &str) -> String {
    name.rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase())
        .unwrap_or_default()
}

/// Refuses document formats that are not read. Told apart from other binaries, because people expect them to work.
pub(super) fn unsupported(name: &str, bytes: &[u8]) -> Result<(), Refusal> {
    let format = match extension(name).as_str() {
        _ if bytes.starts_with(b"AT&TFORM") => "DjVu",
        "djvu" | "djv" => "DjVu",
        "fb2" => "FictionBook",
        "mobi" | "azw" | "azw3" => "Kindle",
        "chm" => "Windows help",
        _ => return Ok(()),
    };
    let why = format!("{format} documents are not read; save it as PDF or EPUB");
    Err((ProblemCode::UnsupportedFormat, why))
}

/// Whether a name promises a document that its bytes are not.
pub(super) fn promises_document(name: &str) -> bool {
    const EXTENSIONS: [&str; 31] = [
        "pdf", "rtf", "doc", "dot", "docx", "docm", "dotx", "dotm", "xls", "xlt", "xlsx", "xlsm", "xltx",
        "xlsb", "ppt", "pps", "pptx", "pptm", "ppsx", "potx", "odt", "ott", "ods", "ots", "odp", "otp",
        "odg", "epub", "msg", "pages", "key",
    ];
    EXTENSIONS.contains(&extension(name).as_str())
}
