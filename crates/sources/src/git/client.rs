//! Git's "smart" protocol over HTTP (`gitprotocol-http`, versions 0 and 1), as far as reading one commit needs it. It is
//! spoken here and not by libgit2, so that each sync has its own way out, its own credential and its own bounds.

use std::fmt;
use std::io::Read;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::SecretString;
use url::Url;

use super::attempt::{Setback, retry_after};
use super::packet::{Packet, PacketError, Packets};
use super::refs::{self, Advertisement, RefsError};
use super::wish::Wish;
use crate::pace::{Ended, Paced};
use crate::{
    AddressRefused, Context, Credential, Http, HttpError, Pace, Request, Response, SourceError, Watch,
};

/// Where the list of references ends at the latest. A million of them take some 70 MB.
const MOST_REFERENCE_BYTES: u64 = 512 << 20;
const REFERENCES: &str = "application/x-git-upload-pack-advertisement";
const WISH: &str = "application/x-git-upload-pack-request";
const PACK: &str = "application/x-git-upload-pack-result";

/// One repository on one server.
pub(super) struct Client<'a> {
    http: &'a Http,
    /// As it was given.
    url: Url,
    host: String,
    /// Where the repository really is, once a redirect has told.
    base: Url,
    /// Ways to show the credential, the next one first.
    ways: Vec<Credential>,
    watch: &'a dyn Watch,
    pace: Pace,
}

impl fmt::Debug for Client<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl<'a> Client<'a> {
    pub(super) fn new(url: &Url, context: &Context<'a>) -> Self {
        let host = url.host_str().unwrap_or_default().to_owned();
        Self {
            http: context.http,
            url: url.clone(),
            base: url.clone(),
            ways: context
                .credential
                .map_or(Vec::new(), |credential| ways(credential, &host)),
            host,
            watch: context.watch,
            pace: context.settings.pace,
        }
    }

    /// Asks for the branches. A redirect of the repository shows here and is kept for what follows.
    pub(super) fn references(&mut self, branch: Option<&str>) -> Result<Advertisement, Setback> {
        let response = loop {
            let mut request = Request::get(below(&self.url, "info/refs"));
            request.url.set_query(Some("service=git-upload-pack"));
            request.credential = self.ways.first().cloned();
            let response = self.sent(request)?;
            if response.status != StatusCode::UNAUTHORIZED || self.ways.len() < 2 {
                break response;
            }
            self.ways.remove(0);
        };
        let response = self.answer(response, REFERENCES)?;
        self.base = response.url.clone();
        self.base.set_query(None);
        match response.url.path().strip_suffix("/info/refs") {
            Some(path) => self.base.set_path(path),
            None => return Err(self.not_git().into()),
        }
        let mut packets = Packets::new(self.paced(response), MOST_REFERENCE_BYTES);
        let found = refs::read(&mut packets, branch).map_err(|error| match error {
            RefsError::Packet(error) => self.broken(error),
            RefsError::Sha256 => SourceError::refused("invalid_source", error.to_string()).into(),
            RefsError::Told(told) => SourceError::refused("not_found", self.says(&told)).into(),
        })?;
        if !found.capabilities.side_band {
            let why = format!("the git server at {} is too old to be read from", self.host);
            return Err(SourceError::refused("invalid_source", why).into());
        }
        Ok(found)
    }

