//! The parent's side: processes that read, kept for the next document as long as they behave.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, channel, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nexus_domain::{Problem, ProblemCode};

use super::wire::{self, Answer, Ask, Reply};
use crate::extract::{Extracted, Language, Refusal};
use crate::limits::Limits;
use crate::syntax::{self, Syntax};

/// How much of what a process says before it dies is kept.
const LAST_WORDS: u64 = 4 << 10;

/// How long a dead process's last words are waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Processes that read documents, and others that parse code: what a stranger's code does to its process is not to decide
/// what somebody's document says. Each thread that reads has one to itself; they are started when they are needed, and
/// ended with this.
#[derive(Debug)]
pub struct Readers {
    program: PathBuf,
    args: Vec<OsString>,
    documents: Idle,
    syntax: Idle,
}

/// Processes that wait for the next question.
type Idle = Mutex<Vec<Reader>>;

impl Readers {
    /// `program` has to call [`serve_child`](crate::serve_child) on its stdin and stdout when it is given `args`. It starts
    /// without environment variables.
    pub fn new(program: impl Into<PathBuf>, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            documents: Idle::default(),
            syntax: Idle::default(),
        }
    }

    /// Reads one file in a process of its own, whatever its format. Of code, the syntax is left out.
    pub fn extract(&self, path: &str, bytes: &[u8], limits: &Limits) -> Result<Extracted, Problem> {
        let ask = Ask::Document {
            path: path.to_owned(),
        };
        let refusal = match self.ask(&self.documents, &ask, bytes, limits) {
            Ok(Answer::Extracted(extracted)) => return Ok(extracted),
            Ok(Answer::Refused(code, why)) => (code, why),
            Ok(Answer::Syntax(_)) => nonsense(&"the syntax of a document"),
            Err(Unread::NotStarted(why)) => (ProblemCode::ReaderCrashed, why),
            Err(Unread::Broken(refusal)) => refusal,
        };
        Err(Problem::of_file(path, refusal.0, refusal.1))
    }

    /// Parses code in a process of its own. `None` where it is too long, or its grammar gives up on it.
    pub(super) fn syntax(
        &self,
        text: &str,
        language: Language,
        limits: &Limits,
    ) -> Result<Option<Syntax>, Unread> {
        if !syntax::is_parsed(text) {
            return Ok(None);
        }
        // A decoded text may be longer than its file.
        let limits = Limits {
            file_bytes: limits.file_bytes.max(text.len() as u64),
            ..*limits
        };
        match self.ask(&self.syntax, &Ask::Syntax { language }, text.as_bytes(), &limits)? {
            Answer::Syntax(syntax) => Ok(syntax),
            Answer::Extracted(_) | Answer::Refused(..) => {
                Err(Unread::Broken(nonsense(&"a document instead of syntax")))
            }
        }
    }

    fn ask(&self, idle: &Idle, ask: &Ask, bytes: &[u8], limits: &Limits) -> Result<Answer, Unread> {
        let mut reader = match ready(idle) {
            Some(reader) => reader,
            None => self.start(ask, limits)?,
        };
        let mut answer = reader.ask(ask, bytes, limits);
        if reader.has_read && matches!(answer, Err(Failure::Died | Failure::Nonsense(_))) {
            // For what it had read before, perhaps.
            reader = self.start(ask, limits)?;
            answer = reader.ask(ask, bytes, limits);
        }
        match answer {
            Ok(answer) => {
                reader.has_read = true;
                lock(idle).push(reader);
                Ok(answer)
            }
            Err(failure) => Err(Unread::Broken(reader.end(&failure, limits))),
        }
    }

    fn start(&self, ask: &Ask, limits: &Limits) -> Result<Reader, Unread> {
        let longest = match ask {
            Ask::Document { .. } => wire::longest_document(limits),
            Ask::Syntax { .. } => wire::LONGEST_SYNTAX,
        };
        Reader::start(&self.program, &self.args, longest).map_err(|error| {
            Unread::NotStarted(format!("The reader of this format could not be started: {error}"))
        })
    }
}

