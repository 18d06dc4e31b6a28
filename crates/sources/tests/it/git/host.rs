//! A git host: `git http-backend` behind a small HTTP server, with the tempers that hosts have.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use nexus_domain::Remote;

use super::repository::{TestRepository, remote};

/// What the host does instead of answering one request.
#[derive(Clone, Debug)]
pub enum Temper {
    Answer {
        status: u16,
        headers: &'static str,
        body: &'static str,
    },
    Redirect(String),
    /// Half of the answer, then nothing.
    BreakOff,
    /// The head of the answer, and then a byte each 20 ms.
    Trickle,
    /// The answer, with one text in it put in the place of another of the same length.
    Replace(&'static str, &'static str),
}

impl Temper {
    pub const fn status(status: u16) -> Self {
        Self::Answer {
            status,
            headers: "",
            body: "",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Asked {
    pub line: String,
    pub authorization: Option<String>,
    pub body: String,
}

#[derive(Debug, Default)]
struct State {
    asked: Vec<Asked>,
    /// Bytes of answers.
    sent: u64,
    /// For requests whose line holds the text.
    tempers: Vec<(&'static str, u32, Temper)>,
    /// What each repository wants to be shown.
    locks: BTreeMap<String, String>,
    roots: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub struct Host {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Host {
    /// `None` where git cannot serve; never where CI runs.
    pub fn start() -> Option<Self> {
        let served = Command::new("git")
            .arg("--exec-path")
            .output()
            .ok()
            .map(|found| String::from_utf8(found.stdout).unwrap())
            .is_some_and(|path| {
                std::path::Path::new(path.trim())
                    .join("git-http-backend")
                    .exists()
            });
        if !served {
            assert!(
                std::env::var_os("CI").is_none(),
                "git http-backend is not installed"
            );
            return None;
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::default(),
        };
        let serving = host.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let host = serving.clone();
                std::thread::spawn(move || host.serve(stream));
            }
        });
        Some(host)
    }

    /// Serves a repository under a name.
    pub fn add(&self, name: &str, repository: &TestRepository) -> Remote {
        let root = repository.root().display().to_string();
        self.state.lock().unwrap().roots.insert(name.to_owned(), root);
        remote(&self.url(&format!("/{name}/wiki.git")))
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn lock(&self, name: &str, authorization: &str) {
        let mut state = self.state.lock().unwrap();
        state.locks.insert(name.to_owned(), authorization.to_owned());
    }

    /// Does so for that many requests whose first line holds `part`.
    pub fn temper(&self, part: &'static str, times: u32, temper: Temper) {
        self.state.lock().unwrap().tempers.push((part, times, temper));
    }

    /// Answers as it should from now on.
    pub fn calm(&self) {
        self.state.lock().unwrap().tempers.clear();
    }

    /// How many bytes it has answered since this was asked last.
    pub fn sent(&self) -> u64 {
        std::mem::take(&mut self.state.lock().unwrap().sent)
    }

    /// What it was asked since this was asked last.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        let mut headers = HashMap::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            let Some((name, value)) = header.trim().split_once(':') else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let len = headers
            .get("content-length")
            .map_or(0, |len| len.parse().unwrap());
        let mut body = vec![0; len];
        reader.read_exact(&mut body).unwrap();
        let (answer, is_trickle) = self.answer(line.trim(), &headers, &body);
        self.state.lock().unwrap().sent += answer.len() as u64;
        // Whoever asked may have hung up.
        if !is_trickle {
            let _ = (&stream).write_all(&answer);
            return;
        }
        let end = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
        let _ = (&stream).write_all(&answer[..end]);
        for byte in &answer[end..] {
            std::thread::sleep(std::time::Duration::from_millis(20));
            if (&stream).write_all(&[*byte]).is_err() {
                return;
            }
        }
    }

    /// And whether it is to come slowly.
    fn answer(&self, line: &str, headers: &HashMap<String, String>, body: &[u8]) -> (Vec<u8>, bool) {
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut parts = path.trim_start_matches('/').splitn(2, '/');
        let (name, inner) = (parts.next().unwrap(), parts.next().unwrap_or_default());
        let authorization = headers.get("authorization").cloned();
        let (temper, lock, root) = {
            let mut state = self.state.lock().unwrap();
            state.asked.push(Asked {
                line: line.to_owned(),
                authorization: authorization.clone(),
                body: String::from_utf8_lossy(body).into_owned(),
            });
            let due = state
                .tempers
                .iter_mut()
                .find(|(part, times, _)| *times > 0 && line.contains(part));
            let temper = due.map(|(_, times, temper)| {
                *times -= 1;
                temper.clone()
            });
            (
                temper,
                state.locks.get(name).cloned(),
                state.roots.get(name).cloned(),
            )
        };
        match &temper {
            Some(Temper::Answer {
                status,
                headers,
                body,
            }) => {
                return (whole(*status, headers, body.as_bytes()), false);
            }
            Some(Temper::Redirect(to)) => {
                return (whole(302, &format!("Location: {to}\r\n"), b""), false);
            }
            _ => {}
        }
        if lock.is_some() && lock != authorization {
            let answer = whole(401, "WWW-Authenticate: Basic realm=\"git\"\r\n", b"");
            return (answer, false);
        }
        let Some(root) = root else {
            return (whole(404, "", b""), false);
        };
        let kind = headers.get("content-type").map_or("", String::as_str);
        let (status, headers, mut content) = backend(&root, method, inner, query, kind, body);
        if let Some(Temper::Replace(from, to)) = temper {
            assert_eq!(from.len(), to.len());
            let at = content
                .windows(from.len())
                .position(|part| part == from.as_bytes());
            let at = at.unwrap();
            content[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
        let mut answer = whole(status, &headers, &content);
        if matches!(temper, Some(Temper::BreakOff)) {
            answer.truncate(answer.len() - content.len() / 2);
        }
        (answer, matches!(temper, Some(Temper::Trickle)))
    }
}

fn whole(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} Told\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Runs git's own server as CGI (RFC 3875).
fn backend(
    root: &str,
    method: &str,
    path: &str,
    query: &str,
    kind: &str,
    body: &[u8],
) -> (u16, String, Vec<u8>) {
    let mut git = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", root)
        .env("PATH_INFO", format!("/{path}"))
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", method)
        .env("CONTENT_TYPE", kind)
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It may answer before it has read all.
    let _ = git.stdin.take().unwrap().write_all(body);
    let out = git.wait_with_output().unwrap().stdout;
    let end = out.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
    let (mut status, mut headers) = (200, String::new());
    for line in std::str::from_utf8(&out[..end]).unwrap().lines() {
        match line.strip_prefix("Status: ") {
            Some(told) => status = told[..3].parse().unwrap(),
            None => headers.push_str(&format!("{line}\r\n")),
        }
    }
    (status, headers, out[end + 4..].to_vec())
}
