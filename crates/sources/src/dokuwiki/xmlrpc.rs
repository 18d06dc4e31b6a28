//! XML-RPC (xmlrpc.com/spec.md), as much as a wiki's answers need; values are those of JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// Values in values. A list of pages needs three.
const MOST_DEPTH: usize = 64;

/// The body of a call. Parameters are strings, numbers and flat structures.
pub(super) fn call(method: &str, parameters: &[Value]) -> String {
    let parameters: String = parameters
        .iter()
        .map(|value| format!("<param><value>{}</value></param>", encoded(value)))
        .collect();
    format!(
        "<?xml version=\"1.0\"?><methodCall><methodName>{method}</methodName><params>{parameters}</params></methodCall>"
    )
}

fn encoded(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: String = members
                .iter()
                .map(|(name, value)| {
                    let value = scalar(value);
                    format!(
                        "<member><name>{}</name><value>{value}</value></member>",
                        escape(name.as_str())
                    )
                })
                .collect();
            format!("<struct>{members}</struct>")
        }
        value => scalar(value),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("<int>{number}</int>"),
        Value::Bool(flag) => format!("<boolean>{}</boolean>", u8::from(*flag)),
        Value::String(text) => format!("<string>{}</string>", escape(text.as_str())),
        _ => "<string></string>".to_owned(),
    }
}

/// What an element that is open has gathered.
enum Node {
    Value {
        value: Option<Value>,
        text: String,
        kind: Kind,
    },
    Struct(Map<String, Value>),
    Member {
        name: String,
        value: Option<Value>,
    },
    Name(String),
    Array(Vec<Value>),
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Boolean,
    Base64,
}

/// `None` where it is no answer of XML-RPC; else its value, or its fault. No entity of a document type is expanded.
pub(super) fn read(bytes: &[u8]) -> Option<Result<Value, (i64, String)>> {
    let mut reader = Reader::from_reader(bytes.trim_ascii_start());
    reader.config_mut().expand_empty_elements = true;
    let mut stack: Vec<Node> = Vec::new();
    let (mut is_answer, mut is_fault, mut result) = (false, false, None);
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => match tag.name().as_ref() {
                "methodResponse" => is_answer = true,
                "fault" => is_fault = true,
                name if is_answer && stack.len() < MOST_DEPTH * 3 => open(&mut stack, name),
                _ => return None,
            },
            Event::End(tag) => {
                if let Some(value) = close(&mut stack, tag.name().as_ref())? {
                    result.get_or_insert(value);
                }
            }
            Event::Text(text) => add(&mut stack, &text),
            Event::CData(text) => add(&mut stack, &text),
            Event::GeneralRef(reference) => {
                if let Some(c) = crate::xml::character(&reference) {
                    add(&mut stack, c.encode_utf8(&mut [0; 4]));
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let value = result?;
    if !is_fault {
        return Some(Ok(value));
    }
    let code = value["faultCode"].as_i64().unwrap_or(0);
    let message = value["faultString"].as_str().unwrap_or_default().to_owned();
    Some(Err((code, message)))
}

fn open(stack: &mut Vec<Node>, name: &str) {
    let kind = match name {
        "value" => {
            stack.push(Node::Value {
                value: None,
                text: String::new(),
                kind: Kind::Text,
            });
            return;
        }
        "struct" => return stack.push(Node::Struct(Map::new())),
        "member" => {
            stack.push(Node::Member {
                name: String::new(),
                value: None,
            });
            return;
        }
        "name" => return stack.push(Node::Name(String::new())),
        "array" => return stack.push(Node::Array(Vec::new())),
        "int" | "i4" | "i8" => Kind::Number,
        "boolean" => Kind::Boolean,
        "base64" => Kind::Base64,
        _ => return,
    };
    if let Some(Node::Value { kind: own, .. }) = stack.last_mut() {
        *own = kind;
    }
}

fn add(stack: &mut [Node], more: &str) {
    if let Some(Node::Value { text, .. } | Node::Name(text)) = stack.last_mut() {
        text.push_str(more);
    }
}

/// Hands what ends to what it is in. The outer `None`: it does not fit; the inner value: it is in nothing.
#[expect(
    clippy::option_option,
    reason = "one says whether it is sound, the other whether it is the answer"
)]
fn close(stack: &mut Vec<Node>, name: &str) -> Option<Option<Value>> {
    if !matches!(name, "value" | "struct" | "member" | "name" | "array") {
        return Some(None);
    }
    let whole = match stack.pop()? {
        Node::Value {
            value: Some(value), ..
        } => value,
        Node::Value { text, kind, .. } => typed(text, kind),
        Node::Struct(members) => {
            give(stack, Value::Object(members))?;
            return Some(None);
        }
        Node::Array(values) => {
            give(stack, Value::Array(values))?;
            return Some(None);
        }
        Node::Name(text) => {
            let Some(Node::Member { name, .. }) = stack.last_mut() else {
                return None;
            };
            *name = text;
            return Some(None);
        }
        Node::Member { name, value } => {
            let Some(Node::Struct(members)) = stack.last_mut() else {
                return None;
            };
            members.insert(name, value.unwrap_or_default());
            return Some(None);
        }
    };
    match stack.last_mut() {
        Some(Node::Member { value, .. }) => *value = Some(whole),
        Some(Node::Array(values)) => values.push(whole),
        Some(_) => return None,
        None => return Some(Some(whole)),
    }
    Some(None)
}

