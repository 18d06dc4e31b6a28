//! What a server says that it sends: which kind of document, in which encoding.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};
use url::Url;

/// A kind of document that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// What a name gets that does not tell the kind already.
    pub(super) extension: &'static str,
    /// Extensions that tell it.
    pub(super) spellings: &'static [&'static str],
    /// Whether its bytes are text in the encoding that the server names.
    pub(super) is_text: bool,
}

impl Kind {
    pub(super) fn is_html(self) -> bool {
        self == HTML
    }
}

const fn text(extension: &'static str, spellings: &'static [&'static str]) -> Kind {
    Kind {
        extension,
        spellings,
        is_text: true,
    }
}

const fn binary(extension: &'static str, spellings: &'static [&'static str]) -> Kind {
    Kind {
        extension,
        spellings,
        is_text: false,
    }
}

pub(super) const HTML: Kind = text("html", &["html", "htm", "xhtml", "shtml"]);
const MARKDOWN: Kind = text("md", &["md", "markdown", "mdown", "mkd", "mkdn", "mdx"]);
const PDF: Kind = binary("pdf", &["pdf"]);
/// Served as plain text, and named as what it is.
const TEXT: Kind = text(
    "txt",
    &[
        "txt",
        "text",
        "log",
        "adoc",
        "asciidoc",
        "org",
        "tex",
        "textile",
        "wiki",
        "md",
        "markdown",
        "mdx",
        "rst",
        "csv",
        "tsv",
        "json",
        "jsonl",
        "yaml",
        "yml",
        "toml",
        "ini",
        "cfg",
        "conf",
        "properties",
        "sql",
        "py",
        "rs",
        "c",
        "h",
        "cc",
        "cpp",
        "hpp",
        "go",
        "java",
        "kt",
        "js",
        "ts",
        "rb",
        "php",
        "cs",
        "sh",
        "lua",
        "swift",
        "pl",
        "r",
        "scala",
        "proto",
        "tf",
        "ps1",
        "bat",
        "bsl",
    ],
);

/// By media type, most usual first.
const KINDS: &[(&str, Kind)] = &[
    ("text/html", HTML),
    ("application/xhtml+xml", HTML),
    ("text/markdown", MARKDOWN),
    ("text/x-markdown", MARKDOWN),
    ("application/pdf", PDF),
    ("application/x-pdf", PDF),
    ("text/csv", text("csv", &["csv"])),
    ("text/tab-separated-values", text("tsv", &["tsv", "tab"])),
    (
        "application/json",
        text("json", &["json", "jsonl", "geojson", "ipynb"]),
    ),
    ("application/x-ipynb+json", text("ipynb", &["ipynb"])),
    ("text/x-rst", text("rst", &["rst", "rest"])),
    ("application/rtf", binary("rtf", &["rtf"])),
    ("text/rtf", binary("rtf", &["rtf"])),
    ("application/epub+zip", binary("epub", &["epub"])),
    ("application/msword", binary("doc", &["doc", "dot", "docx"])),
    ("application/vnd.ms-excel", binary("xls", &["xls", "xlsx", "csv"])),
    ("application/vnd.ms-powerpoint", binary("ppt", &["ppt", "pptx"])),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        binary("docx", &["docx"]),
    ),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        binary("xlsx", &["xlsx"]),
    ),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        binary("pptx", &["pptx"]),
    ),
    ("application/vnd.oasis.opendocument.text", binary("odt", &["odt"])),
    (
        "application/vnd.oasis.opendocument.spreadsheet",
        binary("ods", &["ods"]),
    ),
    (
        "application/vnd.oasis.opendocument.presentation",
        binary("odp", &["odp"]),
    ),
    ("message/rfc822", binary("eml", &["eml"])),
];

/// Text types that are parts of pages and feeds, never documents.
const PARTS: [&str; 6] = [
    "text/css",
    "text/javascript",
    "text/ecmascript",
    "text/xml",
    "text/xsl",
    "text/cache-manifest",
];

/// The kinds that a page may turn out to be, for names that are looked up before an answer is there.
pub(super) fn all() -> impl Iterator<Item = Kind> {
    KINDS.iter().map(|(_, kind)| *kind).chain([TEXT])
}

