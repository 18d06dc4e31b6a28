//! A MediaWiki behind `api.php`: pages with revisions, in namespaces, behind a login where it is closed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use url::form_urlencoded;

use super::server::{Asked, Reply, Server};

#[derive(Clone, Debug)]
struct Page {
    namespace: i64,
    title: String,
    revision: i64,
    text: String,
    is_redirect: bool,
    is_hidden: bool,
}

#[derive(Default)]
struct State {
    pages: BTreeMap<i64, Page>,
    revisions: i64,
    is_closed: bool,
    /// What the server before the wiki wants to be shown.
    door: Option<String>,
    logins: u32,
    /// Calls that are answered by this error first, with this `Retry-After`.
    errors: Vec<(String, String)>,
    /// Pages in one part of the list, and texts in one answer.
    list_part: usize,
    text_part: usize,
}

pub struct MediaWiki {
    server: Server,
    state: Arc<Mutex<State>>,
}

type Parameters = BTreeMap<String, String>;

impl MediaWiki {
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            list_part: 7,
            text_part: 20,
            ..State::default()
        }));
        let there = Arc::clone(&state);
        let server = Server::start(move |asked| there.lock().unwrap().answer(asked));
        Self { server, state }
    }

    pub fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// Writes a page; the number is the namespace's.
    pub fn write(&self, namespace: i64, title: &str, text: &str) {
        let mut state = self.state.lock().unwrap();
        state.revisions += 1;
        let known = state
            .pages
            .iter()
            .find(|(_, page)| page.title == title)
            .map(|(id, _)| *id);
        let id = known.unwrap_or(state.pages.len() as i64 + 100);
        let page = Page {
            namespace,
            title: title.to_owned(),
            revision: state.revisions,
            text: text.to_owned(),
            is_redirect: text.starts_with("#REDIRECT"),
            is_hidden: false,
        };
        state.pages.insert(id, page);
    }

    pub fn delete(&self, title: &str) {
        self.state
            .lock()
            .unwrap()
            .pages
            .retain(|_, page| page.title != title);
    }

    /// Hides the newest revision of a page.
    pub fn hide(&self, title: &str) {
        let mut state = self.state.lock().unwrap();
        let page = state.pages.values_mut().find(|page| page.title == title).unwrap();
        page.is_hidden = true;
        page.revision += 1_000;
    }

    /// Puts a server before the wiki that lets in whoever shows this.
    pub fn stands_behind(&self, authorization: &str) {
        self.state.lock().unwrap().door = Some(authorization.to_owned());
    }

    pub fn logins(&self) -> u32 {
        self.state.lock().unwrap().logins
    }

    pub fn close(&self) {
        self.state.lock().unwrap().is_closed = true;
    }

    /// Answers the next calls with errors; the second text is the `Retry-After`.
    pub fn fail(&self, errors: &[(&str, &str)]) {
        let errors = errors
            .iter()
            .map(|(code, after)| ((*code).to_owned(), (*after).to_owned()));
        self.state.lock().unwrap().errors.extend(errors);
    }

    pub fn take_log(&self) -> Vec<Asked> {
        self.server.take_log()
    }

    /// How often content was asked for since the last look.
    pub fn take_content_calls(&self) -> usize {
        let log = self.take_log();
        let is_content = |asked: &&Asked| String::from_utf8_lossy(&asked.body).contains("content");
        log.iter().filter(is_content).count()
    }
}

impl State {
    fn answer(&mut self, asked: &Asked) -> Reply {
        if self.door.is_some() && asked.header("authorization") != self.door.as_deref() {
            return Reply::new(401, "<html>Who are you?</html>")
                .with("WWW-Authenticate", "Basic realm=\"wiki\"");
        }
        let path = asked.target.split('?').next().unwrap_or_default();
        if path == "/wiki/Main_Page" {
            let link = "<link rel=\"EditURI\" type=\"application/rsd+xml\" href=\"/w/api.php?action=rsd\">";
            return Reply::new(200, format!("<html><head>{link}</head></html>"))
                .with("Content-Type", "text/html");
        }
        if path != "/w/api.php" {
            return Reply::new(404, "no such page");
        }
        let parameters: Parameters = form_urlencoded::parse(&asked.body).into_owned().collect();
        assert_eq!(asked.method, "POST");
        if let Some((code, after)) = self.errors.pop() {
            return error(&code, "a while").with("Retry-After", after);
        }
        let value = match parameters["action"].as_str() {
            "login" => return self.login(&parameters, asked),
            _ if parameters.get("meta").is_some_and(|meta| meta == "tokens") => {
                let value = json!({"query": {"tokens": {"logintoken": "t+\\"}}});
                return Reply::new(200, value.to_string()).with("Set-Cookie", "session=1; HttpOnly");
            }
            _ => {
                let is_known = asked
                    .header("cookie")
                    .is_some_and(|cookies| cookies.contains("user=Bot"))
                    || asked.header("authorization") == Some("Bearer secret");
                if parameters.get("assert").is_some_and(|assert| assert == "user") && !is_known {
                    return error("assertuserfailed", "You are no longer logged in.");
                }
                if self.is_closed && !is_known {
                    return error("readapidenied", "You need read permission to use this module.");
                }
                self.query(&parameters)
            }
        };
        Reply::new(200, value.to_string())
    }

