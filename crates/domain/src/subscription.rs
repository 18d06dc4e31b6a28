//! A person's use of a bot: settings that people choose, and state that the bot keeps.

use serde_json::{Map, Value};

use crate::id::{BotId, SubscriptionId, UserId};
use crate::time::Timestamp;

/// Largest settings or state, in bytes of JSON.
pub const MAX_JSON_BYTES: usize = 16 * 1024;
/// Deepest nesting of settings or state; the object itself is the first level.
pub const MAX_JSON_DEPTH: usize = 8;

#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    pub id: SubscriptionId,
    pub user_id: UserId,
    pub bot_id: BotId,
    pub installed_at: Timestamp,
    pub settings: Map<String, Value>,
    /// Raised with each change of the settings; what `If-Match` names.
    pub settings_version: i64,
    pub state: Map<String, Value>,
    pub state_version: i64,
    pub last_interaction_at: Timestamp,
}

/// Which of the two objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Settings,
    State,
}

/// Why an object cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("a merge patch is a JSON object here")]
    NotAnObject,
    #[error("the result would be larger than {MAX_JSON_BYTES} bytes")]
    TooLarge,
    #[error("the result would be nested deeper than {MAX_JSON_DEPTH} levels")]
    TooDeep,
    #[error("text cannot hold the character U+0000")]
    Nul,
}

/// Applies a JSON merge patch (RFC 7396) to an object.
pub fn merged(object: &Map<String, Value>, patch: &Value) -> Result<Map<String, Value>, JsonError> {
    let Value::Object(patch) = patch else {
        return Err(JsonError::NotAnObject);
    };
    check(patch)?;
    let mut result = object.clone();
    merge(&mut result, patch);
    check(&result)?;
    Ok(result)
}

/// RFC 7396, section 2, for objects. Its depth is bounded by that of the patch.
fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, change) in patch {
        match change {
            Value::Null => {
                target.remove(name);
            }
            Value::Object(change) => {
                let mut inner = match target.remove(name) {
                    Some(Value::Object(inner)) => inner,
                    _ => Map::new(),
                };
                merge(&mut inner, change);
                target.insert(name.clone(), Value::Object(inner));
            }
            other => {
                target.insert(name.clone(), other.clone());
            }
        }
    }
}

fn check(object: &Map<String, Value>) -> Result<(), JsonError> {
    for (name, value) in object {
        check_text(name)?;
        check_value(value, 2)?;
    }
    match serde_json::to_vec(object) {
        Ok(bytes) if bytes.len() <= MAX_JSON_BYTES => Ok(()),
        _ => Err(JsonError::TooLarge),
    }
}

fn check_value(value: &Value, depth: usize) -> Result<(), JsonError> {
    let inner = |value: &Value| check_value(value, depth + 1);
    match value {
        Value::Object(_) | Value::Array(_) if depth > MAX_JSON_DEPTH => Err(JsonError::TooDeep),
        Value::Object(object) => object.iter().try_for_each(|(name, value)| {
            check_text(name)?;
            inner(value)
        }),
        Value::Array(values) => values.iter().try_for_each(inner),
        Value::String(text) => check_text(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn check_text(text: &str) -> Result<(), JsonError> {
    if text.contains('\0') {
        Err(JsonError::Nul)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(object) => object,
            other => panic!("{other} is no object"),
        }
    }

    /// The cases of RFC 7396, appendix A, whose target and patch are objects.
    #[test]
    fn the_cases_of_the_rfc() {
        let cases = [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (
                json!({"a":{"b":"c"}}),
                json!({"a":{"b":"d","c":null}}),
                json!({"a":{"b":"d"}}),
            ),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (
                json!({}),
                json!({"a":{"bb":{"ccc":null}}}),
                json!({"a":{"bb":{}}}),
            ),
        ];
        for (target, patch, result) in cases {
            assert_eq!(Value::Object(merged(&object(target), &patch).unwrap()), result);
        }
    }

    #[test]
    fn what_is_no_object_or_beyond_its_bounds_is_refused() {
        let empty = Map::new();
        for patch in [json!(null), json!([1]), json!("x"), json!(3)] {
            assert_eq!(merged(&empty, &patch), Err(JsonError::NotAnObject));
        }
        assert_eq!(
            merged(&empty, &json!({"a": "x".repeat(MAX_JSON_BYTES)})),
            Err(JsonError::TooLarge)
        );
        let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
        assert!(merged(&empty, &nested(MAX_JSON_DEPTH)).is_ok());
        assert_eq!(
            merged(&empty, &nested(MAX_JSON_DEPTH + 1)),
            Err(JsonError::TooDeep)
        );
        assert_eq!(merged(&empty, &json!({"a":["\0"]})), Err(JsonError::Nul));
        let half = object(json!({"a": "x".repeat(MAX_JSON_BYTES / 2)}));
        assert_eq!(
            merged(&half, &json!({"b": "x".repeat(MAX_JSON_BYTES / 2)})),
            Err(JsonError::TooLarge),
            "the whole counts, not the patch alone"
        );
    }
}
