//! What the installed model costs here: time to load, memory, tokens per CPU-second, time of a question.
//!
//! `cargo run --release -p nexus-models --example measure -- [MODELS_DIR] [shared|own] [THREADS] [bf16|fp32|int8] [LIBRARY.so]`,
//! where THREADS are those of a question (Linux: reads /proc).

use std::time::{Duration, Instant};

use nexus_domain::Embedder;
use nexus_models::{EmbedderOptions, FastembedEmbedder, PrecisionChoice, QuerySession};

const WORDS: &str =
    "the service writes every change to its log before it answers and a reader may ask for what was written ";
/// One clock tick of /proc/self/stat: Linux fixes it at 100 a second.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of this process, all threads.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<u32> = after_name
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    // utime and stime are the 14th and 15th of all fields, see proc(5).
    TICK * (fields.get(11).copied().unwrap_or(0) + fields.get(12).copied().unwrap_or(0))
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status
        .lines()
        .filter(|line| line.starts_with("VmRSS") || line.starts_with("RssAnon"));
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join(", ")
}

async fn questions(embedder: &FastembedEmbedder, count: usize) -> (Duration, Duration) {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let started = Instant::now();
        let question = "where does the service write every change that it makes".to_owned();
        embedder
            .embed_query(question)
            .await
            .expect("a question is embedded");
        times.push(started.elapsed());
    }
    times.sort();
    (times[count / 2], times[count * 99 / 100])
}

/// Questions a second, asked by eight at once, and milliseconds of CPU for each.
async fn crowd(embedder: &FastembedEmbedder, each: u32) -> (f64, f64) {
    let (started, spent) = (Instant::now(), cpu());
    let one = async |shift: usize| {
        for n in 0..each as usize {
            let words = WORDS
                .split_whitespace()
                .cycle()
                .skip(shift + n)
                .take(4 + (shift + n) % 9);
            let question = words.collect::<Vec<_>>().join(" ");
            embedder
                .embed_query(question)
                .await
                .expect("a question is embedded");
        }
    };
    tokio::join!(one(0), one(1), one(2), one(3), one(4), one(5), one(6), one(7));
    let asked = f64::from(each * 8);
    (
        asked / started.elapsed().as_secs_f64(),
        (cpu() - spent).as_secs_f64() * 1_000.0 / asked,
    )
}

/// One question of each length from 4 to 43 tokens; the longest and the median time.
async fn lengths(embedder: &FastembedEmbedder) -> (Duration, Duration) {
    let mut times = Vec::new();
    for words in 2..42 {
        let question = WORDS.split_whitespace().cycle().take(words).collect::<Vec<_>>();
        let started = Instant::now();
        embedder
            .embed_query(question.join(" "))
            .await
            .expect("a question is embedded");
        times.push(started.elapsed());
    }
    times.sort();
    (times[times.len() / 2], times[times.len() - 1])
}

fn options() -> EmbedderOptions {
    let folder = std::env::args().nth(1).unwrap_or("data/models".to_owned());
    let mut options = EmbedderOptions::new(folder);
    for argument in std::env::args().skip(2) {
        match argument.as_str() {
            "shared" => options.query_session = QuerySession::Shared,
            "own" => options.query_session = QuerySession::Own,
            "bf16" => options.precision = PrecisionChoice::Bf16,
            "fp32" => options.precision = PrecisionChoice::Fp32,
            "int8" => options.precision = PrecisionChoice::Int8,
            other => match other.parse() {
                Ok(threads) => options.query_threads = Some(threads),
                Err(_) => options.runtime_library = Some(other.into()),
            },
        }
    }
    options
}

#[tokio::main]
async fn main() -> Result<(), nexus_models::ModelError> {
    let options = options();
    println!("before: {}", memory());
    let (started, spent) = (Instant::now(), cpu());
    let Some(embedder) = FastembedEmbedder::open(options).await? else {
        println!("no model");
        return Ok(());
    };
    println!("{} on {}", embedder.info().model, embedder.info().runtime);
    println!("condition: {:?}", embedder.condition());
    println!(
        "loaded in {:?} ({:?} CPU); {}",
        started.elapsed(),
        cpu() - spent,
        memory()
    );
    for time in ["first", "second", "third"] {
        let (p50, most) = lengths(&embedder).await;
        println!("questions of 40 lengths, the {time} time: p50 {p50:?}, at most {most:?}");
    }
    let (p50, p99) = questions(&embedder, 200).await;
    println!(
        "question of 12 tokens alone: p50 {p50:?}, p99 {p99:?}; {}",
        memory()
    );

    let (rate, milliseconds) = crowd(&embedder, 100).await;
    println!("questions by eight at once: {rate:.0} a second, {milliseconds:.2} ms CPU each");

    // Every one of these words is one token of both known models' English vocabulary: 254 and two special ones.
    let passage = WORDS
        .split_whitespace()
        .cycle()
        .take(254)
        .collect::<Vec<_>>()
        .join(" ");
    let count: u32 = 80;
    let (started, spent) = (Instant::now(), cpu());
    embedder
        .embed_passages(vec![passage.clone(); count as usize])
        .await
        .expect("passages are embedded");
    let tokens = f64::from(count * 256);
    println!(
        "passages of 256 tokens: {:.0} tokens per CPU-second, {:.0} per second; {}",
        tokens / (cpu() - spent).as_secs_f64(),
        tokens / started.elapsed().as_secs_f64(),
        memory()
    );
    let (_, (p50, p99)) = tokio::join!(
        embedder.embed_passages(vec![passage; count as usize]),
        questions(&embedder, 40)
    );
    println!(
        "question during ingestion: p50 {p50:?}, p99 {p99:?}; {}",
        memory()
    );
    Ok(())
}
