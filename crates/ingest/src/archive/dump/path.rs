//! From a page's title to its path and its address.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::archive::path::is_safe_part;

/// What MediaWiki leaves as it is in the addresses of its pages.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/')
    .remove(b':')
    .remove(b';')
    .remove(b'@')
    .remove(b'$')
    .remove(b'!')
    .remove(b'*')
    .remove(b'(')
    .remove(b')')
    .remove(b',');

/// A path that no title can make a problem of: subpages are in folders, and parts that mean something to a system begin
/// with `_`.
pub(super) fn of_title(title: &str) -> String {
    let title: String = title
        .trim()
        .chars()
        .map(|c| if c.is_control() || c == '\\' { '_' } else { c })
        .collect();
    let parts: Vec<String> = title
        .split('/')
        .map(|part| {
            let part = part.trim();
            if is_safe_part(part) {
                part.to_owned()
            } else {
                format!("_{part}")
            }
        })
        .collect();
    format!("{}.mediawiki", parts.join("/"))
}

/// The page's address, made from that of the main page.
pub(super) fn link(base: &str, title: &str) -> Option<String> {
    if !(base.starts_with("https://") || base.starts_with("http://")) {
        return None;
    }
    let folder = match base.find("title=") {
        Some(at) => base.get(..at + "title=".len())?,
        None => base.get(..=base.rfind('/')?)?,
    };
    if folder.ends_with("://") {
        return None;
    }
    let title = title.replace(' ', "_");
    Some(format!("{folder}{}", utf8_percent_encode(&title, KEPT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_title_makes_a_path() {
        for (title, path) in [
            ("Справка:Шлюз", "Справка:Шлюз.mediawiki"),
            ("Help:Setup/Linux", "Help:Setup/Linux.mediawiki"),
            ("CON", "_CON.mediawiki"),
            ("../etc/passwd", "_../etc/passwd.mediawiki"),
            ("C:/x", "_C:/x.mediawiki"),
            ("/dev", "_/dev.mediawiki"),
            ("a\\b", "a_b.mediawiki"),
            (".git/config", "_.git/config.mediawiki"),
        ] {
            assert_eq!(of_title(title), path);
        }
    }

    #[test]
    fn addresses_are_made_from_the_main_page() {
        let link = |base| link(base, "Шлюз и мост").unwrap_or_default();
        let title = "%D0%A8%D0%BB%D1%8E%D0%B7_%D0%B8_%D0%BC%D0%BE%D1%81%D1%82";
        assert_eq!(
            link("https://w.example/wiki/Main_Page"),
            format!("https://w.example/wiki/{title}")
        );
        assert_eq!(
            link("http://w.example/w/index.php?title=Main_Page&x=1"),
            format!("http://w.example/w/index.php?title={title}")
        );
        assert_eq!(link("javascript:alert(1)//"), "");
        assert_eq!(link("https://w.example"), "");
    }
}
