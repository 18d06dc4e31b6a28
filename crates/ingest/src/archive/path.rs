//! Paths inside an upload: made uniform, or refused with the reason. They name documents and never touch a file system,
//! but people unpack the same archives, so what would be dangerous there is refused here.

use nexus_domain::ProblemCode;
use unicode_normalization::UnicodeNormalization as _;

use crate::limits::Limits;

/// Names that Windows reserves for devices, with any extension and in any folder
/// (learn.microsoft.com, "Naming Files, Paths, and Namespaces").
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// What systems and tools leave in archives: never documents, and not worth a word.
const JUNK: [&str; 8] = [
    "__MACOSX",
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    ".git",
    ".svn",
    ".hg",
    ".Spotlight-V100",
];

type Refusal = (ProblemCode, String);

/// The uniform path: `/` between folders, no `.`, NFC. `None` for the root itself and for junk.
///
/// Nothing that changes the meaning is repaired: `..` is refused even where it would stay inside.
pub fn normalise(raw: &str, limits: &Limits) -> Result<Option<String>, Refusal> {
    if raw.is_empty() {
        return Err((ProblemCode::InvalidPath, "The path is empty".into()));
    }
    if raw.len() > limits.path_bytes {
        return Err(too_long(raw.len(), limits));
    }
    if raw.chars().any(char::is_control) {
        return Err((
            ProblemCode::InvalidPath,
            "The path holds a control character".into(),
        ));
    }
    let path: String = raw.nfc().map(|c| if c == '\\' { '/' } else { c }).collect();
    if path.starts_with('/') || has_drive(&path) {
        return Err((ProblemCode::PathEscapesRoot, "The path is absolute".into()));
    }
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if parts.contains(&"..") {
        return Err((ProblemCode::PathEscapesRoot, "The path climbs with \"..\"".into()));
    }
    if parts.is_empty() || parts.iter().any(|part| is_junk(part)) {
        return Ok(None);
    }
    if let Some(device) = parts.iter().find(|part| is_device(part)) {
        return Err((
            ProblemCode::DeviceName,
            format!("{device:?} is a device on Windows"),
        ));
    }
    within(parts.join("/"), limits).map(Some)
}

/// A uniform path, unless it is too long or too deep.
pub(super) fn within(path: String, limits: &Limits) -> Result<String, Refusal> {
    if path.len() > limits.path_bytes {
        return Err(too_long(path.len(), limits));
    }
    let folders = path.matches('/').count();
    if folders > limits.path_depth {
        return Err((
            ProblemCode::TooDeep,
            format!("{folders} folders deep, {} are allowed", limits.path_depth),
        ));
    }
    Ok(path)
}

fn too_long(bytes: usize, limits: &Limits) -> Refusal {
    let why = format!("The path has {bytes} bytes, {} are allowed", limits.path_bytes);
    (ProblemCode::InvalidPath, why)
}

/// A path that was refused, fit to be shown: one line, not longer than 200 characters.
pub(super) fn shown(raw: &str) -> String {
    let mut shown: String = raw
        .chars()
        .take(200)
        .map(|c| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect();
    if raw.chars().nth(200).is_some() {
        shown.push('…');
    }
    shown
}

fn has_drive(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.len() >= 2
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && bytes.get(2).is_none_or(|b| *b == b'/')
}

fn is_junk(part: &str) -> bool {
    JUNK.iter().any(|junk| part.eq_ignore_ascii_case(junk)) || part.starts_with("._")
}

fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).trim_end_matches(' ');
    let numbered = |prefix: &str| {
        stem.get(..3)
            .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
            && stem.get(3..).is_some_and(|tail| {
                let mut digits = tail.chars();
                matches!(digits.next(), Some('0'..='9' | '¹' | '²' | '³')) && digits.next().is_none()
            })
    };
    DEVICES.iter().any(|device| stem.eq_ignore_ascii_case(device)) || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(raw: &str) -> Option<String> {
        normalise(raw, &Limits::default()).unwrap()
    }

    fn code(raw: &str) -> ProblemCode {
        normalise(raw, &Limits::default()).unwrap_err().0
    }

    #[test]
    fn spellings_of_one_path_become_one() {
        for raw in [
            "docs/a.md",
            "./docs/a.md",
            "docs//a.md",
            "docs\\a.md",
            "docs/./a.md",
        ] {
            assert_eq!(ok(raw).as_deref(), Some("docs/a.md"), "{raw}");
        }
        assert_eq!(
            ok("и\u{306}.md"),
            ok("й.md"),
            "composed and decomposed letters are one"
        );
    }

    #[test]
    fn what_leaves_the_root_is_refused() {
        for raw in [
            "../a",
            "a/../../b",
            "a/../b",
            "/etc/passwd",
            "C:\\x",
            "c:/x",
            "\\\\host\\share",
            "..\\a",
            "C:",
        ] {
            assert_eq!(code(raw), ProblemCode::PathEscapesRoot, "{raw}");
        }
        assert!(ok("Category:Foo.md").is_some(), "a colon in a name is no drive");
    }

    #[test]
    fn devices_of_windows_are_no_documents() {
        for raw in [
            "CON",
            "con.txt",
            "docs/NUL.md",
            "Com1.log",
            "lpt9",
            "aux .txt",
            "COM¹",
        ] {
            assert_eq!(code(raw), ProblemCode::DeviceName, "{raw}");
        }
        for raw in [
            "CONTENTS.md",
            "com10.md",
            "console",
            "aux-files/a.md",
            "комната.md",
        ] {
            assert!(ok(raw).is_some(), "{raw}");
        }
    }

    #[test]
    fn junk_and_the_root_pass_in_silence() {
        for raw in [
            "./",
            "__MACOSX/._a.md",
            "docs/.DS_Store",
            "Thumbs.db",
            "repo/.git/config",
            "._a",
        ] {
            assert_eq!(ok(raw), None, "{raw}");
        }
    }

    #[test]
    fn text_that_is_no_path_is_refused() {
        for raw in ["", "a\0b", "a\nb", &"x".repeat(2_000)] {
            assert_eq!(code(raw), ProblemCode::InvalidPath, "{raw:?}");
        }
        assert_eq!(code(&"d/".repeat(40)), ProblemCode::TooDeep);
    }
}
