//! What an operator may choose about an embeddings API.

use std::time::Duration;

use nexus_domain::Script;
use secrecy::SecretString;
use url::Url;

/// How long callers wait for an API that does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Of a question, in all: the allowance and every repetition included.
    pub question: Duration,
    /// Of an ingestion, from the first failure on. Its task tries again later.
    pub ingestion: Duration,
    /// First wait before a call is repeated; doubled each time.
    pub first_wait: Duration,
    /// After patience ran out, so long nobody asks.
    pub rest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            question: Duration::from_secs(5),
            ingestion: Duration::from_secs(60),
            first_wait: Duration::from_millis(500),
            rest: Duration::from_secs(10),
        }
    }
}

/// An embeddings API and how it is used.
#[derive(Clone, Debug)]
pub struct OpenAiOptions {
    /// Base address: `/embeddings` is added to its path.
    pub url: Url,
    pub key: Option<SecretString>,
    pub model: String,
    /// Length of a vector, where it is known.
    pub dimension: Option<usize>,
    /// Texts in one call.
    pub batch: usize,
    /// 0: no limit.
    pub requests_per_minute: u32,
    /// 0: no limit. Tokens are estimated.
    pub tokens_per_minute: u32,
    pub query_prefix: String,
    pub passage_prefix: String,
    pub scripts: Vec<Script>,
    /// Of one call.
    pub timeout: Duration,
    pub patience: Patience,
}

impl OpenAiOptions {
    /// The defaults for an API and a model.
    pub fn new(url: Url, model: impl Into<String>) -> Self {
        Self {
            url,
            key: None,
            model: model.into(),
            dimension: None,
            batch: 32,
            requests_per_minute: 0,
            tokens_per_minute: 0,
            query_prefix: String::new(),
            passage_prefix: String::new(),
            scripts: vec![Script::Latin, Script::Cyrillic, Script::Other],
            timeout: Duration::from_secs(30),
            patience: Patience::default(),
        }
    }

    /// The name of the vectors: "openai/<model>/<dimension>/<hash>", the hash over the API's host and both prefixes. The
    /// key, the path and the pace change no vector.
    pub fn name(&self, dimension: usize) -> String {
        let mut hasher = blake3::Hasher::new();
        for part in [&self.host(), &self.query_prefix, &self.passage_prefix] {
            // Length first, so that parts cannot run into each other.
            hasher
                .update(&(part.len() as u64).to_le_bytes())
                .update(part.as_bytes());
        }
        let hash = hasher.finalize().to_hex();
        format!("openai/{}/{dimension}/{}", self.model, &hash[..12])
    }

    /// Host and port, where it is not the scheme's.
    pub(super) fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    pub(super) fn query(&self, text: &str) -> String {
        prompted(&self.query_prefix, text)
    }

    pub(super) fn passage(&self, text: &str) -> String {
        prompted(&self.passage_prefix, text)
    }
}

/// APIs refuse an empty text; a space stands for it.
fn prompted(prefix: &str, text: &str) -> String {
    let text = format!("{prefix}{text}");
    if text.is_empty() { " ".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_vectors_changes_their_name_and_nothing_else_does() {
        let url = |text: &str| Url::parse(text).unwrap();
        let options = OpenAiOptions::new(url("https://api.example.com/v1"), "small");
        let name = options.name(8);
        assert!(name.starts_with("openai/small/8/"), "{name}");
        let mut same = options.clone();
        same.key = Some("secret".to_owned().into());
        same.url = url("https://api.example.com/v2/?x=1");
        same.batch = 1;
        assert_eq!(same.name(8), name);
        type Change = fn(&mut OpenAiOptions);
        let changes: [Change; 5] = [
            |o| o.url = Url::parse("https://api.example.org/v1").unwrap(),
            |o| o.url = Url::parse("https://api.example.com:8443/v1").unwrap(),
            |o| o.model = "large".to_owned(),
            |o| o.query_prefix = "q: ".to_owned(),
            |o| o.passage_prefix = "q: ".to_owned(),
        ];
        let mut names: Vec<String> = changes
            .iter()
            .map(|change| {
                let mut other = options.clone();
                change(&mut other);
                other.name(8)
            })
            .chain([name, options.name(16)])
            .collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 7);
    }
}