/// Structures and arrays stand in a value.
fn give(stack: &mut [Node], whole: Value) -> Option<()> {
    match stack.last_mut() {
        Some(Node::Value { value, .. }) => {
            *value = Some(whole);
            Some(())
        }
        _ => None,
    }
}

fn typed(text: String, kind: Kind) -> Value {
    match kind {
        Kind::Text => Value::String(text),
        Kind::Number => text.trim().parse::<i64>().map_or(Value::Null, Value::from),
        Kind::Boolean => Value::Bool(text.trim() == "1"),
        Kind::Base64 => {
            let packed: String = text.split_whitespace().collect();
            let bytes = STANDARD.decode(packed).unwrap_or_default();
            Value::String(String::from_utf8_lossy(&bytes).into_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_become_values() {
        let answer = read(
            br#"<?xml version="1.0"?><methodResponse><params><param><value><array><data>
            <value><struct><member><name>id</name><value><string>a:b &amp; &#1103;</string></value></member>
            <member><name>rev</name><value><int>17</int></value></member>
            <member><name>empty</name><value><string/></value></member></struct></value>
            <value>bare</value><value><boolean>1</boolean></value><value><base64>0K8=</base64></value>
            </data></array></value></param></params></methodResponse>"#,
        );
        let expected = json!([{"id": "a:b & я", "rev": 17, "empty": ""}, "bare", true, "Я"]);
        assert_eq!(answer, Some(Ok(expected)));
    }

    #[test]
    fn faults_are_told_and_other_pages_are_none() {
        let fault = read(
            b"<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>-32605</int></value></member>\
              <member><name>faultString</name><value><string>XML-RPC server not enabled.</string></value></member>\
              </struct></value></fault></methodResponse>",
        );
        assert_eq!(
            fault,
            Some(Err((-32605, "XML-RPC server not enabled.".to_owned())))
        );
        for other in [
            "",
            "XML-RPC server not enabled.",
            "<html></html>",
            "<methodResponse><struct></struct>",
        ] {
            assert_eq!(read(other.as_bytes()), None, "{other}");
        }
        let deep = format!("<methodResponse>{}", "<value><array>".repeat(100_000));
        assert_eq!(read(deep.as_bytes()), None);
    }

    #[test]
    fn calls_are_escaped() {
        let call = call("wiki.getPage", &[json!("a<b"), json!({"depth": 0})]);
        assert!(call.contains("<string>a&lt;b</string>"), "{call}");
        assert!(
            call.contains("<name>depth</name><value><int>0</int></value>"),
            "{call}"
        );
    }
}
