//! Throughput of text analysis and token counting. `cargo bench -p nexus-text`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nexus_text::{analyze, count_tokens};

const SYLLABLES_EN: [&str; 12] = [
    "con", "fig", "ser", "ver", "data", "in", "dex", "re", "tion", "ing", "al", "time",
];
const SYLLABLES_RU: [&str; 12] = [
    "на",
    "строй",
    "ка",
    "сер",
    "вер",
    "пере",
    "за",
    "пуск",
    "ого",
    "ение",
    "база",
    "дан",
];

/// Words of one to four syllables, drawn like words of a language: few often, many seldom.
fn prose(syllables: &[&str], bytes: usize) -> String {
    let (mut text, mut state) = (String::with_capacity(bytes + 64), 0x2545_F491_4F6C_DD1D_u64);
    let mut next = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    while text.len() < bytes {
        let rank = next(40) * next(40) * next(12);
        for n in 0..=rank % 4 {
            let pick = (rank / 3 + n * 5) % 12;
            text.push_str(syllables[usize::try_from(pick).unwrap_or(0)]);
        }
        text.push_str(if next(9) == 0 { ". " } else { " " });
    }
    text
}

fn analysis(c: &mut Criterion) {
    let code = "let max_retry_count = HTTPServer::new(config.path()).parse_u32(\"v2.3.1\")?;\n".repeat(3_000);
    let inputs = [
        ("english", prose(&SYLLABLES_EN, 256 * 1024)),
        ("russian", prose(&SYLLABLES_RU, 256 * 1024)),
        ("code", code),
    ];
    for (name, text) in &inputs {
        let mut group = c.benchmark_group(*name);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("analyze", |b| b.iter(|| analyze(black_box(text))));
        group.bench_function("count_tokens", |b| b.iter(|| count_tokens(black_box(text))));
        group.finish();
    }
}

criterion_group!(benches, analysis);
criterion_main!(benches);
