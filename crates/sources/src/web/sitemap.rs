//! Sitemaps (sitemaps.org): the list of pages that a site gives itself, also packed, also in parts.

use std::collections::{HashSet, VecDeque};
use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use nexus_domain::{ContentHash, Problem, ProblemCode};
use url::Url;

use super::scope::{Scope, normalise};
use super::urlset;
use crate::http::{HttpError, Request};
use crate::patient::{Answer, Failure, Patient, Terms};
use crate::{Context, SourceError};

/// What the protocol allows to one file, unpacked.
const MOST_BYTES: u64 = 50 << 20;
/// Files that are read of one site, and how deep indexes lie in indexes.
const MOST_FILES: usize = 500;
const MOST_DEPTH: u32 = 2;
/// Pages that are told apart to be counted.
const MOST_COUNTED: usize = 500_000;

/// A page as a sitemap lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) url: Url,
    pub(super) lastmod: Option<String>,
}

/// All pages within the scope.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) pages: Vec<Listed>,
    /// Different pages within the scope, taken or not.
    pub(super) total: u64,
    /// Whether all files were read to their end.
    pub(super) is_whole: bool,
    pub(super) problems: Vec<Problem>,
}

/// Reads sitemaps and what they lead to, as far as `most` pages.
pub(super) fn collect(
    roots: impl IntoIterator<Item = Url>,
    most: u64,
    scope: &Scope,
    context: &Context<'_>,
    patient: &Patient<'_>,
) -> Result<Listing, SourceError> {
    let mut queue: VecDeque<(Url, u32)> = roots.into_iter().map(|url| (url, 0)).collect();
    let mut met: HashSet<Url> = queue.iter().map(|(url, _)| url.clone()).collect();
    let mut counted = HashSet::new();
    let mut listing = Listing {
        is_whole: true,
        ..Listing::default()
    };
    let most_bytes = MOST_BYTES.min(context.limits.file_bytes);
    let mut files = 0;
    while let Some((url, depth)) = queue.pop_front() {
        if files == MOST_FILES {
            let message = format!(
                "The sitemap lists {} more parts, {MOST_FILES} are allowed",
                queue.len() + 1
            );
            listing.fails(ProblemCode::TooManyEntries, message);
            break;
        }
        files += 1;
        let bytes = match fetch(&url, most_bytes, patient) {
            Ok(bytes) => bytes,
            Err(Missed::Ends(error)) => return Err(error),
            Err(Missed::Because(code, message)) => {
                listing.fails(code, message);
                continue;
            }
        };
        let read = urlset::read(&bytes, &mut |entry| {
            let Some(target) = url.join(&entry.loc).ok().and_then(normalise) else {
                return;
            };
            if entry.is_sitemap {
                if depth < MOST_DEPTH && met.len() < 4 * MOST_FILES && met.insert(target.clone()) {
                    queue.push_back((target, depth + 1));
                }
            } else if scope.admits(&target)
                && counted.len() < MOST_COUNTED
                && counted.insert(*ContentHash::of(target.as_str().as_bytes()).as_bytes())
                && (listing.pages.len() as u64) < most
            {
                let lastmod = entry.lastmod.filter(|text| text.len() <= 64);
                listing.pages.push(Listed { url: target, lastmod });
            }
        });
        if let Err(reason) = read {
            listing.fails(
                ProblemCode::ParseFailed,
                format!("The sitemap {url} is damaged: {reason}"),
            );
        }
    }
    listing.total = counted.len() as u64;
    Ok(listing)
}

impl Listing {
    fn fails(&mut self, code: ProblemCode, message: String) {
        self.is_whole = false;
        self.problems.push(Problem::of_upload(code, message));
    }
}

/// Why there is no sitemap.
enum Missed {
    Ends(SourceError),
    Because(ProblemCode, String),
}

fn fetch(url: &Url, most: u64, patient: &Patient<'_>) -> Result<Vec<u8>, Missed> {
    let terms = Terms {
        most,
        wants: &|_| true,
        follows: &|_| true,
    };
    let because = |code, why: String| Err(Missed::Because(code, format!("The sitemap {url} {why}")));
    let answer: Answer = match patient.ask(&Request::get(url.clone()), &terms) {
        Ok(answer) => answer,
        Err(Failure::Ends(error)) => return Err(Missed::Ends(error)),
        Err(Failure::Refused(HttpError::Refused(refused))) => {
            return because(ProblemCode::AddressRefused, format!("is not fetched: {refused}"));
        }
        Err(Failure::Refused(error)) => {
            return because(ProblemCode::Unreachable, format!("is not reached: {error}"));
        }
        Err(Failure::Unreachable { reason, .. }) => {
            return because(ProblemCode::Unreachable, format!("is not reached: {reason}"));
        }
    };
    match answer.status.as_u16() {
        200..=299 if answer.has_more => because(
            ProblemCode::TooLarge,
            format!("is larger than the {most} bytes that are allowed"),
        ),
        200..=299 => match unpacked(answer.bytes, most) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => because(
                ProblemCode::TooLarge,
                format!("unpacks to more than the {most} bytes that are allowed"),
            ),
            Err(error) => because(ProblemCode::Corrupt, format!("cannot be unpacked: {error}")),
        },
        401 | 403 => because(ProblemCode::AccessDenied, "is not shown to us".into()),
        404 | 410 => because(ProblemCode::NotFound, "does not exist".into()),
        status => because(ProblemCode::Unreachable, format!("answers {status}")),
    }
}

/// `None` where it is larger than allowed.
fn unpacked(bytes: Vec<u8>, most: u64) -> std::io::Result<Option<Vec<u8>>> {
    if !bytes.starts_with(b"\x1f\x8b") {
        return Ok(Some(bytes));
    }
    let mut plain = Vec::new();
    MultiGzDecoder::new(bytes.as_slice())
        .take(most.saturating_add(1))
        .read_to_end(&mut plain)?;
    Ok((plain.len() as u64 <= most).then_some(plain))
}
