//! A DokuWiki: pages behind JSON-RPC and XML-RPC, or XML-RPC alone, or nothing where the API is switched off.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::server::{Asked, Reply, Server};

#[derive(Default)]
struct State {
    pages: BTreeMap<String, (i64, String)>,
    revisions: i64,
    /// Releases before 2024.
    is_old: bool,
    is_off: bool,
    /// The value of `Authorization` that is let in.
    wants: Option<String>,
    /// Whether others are let in, too, and shown nothing.
    welcomes_strangers: bool,
    /// Pages that end the session when they are asked for.
    ends_at: Option<String>,
    /// Pages that are listed and not shown.
    closed: Vec<String>,
    /// Pages that break the server.
    broken: Vec<String>,
}

pub struct DokuWiki {
    server: Server,
    state: Arc<Mutex<State>>,
}

impl DokuWiki {
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let there = Arc::clone(&state);
        let server = Server::start(move |asked| there.lock().unwrap().answer(asked));
        Self { server, state }
    }

    pub fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    pub fn write(&self, id: &str, text: &str) {
        let mut state = self.state.lock().unwrap();
        state.revisions += 1;
        let revision = 1_700_000_000 + state.revisions;
        state.pages.insert(id.to_owned(), (revision, text.to_owned()));
    }

    pub fn delete(&self, id: &str) {
        self.state.lock().unwrap().pages.remove(id).unwrap();
    }

    pub fn grow_old(&self) {
        self.state.lock().unwrap().is_old = true;
    }

    pub fn switch_off(&self) {
        self.state.lock().unwrap().is_off = true;
    }

    pub fn wants(&self, authorization: &str) {
        self.state.lock().unwrap().wants = Some(authorization.to_owned());
    }

    /// From now on this is no account any more: whoever shows it is a stranger, who may call the API and sees nothing.
    pub fn signs_out(&self) {
        let mut state = self.state.lock().unwrap();
        state.wants = Some("nobody".to_owned());
        state.welcomes_strangers = true;
    }

    /// Signs out whoever asks for this page.
    pub fn signs_out_at(&self, id: &str) {
        self.state.lock().unwrap().ends_at = Some(id.to_owned());
    }

    pub fn close(&self, id: &str) {
        self.state.lock().unwrap().closed.push(id.to_owned());
    }

    pub fn breaks(&self, id: &str) {
        self.state.lock().unwrap().broken.push(id.to_owned());
    }

    pub fn take_log(&self) -> Vec<Asked> {
        self.server.take_log()
    }

    /// How often a page was asked for since the last look.
    pub fn take_page_calls(&self) -> usize {
        let log = self.take_log();
        let is_page = |asked: &&Asked| {
            String::from_utf8_lossy(&asked.body).contains("getPage\"")
                || String::from_utf8_lossy(&asked.body).contains("getPage<")
        };
        log.iter().filter(is_page).count()
    }
}

impl State {
    fn answer(&mut self, asked: &Asked) -> Reply {
        let body = String::from_utf8_lossy(&asked.body).into_owned();
        if self
            .ends_at
            .as_ref()
            .is_some_and(|id| body.contains(&format!("\"{id}\"")))
        {
            self.wants = Some("nobody".to_owned());
            self.welcomes_strangers = true;
        }
        match asked.target.as_str() {
            "/wiki/lib/exe/jsonrpc.php" if !self.is_old => self.json(&body, asked),
            "/wiki/lib/exe/xmlrpc.php" => self.xml(&body, asked),
            _ => Reply::new(404, "<html>File not found.</html>"),
        }
    }

    fn is_let_in(&self, asked: &Asked) -> bool {
        self.welcomes_strangers || self.is_known(asked)
    }

    fn is_known(&self, asked: &Asked) -> bool {
        self.wants.is_none() || asked.header("authorization") == self.wants.as_deref()
    }

