//! What the embedded store costs, on synthetic points: `cargo run --release -p nexus-vectors --example load -- 20000`.
//! Prints points written per CPU-second, the time of a flush, and searches over 2 % of the points.

use std::path::Path;
use std::time::{Duration, Instant};

use nexus_domain::{
    Access, ApiKeyId, ChunkId, Collection, GenerationId, KbId, Point, Role, SparseVector, Standing,
    Timestamp, Vector, VectorError, VectorQuery, VectorStore,
};
use nexus_vectors::{EdgeOptions, EdgeStore};

const DIMENSION: usize = 384;
const DENSE: Collection = Collection::Dense {
    generation: GenerationId(1),
    dimension: DIMENSION,
};
const BATCH: usize = 500;
const EPOCH: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

#[tokio::main]
async fn main() -> Result<(), VectorError> {
    let points = std::env::args()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(20_000);
    for collection in [Collection::Lexical, DENSE] {
        let dir = std::env::temp_dir().join(format!("nexus-load-{}", std::process::id()));
        let measured = measure(&dir, collection, points).await;
        std::fs::remove_dir_all(&dir).map_err(|error| VectorError::Failed(error.to_string()))?;
        measured?;
    }
    Ok(())
}

async fn measure(dir: &Path, collection: Collection, points: usize) -> Result<(), VectorError> {
    // The optimiser runs when this program says so.
    let options = EdgeOptions {
        optimise_after_writes: u64::MAX,
        optimise_interval: DAY,
        ..EdgeOptions::default()
    };
    let store = EdgeStore::open(dir, options.clone()).await?;
    store.ensure(collection).await?;
    // Knowledge base 0 holds 2 % of the points.
    let kbs: Vec<KbId> = (0..50).map(|_| KbId::new(EPOCH)).collect();
    let mut random = Random(42);
    let (mut cpu, mut flushes) = (0.0, Vec::new());
    for first in (0..points).step_by(BATCH * 10) {
        let made: Vec<Point> = (first..(first + BATCH * 10).min(points))
            .map(|n| Point {
                id: ChunkId::new(EPOCH),
                kb_id: kbs[n % 50],
                vector: random.vector(collection),
            })
            .collect();
        let started = cpu_seconds();
        for batch in made.chunks(BATCH) {
            store.upsert(collection, batch.to_vec()).await?;
        }
        cpu += cpu_seconds() - started;
        let started = Instant::now();
        store.persist(collection).await?;
        flushes.push(started.elapsed());
    }
    let name = collection.name();
    println!(
        "{name}: {points} points, {:.0} upserts per CPU-second",
        points as f64 / cpu
    );
    println!("  flush of {} points: {}", BATCH * 10, spread(&mut flushes));
    println!("  resident {} MiB, on disk {} MiB", resident_mib(), disk_mib(dir));
    searches(&store, collection, kbs[0], "before optimising").await?;
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let changed = store.optimise().await?;
    println!(
        "  optimise ({changed}): {:.1} s, {:.1} CPU-s",
        started.elapsed().as_secs_f64(),
        cpu_seconds() - cpu
    );
    searches(&store, collection, kbs[0], "after optimising").await?;
    store.close().await?;
    drop(store);
    let started = Instant::now();
    let store = EdgeStore::open(dir, options).await?;
    println!(
        "  reopened in {:.0} ms, resident {} MiB",
        started.elapsed().as_secs_f64() * 1e3,
        resident_mib()
    );
    searches(&store, collection, kbs[0], "after reopening").await?;
    store.close().await
}

const DAY: Duration = Duration::from_secs(86_400);

async fn searches(
    store: &EdgeStore,
    collection: Collection,
    kb: KbId,
    when: &str,
) -> Result<(), VectorError> {
    let access = Access::decide(Standing::of_key(ApiKeyId::new(EPOCH), Role::Reader));
    let mut random = Random(7);
    let (mut times, started) = (Vec::new(), cpu_seconds());
    for _ in 0..300 {
        let vector = match collection {
            Collection::Lexical => random.terms(8, 1.0),
            Collection::Dense { .. } => random.vector(collection),
        };
        let query = VectorQuery {
            collection,
            vector,
            filter: access.filter([kb]),
            limit: 50,
        };
        let started = Instant::now();
        store.search(query).await?;
        times.push(started.elapsed());
    }
    let cpu = (cpu_seconds() - started) / 300.0 * 1e3;
    println!("  search {when}: {}, {cpu:.2} ms CPU", spread(&mut times));
    Ok(())
}

fn spread(times: &mut [Duration]) -> String {
    times.sort();
    let at = |share: usize| {
        times
            .get(times.len() * share / 100)
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    };
    format!("p50 {:.2} ms, p99 {:.2} ms", at(50), at(99))
}

/// A small generator: the same points on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn unit(&mut self) -> f32 {
        (self.next() % 10_000) as f32 / 10_000.0
    }

    fn vector(&mut self, collection: Collection) -> Vector {
        match collection {
            Collection::Lexical => self.terms(120, 0.4),
            Collection::Dense { dimension, .. } => {
                Vector::Dense((0..dimension).map(|_| self.unit() - 0.5).collect())
            }
        }
    }

    /// Terms drawn like words: few often, many seldom.
    fn terms(&mut self, count: usize, least: f32) -> Vector {
        let mut ids: Vec<u32> = (0..count)
            .map(|_| {
                let rank = (self.unit() * 11.5).exp();
                (rank as u32).wrapping_mul(2_654_435_761)
            })
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let values = ids.iter().map(|_| least + self.unit()).collect();
        Vector::Sparse(SparseVector { ids, values })
    }
}

/// Processor time of this process so far, in steps of 10 ms; 0 where the system does not tell as Linux does.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    ticks as f64 / 100.0
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .unwrap_or(0)
        / 1_024
}

fn disk_mib(dir: &Path) -> u64 {
    fn bytes(dir: &Path) -> u64 {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries
            .map(|entry| match entry.metadata() {
                Ok(meta) if meta.is_dir() => bytes(&entry.path()),
                Ok(meta) => meta.len(),
                Err(_) => 0,
            })
            .sum()
    }
    bytes(dir) / (1 << 20)
}
