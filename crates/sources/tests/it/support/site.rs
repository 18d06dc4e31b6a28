//! A web site: pages that can be edited, deleted, moved and broken.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::server::{Asked, Body, Reply, Server};

/// How a page misbehaves.
#[derive(Clone, Debug)]
pub enum Fault {
    Status(u16),
    /// So many times, then it is well again.
    Times(u32, Reply),
    BrokenOff,
    Endless,
}

#[derive(Default)]
struct State {
    pages: HashMap<String, Reply>,
    faults: HashMap<String, Fault>,
    /// Whether entity tags and dates are neither sent nor looked at.
    is_plain: bool,
}

pub struct Site {
    server: Server,
    state: Arc<Mutex<State>>,
}

impl Site {
    pub fn start() -> Self {
        Self::start_at("127.0.0.1")
    }

    pub fn start_at(ip: &str) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let there = Arc::clone(&state);
        let server = Server::start_at(ip, move |asked| there.lock().unwrap().answer(asked));
        Self { server, state }
    }

    pub fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// Writes a page, or writes it anew.
    pub fn page(&self, path: &str, html: &str) {
        self.reply(
            path,
            Reply::new(200, html).with("Content-Type", "text/html; charset=utf-8"),
        );
    }

    pub fn links(&self, path: &str, links: &[&str]) {
        let links: String = links
            .iter()
            .map(|link| format!("<a href=\"{link}\">{link}</a> "))
            .collect();
        self.page(path, &format!("<title>{path}</title><p>Page {path}: {links}</p>"));
    }

    pub fn reply(&self, path: &str, reply: Reply) {
        self.state.lock().unwrap().pages.insert(path.to_owned(), reply);
    }

    pub fn delete(&self, path: &str) {
        self.state.lock().unwrap().pages.remove(path).unwrap();
    }

    pub fn redirect(&self, path: &str, target: &str) {
        self.reply(path, Reply::new(302, "").with("Location", target));
    }

    pub fn robots(&self, text: &str) {
        self.reply(
            "/robots.txt",
            Reply::new(200, text).with("Content-Type", "text/plain"),
        );
    }

    pub fn breaks(&self, path: &str, fault: Fault) {
        self.state.lock().unwrap().faults.insert(path.to_owned(), fault);
    }

    pub fn heals(&self, path: &str) {
        self.state.lock().unwrap().faults.remove(path);
    }

    /// Sends no validators from now on.
    pub fn without_validators(&self) {
        self.state.lock().unwrap().is_plain = true;
    }

    pub fn take_log(&self) -> Vec<Asked> {
        self.server.take_log()
    }

    /// What was asked for since the last look and answered with content, robots.txt aside.
    pub fn take_contents(&self) -> Vec<String> {
        let log = self.take_log().into_iter();
        log.filter(|asked| asked.status == 200 && asked.target != "/robots.txt")
            .map(|asked| asked.target)
            .collect()
    }
}

impl State {
    fn answer(&mut self, asked: &Asked) -> Reply {
        let well = self.well(asked);
        match self.faults.get_mut(&asked.target) {
            None => well,
            Some(Fault::Status(status)) => Reply::new(*status, "broken"),
            Some(Fault::Times(0, _)) => well,
            Some(Fault::Times(times, reply)) => {
                *times -= 1;
                reply.clone()
            }
            Some(Fault::BrokenOff) => match well.body {
                Body::Whole(bytes) => Reply {
                    body: Body::BrokenOff(bytes),
                    ..well
                },
                _ => well,
            },
            Some(Fault::Endless) => Reply {
                body: Body::Endless,
                ..well
            },
        }
    }

    fn well(&self, asked: &Asked) -> Reply {
        let Some(reply) = self.pages.get(&asked.target) else {
            return Reply::new(404, "There is no such page");
        };
        let Body::Whole(bytes) = &reply.body else {
            return reply.clone();
        };
        if self.is_plain || reply.status != 200 {
            return reply.clone();
        }
        let tag = format!("\"{}\"", nexus_domain::ContentHash::of(bytes));
        if asked.header("if-none-match") == Some(&tag) {
            return Reply::new(304, "").with("ETag", tag);
        }
        reply.clone().with("ETag", tag)
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}
