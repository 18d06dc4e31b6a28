//! The workflows for n8n that come with Nexus: they can be imported, and sign as Nexus does.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use nexus_api::WebhookAction;
use nexus_domain::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::api::{hmac, text};

/// The same as of `nexus_auth::signed_delivery`.
const SECRET: &str = "nxi_an-example-of-a-secret";
const BODY: &str = r#"{"action":"resync","source":"wiki"}"#;
const TIMESTAMP: &str = "1767225600";
const DELIVERY: &str = "exec-42";
const SIGNATURE: &str = "v1=e6443b9822c49bcd51118f33c94d6ea65f6563dafee75bc50f4ae7c4a8bb7201";

fn workflows() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data/n8n");
    let mut files: Vec<_> = folder
        .read_dir()
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let name = |file: &PathBuf| file.file_name().unwrap().to_string_lossy().into_owned();
    files
        .iter()
        .map(|file| {
            (
                name(file),
                serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap(),
            )
        })
        .collect()
}

fn nodes(workflow: &Value) -> &[Value] {
    workflow["nodes"].as_array().unwrap()
}

fn of_type<'w>(workflow: &'w Value, kind: &str) -> Vec<&'w Value> {
    let kind = format!("n8n-nodes-base.{kind}");
    nodes(workflow)
        .iter()
        .filter(|node| node["type"] == kind.as_str())
        .collect()
}

/// An expression of n8n that joins fields of the item and text.
fn evaluated(expression: &str, item: &Value) -> String {
    let Some(mut rest) = expression.strip_prefix('=') else {
        return expression.to_owned();
    };
    let mut result = String::new();
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, after) = after.split_once("}}").unwrap();
        let field = inside.trim().strip_prefix("$json.").unwrap();
        result.push_str(before);
        result.push_str(item[field].as_str().unwrap());
        rest = after;
    }
    result + rest
}

#[test]
fn every_workflow_is_whole_and_holds_no_secret() {
    let workflows = workflows();
    assert_eq!(workflows.len(), 3);
    let mut ids = BTreeSet::new();
    for (file, workflow) in &workflows {
        assert!(text(&workflow["name"]).starts_with("Nexus: "), "{file}");
        assert_eq!(workflow["active"], false, "{file}");
        let mut names = BTreeSet::new();
        for node in nodes(workflow) {
            assert!(names.insert(text(&node["name"])), "{file}: {node}");
            assert!(ids.insert(text(&node["id"])), "{file}: {node}");
            assert!(text(&node["type"]).starts_with("n8n-nodes-base."), "{node}");
            assert!(node["typeVersion"].is_number() && node["parameters"].is_object());
            assert_eq!(node["position"].as_array().unwrap().len(), 2);
        }
        let mut reached = BTreeSet::new();
        for (from, outputs) in workflow["connections"].as_object().unwrap() {
            assert!(names.contains(from), "{file}: {from}");
            for output in outputs["main"].as_array().unwrap() {
                reached.extend(output.as_array().unwrap().iter().map(|to| text(&to["node"])));
            }
        }
        assert!(reached.is_subset(&names));
        let begins: Vec<_> = names.difference(&reached).collect();
        let [begin] = begins.as_slice() else {
            panic!("{file} begins at {begins:?}")
        };
        let begin = nodes(workflow)
            .iter()
            .find(|node| node["name"] == begin.as_str())
            .unwrap();
        let triggers = ["n8n-nodes-base.webhook", "n8n-nodes-base.scheduleTrigger"];
        assert!(triggers.contains(&begin["type"].as_str().unwrap()), "{begin}");
        let written = workflow.to_string();
        assert!(!written.contains("nxi_") && !written.contains("nxw_"), "{file}");
    }
}

#[test]
fn what_n8n_signs_is_what_nexus_signs() {
    let item = json!({"timestamp": TIMESTAMP, "delivery": DELIVERY, "body": BODY});
    for (file, workflow) in workflows() {
        let crypto = of_type(&workflow, "crypto");
        let [sign] = crypto.as_slice() else {
            panic!("{file} signs {} times", crypto.len())
        };
        let set = &sign["parameters"];
        assert_eq!(sign["typeVersion"], 1, "in later ones the secret is a credential");
        let how = [
            &set["action"],
            &set["type"],
            &set["encoding"],
            &set["dataPropertyName"],
        ];
        assert_eq!(how, ["hmac", "SHA256", "hex", "signature"], "{file}");
        assert!(text(&set["secret"]).starts_with("PUT-"), "{file}");
        let signed = evaluated(set["value"].as_str().unwrap(), &item);
        let tag = hex::encode(hmac(SECRET.as_bytes(), signed.as_bytes()));
        assert_eq!(format!("v1={tag}"), SIGNATURE, "{file}");

        let senders = of_type(&workflow, "httpRequest").into_iter();
        for sender in senders.filter(|node| node["name"] == "Tell Nexus") {
            let signed =
                json!({"timestamp": TIMESTAMP, "delivery": DELIVERY, "body": BODY, "signature": tag});
            let set = &sender["parameters"];
            assert!(text(&set["url"]).ends_with("/api/v1/webhooks/n8n"));
            assert_eq!(evaluated(set["body"].as_str().unwrap(), &signed), BODY);
            let headers = set["headerParameters"]["parameters"].as_array().unwrap();
            let header = |name: &str| {
                let found = headers.iter().find(|header| header["name"] == name).unwrap();
                evaluated(found["value"].as_str().unwrap(), &signed)
            };
            assert_eq!(header("X-Nexus-Signature"), SIGNATURE);
            assert_eq!(header("X-Nexus-Delivery"), DELIVERY);
            assert_eq!(header("X-Nexus-Timestamp"), TIMESTAMP);
            assert!(header("X-Nexus-Webhook").starts_with("PUT-"));
        }
    }
}