    fn json(&self, body: &str, asked: &Asked) -> Reply {
        let fault = |status, code: i64, message: &str| {
            Reply::new(
                status,
                json!({"error": {"code": code, "message": message}}).to_string(),
            )
        };
        if self.is_off {
            return fault(404, -32605, "JSON-RPC server not enabled.");
        }
        assert_eq!(asked.header("content-type"), Some("application/json"));
        let call: Value = serde_json::from_str(body).unwrap();
        let method = call["method"].as_str().unwrap();
        if !self.is_let_in(asked) {
            return fault(
                401,
                -32603,
                &format!("server error. not authorized to call method {method}"),
            );
        }
        let result = match method {
            "core.listPages" => {
                assert_eq!(call["params"][1], 0);
                let listed = self.listed(call["params"][0].as_str().unwrap());
                let listed = listed.filter(|_| self.is_known(asked));
                let listed = listed.map(|(id, revision)| json!({"id": id, "revision": revision, "size": 1}));
                Value::from(listed.collect::<Vec<_>>())
            }
            "core.whoAmI" if self.is_known(asked) => json!({"login": "me", "name": "Me"}),
            "core.whoAmI" => return fault(200, 1, "No user available"),
            "core.getPage" if !self.is_known(asked) => {
                return fault(400, 121, "The requested page does not exist");
            }
            "core.getPage" => {
                let id = call["params"][0].as_str().unwrap();
                if self.broken.iter().any(|broken| broken == id) {
                    return Reply::new(500, "Fatal error");
                }
                if self.closed.iter().any(|closed| closed == id) {
                    return fault(
                        403,
                        -32604,
                        "server error. forbidden to call the method core.getPage",
                    );
                }
                match self.pages.get(id) {
                    Some((_, text)) => json!(text),
                    None => return fault(400, 121, "The requested page does not exist"),
                }
            }
            _ => return fault(400, -32603, "Method does not exist"),
        };
        Reply::new(
            200,
            json!({"jsonrpc": "2.0", "id": "1", "result": result}).to_string(),
        )
    }

    fn xml(&self, body: &str, asked: &Asked) -> Reply {
        if self.is_off {
            return Reply::new(200, "XML-RPC server not enabled.");
        }
        if !self.is_let_in(asked) {
            return Reply::new(401, fault(-32603, "server error. not authorized to call method"));
        }
        let argument = between(body, "<string>", "</string>").to_owned();
        let value = match between(body, "<methodName>", "</methodName>") {
            "dokuwiki.getPagelist" => {
                assert!(body.contains("<name>depth</name><value><int>0</int>"));
                let pages: String = self
                    .listed(&argument)
                    .filter(|_| self.is_known(asked))
                    .map(|(id, revision)| {
                        let id =
                            format!("<member><name>id</name><value><string>{id}</string></value></member>");
                        let revision =
                            format!("<member><name>rev</name><value><int>{revision}</int></value></member>");
                        format!("<value><struct>{id}{revision}</struct></value>\n")
                    })
                    .collect();
                format!("<array><data>{pages}</data></array>")
            }
            "dokuwiki.login" => format!("<boolean>{}</boolean>", u8::from(self.is_known(asked))),
            "wiki.getPage" => {
                let text = self.pages.get(&argument).map_or("", |(_, text)| text);
                format!(
                    "<string>{}</string>",
                    text.replace('&', "&amp;").replace('<', "&lt;")
                )
            }
            other => {
                return Reply::new(
                    200,
                    fault(
                        -32601,
                        &format!("server error. requested method {other} does not exist."),
                    ),
                );
            }
        };
        let answer = format!(
            "<?xml version=\"1.0\"?>\n<methodResponse><params><param><value>{value}</value></param></params></methodResponse>"
        );
        Reply::new(200, answer).with("Content-Type", "text/xml")
    }

    fn listed(&self, namespace: &str) -> impl Iterator<Item = (&String, i64)> {
        let namespace = namespace.to_owned();
        self.pages
            .iter()
            .filter(move |(id, _)| namespace.is_empty() || id.starts_with(&format!("{namespace}:")))
            .map(|(id, (revision, _))| (id, *revision))
    }
}

fn fault(code: i64, message: &str) -> String {
    let member =
        |name: &str, value: String| format!("<member><name>{name}</name><value>{value}</value></member>");
    let code = member("faultCode", format!("<int>{code}</int>"));
    let message = member("faultString", format!("<string>{message}</string>"));
    format!("<methodResponse><fault><value><struct>{code}{message}</struct></value></fault></methodResponse>")
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let rest = text.split_once(before).map_or("", |(_, rest)| rest);
    rest.split_once(after).map_or(rest, |(inner, _)| inner)
}
