//! A stand-in for a Redis: the few commands that the cache uses, over RESP2, with values that end by time. It can stall, talk
//! nonsense and hang up, and shows what it holds. Where `NEXUS_TEST_REDIS_URL` names a real one, tests that only need a Redis
//! use that.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Serves,
    Stalls,
    TalksNonsense,
    HangsUp,
}

#[derive(Debug)]
enum Value {
    Bytes(Vec<u8>),
    Set(BTreeSet<String>),
}

#[derive(Debug)]
struct State {
    mood: Mood,
    values: HashMap<String, (Value, Option<Instant>)>,
    asked: usize,
}

#[derive(Debug)]
pub(crate) struct RedisStandIn {
    port: u16,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

impl RedisStandIn {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            mood: Mood::Serves,
            values: HashMap::new(),
            asked: 0,
        }));
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { port, state, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn is(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    pub(crate) fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    /// Names and bytes of the values, without the lists.
    pub(crate) fn values(&self) -> Vec<(String, Vec<u8>)> {
        let state = self.state.lock().unwrap();
        let values = state.values.iter().filter_map(|(name, (value, _))| match value {
            Value::Bytes(bytes) => Some((name.clone(), bytes.clone())),
            Value::Set(_) => None,
        });
        values.collect()
    }

    /// How many values end within this time.
    pub(crate) fn ending_within(&self, time: Duration) -> usize {
        let state = self.state.lock().unwrap();
        let values = state.values.values();
        let ending = values.filter(|(value, end)| {
            matches!(value, Value::Bytes(_)) && end.is_some_and(|end| end < Instant::now() + time)
        });
        ending.count()
    }

    /// How many lists do.
    pub(crate) fn lists_ending_within(&self, time: Duration) -> usize {
        let state = self.state.lock().unwrap();
        let values = state.values.values();
        let ending = values.filter(|(value, end)| {
            matches!(value, Value::Set(_)) && end.is_some_and(|end| end < Instant::now() + time)
        });
        ending.count()
    }

    pub(crate) fn overwrite(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.state.lock().unwrap();
        state.values.insert(name.to_owned(), (Value::Bytes(bytes), None));
    }
}

impl Drop for RedisStandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    while let Some(command) = read(&mut stream).await {
        let mood = {
            let mut state = state.lock().unwrap();
            state.asked += 1;
            state.mood
        };
        let reply = match mood {
            Mood::Serves => state.lock().unwrap().answer(&command),
            Mood::Stalls => return std::future::pending().await,
            Mood::TalksNonsense => b"!@#$ what?\r\n".to_vec(),
            Mood::HangsUp => return,
        };
        if stream.write_all(&reply).await.is_err() {
            return;
        }
    }
}

/// An array of bulk strings, which is what clients send.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Vec<Vec<u8>>> {
    let count = number(stream, '*').await?;
    let mut parts = Vec::with_capacity(count);
    for _ in 0..count {
        let mut part = vec![0; number(stream, '$').await? + 2];
        stream.read_exact(&mut part).await.ok()?;
        part.truncate(part.len() - 2);
        parts.push(part);
    }
    Some(parts)
}

async fn number(stream: &mut BufReader<TcpStream>, sign: char) -> Option<usize> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    line.strip_prefix(sign)?.trim_end().parse().ok()
}

impl State {
    fn answer(&mut self, command: &[Vec<u8>]) -> Vec<u8> {
        let now = Instant::now();
        self.values.retain(|_, (_, end)| end.is_none_or(|end| now < end));
        let words: Vec<String> = command
            .iter()
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        let names = words.iter().skip(1).cloned();
        let count = |count: usize| format!(":{count}\r\n").into_bytes();
        match (words[0].to_uppercase().as_str(), words.len()) {
            ("GET", 2) => match self.values.get(&words[1]) {
                Some((Value::Bytes(bytes), _)) => bulk(bytes),
                Some(_) => b"-WRONGTYPE no string\r\n".to_vec(),
                None => b"$-1\r\n".to_vec(),
            },
            ("SET", 5) if words[3] == "EX" => {
                let end = now + Duration::from_secs(words[4].parse().unwrap());
                let value = (Value::Bytes(command[2].clone()), Some(end));
                self.values.insert(words[1].clone(), value);
                b"+OK\r\n".to_vec()
            }
            ("EXPIRE", 3) => match self.values.get_mut(&words[1]) {
                Some((_, end)) => {
                    *end = Some(now + Duration::from_secs(words[2].parse().unwrap()));
                    count(1)
                }
                None => count(0),
            },
            ("DEL", 2..) => count(names.filter(|name| self.values.remove(name).is_some()).count()),
            ("SADD" | "SREM" | "SMEMBERS", 2..) => {
                let fresh = (Value::Set(BTreeSet::new()), None);
                let (Value::Set(set), _) = self.values.entry(words[1].clone()).or_insert(fresh) else {
                    return b"-WRONGTYPE no set\r\n".to_vec();
                };
                let members = names.skip(1);
                match words[0].as_str() {
                    "SADD" => count(members.filter(|member| set.insert(member.clone())).count()),
                    "SREM" => count(members.filter(|member| set.remove(member)).count()),
                    _ => {
                        let mut reply = format!("*{}\r\n", set.len()).into_bytes();
                        set.iter()
                            .for_each(|member| reply.extend(bulk(member.as_bytes())));
                        reply
                    }
                }
            }
            ("CLIENT", _) => b"+OK\r\n".to_vec(),
            _ => b"-ERR unknown command\r\n".to_vec(),
        }
    }
}

fn bulk(bytes: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
