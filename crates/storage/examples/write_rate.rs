//! Measures how fast chunks are written to SQLite, and how fast hits become passages.
//!
//! `cargo run --release -p nexus-storage --features testing --example write_rate -- [chunks]`

use std::time::{Duration, Instant};

use nexus_domain::{
    Access, ApiKeyId, Chunk, ChunkId, Clock as _, ContentHash, Document, DocumentId, DocumentVersion, Format,
    GenerationId, KbId, KnowledgeBase, LineRange, Passages as _, Quotas, Role, Source, SourceId, SourceKind,
    Standing, SystemClock, TaskId, VersionId, Visibility,
};
use nexus_storage::{Db, PendingVersion, StorageError, testing};

const CHUNKS_PER_DOCUMENT: usize = 8;
const DOCUMENTS_PER_BATCH: usize = 32;

/// CPU time of this process, all threads (user and system, in clock ticks of 10 ms).
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

fn report(what: &str, count: usize, cpu: Duration, wall: Duration) {
    let per = |time: Duration| count as f64 / time.as_secs_f64().max(0.001);
    println!(
        "{what}: {count}, {:.0} per CPU second, {:.0} per second",
        per(cpu),
        per(wall)
    );
}

fn batch(kb: KbId, source: SourceId, task: TaskId, first: usize) -> (Vec<Document>, Vec<PendingVersion>) {
    let now = SystemClock.now();
    (first..first + DOCUMENTS_PER_BATCH)
        .map(|n| {
            let (id, version_id) = (DocumentId::new(now), VersionId::new(now));
            let version = DocumentVersion {
                id: version_id,
                document_id: id,
                kb_id: kb,
                task_id: task,
                created_at: now,
            };
            let chunks = (0..CHUNKS_PER_DOCUMENT as u32).map(|ordinal| {
                let text = format!("Chunk {ordinal} of document {n}. ").repeat(35);
                Chunk {
                    id: ChunkId::new(now),
                    version_id,
                    document_id: id,
                    kb_id: kb,
                    ordinal,
                    content_hash: ContentHash::of(text.as_bytes()),
                    text,
                    heading_path: vec!["Guide".to_owned(), format!("Section {ordinal}")],
                    lines: LineRange {
                        first: ordinal * 20 + 1,
                        last: ordinal * 20 + 20,
                    },
                    pages: None,
                    anchor: None,
                    term_count: 180,
                }
            });
            let document = Document {
                id,
                kb_id: kb,
                source_id: source,
                path: format!("docs/folder-{}/page-{n}.md", n % 100),
                title: format!("Page {n}"),
                format: Format::Markdown,
                size_bytes: 8_000,
                content_hash: ContentHash::of(&n.to_le_bytes()),
                fingerprint: None,
                link: None,
                version_id,
                chunk_count: CHUNKS_PER_DOCUMENT as u32,
                created_at: now,
                updated_at: now,
            };
            (
                document,
                PendingVersion {
                    version,
                    chunks: chunks.collect(),
                },
            )
        })
        .unzip()
}

async fn prepare(db: &Db) -> Result<(KbId, SourceId), StorageError> {
    let now = SystemClock.now();
    let kb = KnowledgeBase {
        id: KbId::new(now),
        name: "bench".to_owned(),
        description: String::new(),
        revision: 1,
        lexical_average_milli: 0,
        visibility: Visibility::Private,
        quotas: Quotas::default(),
        created_at: now,
        updated_at: now,
    };
    let source = Source {
        id: SourceId::new(now),
        kb_id: kb.id,
        kind: SourceKind::Archive,
        name: "bench.zip".to_owned(),
        remote: None,
        schedule: None,
        next_sync_at: None,
        sync: nexus_domain::SyncState::default(),
        has_credential: false,
        has_webhook: false,
        created_at: now,
        updated_at: now,
    };
    let mut tx = db.begin().await?;
    tx.knowledge_bases().insert(&kb).await?;
    tx.sources().find_or_create(&source).await?;
    tx.commit().await?;
    Ok((kb.id, source.id))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wanted: usize = std::env::args().nth(1).map_or(Ok(200_000), |arg| arg.parse())?;
    let db = testing::sqlite().await;
    let (kb, source) = prepare(&db).await?;
    let task = TaskId::new(SystemClock.now());
    let (mut write, mut switch) = ((Duration::ZERO, Duration::ZERO), (Duration::ZERO, Duration::ZERO));
    let (mut ids, mut documents_done) = (Vec::new(), 0);
    while ids.len() < wanted {
        let (documents, pending) = batch(kb, source, task, documents_done);
        ids.extend(
            pending
                .iter()
                .flat_map(|pending| &pending.chunks)
                .map(|chunk| chunk.id),
        );
        documents_done += documents.len();

        let (cpu, wall) = (cpu_time(), Instant::now());
        let mut tx = db.begin().await?;
        tx.documents().write_pending(&pending).await?;
        tx.commit().await?;
        write = (write.0 + (cpu_time() - cpu), write.1 + wall.elapsed());

        let (cpu, wall) = (cpu_time(), Instant::now());
        let mut tx = db.begin().await?;
        tx.documents().switch(&documents, task).await?;
        tx.knowledge_bases().bump_revision(kb, SystemClock.now()).await?;
        tx.commit().await?;
        switch = (switch.0 + (cpu_time() - cpu), switch.1 + wall.elapsed());
    }
    report("chunks written", ids.len(), write.0, write.1);
    report("documents switched", documents_done, switch.0, switch.1);

    let standing = Standing::of_key(ApiKeyId::new(SystemClock.now()), Role::Admin);
    let filter = Access::decide(standing).filter([kb]);
    let (cpu, wall, queries) = (cpu_time(), Instant::now(), 500);
    for n in 0..queries {
        let hits: Vec<ChunkId> = (0..50)
            .map(|hit| ids[(n * 7_919 + hit * 104_729) % ids.len()])
            .collect();
        db.current(&hits, &filter).await?;
    }
    report("hydrations of 50 hits", queries, cpu_time() - cpu, wall.elapsed());
    let wall = Instant::now();
    let stats = db.knowledge_bases().stats(kb, GenerationId(1)).await?;
    println!("stats of {} chunks: {:?}", stats.chunks, wall.elapsed());
    let path = db.url().trim_start_matches("sqlite:").to_owned();
    db.close().await;
    println!(
        "file: {} bytes per chunk",
        std::fs::metadata(path)?.len() / ids.len() as u64
    );
    Ok(())
}