    /// Fetches what is wanted, within `most` bytes, and hands the pack out as it comes.
    pub(super) fn fetch(
        &self,
        wish: &Wish,
        most: u64,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Setback>,
    ) -> Result<(), Setback> {
        let mut request = Request::get(below(&self.base, "git-upload-pack"));
        request.method = Method::POST;
        request
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(WISH));
        request.headers.insert(ACCEPT, HeaderValue::from_static(PACK));
        request.body = Some(wish.body());
        if self.base.origin() == self.url.origin() {
            request.credential = self.ways.first().cloned();
        }
        let response = self.sent(request)?;
        let response = self.answer(response, PACK)?;
        let mut packets = Packets::new(self.paced(response), most);
        self.unwrap(&mut packets, take)
    }

    /// What comes before a pack says nothing that is not known; the pack itself comes in the first of three bands.
    fn unwrap<R: Read>(
        &self,
        packets: &mut Packets<R>,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Setback>,
    ) -> Result<(), Setback> {
        while let Some(packet) = packets.next().map_err(|error| self.broken(error))? {
            match packet {
                Packet::Line([1, data @ ..]) => take(data)?,
                // The server's progress, in words.
                Packet::Flush | Packet::Line([] | [2, ..]) => {}
                Packet::Line([3, told @ ..]) => return Err(self.failed(told)),
                Packet::Line(line) => match line.strip_prefix(b"ERR ") {
                    Some(told) => return Err(self.failed(told)),
                    None if is_answer(line) => {}
                    None => return Err(self.broken(PacketError::Malformed)),
                },
            }
        }
        Ok(())
    }

    fn sent(&self, request: Request) -> Result<Response, Setback> {
        self.http.send(request).map_err(|error| match error {
            HttpError::Refused(AddressRefused::HoldsCredential) => {
                SourceError::refused("invalid_source", error.to_string()).into()
            }
            HttpError::Refused(_) => SourceError::refused("address_refused", error.to_string()).into(),
            HttpError::TooManyRedirects(_) | HttpError::BadRedirect { .. } => {
                SourceError::refused("invalid_source", error.to_string()).into()
            }
            HttpError::Unreachable { .. } | HttpError::Setup(_) => Setback::passing(error.to_string()),
        })
    }

    fn answer(&self, response: Response, wanted: &str) -> Result<Response, Setback> {
        let Self { host, .. } = self;
        let status = response.status;
        let refused = |code, why: String| Err(SourceError::refused(code, why).into());
        match status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if !self.ways.is_empty() => {
                let why = format!("{host} does not let this credential read the repository ({status})");
                return refused("access_denied", why);
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return refused("access_denied", absent(host));
            }
            StatusCode::NOT_FOUND | StatusCode::GONE if !self.ways.is_empty() => {
                let why = format!("{host} has no such repository, or does not show it to this credential");
                return refused("not_found", why);
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => return refused("not_found", absent(host)),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                return Err(Setback::Passing {
                    reason: format!("{host} asks to come back later ({status})"),
                    retry_after: retry_after(&response.headers),
                });
            }
            _ if status.is_server_error() => {
                return Err(Setback::Passing {
                    reason: format!("{host} has trouble ({status})"),
                    retry_after: retry_after(&response.headers),
                });
            }
            _ => return refused("invalid_source", format!("{host} answers {status}")),
        }
        let kind = response
            .headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
        if kind == Some(wanted) {
            Ok(response)
        } else {
            Err(self.not_git().into())
        }
    }

    fn not_git(&self) -> SourceError {
        let why = format!("no git repository answers at this address of {}", self.host);
        SourceError::refused("invalid_source", why)
    }

    pub(super) fn broke_off(&self) -> Setback {
        Setback::passing(format!("the connection to {} broke off", self.host))
    }

    /// The answer's body, as long as it is wanted and comes fast enough.
    fn paced(&self, response: Response) -> Paced<'a, impl Read + use<>> {
        Paced::new(response.into_reader(), self.watch, self.pace)
    }

    fn broken(&self, error: PacketError) -> Setback {
        match error {
            PacketError::Broken(error) => match Ended::of(&error) {
                Some(Ended::Stopped) => SourceError::Stopped.into(),
                Some(slow) => Setback::passing(format!("{} is too slow: {slow}", self.host)),
                None => self.broke_off(),
            },
            PacketError::Malformed => self.not_git().into(),
            PacketError::TooLarge(most) => {
                let why = format!("{} sends more than the {most} bytes that are allowed", self.host);
                SourceError::refused("too_large", why).into()
            }
        }
    }

    /// What the server says when it has begun to answer: mostly that the branch has moved on meanwhile.
    fn failed(&self, told: &[u8]) -> Setback {
        Setback::passing(self.says(String::from_utf8_lossy(told).trim()))
    }

    fn says(&self, told: &str) -> String {
        format!("{} says: {}", self.host, nexus_ingest::shown_path(told))
    }
}

fn is_answer(line: &[u8]) -> bool {
    [&b"NAK"[..], b"ACK ", b"shallow ", b"unshallow "]
        .iter()
        .any(|start| line.starts_with(start))
}

fn absent(host: &str) -> String {
    format!("{host} has no such repository, or it is private; give a token")
}

fn below(base: &Url, rest: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{rest}", base.path().trim_end_matches('/')));
    url
}

/// Git hosts take a token in the place of a password, under a name that does not matter but on some; the few that take
/// it as a bearer's are asked so when they refuse it.
fn ways(credential: &Credential, host: &str) -> Vec<Credential> {
    let Credential::Bearer(token) = credential else {
        return vec![credential.clone()];
    };
    let user = if host.contains("bitbucket") {
        "x-token-auth"
    } else if host.contains("gitlab") {
        "oauth2"
    } else {
        "x-access-token"
    };
    let password = SecretString::clone(token);
    vec![
        Credential::Basic {
            user: user.to_owned(),
            password,
        },
        credential.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_as_the_host_takes_it() {
        let token = Credential::Bearer("t".into());
        let user = |host| match ways(&token, host).first() {
            Some(Credential::Basic { user, .. }) => user.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(user("gitlab.com"), "oauth2");
        assert_eq!(user("bitbucket.org"), "x-token-auth");
        assert_eq!(user("git.example.org"), "x-access-token");
    }
}
