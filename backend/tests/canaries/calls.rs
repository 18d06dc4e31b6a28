//! One request: who sends what, and what the model says that it needs.

use std::fmt;

use reqwest::Method;
use serde_json::Value;

use crate::words;
use crate::world::{Need, Who};

#[derive(Clone, Debug)]
pub enum Body {
    Empty,
    Json(Value),
    /// Content type and bytes.
    Raw(&'static str, String),
    Form {
        kb: String,
        source: Option<String>,
        name: String,
        content: Vec<u8>,
    },
    Import {
        name: String,
        content: Vec<u8>,
    },
}

#[derive(Clone, Debug)]
pub struct Call {
    /// Method and path, as in the contract.
    pub operation: &'static str,
    pub who: Who,
    /// With the query.
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
    pub need: Need,
    /// What stands in the answer if it is granted.
    pub finds: Option<String>,
    /// The id in it that is not the caller's.
    pub stolen: Option<String>,
}

impl Call {
    /// What helps the test along.
    pub fn of_operator(operation: &'static str) -> Self {
        let (_, path) = operation.split_once(' ').expect("method and path");
        Self {
            operation,
            who: Who::Operator,
            path: path.to_owned(),
            headers: Vec::new(),
            body: Body::Empty,
            need: Need::Nothing,
            finds: None,
            stolen: None,
        }
    }

    pub fn method(&self) -> Method {
        let (method, _) = self.operation.split_once(' ').unwrap();
        method.parse().unwrap()
    }

    pub fn json(mut self, body: Value) -> Self {
        self.body = Body::Json(body);
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn finds(mut self, word: &str) -> Self {
        self.finds = Some(word.to_owned());
        self
    }

    pub fn is_plain(&self) -> bool {
        self.finds.is_some()
    }

    /// The words that the caller sends.
    pub fn sent(&self) -> Vec<String> {
        words::found(self.to_string().as_bytes())
    }

    /// The same request with another word or id in it.
    pub fn with(&self, from: &str, to: &str) -> Self {
        let swap = |text: &String| text.replace(from, to);
        let encoded = |word: &str| url::form_urlencoded::byte_serialize(word.as_bytes()).collect::<String>();
        let path = swap(&self.path).replace(&encoded(from), &encoded(to));
        let body = match &self.body {
            Body::Empty => Body::Empty,
            Body::Json(body) => Body::Json(serde_json::from_str(&swap(&body.to_string())).unwrap()),
            Body::Raw(kind, text) => Body::Raw(kind, swap(text)),
            Body::Form {
                kb,
                source,
                name,
                content,
            } => Body::Form {
                kb: swap(kb),
                source: source.as_ref().map(swap),
                name: swap(name),
                content: content.clone(),
            },
            Body::Import { name, content } => Body::Import {
                name: swap(name),
                content: content.clone(),
            },
        };
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (*name, swap(value)))
            .collect();
        Self {
            path,
            headers,
            body,
            ..self.clone()
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} /api/v1{}", self.method(), self.path)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        match &self.body {
            Body::Empty => Ok(()),
            Body::Json(body) => writeln!(f, "{body}"),
            Body::Raw(kind, text) => writeln!(f, "{kind}: {text}"),
            Body::Form {
                kb,
                source,
                name,
                content,
            } => writeln!(
                f,
                "knowledge_base={kb} source={source:?} file={name} {}",
                String::from_utf8_lossy(content)
            ),
            Body::Import { name, .. } => writeln!(f, "name={name}"),
        }
    }
}

pub fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
