//! A thousand files, thirty of them poisoned, read by a server that is killed again and again: the others are found, each
//! poisoned one has its reason, no vector is computed twice, and memory stays within its bounds.

#![allow(clippy::unwrap_used, reason = "a test that fails to set itself up has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use e2e::Nexus;
use flate2::Compression;
use flate2::write::GzEncoder;
use nexus_api::{RetrievalMode, SearchRequest, Task, TaskState};
use nexus_client::{Client, Upload, UploadTarget};
use nexus_ingest::ArchiveWriter;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use uuid::Uuid;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::seen::quiet;

const KB: &str = "poison";
const GOOD: usize = 970;
const KILLS: usize = 10;
/// What the pipeline may take above a server at rest, with the processes that read for it.
const MOST_MIB: u64 = 512;
/// A running task tells of itself at least so often.
const MOST_SILENCE: Duration = Duration::from_secs(10);

fn good(number: usize) -> (String, Vec<u8>) {
    let text = format!(
        "# Lamp {number}\n\nThe lamp number {number} has the code lamp-{number:04}-x. Лампа {number} стоит слева.\n\n## Use\n\nTurn \
         the knob {} times.\n",
        number % 17
    );
    (
        format!("lamps/{:02}/{number:04}.md", number % 40),
        text.into_bytes(),
    )
}

fn zip_of(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn gz_of(piece: &[u8], times: usize) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..times {
        gz.write_all(piece).unwrap();
    }
    gz.finish().unwrap()
}

/// A zip whose entry says that it is encrypted.
fn locked() -> Vec<u8> {
    let mut bytes = zip_of(&[("secret.md", b"# Secret\n\ntext\n".to_vec())]);
    for (magic, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let at = bytes.windows(4).position(|window| window == magic).unwrap();
        bytes[at + flags] |= 1;
    }
    bytes
}

fn docx_of(document: Vec<u8>) -> Vec<u8> {
    let types = b"<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>";
    zip_of(&[
        ("[Content_Types].xml", types.to_vec()),
        ("word/document.xml", document),
    ])
}

fn document_xml(body: &str, times: usize) -> Vec<u8> {
    let mut xml =
        b"<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>"
            .to_vec();
    for _ in 0..times {
        xml.extend_from_slice(body.as_bytes());
    }
    xml
}

fn pdf_of(pages: usize) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    let mut object = |out: &mut Vec<u8>, text: String| {
        offsets.push(out.len());
        out.extend_from_slice(format!("{} 0 obj\n{text}\nendobj\n", offsets.len()).as_bytes());
    };
    object(&mut out, "<< /Type /Catalog /Pages 2 0 R >>".to_owned());
    let kids: String = (0..pages).map(|page| format!("{} 0 R ", 4 + page)).collect();
    object(
        &mut out,
        format!("<< /Type /Pages /Kids [{kids}] /Count {pages} >>"),
    );
    object(&mut out, "<< /Length 0 >>\nstream\n\nendstream".to_owned());
    for _ in 0..pages {
        object(
            &mut out,
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 3 0 R >>".to_owned(),
        );
    }
    let table = out.len();
    out.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", offsets.len() + 1).as_bytes());
    for offset in &offsets {
        out.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    let size = offsets.len() + 1;
    out.extend_from_slice(
        format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n").as_bytes(),
    );
    out
}

