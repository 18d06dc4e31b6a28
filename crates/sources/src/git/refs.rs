//! What a repository says of itself before anything is fetched: its branches and what its server can do
//! (`gitprotocol-pack`, "Reference Discovery").

use std::io::Read;

use git2::{Oid, Reference};

use super::packet::{Packet, PacketError, Packets};
use crate::SourceError;

/// How many branches are named where the wanted one is missing, and how long a name may be to be named.
const SHOWN_BRANCHES: usize = 5;
const SHOWN_BYTES: usize = 80;
/// Most references that are looked through. Large projects have some hundred thousand (each pull request is one).
const MOST_REFERENCES: u64 = 5_000_000;

/// What the server can do that matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    pub(super) side_band: bool,
    pub(super) offset_deltas: bool,
    /// Deltas against what is there already.
    pub(super) thin: bool,
    pub(super) no_progress: bool,
    /// A commit without its history.
    pub(super) shallow: bool,
    /// Everything but large blobs.
    pub(super) filter: bool,
}

/// Some branches that exist, for people.
#[derive(Debug, Default)]
pub(super) struct Branches {
    shown: Vec<String>,
    count: u64,
}

impl Branches {
    pub(super) fn add(&mut self, name: &str) {
        self.count += 1;
        let is_fit = name.len() <= SHOWN_BYTES && Reference::is_valid_name(&format!("refs/heads/{name}"));
        if is_fit && self.shown.len() < SHOWN_BRANCHES {
            self.shown.push(name.to_owned());
        }
    }

    /// Why there is nothing to read under this name, or under none.
    pub(super) fn lacks(&self, branch: Option<&str>) -> SourceError {
        if self.count == 0 {
            return SourceError::refused("not_found", "the repository is empty: it has no branch yet");
        }
        let shown = self.shown.join(", ");
        let more = match self.count - self.shown.len() as u64 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let what = match branch {
            Some(branch) => format!("the repository has no branch {branch:?}"),
            None => "the repository's default branch does not exist; name a branch".to_owned(),
        };
        SourceError::refused("not_found", format!("{what}; there are {shown}{more}"))
    }
}

