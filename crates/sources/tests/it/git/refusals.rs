//! What is refused, in which words, and what is never said.

use nexus_sources::{Credential, SourceError};

use super::host::{Host, Temper};
use super::repository::{TestRepository, remote, with};
use crate::git_support::Source;

const SECRET: &str = "ghp-top-secret-token";
/// `x-access-token` and the secret.
const SHOWN: &str = "Basic eC1hY2Nlc3MtdG9rZW46Z2hwLXRvcC1zZWNyZXQtdG9rZW4=";

#[test]
fn an_empty_repository_is_called_empty() {
    let repository = TestRepository::new();
    let host = Host::start();
    let served = host.as_ref().map(|host| host.add("team", &repository));
    for remote in [Some(repository.remote()), served].into_iter().flatten() {
        let outcome = Source::new().sync(&remote);
        let (code, message) = outcome.refused();
        assert_eq!(code, "not_found");
        assert_eq!(message, "the repository is empty: it has no branch yet");
    }
}

#[test]
fn a_missing_branch_is_told_with_those_that_exist() {
    let repository = TestRepository::of(&[("a.md", "a")]);
    for branch in ["b1", "b2", "b3", "b4", "b5", "b6"] {
        repository.commit(branch);
    }
    let host = Host::start();
    let served = host.as_ref().map(|host| host.add("team", &repository));
    for remote in [Some(repository.remote()), served].into_iter().flatten() {
        let missing = with(&remote, |git| git.branch = Some("master".into()));
        let outcome = Source::new().sync(&missing);
        let (code, message) = outcome.refused();
        assert_eq!(code, "not_found");
        assert_eq!(
            message,
            "the repository has no branch \"master\"; there are b1, b2, b3, b4, b5 and 2 more"
        );
        let folder = with(&remote, |git| git.folder = Some("docs/x".into()));
        let outcome = Source::new().sync(&folder);
        assert_eq!(
            outcome.refused(),
            ("not_found", "the branch has no folder \"docs/x\"")
        );
    }
    repository.git.set_head("refs/heads/gone").unwrap();
    let outcome = Source::new().sync(&repository.remote());
    let (code, message) = outcome.refused();
    assert_eq!(code, "not_found");
    assert!(
        message.contains("default branch does not exist") && message.contains("b1, b2"),
        "{message}"
    );
}

#[test]
fn settings_that_cannot_be_meant_are_refused_before_anything_is_asked() {
    let repository = TestRepository::of(&[("a.md", "a")]);
    let Some(host) = Host::start() else { return };
    let good = host.add("team", &repository);
    for (bad, code) in [
        (
            with(&good, |git| git.branch = Some("--upload-pack=id".into())),
            "invalid_source",
        ),
        (
            with(&good, |git| git.folder = Some("../..".into())),
            "invalid_source",
        ),
        (
            with(&good, |git| git.filter.include = vec!["a[".into()]),
            "invalid_source",
        ),
        (
            with(&good, |git| git.url = "git@github.com:o/r.git".into()),
            "invalid_source",
        ),
        (
            with(&good, |git| git.url = "http://10.0.0.1/r.git".into()),
            "address_refused",
        ),
        (
            with(&good, |git| git.url = "http://example.org/r.git".into()),
            "address_refused",
        ),
    ] {
        let outcome = Source::new().sync(&bad);
        assert_eq!(outcome.refused().0, code, "{bad:?}: {outcome:?}");
    }
    assert!(host.asked().is_empty());
    let mut source = Source::new();
    source.settings.local_repositories = false;
    assert_eq!(source.sync(&repository.remote()).refused().0, "address_refused");
    assert_eq!(
        Source::new().sync(&remote("file:///nowhere/at/all")).refused().0,
        "not_found"
    );
}

#[test]
fn a_private_repository_needs_its_token() {
    let repository = TestRepository::of(&[("a.md", "a")]);
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    host.lock("team", SHOWN);
    let mut source = Source::new();
    let outcome = source.sync(&remote);
    let (code, message) = outcome.refused();
    assert_eq!(code, "access_denied");
    assert!(message.contains("private; give a token"), "{message}");
    let outcome = source.sync(&super::repository::remote(&host.url("/other/wiki.git")));
    let (code, message) = outcome.refused();
    assert_eq!(code, "not_found");
    assert!(message.contains("private; give a token"), "{message}");

    source.credential = Some(Credential::Bearer("wrong".into()));
    assert_eq!(source.sync(&remote).refused().0, "access_denied");
    source.credential = Some(Credential::Bearer(SECRET.into()));
    assert_eq!(source.sync(&remote).files(), [("a.md", "a")]);
    source.credential = Some(Credential::Basic {
        user: "x-access-token".into(),
        password: SECRET.into(),
    });
    assert_eq!(source.follow(&remote).files(), [("a.md", "a")]);
    // A host that takes tokens as a bearer's only.
    host.lock("team", &format!("Bearer {SECRET}"));
    let mut source = Source::new();
    source.credential = Some(Credential::Bearer(SECRET.into()));
    assert_eq!(source.sync(&remote).files(), [("a.md", "a")]);
}

