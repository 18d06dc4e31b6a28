//! The parent's side: processes that read, kept for the next document as long as they behave.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nexus_domain::{Problem, ProblemCode};

use super::wire::{self, Answer, Reply};
use crate::extract::{Extracted, Refusal};
use crate::limits::Limits;

/// How much of what a process says before it dies is kept.
const LAST_WORDS: u64 = 4 << 10;

/// How long a dead process's last words are waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Processes that read documents. Each thread that reads has one to itself; they are started when they are needed, and
/// ended with this.
#[derive(Debug)]
pub struct Readers {
    program: PathBuf,
    args: Vec<OsString>,
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    /// `program` has to call [`serve_child`](crate::serve_child) on its stdin and stdout when it is given `args`. It starts
    /// without environment variables.
    pub fn new(program: impl Into<PathBuf>, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Reads one file in a process of its own, whatever its format.
    pub fn extract(&self, path: &str, bytes: &[u8], limits: &Limits) -> Result<Extracted, Problem> {
        self.read(path, bytes, limits)
            .map_err(|(code, why)| Problem::of_file(path, code, why))
    }

    fn read(&self, path: &str, bytes: &[u8], limits: &Limits) -> Result<Extracted, Refusal> {
        let mut reader = match self.idle() {
            Some(reader) => reader,
            None => Reader::start(&self.program, &self.args, limits).map_err(|error| {
                let why = format!("The reader of this format could not be started: {error}");
                (ProblemCode::ReaderCrashed, why)
            })?,
        };
        match reader.ask(path, bytes, limits) {
            Ok(answer) => {
                self.lock().push(reader);
                match answer {
                    Answer::Extracted(extracted) => Ok(extracted),
                    Answer::Refused(code, why) => Err((code, why)),
                }
            }
            Err(failure) => Err(reader.end(&failure, limits)),
        }
    }

    /// A process that still runs: one that was killed while it was idle is nobody's fault.
    fn idle(&self) -> Option<Reader> {
        let mut idle = self.lock();
        while let Some(mut reader) = idle.pop() {
            if matches!(reader.process.try_wait(), Ok(None)) {
                return Some(reader);
            }
        }
        None
    }

    /// Nothing that runs under this lock panics; if it did, the list would still be sound.
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.idle
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Why a reader is of no use any more.
#[derive(Debug)]
enum Failure {
    /// In all, or without a page.
    TimedOut(String),
    Died,
    Nonsense(io::Error),
}

#[derive(Debug)]
enum Event {
    Reply(Reply),
    Nonsense(io::Error),
}

/// One process.
#[derive(Debug)]
struct Reader {
    process: Child,
    input: ChildStdin,
    events: Receiver<Event>,
    last_words: Receiver<Vec<u8>>,
}

impl Reader {
    fn start(program: &PathBuf, args: &[OsString], limits: &Limits) -> io::Result<Self> {
        let mut process = Command::new(program)
            .args(args)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let pipes = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(io::Error::other("a process without pipes"));
        };
        let (replies, events) = channel();
        let (words, last_words) = channel();
        let longest = wire::longest_answer(limits);
        thread::spawn(move || listen(io::BufReader::new(output), longest, &replies));
        thread::spawn(move || {
            let mut errors = errors;
            let mut kept = Vec::new();
            let _unread = errors.by_ref().take(LAST_WORDS).read_to_end(&mut kept);
            let _rest = io::copy(&mut errors, &mut io::sink());
            // Nobody waits for the words of a process that ended well.
            let _unheard = words.send(kept);
        });
        Ok(Self {
            process,
            input,
            events,
            last_words,
        })
    }

    /// The request is written beside the waiting: a process that hangs does not take it.
    fn ask(&mut self, path: &str, bytes: &[u8], limits: &Limits) -> Result<Answer, Failure> {
        let Self {
            process,
            input,
            events,
            ..
        } = self;
        thread::scope(|scope| {
            let (sent, written) = channel();
            scope.spawn(move || {
                let is_written = wire::write_request(input, path, limits, bytes).is_ok();
                let _unheard = sent.send(is_written);
            });
            let answer = wait(events, limits).and_then(|answer| {
                // Who answers before the question was asked does not speak of this document.
                match written.recv_timeout(PATIENCE) {
                    Ok(true) => Ok(answer),
                    _ => Err(Failure::Nonsense(io::Error::other(
                        "an answer without a question",
                    ))),
                }
            });
            if answer.is_err() {
                // Lets the writing end, too. One that is dead already cannot be killed.
                let _dead = process.kill();
            }
            answer
        })
    }

    /// What the failure says about the document.
    fn end(mut self, failure: &Failure, limits: &Limits) -> Refusal {
        let _dead = self.process.kill();
        let status = self.process.wait();
        let words = self.last_words.recv_timeout(PATIENCE).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        match failure {
            Failure::TimedOut(why) => (ProblemCode::TimedOut, why.clone()),
            // The standard library's words when an allocation fails.
            Failure::Died if words.contains("memory allocation of") => {
                let why = format!(
                    "Reading it takes more memory than the {} bytes allowed",
                    limits.child_memory_bytes
                );
                (ProblemCode::MemoryLimit, why)
            }
            Failure::Died => {
                let how = status.map_or_else(|error| error.to_string(), told);
                let why = format!("The reader of this format broke down on it ({how})");
                (ProblemCode::ReaderCrashed, why)
            }
            Failure::Nonsense(error) => {
                let why = format!("The reader of this format answered nonsense ({error})");
                (ProblemCode::ReaderCrashed, why)
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // One that is dead already cannot be killed, and was waited for.
        let _dead = self.process.kill();
        let _status = self.process.wait();
    }
}

fn told(status: ExitStatus) -> String {
    status.to_string()
}

/// Passes on what the process sends, until it ends.
fn listen(mut output: impl Read, longest: u64, replies: &Sender<Event>) {
    loop {
        let event = match wire::read_reply(&mut output, longest) {
            Ok(reply) => Event::Reply(reply),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return,
            Err(error) => Event::Nonsense(error),
        };
        let is_last = matches!(event, Event::Nonsense(_));
        if replies.send(event).is_err() || is_last {
            return;
        }
    }
}

fn wait(events: &Receiver<Event>, limits: &Limits) -> Result<Answer, Failure> {
    let begun = Instant::now();
    let whole = Duration::from_secs(limits.document_seconds);
    let page = Duration::from_secs(limits.page_seconds);
    loop {
        let left = whole.saturating_sub(begun.elapsed());
        match events.recv_timeout(page.min(left)) {
            Ok(Event::Reply(Reply::Answer(answer))) => return Ok(*answer),
            Ok(Event::Reply(Reply::Beat)) => {}
            Ok(Event::Nonsense(error)) => return Err(Failure::Nonsense(error)),
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::Died),
            Err(RecvTimeoutError::Timeout) => {
                let why = match begun.elapsed() >= whole {
                    true => format!(
                        "Reading it took longer than the {} seconds allowed",
                        whole.as_secs()
                    ),
                    false => format!(
                        "No page of it was read within the {} seconds allowed",
                        page.as_secs()
                    ),
                };
                return Err(Failure::TimedOut(why));
            }
        }
    }
}
