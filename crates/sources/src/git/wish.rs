//! What a server is asked for (`gitprotocol-pack`, "Packfile Negotiation"): one commit, in one round.

use git2::Oid;

use super::packet;
use super::refs::Capabilities;

/// What is wanted of the repository, and what is there already.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) commit: Oid,
    /// The commit whose files are there, and whether it is there without its history.
    pub(super) have: Option<(Oid, bool)>,
    /// Blobs of this size and above may stay away. Only where the server can do it.
    pub(super) omit_from: Option<u64>,
    pub(super) capabilities: Capabilities,
}

impl Wish {
    pub(super) fn body(&self) -> Vec<u8> {
        let has = self.capabilities;
        let mut wanted = format!("want {} side-band-64k", self.commit);
        for (is_used, name) in [
            (has.offset_deltas, " ofs-delta"),
            (has.no_progress, " no-progress"),
            // Without it git tells a shallow client all files again, not only those that differ.
            (has.thin && self.have.is_some(), " thin-pack"),
            (self.omits().is_some(), " filter"),
        ] {
            if is_used {
                wanted.push_str(name);
            }
        }
        let mut body = Vec::new();
        packet::write(&mut body, &format!("{wanted}\n"));
        if has.shallow {
            if let Some((have, true)) = self.have {
                packet::write(&mut body, &format!("shallow {have}\n"));
            }
            packet::write(&mut body, "deepen 1\n");
        }
        if let Some(size) = self.omits() {
            packet::write(&mut body, &format!("filter blob:limit={size}\n"));
        }
        body.extend_from_slice(packet::FLUSH);
        if let Some((have, _)) = self.have {
            packet::write(&mut body, &format!("have {have}\n"));
        }
        packet::write(&mut body, "done\n");
        body
    }

    /// Which blobs will be missing from what comes.
    pub(super) fn omits(&self) -> Option<u64> {
        self.omit_from.filter(|_| self.capabilities.filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(have: Option<(Oid, bool)>, shallow: bool) -> String {
        let wish = Wish {
            commit: Oid::from_str(&"1".repeat(40)).unwrap(),
            have,
            omit_from: Some(100),
            capabilities: Capabilities {
                side_band: true,
                shallow,
                filter: shallow,
                ..Capabilities::default()
            },
        };
        String::from_utf8(wish.body()).unwrap()
    }

    #[test]
    fn a_wish_names_what_is_there() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        assert_eq!(
            wish(None, true),
            format!(
                "0047want {one} side-band-64k filter\n000ddeepen 1\n001afilter blob:limit=100\n00000009done\n"
            )
        );
        let have = Oid::from_str(&two).unwrap();
        let text = wish(Some((have, true)), true);
        assert!(
            text.contains(&format!("0035shallow {two}\n000ddeepen 1\n")),
            "{text}"
        );
        assert!(
            text.ends_with(&format!("00000032have {two}\n0009done\n")),
            "{text}"
        );
        let text = wish(Some((have, false)), false);
        assert!(
            !text.contains("shallow") && !text.contains("deepen") && !text.contains("filter"),
            "{text}"
        );
    }
}