/// The kind by the server's word; by the name where it has none, or says no more than "bytes". `None`: not a document.
pub(super) fn kind(content_type: Option<&str>, url: &Url) -> Option<Kind> {
    let media = content_type
        .and_then(|text| text.split(';').next())
        .map(|text| text.trim().to_ascii_lowercase())
        .unwrap_or_default();
    if matches!(
        media.as_str(),
        "" | "application/octet-stream" | "binary/octet-stream"
    ) {
        return by_name(url, media.is_empty());
    }
    if let Some((_, kind)) = KINDS.iter().find(|(name, _)| *name == media) {
        return Some(*kind);
    }
    (media.starts_with("text/") && !PARTS.contains(&media.as_str())).then_some(TEXT)
}

fn by_name(url: &Url, else_html: bool) -> Option<Kind> {
    let name = url.path().rsplit('/').next().unwrap_or_default();
    match name.rsplit_once('.') {
        Some((_, extension)) => {
            let extension = extension.to_ascii_lowercase();
            all().find(|kind| kind.spellings.contains(&extension.as_str()))
        }
        None => else_html.then_some(HTML),
    }
}

/// Whether a link leads to what no document is: an image, a style, a program. Such links are not followed.
pub(super) fn is_asset(url: &Url) -> bool {
    const ASSETS: &[&str] = &[
        "png", "jpg", "jpeg", "gif", "webp", "avif", "svg", "ico", "bmp", "tif", "tiff", "css", "js", "mjs",
        "map", "woff", "woff2", "ttf", "otf", "eot", "mp3", "mp4", "m4a", "m4v", "ogg", "ogv", "oga", "wav",
        "flac", "avi", "mov", "mkv", "webm", "zip", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar", "tar",
        "exe", "msi", "dmg", "iso", "apk", "deb", "rpm", "jar", "war", "whl", "bin", "img", "swf", "psd",
        "xml", "rss", "atom",
    ];
    let name = url.path().rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').is_some_and(|(_, extension)| {
        let extension = extension.to_ascii_lowercase();
        ASSETS.contains(&extension.as_str())
    })
}

/// The value of `charset` in a content type.
pub(super) fn charset(content_type: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then(|| value.to_owned())
    })
}

/// UTF-8 from the encoding that the server or else the page names; as it stands where none is named, or an unknown one.
pub(super) fn to_utf8<'a>(bytes: &'a [u8], named: Option<&str>) -> Cow<'a, [u8]> {
    let encoding = named.and_then(|label| Encoding::for_label(label.as_bytes()));
    match encoding {
        // Left to the reader of the document, which mends what is only nearly UTF-8.
        None => Cow::Borrowed(bytes),
        Some(encoding) if encoding == UTF_8 => Cow::Borrowed(bytes),
        Some(encoding) => match encoding.decode(bytes).0 {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extension(content_type: Option<&str>, url: &str) -> Option<&'static str> {
        kind(content_type, &Url::parse(url).unwrap()).map(|kind| kind.extension)
    }

    #[test]
    fn the_server_says_what_it_sends() {
        assert_eq!(
            extension(Some("text/html; charset=utf-8"), "https://x.org/a.php"),
            Some("html")
        );
        assert_eq!(extension(Some("TEXT/PLAIN"), "https://x.org/a"), Some("txt"));
        assert_eq!(
            extension(Some("application/octet-stream"), "https://x.org/a.PDF"),
            Some("pdf")
        );
        assert_eq!(extension(None, "https://x.org/a"), Some("html"));
        for media in [
            "image/png",
            "text/css",
            "application/rss+xml",
            "application/octet-stream",
        ] {
            assert_eq!(extension(Some(media), "https://x.org/a"), None, "{media}");
        }
    }

    #[test]
    fn the_named_encoding_is_used() {
        assert_eq!(
            charset("text/html; Charset=\"Windows-1251\"").as_deref(),
            Some("Windows-1251")
        );
        let (bytes, ..) = encoding_rs::WINDOWS_1251.encode("Привет");
        assert_eq!(to_utf8(&bytes, Some("windows-1251")), "Привет".as_bytes());
        assert_eq!(to_utf8(b"abc", Some("no-such")), b"abc".as_slice());
    }
}