/// Thirty files that must not be read, and must not be the end of anything.
fn poisoned(rng: &mut StdRng) -> Vec<(String, Vec<u8>)> {
    let zeros = vec![0_u8; 1 << 20];
    let line = vec![b'a'; 1 << 20];
    let mut noise = vec![0_u8; 4_096];
    rng.fill_bytes(&mut noise);
    let whole = docx_of(document_xml("<w:p><w:r><w:t>Some text.</w:t></w:r></w:p>", 50));
    let nested = "<w:tbl><w:tr><w:tc>".repeat(50_000);
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0".to_vec();
    let elf = [b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".as_slice(), &noise].concat();
    let pdf = pdf_of(3);
    let mut files: Vec<(&str, Vec<u8>)> = vec![
        ("bomb/zeros.txt.gz", gz_of(&zeros, 200)),
        ("bomb/zip.docx", docx_of(document_xml("<w:p><w:r><w:t>aaaaaaaaaaaaaaaaaaaa</w:t></w:r></w:p>", 1_500_000))),
        ("bomb/inner.zip", zip_of(&[("zeros.txt", zeros.repeat(80))])),
        ("locked/a.zip", locked()),
        ("locked/b.docx", {
            let mut ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
            ole.resize(1_536, 0);
            ole
        }),
        ("locked/c.pdf", b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R /Encrypt << /Filter /Standard /V 9 /R 9 >> >>\n%%EOF\n".to_vec()),
        ("cut/a.docx", whole[..whole.len() / 2].to_vec()),
        ("cut/b.pdf", pdf[..40].to_vec()),
        ("cut/c.txt.gz", {
            let gz = gz_of(&noise, 8);
            gz[..gz.len() / 2].to_vec()
        }),
        ("cut/d.xlsx", whole[..64].to_vec()),
        ("wrong/picture.md", png.clone()),
        ("wrong/program.pdf", elf.clone()),
        ("wrong/picture.html", png.clone()),
        ("wrong/noise.docx", noise.clone()),
        ("wrong/program.txt", elf),
        ("pages/many.pdf", pdf_of(5_000)),
        ("pages/none.pdf", pdf_of(1)),
        ("endless/a.docx", docx_of(document_xml("<w:p><w:r><w:t>and so on </w:t></w:r>", 1_200_000))),
        ("endless/b.docx", docx_of(document_xml("<!-- on and on -->", 4_000_000))),
        ("deep/a.json", vec![b'['; 200_000]),
        ("deep/b.html", format!("<!doctype html>{}", "<div>".repeat(200_000)).into_bytes()),
        ("deep/c.docx", docx_of(nested.into_bytes())),
        ("deep/d.json", b"{\"a\":".repeat(100_000)),
        ("bytes/a.txt", noise.clone()),
        ("bytes/b.md", [vec![0xff, 0xfe, 0xff, 0x00, 0x80], noise.clone()].concat()),
        ("bytes/c.rs", [vec![0xc3, 0x28, 0x00], noise].concat()),
        ("line/a.txt.gz", gz_of(&line, 1_024)),
        ("empty/a.md", Vec::new()),
        ("empty/b.txt", b" \n\t\n ".to_vec()),
        ("empty/c.html", b"<!doctype html><html><body></body></html>".to_vec()),
    ];
    assert_eq!(files.len(), 30);
    files
        .drain(..)
        .map(|(name, bytes)| (name.to_owned(), bytes))
        .collect()
}

fn pack(folder: &Path, rng: &mut StdRng) -> (PathBuf, BTreeSet<String>) {
    let path = folder.join("thousand.tar.gz");
    let mut archive = ArchiveWriter::create(&path).unwrap();
    let poisoned = poisoned(rng);
    let names = poisoned.iter().map(|(name, _)| name.clone()).collect();
    let mut poisoned = poisoned.into_iter();
    for number in 0..GOOD {
        let (name, bytes) = good(number);
        archive.add(&name, &bytes).unwrap();
        if number % 32 == 16
            && let Some((name, bytes)) = poisoned.next()
        {
            archive.add(&name, &bytes).unwrap();
        }
    }
    assert_eq!(poisoned.next(), None);
    archive.finish().unwrap();
    (path, names)
}

/// Resident memory of a process and of those that it has started, in MiB.
fn memory(pid: u32) -> u64 {
    let mut kib = resident(pid);
    for entry in Path::new("/proc").read_dir().into_iter().flatten().flatten() {
        let child = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok());
        if let Some(child) = child
            && parent(child) == Some(pid)
        {
            kib += resident(child);
        }
    }
    kib / 1_024
}

fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    // What is mapped from files is not taken by the pipeline.
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

fn parent(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status
        .lines()
        .find(|line| line.starts_with("PPid:"))?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

/// Looks at a process's memory all the time; the most that was seen.
fn watch_memory(pid: u32, most: &Arc<AtomicU64>) -> tokio::task::JoinHandle<()> {
    let most = Arc::clone(most);
    tokio::spawn(async move {
        loop {
            most.fetch_max(memory(pid), Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
}

/// Follows a task for a while; how long it was silent at most while it ran.
async fn follow(client: &Client, task: Uuid, until: Instant) -> (Option<Task>, Duration) {
    let mut silence = Duration::ZERO;
    let mut heard = Instant::now();
    let mut last: Option<Task> = None;
    while Instant::now() < until {
        let Ok(now) = client.task(task).await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        if last.as_ref().is_none_or(|last| last.updated_at != now.updated_at) {
            heard = Instant::now();
        } else if now.state == TaskState::Running {
            silence = silence.max(heard.elapsed());
        }
        let settled = now.state.is_settled();
        last = Some(now);
        if settled {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (last, silence)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_files_are_read_whatever_thirty_of_them_are() {
    let seed: u64 = std::env::var("NEXUS_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_261_121);
    eprintln!("NEXUS_TEST_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let data = tempfile::tempdir().unwrap();
    let (archive, poisoned) = pack(data.path(), &mut rng);
    let trace = data.path().join("dense.trace");
    let settings = [("NEXUS_TEST_TRACE", trace.to_str().unwrap())];
    let mut server = Nexus::start(data.path(), &settings).await.unwrap();
    let kb = server.client.find_or_create_knowledge_base(KB).await.unwrap();
    // The model, the indexes and the pools are there before anything is read.
    for mode in [RetrievalMode::Lexical, RetrievalMode::Dense] {
        search(&server.client, "warm", mode).await;
    }
    let rest = memory(server.pid().unwrap());
    let most = Arc::new(AtomicU64::new(0));
    let mut watch = watch_memory(server.pid().unwrap(), &most);
    let upload = Upload {
        target: UploadTarget::Archive,
        path: archive,
        file_name: "thousand.tar.gz".to_owned(),
        source: None,
        knowledge_base: kb.id.to_string(),
    };
    let task = server.client.upload(&upload, |_| {}).await.unwrap().task_id;
    let mut silent = Duration::ZERO;
    let mut kills = 0;
    let ended = loop {
        let pause = Duration::from_millis(rng.random_range(300..2_500));
        let until = Instant::now()
            + if kills < KILLS {
                pause
            } else {
                Duration::from_secs(600)
            };
        let (seen, silence) = follow(&server.client, task, until).await;
        silent = silent.max(silence);
        if let Some(seen) = seen.filter(|seen| seen.state.is_settled()) {
            break seen;
        }
        assert!(kills < KILLS, "it did not end");
        kills += 1;
        watch.abort();
        server.kill().await.unwrap();
        server = Nexus::start(data.path(), &settings).await.unwrap();
        watch = watch_memory(server.pid().unwrap(), &most);
    };
    quiet(&server.client).await.unwrap();
    watch.abort();
    assert_eq!(ended.state, TaskState::Succeeded, "{:?}", ended.error);

    let mut reasons: BTreeMap<String, String> = BTreeMap::new();
    let mut cursor = None;
    loop {
        let page = server.client.problems(task, cursor.as_deref()).await.unwrap();
        for problem in page.items {
            let path = problem
                .path
                .unwrap_or_else(|| panic!("of the whole upload: {}", problem.message));
            // What is wrong with the file in an archive is wrong with the archive.
            let file = poisoned
                .iter()
                .find(|name| path == **name || path.starts_with(&format!("{name}/")));
            let file = file.cloned().unwrap_or_else(|| {
                let stem = poisoned.iter().find(|name| name.trim_end_matches(".gz") == path);
                stem.unwrap_or_else(|| panic!("{path} is not poisoned: {}", problem.message))
                    .clone()
            });
            reasons.insert(file, format!("{:?}: {}", problem.code, problem.message));
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let without: Vec<_> = poisoned
        .iter()
        .filter(|name| !reasons.contains_key(*name))
        .collect();
    assert!(without.is_empty(), "no reason for {without:?}");
    let kb = server.client.find_knowledge_base(KB).await.unwrap().unwrap();
    assert_eq!(kb.documents as usize, GOOD);
    assert_eq!(kb.embedded_chunks, kb.chunks);
    for number in [0, 17, 500, 969] {
        let query = format!("lamp-{number:04}-x");
        let found = search(&server.client, &query, RetrievalMode::Lexical).await;
        assert_eq!(found.as_deref(), Some(good(number).0.as_str()));
    }
    let (computed, unique) = embedded(&trace);
    let above = most.load(Ordering::Relaxed).saturating_sub(rest);
    eprintln!(
        "{GOOD} files read, {} reasons, {kills} kills, {computed} vectors computed for {unique} texts, {above} MiB above rest, \
         silent for {silent:?} at most",
        reasons.len()
    );
    assert!(
        kills >= KILLS / 2,
        "{kills} kills: the server was too quick for this test"
    );
    assert!(unique >= GOOD, "{unique} texts in the trace");
    assert!(
        computed as f64 <= unique as f64 * 1.02,
        "{computed} computed for {unique}"
    );
    assert!(above <= MOST_MIB, "{above} MiB above rest");
    assert!(silent <= MOST_SILENCE, "{silent:?}");
}

async fn search(client: &Client, query: &str, mode: RetrievalMode) -> Option<String> {
    let request = SearchRequest {
        query: query.to_owned(),
        knowledge_bases: vec![KB.to_owned()],
        mode,
        limit: 1,
        distinct_documents: false,
    };
    let found = client.search(&request).await.unwrap().passages;
    found.into_iter().next().map(|hit| hit.document_path)
}

/// Vectors computed, and the texts that they are of.
fn embedded(trace: &Path) -> (usize, usize) {
    let text = std::fs::read_to_string(trace).unwrap_or_default();
    let computed: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("computed "))
        .collect();
    let unique: BTreeSet<&str> = computed.iter().copied().collect();
    (computed.len(), unique.len())
}
