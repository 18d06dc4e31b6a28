//! A receiver of webhooks: answers as it was told to, and remembers what it heard. Speaks as much HTTP as that takes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// How long a test waits for something to be told.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a receiver does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    Status(u16),
    Redirect(String),
    /// Nothing is said until the other side gives up.
    Silence,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Heard {
    pub path: String,
    /// By their names in lower case.
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

#[derive(Debug)]
pub struct Receiver {
    pub base: String,
    heard: mpsc::UnboundedReceiver<Heard>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

impl Receiver {
    /// Says 204 to everything, until it is told otherwise.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (sender, heard) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let script = Arc::clone(&answers);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, script) = (sender.clone(), Arc::clone(&script));
                tokio::spawn(async move {
                    let mut stream = stream;
                    while let Some(request) = read(&mut stream).await {
                        let answer = script.lock().unwrap().pop_front();
                        let _ = sender.send(request);
                        if !write(&mut stream, answer.unwrap_or(Answer::Status(204))).await {
                            return;
                        }
                    }
                });
            }
        });
        Self { base, heard, answers }
    }

    /// What it answers to the next requests.
    pub fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.lock().unwrap().extend(answers);
    }

    /// The next request.
    pub async fn heard(&mut self) -> Heard {
        let next = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
        next.expect("something is told in time")
            .expect("the receiver runs")
    }

    /// Requests that came and were not asked for.
    pub fn unheard(&mut self) -> usize {
        std::iter::from_fn(|| self.heard.try_recv().ok()).count()
    }
}

async fn read(stream: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
    let mut lines = text.split("\r\n");
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers
        .get("content-length")
        .map_or(Some(0), |text| text.parse().ok())?;
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Heard { path, headers, body })
}

/// Whether the connection goes on.
async fn write(stream: &mut TcpStream, answer: Answer) -> bool {
    let head = match answer {
        Answer::Status(status) => format!("HTTP/1.1 {status} Said\r\n"),
        Answer::Redirect(to) => format!("HTTP/1.1 307 Elsewhere\r\nlocation: {to}\r\n"),
        Answer::Silence => {
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            return false;
        }
    };
    let length = if head.contains(" 204 ") {
        ""
    } else {
        "content-length: 0\r\n"
    };
    stream
        .write_all(format!("{head}{length}\r\n").as_bytes())
        .await
        .is_ok()
}
