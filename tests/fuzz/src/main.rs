//! Throws made-up documents at every parser and at the chunker, each for a bounded time, and keeps what breaks them.
//!
//! `make fuzz`. A parent gives each target to a child process; the child writes each input to a file before it reads it, so
//! an input that kills it, or that it does not come back from, is there to be looked at. Inputs are seeds (real documents)
//! that were bent: cut, doubled, spliced, sprinkled with what the format is made of, and for packed formats the files inside
//! were. Everything follows from one seed.

mod mutate;
mod seeds;
mod targets;

use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::Parser;
use nexus_ingest::Limits;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use mutate::Mutator;
use targets::{TARGETS, Target};

/// No input of at most [`mutate::MOST_BYTES`] may take so long.
const STUCK_AFTER: Duration = Duration::from_secs(20);

#[derive(Debug, Parser)]
struct Args {
    /// Only this target
    #[arg(long)]
    target: Option<String>,
    /// For each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    #[arg(long, default_value_t = 20_261_121)]
    seed: u64,
    /// Where inputs are kept that break something
    #[arg(long, default_value = "fuzz-findings")]
    findings: PathBuf,
    /// Read this input once, as the target would, and end
    #[arg(long)]
    input: Option<PathBuf>,
    /// Be the child
    #[arg(long, hide = true)]
    child: bool,
    /// Be the process that parses code
    #[arg(long, hide = true)]
    reader: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.reader {
        let served = nexus_ingest::serve_child(Limits::default(), io::stdin().lock(), io::stdout().lock());
        return served.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    let chosen = args.target.as_deref();
    let targets: Vec<&Target> = TARGETS
        .iter()
        .filter(|target| chosen.is_none_or(|name| name == target.name))
        .collect();
    let Some(first) = targets.first() else {
        eprintln!("no target has this name; there are:");
        TARGETS.iter().for_each(|target| eprintln!("  {}", target.name));
        return ExitCode::FAILURE;
    };
    if let Some(input) = &args.input {
        return read_once(first, input);
    }
    if args.child {
        work(first, &args);
        return ExitCode::SUCCESS;
    }
    let findings = targets.iter().filter(|target| !holds(target, &args)).count();
    if findings == 0 {
        ExitCode::SUCCESS
    } else {
        eprintln!(
            "{findings} targets broke; their inputs are in {}",
            args.findings.display()
        );
        ExitCode::FAILURE
    }
}

fn read_once(target: &Target, input: &Path) -> ExitCode {
    match std::fs::read(input) {
        Ok(bytes) => {
            (target.run)(&bytes);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", input.display());
            ExitCode::FAILURE
        }
    }
}

/// The child: reads inputs until its time is over, and says after each hundred how many there were.
fn work(target: &Target, args: &Args) {
    let mut rng = StdRng::seed_from_u64(args.seed ^ name_hash(target.name));
    let mutator = Mutator::new(target);
    let until = Instant::now() + Duration::from_secs(args.seconds);
    let current = current(args, target);
    let mut read = 0_u64;
    while Instant::now() < until {
        let input = mutator.next(&mut rng);
        if std::fs::write(&current, &input).is_err() {
            return;
        }
        (target.run)(&input);
        read += 1;
        println!("{read}");
    }
}

/// The parent: whether the target held for its time.
fn holds(target: &Target, args: &Args) -> bool {
    if let Err(error) = std::fs::create_dir_all(&args.findings) {
        eprintln!("{}: {error}", args.findings.display());
        return false;
    }
    let Ok(own) = std::env::current_exe() else {
        return false;
    };
    let child = Command::new(own)
        .args(["--child", "--target", target.name])
        .args([
            "--seconds",
            &args.seconds.to_string(),
            "--seed",
            &args.seed.to_string(),
        ])
        .arg("--findings")
        .arg(&args.findings)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("{}: a process could not be started", target.name);
        return false;
    };
    let (sender, lines) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    let mut read = "0".to_owned();
    let stuck = loop {
        match lines.recv_timeout(STUCK_AFTER) {
            Ok(line) => read = line,
            Err(mpsc::RecvTimeoutError::Timeout) => break true,
            Err(mpsc::RecvTimeoutError::Disconnected) => break false,
        }
    };
    let current = current(args, target);
    if stuck {
        let _ = child.kill();
    }
    let ended = child.wait().is_ok_and(|status| status.success());
    if ended && !stuck {
        let _ = std::fs::remove_file(&current);
        println!("{:<12} {read} inputs, none broke it", target.name);
        return true;
    }
    let how = if stuck { "took too long" } else { "broke" };
    eprintln!(
        "{:<12} {how} after {read} inputs: {}",
        target.name,
        current.display()
    );
    false
}

/// Where the input lies that is being read.
fn current(args: &Args, target: &Target) -> PathBuf {
    args.findings.join(format!("{}-{}.bin", target.name, args.seed))
}

/// FNV-1a, so that targets do not read the same numbers.
fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
