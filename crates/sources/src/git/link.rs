//! Where people find a file of a repository: a permalink at the commit, on forges whose addresses are known.

use nexus_ingest::{Link, Places};
use url::Url;

/// Files that a wiki shows as pages (github.com/gollum/gollum, "Page Files").
const PAGES: [&str; 12] = [
    "md",
    "markdown",
    "mediawiki",
    "wiki",
    "rst",
    "adoc",
    "asciidoc",
    "org",
    "textile",
    "creole",
    "pod",
    "rdoc",
];
/// The parts around every page, which are none themselves.
const AROUND: [&str; 3] = ["_Sidebar", "_Footer", "_Header"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    GitHub,
    GitLab,
    Bitbucket,
    /// And Forgejo, which kept its addresses.
    Gitea,
}

/// A repository on a forge.
#[derive(Clone, Debug)]
pub(super) struct Forge {
    kind: Kind,
    /// Where people see the repository; for a wiki, the repository that it belongs to.
    base: Url,
    is_wiki: bool,
}

impl Forge {
    /// `None` unless the host's name tells what it runs: a wrong link is worse than none.
    pub(super) fn of(url: &Url) -> Option<Self> {
        let host = url.host_str()?;
        let names = |part: &str| host.contains(part);
        let kind = if names("gitlab") {
            Kind::GitLab
        } else if names("github") {
            Kind::GitHub
        } else if names("bitbucket") {
            Kind::Bitbucket
        } else if names("gitea") || names("forgejo") || names("codeberg") {
            Kind::Gitea
        } else {
            return None;
        };
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let wiki = (kind != Kind::Bitbucket)
            .then(|| path.strip_suffix(".wiki"))
            .flatten();
        let mut base = url.clone();
        base.set_path(wiki.unwrap_or(path));
        base.set_query(None);
        base.set_fragment(None);
        // An address with a credential is refused long before; a link must not hold one whatever happens.
        base.set_username("").ok()?;
        base.set_password(None).ok()?;
        Some(Self {
            kind,
            base,
            is_wiki: wiki.is_some(),
        })
    }

    /// The link to a file, by its path from the repository's root.
    pub(super) fn link(&self, commit: &str, path: &str) -> Option<Link> {
        if self.is_wiki {
            return self.page(path);
        }
        let (between, places): (&[&str], _) = match self.kind {
            Kind::GitHub => (&["blob", commit], Places::GitHubLines),
            Kind::GitLab => (&["-", "blob", commit], Places::GitLabLines),
            Kind::Bitbucket => (&["src", commit], Places::BitbucketLines),
            Kind::Gitea => (&["src", "commit", commit], Places::GitHubLines),
        };
        self.below(between.iter().copied().chain(path.split('/')), places)
    }

    /// The name of a wiki's page, as people read it.
    pub(super) fn title(&self, path: &str) -> Option<String> {
        self.is_wiki.then(|| page_name(path)).flatten().map(|name| {
            let name = name.rsplit('/').next().unwrap_or(name);
            name.replace('-', " ")
        })
    }

    fn page(&self, path: &str) -> Option<Link> {
        let name = page_name(path)?;
        let (between, name): (&[&str], _) = match self.kind {
            // Folders do not show in the addresses of GitHub's pages.
            Kind::GitHub => (&["wiki"], name.rsplit('/').next().unwrap_or(name)),
            Kind::GitLab => (&["-", "wikis"], name),
            Kind::Gitea | Kind::Bitbucket => (&["wiki"], name),
        };
        self.below(between.iter().copied().chain(name.split('/')), Places::Anchors)
    }

    fn below<'a>(&self, parts: impl IntoIterator<Item = &'a str>, places: Places) -> Option<Link> {
        let mut url = self.base.clone();
        url.path_segments_mut().ok()?.pop_if_empty().extend(parts);
        Some(Link {
            url: url.into(),
            places,
        })
    }
}

/// The path of a page without its ending; `None` for what is no page.
fn page_name(path: &str) -> Option<&str> {
    let (name, ending) = path.rsplit_once('.')?;
    let last = name.rsplit('/').next().unwrap_or(name);
    let is_page = PAGES.iter().any(|page| ending.eq_ignore_ascii_case(page));
    (is_page && !last.is_empty() && !AROUND.contains(&last)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(repository: &str, path: &str) -> Option<(String, Places)> {
        let forge = Forge::of(&Url::parse(repository).unwrap())?;
        forge.link("c0ffee", path).map(|link| (link.url, link.places))
    }

    #[test]
    fn files_are_linked_at_the_commit() {
        for (repository, wanted, places) in [
            (
                "https://github.com/o/r.git",
                "https://github.com/o/r/blob/c0ffee/a/b.md",
                Places::GitHubLines,
            ),
            (
                "https://gitlab.com/g/sub/r",
                "https://gitlab.com/g/sub/r/-/blob/c0ffee/a/b.md",
                Places::GitLabLines,
            ),
            (
                "https://gitlab.example.org:8443/g/r.git",
                "https://gitlab.example.org:8443/g/r/-/blob/c0ffee/a/b.md",
                Places::GitLabLines,
            ),
            (
                "https://codeberg.org/o/r.git",
                "https://codeberg.org/o/r/src/commit/c0ffee/a/b.md",
                Places::GitHubLines,
            ),
            (
                "https://bitbucket.org/o/r.git",
                "https://bitbucket.org/o/r/src/c0ffee/a/b.md",
                Places::BitbucketLines,
            ),
        ] {
            assert_eq!(link(repository, "a/b.md"), Some((wanted.to_owned(), places)));
        }
        assert_eq!(link("https://example.org/o/r.git", "a/b.md"), None);
    }

    #[test]
    fn paths_are_encoded_by_segment() {
        let (url, _) = link("https://github.com/o/r", "папка/a b#1?100%.md").unwrap();
        assert_eq!(
            url,
            "https://github.com/o/r/blob/c0ffee/%D0%BF%D0%B0%D0%BF%D0%BA%D0%B0/a%20b%231%3F100%25.md"
        );
    }

    #[test]
    fn pages_of_wikis_are_linked_as_people_see_them() {
        let page = |repository, path| link(repository, path).map(|(url, _)| url);
        assert_eq!(
            page("https://github.com/o/r.wiki.git", "guides/Getting-Started.md").unwrap(),
            "https://github.com/o/r/wiki/Getting-Started"
        );
        assert_eq!(
            page("https://gitlab.com/g/r.wiki.git", "guides/start.md").unwrap(),
            "https://gitlab.com/g/r/-/wikis/guides/start"
        );
        assert_eq!(page("https://github.com/o/r.wiki.git", "_Sidebar.md"), None);
        assert_eq!(page("https://github.com/o/r.wiki.git", "image.png"), None);
        let forge = Forge::of(&Url::parse("https://github.com/o/r.wiki.git").unwrap()).unwrap();
        assert_eq!(
            forge.title("guides/Getting-Started.md").as_deref(),
            Some("Getting Started")
        );
        let forge = Forge::of(&Url::parse("https://github.com/o/r.git").unwrap()).unwrap();
        assert_eq!(forge.title("Getting-Started.md"), None);
    }
}
