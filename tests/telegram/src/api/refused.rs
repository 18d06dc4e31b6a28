//! Why a call is refused.

use std::time::Duration;

use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The status of HTTP and `error_code`.
    pub(crate) code: u16,
    pub(crate) description: String,
    pub(crate) parameters: Option<Value>,
}

impl Refused {
    fn new(code: u16, description: &str) -> Self {
        Self {
            code,
            description: description.to_owned(),
            parameters: None,
        }
    }

    pub(crate) fn bad(what: &str) -> Self {
        Self::new(400, &format!("Bad Request: {what}"))
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized")
    }

    pub(crate) fn forbidden(what: &str) -> Self {
        Self::new(403, &format!("Forbidden: {what}"))
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    pub(crate) fn no_method() -> Self {
        Self::new(404, "Not Found: method not found")
    }

    pub(crate) fn conflict(what: &str) -> Self {
        Self::new(409, &format!("Conflict: {what}"))
    }

    pub(crate) fn internal() -> Self {
        Self::new(500, "Internal Server Error")
    }

    /// Shown as a page of HTML by whatever stands before Telegram.
    pub(crate) fn bad_gateway() -> Self {
        Self::new(502, "Bad Gateway")
    }

    /// Telegram counts in whole seconds.
    pub(crate) fn too_many(wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let seconds = seconds.max(1);
        Self {
            parameters: Some(json!({ "retry_after": seconds })),
            ..Self::new(429, &format!("Too Many Requests: retry after {seconds}"))
        }
    }

    pub(crate) fn migrated(to: i64) -> Self {
        Self {
            parameters: Some(json!({ "migrate_to_chat_id": to })),
            ..Self::bad("group chat was upgraded to a supergroup chat")
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let seconds = self.parameters.as_ref()?.get("retry_after")?.as_u64()?;
        Some(Duration::from_secs(seconds))
    }

    pub(crate) fn json(&self) -> Value {
        let mut json = json!({ "ok": false, "error_code": self.code, "description": self.description });
        if let Some(parameters) = &self.parameters {
            json["parameters"] = parameters.clone();
        }
        json
    }
}
