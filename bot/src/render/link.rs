//! Addresses that a message may lead to.

use url::Url;

/// Longest address that is linked, in bytes. Telegram has no limit of its own, but a message's size in bytes has one.
const MAX_BYTES: usize = 2_048;

/// An address that Telegram opens: `http`, `https` or `tg`, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Href(String);

impl Href {
    /// `None` for what is no complete address, and for schemes that can do something on the reader's machine.
    pub fn parse(address: &str) -> Option<Self> {
        if address.len() > MAX_BYTES {
            return None;
        }
        let url = Url::parse(address.trim()).ok()?;
        let leads_somewhere = match url.scheme() {
            "http" | "https" => url.host_str().is_some_and(|host| !host.is_empty()),
            "tg" => true,
            _ => false,
        };
        let text = String::from(url);
        (leads_somewhere && text.len() <= MAX_BYTES).then_some(Self(text))
    }

    /// A link of the backend, put behind the address under which people reach the backend. Complete addresses stay as
    /// they are.
    pub fn below(base: Option<&str>, link: &str) -> Option<Self> {
        if let Some(complete) = Self::parse(link) {
            return Some(complete);
        }
        let base = base?.trim_end_matches('/');
        link.starts_with('/')
            .then(|| Self::parse(&[base, link].concat()))?
    }

    /// The complete address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(address: &str) -> Option<String> {
        Href::parse(address).map(|href| href.0)
    }

    #[test]
    fn only_what_telegram_opens_is_an_address() {
        assert_eq!(
            parsed("https://ya.ru/а б").as_deref(),
            Some("https://ya.ru/%D0%B0%20%D0%B1")
        );
        assert!(parsed("tg://resolve?domain=nexus").is_some());
        for address in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "docs/a.md",
            "//host/x",
            "http://",
            "mailto:a@b.c",
            "",
        ] {
            assert_eq!(parsed(address), None, "{address}");
        }
        assert_eq!(parsed(&format!("https://a.b/{}", "x".repeat(3_000))), None);
    }

    #[test]
    fn links_of_the_backend_stand_below_its_address() {
        let below = |base, link| Href::below(base, link).map(|href| href.0);
        let link = "/api/v1/documents/1/text?first_line=3";
        assert_eq!(
            below(Some("https://kb.example/nexus/"), link).as_deref(),
            Some("https://kb.example/nexus/api/v1/documents/1/text?first_line=3")
        );
        assert_eq!(below(None, link), None);
        assert_eq!(below(Some("https://kb.example"), "@evil.example/x"), None);
        assert_eq!(
            below(None, "https://wiki.example/a").as_deref(),
            Some("https://wiki.example/a")
        );
    }
}