/// Runs the code of a node as n8n does, on one item; `None` where Node.js is not installed.
fn run(code: &str, json: &Value, binary: &Value, bytes: &str) -> Option<Value> {
    let script = r"
        const { code, json, binary, bytes } = JSON.parse(process.argv[1]);
        const AsyncFunction = (async () => {}).constructor;
        const made = new AsyncFunction('$json', '$binary', '$itemIndex', '$execution', '$input', code);
        const helpers = { getBinaryDataBuffer: async () => Buffer.from(bytes, 'utf8') };
        made.call({ helpers }, json, binary, 0, { id: '231' }, { all: () => [{ json }] })
            .then((made) => console.log(JSON.stringify(made)))
            .catch((error) => console.log(JSON.stringify({ error: error.message })));";
    let given = json!({"code": code, "json": json, "binary": binary, "bytes": bytes}).to_string();
    let ran = Command::new("node").args(["-e", script, &given]).output();
    let Ok(ran) = ran else {
        println!("the code of the workflows was not run: there is no Node.js");
        return None;
    };
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    Some(serde_json::from_slice(&ran.stdout).unwrap())
}

fn code(workflow: &Value, name: &str) -> String {
    let found = nodes(workflow).iter().find(|node| node["name"] == name).unwrap();
    text(&found["parameters"]["jsCode"])
}

fn workflow(file: &str) -> Value {
    workflows().into_iter().find(|(name, _)| name == file).unwrap().1
}

#[test]
fn what_the_workflows_tell_is_an_action_of_the_contract() {
    let file = json!({"data": {"fileName": "b.md", "directory": "/files/nexus/guide"}});
    let wanted = [
        (
            "wiki-changed.json",
            WebhookAction::Resync {
                source: "wiki".to_owned(),
            },
        ),
        (
            "folder-to-knowledge-base.json",
            WebhookAction::Upsert {
                source: Some("folder".to_owned()),
                path: "guide/b.md".to_owned(),
                content: None,
                content_base64: Some("IyBCCg==".to_owned()),
            },
        ),
    ];
    for (name, action) in wanted {
        let Some(made) = run(&code(&workflow(name), "Delivery"), &json!({}), &file, "# B\n") else {
            return;
        };
        let item = &made["json"];
        let told: WebhookAction = serde_json::from_str(item["body"].as_str().unwrap()).unwrap();
        assert_eq!(told, action);
        assert_eq!(item["delivery"], "n8n-231-0");
        assert!(item["timestamp"].as_str().unwrap().parse::<i64>().unwrap() > 1_700_000_000);
    }
}

#[test]
fn a_workflow_hears_what_nexus_has_signed_and_nothing_else() {
    let refused = workflow("question-refused.json");
    let raw = r#"{"id":"0190","event":"question.refused","data":{"question":"Где «насос»?"}}"#;
    let headers = json!({"headers": {"x-nexus-delivery": DELIVERY, "x-nexus-timestamp": TIMESTAMP,
        "x-nexus-signature": "v1=ab"}});
    let Some(heard) = run(&code(&refused, "Delivery"), &headers, &json!({}), raw) else {
        return;
    };
    let item = &heard["json"];
    assert_eq!(item["body"], raw);
    assert_eq!(
        [&item["delivery"], &item["timestamp"], &item["claimed"]],
        [DELIVERY, TIMESTAMP, "v1=ab"]
    );

    let now = SystemClock.now().as_micros() / 1_000_000;
    let check = |claimed: &str, signature: &str, at: i64, body: &str| {
        let item =
            json!({"claimed": claimed, "signature": signature, "timestamp": at.to_string(), "body": body});
        run(&code(&refused, "Signed and new"), &item, &json!({}), "").unwrap()
    };
    let messages = check("v1=ab", "ab", now, raw);
    assert_eq!(messages[0]["json"]["text"], "Nobody could answer: Где «насос»?");
    assert_eq!(
        check("v1=ab", "ab", now, r#"{"event":"task.ended","data":{}}"#),
        json!([])
    );
    for (claimed, at) in [("v1=cd", now), ("ab", now), ("", now), ("v1=ab", now - 400)] {
        let refused = check(claimed, "ab", at, raw);
        assert!(refused["error"].is_string(), "{claimed} {at}: {refused}");
    }
}
