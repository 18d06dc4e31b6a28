//! JSON: kept as it stands where people can read it, laid out where it is minified. Values are copied byte for byte, so
//! numbers of any length survive.

use nexus_domain::ProblemCode;
use serde::de::IgnoredAny;

use super::Refusal;
use crate::limits::Limits;

/// Mean line length from which on JSON counts as minified.
const LONG_LINES: usize = 400;

/// Deepest indentation that is written; deeper levels stay at it, so that the text cannot grow out of its bounds.
const INDENT_LEVELS: usize = 16;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// The text as it stands (JSON lines too: a record a line).
    Kept,
    LaidOut(String),
    /// Comments, trailing commas, templates: worth reading, but as text.
    NotJson,
}

pub(super) fn lay_out(text: &str, limits: &Limits) -> Result<Shape, Refusal> {
    let depth = depth(text);
    if depth > limits.nesting {
        let why = format!("Nested {depth} levels deep, {} are allowed", limits.nesting);
        return Err((ProblemCode::NestedTooDeep, why));
    }
    let Some(values) = count_values(text) else {
        return Ok(Shape::NotJson);
    };
    let lines = memchr::memchr_iter(b'\n', text.trim_end().as_bytes()).count() + 1;
    let minified = values == 1 && text.len() / lines > LONG_LINES;
    Ok(if minified {
        Shape::LaidOut(pretty(text))
    } else {
        Shape::Kept
    })
}

/// Number of values, `None` where one is damaged. The parser's own depth limit (128) is not met before ours.
fn count_values(text: &str) -> Option<usize> {
    let mut count = 0;
    for value in serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>() {
        value.ok()?;
        count += 1;
    }
    Some(count)
}

/// Deepest nesting, whether or not the text is sound.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for (byte, in_string) in structure(text) {
        match byte {
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Each byte with whether it belongs to a string (quotes do).
fn structure(text: &str) -> impl Iterator<Item = (u8, bool)> {
    let mut in_string = false;
    let mut escaped = false;
    text.bytes().map(move |byte| {
        if !in_string {
            in_string = byte == b'"';
            return (byte, in_string);
        }
        if escaped {
            escaped = false;
        } else if byte == b'\\' {
            escaped = true;
        } else if byte == b'"' {
            in_string = false;
        }
        (byte, true)
    })
}

/// Sound JSON with a line for each key and element. Only white space outside of strings changes.
fn pretty(text: &str) -> String {
    let mut out: Vec<u8> = Vec::with_capacity(text.len() + text.len() / 2);
    let mut depth = 0_usize;
    let line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.resize(out.len() + 2 * depth.min(INDENT_LEVELS), b' ');
    };
    let mut opened = false;
    for (byte, in_string) in structure(text) {
        if !in_string && byte.is_ascii_whitespace() {
            continue;
        }
        let closes = !in_string && matches!(byte, b'}' | b']');
        if opened && !closes {
            line(&mut out, depth);
        }
        match byte {
            b'{' | b'[' if !in_string => {
                depth += 1;
                out.push(byte);
            }
            b'}' | b']' if !in_string => {
                depth = depth.saturating_sub(1);
                if !opened {
                    line(&mut out, depth);
                }
                out.push(byte);
            }
            b',' if !in_string => {
                out.push(byte);
                line(&mut out, depth);
            }
            b':' if !in_string => out.extend_from_slice(b": "),
            _ => out.push(byte),
        }
        opened = !in_string && matches!(byte, b'{' | b'[');
    }
    String::from_utf8(out).expect("only ASCII was put between the bytes of a str")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_to_the_last_digit() {
        let text = r#"{"a":[1,2.50,123456789012345678901234567890],"b":{},"c":"x, {\"y\": [1]}","d":[]}"#;
        let laid = pretty(text);
        assert_eq!(
            laid,
            "{\n  \"a\": [\n    1,\n    2.50,\n    123456789012345678901234567890\n  ],\n  \"b\": {},\n  \
             \"c\": \"x, {\\\"y\\\": [1]}\",\n  \"d\": []\n}"
        );
    }

    #[test]
    fn readable_json_and_json_lines_are_kept() {
        let limits = Limits::default();
        assert_eq!(lay_out("{\n  \"a\": 1\n}\n", &limits).unwrap(), Shape::Kept);
        assert_eq!(lay_out("{\"a\":1}\n{\"a\":2}\n", &limits).unwrap(), Shape::Kept);
        assert_eq!(lay_out("{ // a comment\n}", &limits).unwrap(), Shape::NotJson);
    }

    #[test]
    fn deep_nesting_is_refused_without_recursion() {
        let deep = "[".repeat(2_000_000);
        assert_eq!(
            lay_out(&deep, &Limits::default()).unwrap_err().0,
            ProblemCode::NestedTooDeep
        );
    }
}
