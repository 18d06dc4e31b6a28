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

/// Refuses document formats that are not read, by magic bytes or name. Told apart from other binaries, because people
/// expect them to work.
pub(super) fn unsupported(name: &str, bytes: &[u8]) -> Result<(), Refusal> {
    const MAGICS: [(&[u8], &str); 4] = [
        (b"%PDF-", "PDF"),
        (b"{\\rtf", "RTF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office 97-2003"),
        (b"AT&TFORM", "DjVu"),
    ];
    const EXTENSIONS: [&str; 22] = [
        "pdf", "rtf", "doc", "dot", "docx", "docm", "dotx", "xls", "xlsx", "xlsm", "ppt", "pptx", "pptm",
        "odt", "ods", "odp", "odg", "epub", "fb2", "mobi", "djvu", "chm",
    ];
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase())
        .unwrap_or_default();
    let magic = MAGICS
        .iter()
        .find(|(magic, _)| bytes.starts_with(magic))
        .map(|(_, format)| (*format).to_owned());
    let by_name = EXTENSIONS
        .contains(&extension.as_str())
        .then(|| extension.to_ascii_uppercase());
    match magic.or(by_name) {
        Some(format) => Err((
            ProblemCode::UnsupportedFormat,
            format!("{format} documents are not read yet"),
        )),
        None => Ok(()),
    }
}
