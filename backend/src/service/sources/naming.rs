//! What sources are called that nobody gave a name: by where they are, and by what of it is read, so that two branches or
//! folders of one repository are two sources.

use nexus_domain::source::MAX_NAME_CHARS;
use nexus_domain::{ContentHash, Remote};
use url::Url;

/// A name for people.
pub(super) fn default_name(remote: &Remote) -> String {
    let base = name_of(remote.url());
    bounded(&match part_of(remote) {
        Some(part) => format!("{base} ({part})"),
        None => base,
    })
}

/// The name that a source of this address was given before names told what of it is read.
pub(super) fn earlier_name(remote: &Remote) -> String {
    let name: String = name_of(remote.url()).chars().take(MAX_NAME_CHARS).collect();
    named(name)
}

/// What of the address is read, unless it is all of it.
fn part_of(remote: &Remote) -> Option<String> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    match remote {
        Remote::Git(git) => {
            let folder = given(&git.folder).map(|folder| folder.trim_matches('/').to_owned());
            let folder = folder.filter(|folder| !folder.is_empty());
            match (given(&git.branch), folder) {
                (None, None) => None,
                (Some(branch), None) => Some(branch),
                (None, Some(folder)) => Some(format!("/{folder}")),
                (Some(branch), Some(folder)) => Some(format!("{branch}:/{folder}")),
            }
        }
        Remote::Web(web) => given(&web.prefix).map(|prefix| name_of(&prefix)),
        Remote::MediaWiki(wiki) => {
            let numbers: Vec<String> = wiki.namespaces.iter().map(i32::to_string).collect();
            (!numbers.is_empty()).then(|| numbers.join(", "))
        }
        Remote::DokuWiki(wiki) => {
            given(&wiki.namespace).map(|namespace| namespace.trim_matches(':').to_owned())
        }
    }
}

/// The host and path of an address.
fn name_of(url: &str) -> String {
    match Url::parse(url) {
        Ok(parsed) => {
            let path = parsed.path().trim_matches('/').trim_end_matches(".git");
            let host = parsed.host_str().unwrap_or_default();
            format!("{host}/{path}").trim_matches('/').to_owned()
        }
        Err(_) => url.to_owned(),
    }
}

/// Names that are cut are still told apart.
fn bounded(name: &str) -> String {
    const HASH: usize = 8;
    if name.chars().count() <= MAX_NAME_CHARS {
        return named(name.to_owned());
    }
    let hash = ContentHash::of(name.as_bytes()).to_string();
    let short: String = hash.chars().take(HASH).collect();
    let cut: String = name.chars().take(MAX_NAME_CHARS - HASH - 1).collect();
    named(format!("{cut}~{short}"))
}

fn named(name: String) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    if name.trim().is_empty() {
        "source".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use nexus_domain::{DokuWikiRemote, GitRemote, MediaWikiRemote, PathFilter, WebRemote};

    use super::*;

    fn git(url: &str, branch: Option<&str>, folder: Option<&str>) -> Remote {
        Remote::Git(GitRemote {
            url: url.to_owned(),
            branch: branch.map(str::to_owned),
            folder: folder.map(str::to_owned),
            filter: PathFilter::default(),
        })
    }

    #[test]
    fn sources_are_called_by_where_they_are() {
        let name = |url| default_name(&git(url, None, Some("/")));
        assert_eq!(
            name("https://github.com/rust-lang/book.git"),
            "github.com/rust-lang/book"
        );
        assert_eq!(name("https://docs.example.org/"), "docs.example.org");
        assert_eq!(name("file:///srv/repos/a.git"), "srv/repos/a");
    }

    #[test]
    fn branches_and_folders_of_one_repository_have_names_of_their_own() {
        let url = "https://github.com/o/r.git";
        for (branch, folder, name) in [
            (None, None, "github.com/o/r"),
            (Some("next"), None, "github.com/o/r (next)"),
            (None, Some("docs/"), "github.com/o/r (/docs)"),
            (Some("next"), Some("docs"), "github.com/o/r (next:/docs)"),
        ] {
            assert_eq!(default_name(&git(url, branch, folder)), name);
        }
        assert_eq!(earlier_name(&git(url, Some("next"), None)), "github.com/o/r");
    }

    #[test]
    fn parts_of_sites_and_wikis_have_names_of_their_own() {
        let filter = PathFilter::default;
        let web = Remote::Web(WebRemote {
            url: "https://x.org/".to_owned(),
            prefix: Some("https://x.org/docs/".to_owned()),
            max_pages: None,
            filter: filter(),
        });
        let media = Remote::MediaWiki(MediaWikiRemote {
            url: "https://x.org/w/api.php".to_owned(),
            namespaces: vec![0, 12],
            filter: filter(),
        });
        let doku = Remote::DokuWiki(DokuWikiRemote {
            url: "https://x.org/wiki/".to_owned(),
            namespace: Some("team:".to_owned()),
            filter: filter(),
        });
        assert_eq!(default_name(&web), "x.org (x.org/docs)");
        assert_eq!(default_name(&media), "x.org/w/api.php (0, 12)");
        assert_eq!(default_name(&doku), "x.org/wiki (team)");
    }

    #[test]
    fn names_that_are_cut_are_told_apart() {
        let long = |end: &str| {
            let folder = format!("{}{end}", "a".repeat(400));
            default_name(&git("https://x.org/r", None, Some(&folder)))
        };
        assert_eq!(long("1").chars().count(), MAX_NAME_CHARS);
        assert_ne!(long("1"), long("2"));
    }
}