/// A process that waits for a question. One that was killed, or that talked, while nobody asked it is not the fault of what is
/// read next.
fn ready(idle: &Idle) -> Option<Reader> {
    loop {
        // One that has to go is waited for, and nobody else waits for that.
        let mut reader = lock(idle).pop()?;
        if reader.is_at_rest() {
            return Some(reader);
        }
    }
}

/// Nothing that runs under this lock panics; if it did, the list would still be sound.
fn lock(idle: &Idle) -> MutexGuard<'_, Vec<Reader>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unread {
    /// Whatever was asked.
    NotStarted(String),
    /// What was asked broke the process.
    Broken(Refusal),
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
    /// It has answered before.
    has_read: bool,
    process: Child,
    input: ChildStdin,
    events: Receiver<Event>,
    last_words: Receiver<Vec<u8>>,
}

impl Reader {
    fn start(program: &PathBuf, args: &[OsString], longest: u64) -> io::Result<Self> {
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
        // One that talks without end is listened to no further than this.
        let (replies, events) = sync_channel(1);
        let (words, last_words) = channel();
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
            has_read: false,
            process,
            input,
            events,
            last_words,
        })
    }

    /// It runs, and has said nothing but its answers.
    fn is_at_rest(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
            && matches!(self.events.try_recv(), Err(TryRecvError::Empty))
    }

    /// The request is written beside the waiting: a process that hangs does not take it.
    fn ask(&mut self, ask: &Ask, bytes: &[u8], limits: &Limits) -> Result<Answer, Failure> {
        let Self {
            process,
            input,
            events,
            ..
        } = self;
        if events.try_recv().is_ok() {
            return Err(Failure::Nonsense(io::Error::other(
                "an answer without a question",
            )));
        }
        thread::scope(|scope| {
            let (sent, written) = channel();
            scope.spawn(move || {
                let is_written = wire::write_request(input, ask, limits, bytes).is_ok();
                let _unheard = sent.send(is_written);
            });
            let answer = wait(events, ask, limits).and_then(|answer| {
                // Who answers before the question was asked does not speak of this document.
                match written.recv_timeout(PATIENCE) {
                    Ok(true) if ask.is_answered_by(&answer) => Ok(answer),
                    Ok(true) => Err(Failure::Nonsense(io::Error::other(
                        "an answer to another question",
                    ))),
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
            Failure::Nonsense(error) => nonsense(error),
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

fn nonsense(what: &dyn Display) -> Refusal {
    let why = format!("The reader of this format answered nonsense ({what})");
    (ProblemCode::ReaderCrashed, why)
}

fn told(status: ExitStatus) -> String {
    status.to_string()
}

/// Passes on what the process sends, until it ends.
fn listen(mut output: impl Read, longest: u64, replies: &SyncSender<Event>) {
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

fn wait(events: &Receiver<Event>, ask: &Ask, limits: &Limits) -> Result<Answer, Failure> {
    let begun = Instant::now();
    let (whole, page) = match ask {
        Ask::Document { .. } => (limits.document_seconds, limits.page_seconds),
        Ask::Syntax { .. } => (limits.syntax_seconds, limits.syntax_seconds),
    };
    let (whole, page) = (Duration::from_secs(whole), Duration::from_secs(page));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// One that was idle while these events came.
    fn idle(said: Option<Event>) -> Reader {
        let mut process = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let (replies, events) = sync_channel(1);
        if let Some(event) = said {
            replies.send(event).unwrap();
        }
        // As long as the process runs, somebody listens to it.
        std::mem::forget(replies);
        let (_, last_words) = channel();
        Reader {
            has_read: true,
            process,
            input,
            events,
            last_words,
        }
    }

    #[test]
    fn a_process_that_died_or_talked_while_nobody_asked_is_passed_over() {
        let mut dead = idle(None);
        dead.process.kill().unwrap();
        dead.process.wait().unwrap();
        let good = idle(None);
        let good_id = good.process.id();
        let talker = idle(Some(Event::Reply(Reply::Beat)));
        let waiting = Idle::new(vec![good, dead, talker]);
        let first = ready(&waiting).unwrap();
        assert_eq!(first.process.id(), good_id);
        assert!(ready(&waiting).is_none());
    }
}