#[test]
fn a_credential_is_never_told() {
    let repository = TestRepository::of(&[("a.md", "a")]);
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    let mut source = Source::new();
    source.settings.patience = std::time::Duration::ZERO;
    source.credential = Some(Credential::Bearer(SECRET.into()));
    let mut said = format!("{:?}", source.credential);
    for temper in [
        Temper::status(401),
        Temper::status(404),
        Temper::status(418),
        Temper::status(500),
        Temper::Redirect("/elsewhere".into()),
        Temper::Redirect("http://10.0.0.1/".into()),
        Temper::BreakOff,
    ] {
        host.temper("info/refs", 2, temper);
        let outcome = source.sync(&remote);
        let error = outcome.result.unwrap_err();
        said.push_str(&format!("{error} {error:?}\n"));
        // Those that were not needed.
        while source.sync(&remote).result.is_err() {}
        fs_forget(&source);
    }
    for secret in [SECRET, SHOWN, &SHOWN[6..]] {
        assert!(!said.contains(secret), "{said}");
    }
    for file in walk(source.folder.path()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(SECRET), "{file:?}");
    }
}

fn fs_forget(source: &Source) {
    std::fs::remove_dir_all(source.folder.path().join("objects")).unwrap();
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn syncs_at_the_same_time_keep_their_own_credentials() {
    let Some(host) = Host::start() else { return };
    let repositories: Vec<_> = ["one", "two"]
        .iter()
        .map(|name| {
            let repository = TestRepository::of(&[("who.md", name)]);
            let remote = host.add(name, &repository);
            host.lock(name, &format!("Bearer token of {name}"));
            (*name, repository, remote)
        })
        .collect();
    std::thread::scope(|scope| {
        for (name, _, remote) in &repositories {
            scope.spawn(move || {
                for _ in 0..8 {
                    let mut source = Source::new();
                    source.credential = Some(Credential::Bearer(format!("token of {name}").into()));
                    assert_eq!(source.sync(remote).files(), [("who.md", *name)]);
                }
            });
        }
    });
    for asked in host.asked() {
        let shown = asked.authorization.unwrap();
        let other = if asked.line.contains("/one/") {
            "two"
        } else {
            "one"
        };
        assert!(!shown.contains(other), "{}: {shown}", asked.line);
    }
}

#[test]
fn a_redirect_is_followed_where_it_may_lead() {
    let repository = TestRepository::of(&[("a.md", "a")]);
    let (Some(host), Some(other)) = (Host::start(), Host::start()) else {
        return;
    };
    let moved = other.add("moved", &repository);
    let target = format!("{}/info/refs?service=git-upload-pack", moved.url());
    let remote = host.add("team", &repository);
    let mut source = Source::new();
    source.credential = Some(Credential::Bearer(SECRET.into()));
    host.temper("info/refs", 1, Temper::Redirect(target));
    assert_eq!(source.sync(&remote).files(), [("a.md", "a")]);
    let asked = other.asked();
    assert_eq!(asked.len(), 2, "the pack comes from there too");
    assert!(
        asked.iter().all(|asked| asked.authorization.is_none()),
        "{asked:?}"
    );
    assert!(host.asked().iter().all(|asked| asked.authorization.is_some()));

    for address in ["http://10.0.0.1/info/refs", "http://169.254.169.254/info/refs"] {
        host.temper("info/refs", 1, Temper::Redirect(address.to_owned()));
        let outcome = source.sync(&remote);
        let (code, message) = outcome.refused();
        assert_eq!(code, "address_refused");
        assert!(message.contains("private network"), "{message}");
    }
}

#[test]
fn what_is_no_repository_is_called_so() {
    let repository = TestRepository::of(&[("a.md", "a")]);
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    for (headers, body) in [
        ("Content-Type: text/html\r\n", "<html>Sign in</html>"),
        (
            "Content-Type: application/x-git-upload-pack-advertisement\r\n",
            "<html>Sign in</html>",
        ),
        (
            "Content-Type: application/x-git-upload-pack-advertisement\r\n",
            "0000",
        ),
    ] {
        let answer = Temper::Answer {
            status: 200,
            headers,
            body,
        };
        host.temper("info/refs", 1, answer);
        assert_eq!(
            Source::new().sync(&remote).refused().0,
            "invalid_source",
            "{body}"
        );
    }
}

#[test]
fn a_repository_that_is_too_large_is_refused_with_the_figure() {
    let mut repository = TestRepository::new();
    let noise: Vec<u8> = (0..60_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    repository.put("a.md", noise);
    repository.commit("main");
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    let mut source = Source::new();
    source.settings.repository_bytes = 100_000;
    let outcome = source.sync(&remote);
    let (code, message) = outcome.refused();
    assert_eq!(code, "too_large");
    assert!(message.contains("100000 bytes"), "{message}");
    assert!(matches!(outcome.result, Err(SourceError::Refused { .. })));
}
