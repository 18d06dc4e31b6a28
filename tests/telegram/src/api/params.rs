//! The parameters of a call, wherever they stand: query string, form, multipart form or JSON.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::Refused;

const MAX_BYTES: usize = 50 << 20;

#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Map<String, Value>);

impl Params {
    pub(crate) async fn read(request: Request) -> Result<Self, Refused> {
        let mut params = Self::default();
        params.add_form(request.uri().query().unwrap_or_default().as_bytes());
        let kind = content_type(request.headers());
        if kind.starts_with("multipart/form-data") {
            params.add_multipart(request).await?;
            return Ok(params);
        }
        let body = bytes(request.into_body()).await?;
        if kind.starts_with("application/json") && !body.is_empty() {
            match serde_json::from_slice(&body) {
                Ok(Value::Object(object)) => params.0.extend(object),
                _ => return Err(Refused::bad("can't parse JSON object")),
            }
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            params.add_form(&body);
        }
        Ok(params)
    }

    fn add_form(&mut self, form: &[u8]) {
        for (name, value) in form_urlencoded::parse(form) {
            self.0.insert(name.into_owned(), value.into_owned().into());
        }
    }

    async fn add_multipart(&mut self, request: Request) -> Result<(), Refused> {
        let refuse = |_| Refused::bad("can't parse multipart form");
        let mut form = Multipart::from_request(request, &())
            .await
            .map_err(|_| Refused::bad("can't parse multipart form"))?;
        while let Some(field) = form.next_field().await.map_err(refuse)? {
            let name = field.name().unwrap_or_default().to_owned();
            // The only file that is read is a certificate, which is text.
            let value = String::from_utf8_lossy(&field.bytes().await.map_err(refuse)?).into_owned();
            self.0.insert(name, value.into());
        }
        Ok(())
    }

    /// Empty if absent.
    pub(crate) fn text(&self, name: &str) -> String {
        match self.0.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(
            self.text(name).to_ascii_lowercase().as_str(),
            "true" | "yes" | "1"
        )
    }

    /// An object or array, which may be written into a string.
    pub(crate) fn json(&self, name: &str) -> Result<Option<Value>, Refused> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| Refused::bad(&format!("can't parse {name} JSON object"))),
            Some(value) => Ok(Some(value.clone())),
        }
    }

    /// A list of names, if there is one.
    pub(crate) fn names(&self, name: &str) -> Result<Option<Vec<String>>, Refused> {
        let Some(json) = self.json(name)? else {
            return Ok(None);
        };
        serde_json::from_value(json)
            .map(Some)
            .map_err(|_| Refused::bad(&format!("can't parse {name}")))
    }
}

fn content_type(headers: &HeaderMap) -> String {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.unwrap_or_default().to_ascii_lowercase()
}

async fn bytes(body: Body) -> Result<Bytes, Refused> {
    to_bytes(body, MAX_BYTES)
        .await
        .map_err(|_| Refused::bad("the request is too large or was cut off"))
}