    fn login(&mut self, parameters: &Parameters, asked: &Asked) -> Reply {
        self.logins += 1;
        let is_right = parameters["lgname"] == "Bot@nexus"
            && parameters["lgpassword"] == "word"
            && parameters["lgtoken"] == "t+\\"
            && asked.header("cookie") == Some("session=1");
        if !is_right {
            let value = json!({"login": {"result": "Failed", "reason": "Incorrect password entered."}});
            return Reply::new(200, value.to_string());
        }
        let value = json!({"login": {"result": "Success", "lgusername": "Bot"}});
        Reply::new(200, value.to_string()).with("Set-Cookie", "user=Bot; path=/")
    }

    fn query(&self, parameters: &Parameters) -> Value {
        assert_eq!(parameters["maxlag"], "5");
        if parameters.get("meta").is_some_and(|meta| meta == "siteinfo") {
            return json!({"query": {
                "general": {"server": "//wiki.example.org", "script": "/w/index.php"},
                "namespaces": {
                    "-1": {"id": -1, "name": "Служебная"},
                    "0": {"id": 0, "name": ""},
                    "12": {"id": 12, "name": "Справка"},
                }
            }});
        }
        if parameters
            .get("generator")
            .is_some_and(|generator| generator == "allpages")
        {
            return self.list(parameters);
        }
        self.texts(parameters)
    }

    fn list(&self, parameters: &Parameters) -> Value {
        assert_eq!(parameters["gapfilterredir"], "nonredirects");
        let namespace: i64 = parameters["gapnamespace"].parse().unwrap();
        let from = parameters.get("gapcontinue").cloned().unwrap_or_default();
        let mut pages: Vec<(&i64, &Page)> = self
            .pages
            .iter()
            .filter(|(_, page)| page.namespace == namespace && !page.is_redirect && page.title >= from)
            .collect();
        pages.sort_by_key(|(_, page)| page.title.clone());
        let next = pages.get(self.list_part).map(|(_, page)| page.title.clone());
        pages.truncate(self.list_part);
        let listed: Vec<Value> = pages
            .into_iter()
            .map(|(id, page)| {
                json!({"pageid": id, "ns": page.namespace, "title": page.title,
                       "contentmodel": "wikitext", "lastrevid": page.revision})
            })
            .collect();
        let mut value = json!({"query": {"pages": listed}});
        if let Some(next) = next {
            value["continue"] = json!({"gapcontinue": next, "continue": "gapcontinue||"});
        }
        value
    }

    fn texts(&self, parameters: &Parameters) -> Value {
        assert_eq!(
            (parameters["rvslots"].as_str(), parameters["prop"].as_str()),
            ("main", "revisions")
        );
        let ids: Vec<i64> = parameters["pageids"]
            .split('|')
            .map(|id| id.parse().unwrap())
            .collect();
        assert!(ids.len() <= 50);
        let from: usize = parameters
            .get("rvcontinue")
            .map_or(0, |from| from.parse().unwrap());
        let mut pages = Vec::new();
        for (at, id) in ids.iter().enumerate() {
            let Some(page) = self.pages.get(id) else {
                pages.push(json!({"pageid": id, "missing": true}));
                continue;
            };
            let mut value = json!({"pageid": id, "ns": page.namespace, "title": page.title});
            if (from..from + self.text_part).contains(&at) {
                let slot = if page.is_hidden {
                    json!({"texthidden": true})
                } else {
                    json!({"content": page.text})
                };
                value["revisions"] = json!([{"revid": page.revision, "slots": {"main": slot}}]);
            }
            pages.push(value);
        }
        let mut value = json!({"query": {"pages": pages}});
        if from + self.text_part < ids.len() {
            value["continue"] = json!({"rvcontinue": (from + self.text_part).to_string(), "continue": "||"});
        }
        value
    }
}

fn error(code: &str, info: &str) -> Reply {
    Reply::new(200, json!({"error": {"code": code, "info": info}}).to_string())
}
