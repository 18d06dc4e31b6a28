//! What a source knows of a file besides its bytes.

use nexus_domain::LineRange;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// A better title than the file's text or name gives (a wiki page's).
    pub title: Option<String>,
    pub link: Option<Link>,
    /// What the source calls this content: equal to that of the last sync means that the file need not be fetched.
    pub fingerprint: Option<String>,
}

/// Where people find the original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Without a fragment.
    pub url: String,
    pub places: Places,
}

/// How a link leads to a place in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Places {
    /// By the anchors and pages that its text was extracted with.
    Anchors,
    /// `#L10-L20`: GitHub, Gitea, Forgejo.
    GitHubLines,
    /// `#L10-20`: GitLab.
    GitLabLines,
    /// `#lines-10:20`: Bitbucket.
    BitbucketLines,
    /// The link leads to the document as a whole.
    Whole,
}

impl Places {
    /// The fragment for these lines, for forges.
    pub fn of_lines(self, lines: LineRange) -> Option<String> {
        let LineRange { first, last } = lines;
        match self {
            Self::GitHubLines => Some(format!("L{first}-L{last}")),
            Self::GitLabLines => Some(format!("L{first}-{last}")),
            Self::BitbucketLines => Some(format!("lines-{first}:{last}")),
            Self::Anchors | Self::Whole => None,
        }
    }
}
