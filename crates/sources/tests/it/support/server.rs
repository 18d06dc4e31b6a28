//! A small HTTP server. Each connection serves one request, so that an answer may end in any way.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// With the query.
    pub target: String,
    /// By their names in lower case.
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
    /// What it was answered, once it was.
    pub status: u16,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

#[derive(Clone, Debug)]
pub enum Body {
    Whole(Vec<u8>),
    /// Ends before its announced length.
    BrokenOff(Vec<u8>),
    Endless,
}

#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Whole(body.into()),
        }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

pub struct Server {
    address: SocketAddr,
    log: Arc<Mutex<Vec<Asked>>>,
    ends: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1", answer)
    }

    pub fn start_at(ip: &str, answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let ends = Arc::new(AtomicBool::new(false));
        let answer = Arc::new(answer);
        let (log_there, ends_there) = (Arc::clone(&log), Arc::clone(&ends));
        let accepting = thread::spawn(move || {
            for stream in listener.incoming() {
                if ends_there.load(Ordering::SeqCst) {
                    return;
                }
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log_there));
                // What a client breaks off is the client's.
                thread::spawn(move || stream.and_then(|stream| serve(&stream, &*answer, &log)).ok());
            }
        });
        Self {
            address,
            log,
            ends,
            accepting: Some(accepting),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Everything that was asked since the last look.
    pub fn take_log(&self) -> Vec<Asked> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            accepting.join().ok();
        }
    }
}

fn serve(
    stream: &TcpStream,
    answer: &dyn Fn(&Asked) -> Reply,
    log: &Mutex<Vec<Asked>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let Some(mut asked) = read(&mut reader)? else {
        return Ok(());
    };
    let reply = answer(&asked);
    asked.status = reply.status;
    log.lock().unwrap().push(asked);
    let mut head = format!("HTTP/1.1 {} Status\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut stream = stream;
    match reply.body {
        Body::Whole(bytes) => {
            if reply.status != 304 {
                head.push_str(&format!("Content-Length: {}\r\n", bytes.len()));
            }
            stream.write_all(format!("{head}\r\n").as_bytes())?;
            stream.write_all(&bytes)
        }
        Body::BrokenOff(bytes) => {
            head.push_str(&format!("Content-Length: {}\r\n\r\n", bytes.len() + 1_000));
            stream.write_all(head.as_bytes())?;
            stream.write_all(&bytes)
        }
        Body::Endless => {
            stream.write_all(format!("{head}\r\n").as_bytes())?;
            loop {
                stream.write_all(&[b'a'; 64 << 10])?;
            }
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Asked>> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut parts = line.split(' ');
    let (Some(method), Some(target)) = (parts.next(), parts.next()) else {
        return Ok(None);
    };
    let mut asked = Asked {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: HashMap::new(),
        body: Vec::new(),
        status: 0,
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        asked
            .headers
            .insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = asked
        .header("content-length")
        .and_then(|length| length.parse().ok());
    asked.body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut asked.body)?;
    Ok(Some(asked))
}