#[derive(Debug)]
pub(super) struct Advertisement {
    /// The commit of the wanted branch, or of the default one.
    pub(super) commit: Option<Oid>,
    pub(super) branches: Branches,
    pub(super) capabilities: Capabilities,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum RefsError {
    #[error(transparent)]
    Packet(#[from] PacketError),
    #[error("{0}")]
    Told(String),
    #[error("the repository names its objects by SHA-256, which is not read")]
    Sha256,
}

/// Reads what the server says; references that nobody asked for are passed by.
pub(super) fn read<R: Read>(
    packets: &mut Packets<R>,
    branch: Option<&str>,
) -> Result<Advertisement, RefsError> {
    match packets.next()? {
        Some(Packet::Line(line)) if trimmed(line) == b"# service=git-upload-pack" => {}
        Some(Packet::Line(line)) if line.starts_with(b"ERR ") => return Err(told(line)),
        _ => return Err(PacketError::Malformed.into()),
    }
    if packets.next()? != Some(Packet::Flush) {
        return Err(PacketError::Malformed.into());
    }
    let mut found = Advertisement {
        commit: None,
        branches: Branches::default(),
        capabilities: Capabilities::default(),
    };
    let wanted = branch.map(|branch| format!("refs/heads/{branch}"));
    let wanted = wanted.as_deref().unwrap_or("HEAD");
    let mut is_first = true;
    for _ in 0..MOST_REFERENCES {
        let line = match packets.next()? {
            Some(Packet::Line(line)) => line,
            Some(Packet::Flush) => return Ok(found),
            None => return Err(broken()),
        };
        if line.starts_with(b"ERR ") {
            return Err(told(line));
        }
        let line = String::from_utf8_lossy(trimmed(line));
        let (reference, capabilities) = line.split_once('\0').unwrap_or((&line, ""));
        if std::mem::take(&mut is_first) {
            found.capabilities = read_capabilities(capabilities)?;
        }
        let (id, name) = reference.split_once(' ').ok_or(PacketError::Malformed)?;
        let id = object_id(id)?;
        if id.is_zero() {
            continue;
        }
        if name == wanted {
            found.commit = Some(id);
        }
        if let Some(name) = name.strip_prefix("refs/heads/") {
            found.branches.add(name);
        }
    }
    Err(RefsError::Told(format!(
        "the repository has more than {MOST_REFERENCES} references"
    )))
}

fn read_capabilities(text: &str) -> Result<Capabilities, RefsError> {
    let mut found = Capabilities::default();
    for capability in text.split(' ') {
        match capability {
            "side-band-64k" => found.side_band = true,
            "ofs-delta" => found.offset_deltas = true,
            "thin-pack" => found.thin = true,
            "no-progress" => found.no_progress = true,
            "shallow" => found.shallow = true,
            "filter" => found.filter = true,
            "object-format=sha256" => return Err(RefsError::Sha256),
            _ => {}
        }
    }
    Ok(found)
}

fn object_id(text: &str) -> Result<Oid, RefsError> {
    match text.len() {
        40 => Oid::from_str(text).map_err(|_| PacketError::Malformed.into()),
        64 => Err(RefsError::Sha256),
        _ => Err(PacketError::Malformed.into()),
    }
}

fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

fn broken() -> RefsError {
    PacketError::Broken(std::io::ErrorKind::UnexpectedEof.into()).into()
}

/// What the server says went wrong, fit to be shown.
fn told(line: &[u8]) -> RefsError {
    RefsError::Told(nexus_ingest::shown_path(
        String::from_utf8_lossy(line.strip_prefix(b"ERR ").unwrap_or(line)).trim(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::packet;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    fn advertised(lines: &[String], branch: Option<&str>) -> Result<Advertisement, RefsError> {
        let mut bytes = Vec::new();
        packet::write(&mut bytes, "# service=git-upload-pack\n");
        bytes.extend_from_slice(packet::FLUSH);
        for line in lines {
            packet::write(&mut bytes, line);
        }
        bytes.extend_from_slice(packet::FLUSH);
        read(&mut Packets::new(bytes.as_slice(), 1 << 20), branch)
    }

    #[test]
    fn the_wanted_branch_is_found() {
        let lines = [
            format!("{ONE} HEAD\0side-band-64k shallow filter symref=HEAD:refs/heads/main\n"),
            format!("{TWO} refs/heads/dev\n"),
            format!("{ONE} refs/heads/main\n"),
            format!("{TWO} refs/tags/v1^{{}}\n"),
        ];
        let found = advertised(&lines, None).unwrap();
        assert_eq!(found.commit.unwrap().to_string(), ONE);
        assert!(found.capabilities.shallow && found.capabilities.filter && !found.capabilities.offset_deltas);
        let found = advertised(&lines, Some("dev")).unwrap();
        assert_eq!(found.commit.unwrap().to_string(), TWO);
        let found = advertised(&lines, Some("gone")).unwrap();
        assert_eq!(found.commit, None);
        let error = found.branches.lacks(Some("gone")).to_string();
        assert_eq!(
            error,
            "the repository has no branch \"gone\"; there are dev, main"
        );
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let zero = "0".repeat(40);
        let found = advertised(&[format!("{zero} capabilities^{{}}\0shallow\n")], None).unwrap();
        assert!(found.commit.is_none());
        assert!(found.branches.lacks(None).to_string().contains("empty"));
        let sha256 = format!("{} HEAD\0object-format=sha256\n", "1".repeat(64));
        assert!(matches!(advertised(&[sha256], None), Err(RefsError::Sha256)));
        let refused = advertised(&["ERR access\u{7} denied\n".to_owned()], None).unwrap_err();
        assert_eq!(refused.to_string(), "access\u{fffd} denied");
        assert!(advertised(&["123 HEAD\n".to_owned()], None).is_err());
    }
}
