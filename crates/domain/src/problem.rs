//! Why a file, or a whole upload, could not be read: a closed set of codes that people and programs can act on.

use serde::{Deserialize, Serialize};

macro_rules! problem_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal;)+) => {
        /// The reason. Codes are part of the API: they are added, never renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ProblemCode {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $variant,)+
        }

        impl ProblemCode {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }

        impl std::str::FromStr for ProblemCode {
            type Err = UnknownProblemCode;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($code => Ok(Self::$variant),)+
                    _ => Err(UnknownProblemCode(text.to_owned())),
                }
            }
        }
    };
}

problem_codes! {
    /// The archive or entry is encrypted.
    Encrypted = "encrypted";
    /// The data ends before its format says it should.
    Truncated = "truncated";
    /// The container's structure is damaged or contradicts itself.
    Corrupt = "corrupt";
    /// An archive in an archive in the upload; only the first one inside is opened.
    NestedArchive = "nested_archive";
    /// The path has more folders than allowed.
    TooDeep = "too_deep";
    /// A file, or the sum of all files, is larger than allowed.
    TooLarge = "too_large";
    /// The archive holds more entries than allowed.
    TooManyEntries = "too_many_entries";
    /// Unpacked size against packed size is beyond what real documents reach (a decompression bomb).
    SuspiciousRatio = "suspicious_ratio";
    /// The path is absolute or leaves the archive's root.
    PathEscapesRoot = "path_escapes_root";
    /// The path is not valid text, is empty or is longer than allowed.
    InvalidPath = "invalid_path";
    /// A symbolic or hard link.
    Link = "link";
    /// A device, pipe or socket, or a name that a system reserves for a device (`CON`, `NUL`, `COM1`).
    DeviceName = "device_name";
    /// The same path occurs twice; the first one was taken.
    DuplicatePath = "duplicate_path";
    /// Not text: an image, a program, a font.
    Binary = "binary";
    /// A document format that is not read yet.
    UnsupportedFormat = "unsupported_format";
    /// A compression or container method that is not read.
    UnsupportedCompression = "unsupported_compression";
    /// No known encoding gives readable text.
    UnknownEncoding = "unknown_encoding";
    /// The file holds no text.
    Empty = "empty";
    /// The parser of this format gave up.
    ParseFailed = "parse_failed";
    /// The format nests deeper than allowed (JSON, HTML).
    NestedTooDeep = "nested_too_deep";
    /// Unpacking would take more memory than allowed (a dictionary, a window, a directory).
    MemoryLimit = "memory_limit";
    /// The document has more pages (slides, sheets, messages) than allowed; or the site or wiki has.
    TooManyPages = "too_many_pages";
    /// Reading it took longer than allowed.
    TimedOut = "timed_out";
    /// The reader of this format broke down on it, alone in its process.
    ReaderCrashed = "reader_crashed";
    /// The source lists it and does not have it.
    NotFound = "not_found";
    /// The source does not show it to the given account.
    AccessDenied = "access_denied";
    /// The source did not answer, however often it was asked.
    Unreachable = "unreachable";
    /// Its address leads where this installation does not go (a private network).
    AddressRefused = "address_refused";
    /// The site asks robots not to read it.
    RobotsDisallowed = "robots_disallowed";
    /// A repository in a repository; it can be a source of its own.
    Submodule = "submodule";
    /// The repository holds only a pointer; the content lies in its large file storage.
    LfsPointer = "lfs_pointer";
    /// The source no longer shows most of its documents; they are kept until somebody says that they are really gone.
    RemovalsHeld = "removals_held";
}

/// A code that this version does not know (a newer version wrote the row).
#[derive(Debug, thiserror::Error)]
#[error("unknown problem code {0:?}")]
pub struct UnknownProblemCode(pub String);

/// One thing that could not be read, told to the person who uploaded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Path inside the upload; `None` where the upload as a whole is meant.
    pub path: Option<String>,
    pub code: ProblemCode,
    /// One sentence with the figures that help ("412 MiB unpacked, 256 MiB are allowed").
    pub message: String,
}

impl Problem {
    pub fn of_file(path: impl Into<String>, code: ProblemCode, message: impl Into<String>) -> Self {
        Self {
            path: Some(path.into()),
            code,
            message: message.into(),
        }
    }

    pub fn of_upload(code: ProblemCode, message: impl Into<String>) -> Self {
        Self {
            path: None,
            code,
            message: message.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_back_from_its_text() {
        for code in ProblemCode::ALL {
            assert_eq!(code.as_str().parse::<ProblemCode>().unwrap(), *code);
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
