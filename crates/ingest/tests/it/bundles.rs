//! Knowledge bases as files: what was written is read again, and what was damaged is refused.

use nexus_domain::{
    ContentHash, Format, GitRemote, LineRange, PageRange, ProblemCode, Remote, Schedule, SourceKind,
    Timestamp,
};
use nexus_ingest::{
    BundleDocument, BundleError, BundleManifest, BundleModel, BundlePassage, BundleReader, BundleSource,
    BundleWriter, Limits, manifest_of,
};
use proptest::prelude::*;

type Sources = Vec<(BundleSource, Vec<BundleDocument>)>;

fn manifest() -> BundleManifest {
    BundleManifest {
        name: "handbook".to_owned(),
        description: "Руководство".to_owned(),
        exported_at: Timestamp::from_micros(1_700_000_000_000_000),
        lexical_average_milli: 93_250,
        model: Some(BundleModel {
            name: "all-MiniLM-L6-v2".to_owned(),
            dimension: 3,
        }),
        documents: 3,
        passages: 4,
    }
}

fn passage(text: &str, vector: Option<Vec<f32>>) -> BundlePassage {
    BundlePassage {
        text: text.to_owned(),
        heading_path: vec!["Лампа".to_owned(), "Use".to_owned()],
        lines: LineRange { first: 3, last: 5 },
        pages: vector.as_ref().map(|_| PageRange { first: 1, last: 2 }),
        anchor: Some("use".to_owned()),
        vector,
    }
}

fn document(path: &str, passages: Vec<BundlePassage>) -> BundleDocument {
    BundleDocument {
        path: path.to_owned(),
        title: "Лампа".to_owned(),
        format: Format::Markdown,
        size_bytes: 120,
        content_hash: ContentHash::of(path.as_bytes()),
        fingerprint: Some("blob:1".to_owned()),
        link: Some("https://example.org/lamp".to_owned()),
        passages,
    }
}

fn sources() -> Sources {
    let git = BundleSource {
        kind: SourceKind::Git,
        name: "docs".to_owned(),
        remote: Some(Remote::Git(GitRemote {
            url: "https://example.org/docs.git".to_owned(),
            branch: Some("main".to_owned()),
            folder: None,
            filter: nexus_domain::PathFilter::default(),
        })),
        schedule: Some(Schedule {
            cron: "0 3 * * *".to_owned(),
            time_zone: "Europe/Moscow".to_owned(),
        }),
        had_credential: true,
    };
    let files = BundleSource {
        kind: SourceKind::Files,
        name: "files".to_owned(),
        remote: None,
        schedule: None,
        had_credential: false,
    };
    vec![
        (
            git,
            vec![
                document(
                    "a.md",
                    vec![
                        passage("Turn the knob.", Some(vec![0.5, -0.25, 1e-7])),
                        passage("Поверните.", None),
                    ],
                ),
                document("b/c.md", vec![passage("Off.", Some(vec![1.0, 0.0, -0.0]))]),
            ],
        ),
        (
            files,
            vec![document("d.md", vec![passage("\"Quoted\"\n\ttext", None)])],
        ),
    ]
}

fn written(sources: &Sources) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = BundleWriter::new(&mut out, manifest()).unwrap();
    for (source, documents) in sources {
        writer.source(source.clone()).unwrap();
        for document in documents {
            writer.document(document.clone()).unwrap();
        }
    }
    writer.finish().unwrap();
    out
}

/// All that a bundle holds, and the codes of documents that cannot be used.
fn read(bytes: &[u8], limits: &Limits) -> Result<(Sources, Vec<ProblemCode>), BundleError> {
    let mut reader = BundleReader::open(bytes, limits)?;
    let (mut sources, mut problems) = (Vec::new(), Vec::new());
    while let Some(source) = reader.next_source()? {
        let mut documents = Vec::new();
        while let Some(document) = reader.next_document()? {
            match document {
                Ok(document) => documents.push(document),
                Err(problem) => problems.push(problem.code),
            }
        }
        sources.push((source, documents));
    }
    Ok((sources, problems))
}

fn code(bytes: &[u8]) -> Option<ProblemCode> {
    match read(bytes, &Limits::default()) {
        Err(BundleError::Rejected(problem)) => Some(problem.code),
        Err(BundleError::Io(error)) => panic!("no disk has failed: {error}"),
        Ok(_) => None,
    }
}

fn packed(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 1).unwrap()
}

fn text() -> String {
    String::from_utf8(zstd::decode_all(written(&sources()).as_slice()).unwrap()).unwrap()
}

#[test]
fn a_bundle_is_read_as_it_was_written() {
    let bytes = written(&sources());
    let (read, problems) = read(&bytes, &Limits::default()).unwrap();
    assert_eq!(read, sources());
    assert_eq!(problems, []);
    assert_eq!(
        BundleReader::open(bytes.as_slice(), &Limits::default())
            .unwrap()
            .manifest(),
        &manifest()
    );
}

#[test]
fn its_first_bytes_say_what_it_is() {
    let passage = passage(&"слово ".repeat(500), None);
    let documents = (0..200)
        .map(|n| document(&format!("{n}.md"), vec![passage.clone()]))
        .collect();
    let bytes = written(&vec![(sources().remove(1).0, documents)]);
    assert_eq!(manifest_of(&bytes[..600]).unwrap(), manifest());
    assert!(
        matches!(manifest_of(b"PK\x03\x04 and so on"), Err(BundleError::Rejected(problem))
        if problem.code == ProblemCode::UnsupportedFormat)
    );
}

#[test]
fn a_bundle_that_was_cut_off_or_added_to_is_known_to_be() {
    let text = text();
    let lines: Vec<&str> = text.lines().collect();
    for kept in 1..lines.len() {
        assert_eq!(
            code(&packed(&lines[..kept].join("\n"))),
            Some(ProblemCode::Truncated),
            "{kept} lines"
        );
    }
    let bytes = written(&sources());
    for cut in [bytes.len() / 2, bytes.len() - 5] {
        assert!(code(&bytes[..cut]).is_some(), "{cut} bytes");
    }
    assert_eq!(
        code(&packed(&format!("{text}{}", lines[1]))),
        Some(ProblemCode::Corrupt)
    );
    let without_one = [&lines[..2], &lines[5..]].concat().join("\n");
    assert_eq!(code(&packed(&without_one)), Some(ProblemCode::Corrupt));
}

#[test]
fn documents_that_cannot_be_used_have_reasons_and_the_others_are_read() {
    for (from, to) in [
        ("https://example.org/lamp", "javascript:alert(1)"),
        ("\"path\":\"b/c.md\"", "\"path\":\"\""),
        (
            "\"heading_path\":[",
            &format!("\"heading_path\":[{}", "\"\",".repeat(65)),
        ),
        ("Off.", "  "),
        ("\"first\":3,\"last\":5", "\"first\":0,\"last\":5"),
        ("\"first\":1,\"last\":2", "\"first\":2,\"last\":1"),
        ("\"vector\":\"", "\"vector\":\"AAAA"),
        ("\"content_hash\":\"", "\"content_hash\":\"+0"),
        ("\"anchor\":\"use\"", "\"anchor\":\"a\\nb\""),
    ] {
        let bytes = packed(&text().replace(from, to));
        let (_, problems) = read(&bytes, &Limits::default()).unwrap();
        assert!(!problems.is_empty(), "{from} as {to}");
    }
    let one_bad = text().replace("\"path\":\"b/c.md\"", "\"path\":\"\"");
    let (read, problems) = read(&packed(&one_bad), &Limits::default()).unwrap();
    assert_eq!(problems, [ProblemCode::InvalidPath]);
    assert_eq!(
        read.iter().map(|(_, documents)| documents.len()).sum::<usize>(),
        2
    );
}

#[test]
fn whole_bundles_are_refused_with_a_code() {
    let newer = text().replace("\"version\":1", "\"version\":2");
    assert_eq!(code(&packed(&newer)), Some(ProblemCode::UnsupportedFormat));
    assert_eq!(
        code(&packed("{\"record\":\"end\"}")),
        Some(ProblemCode::UnsupportedFormat)
    );
    assert_eq!(code(b""), Some(ProblemCode::UnsupportedFormat));
    assert_eq!(
        code(&packed(
            &text().replace("\"kind\":\"git\",\"url\"", "\"kind\":\"web\",\"url\"")
        )),
        Some(ProblemCode::Corrupt)
    );
    assert_eq!(
        code(&packed(&text().replace("\"name\":\"docs\"", "\"name\":\"\""))),
        Some(ProblemCode::Corrupt)
    );
    // A line without an end, of which little is sent.
    let first = text().lines().next().unwrap().to_owned();
    let bomb = packed(&format!("{first}\n{}", " ".repeat(64 << 20)));
    assert!(bomb.len() < 100_000);
    assert_eq!(code(&bomb), Some(ProblemCode::TooLarge));
}

#[test]
fn bounds_of_the_installation_hold() {
    let bytes = written(&sources());
    let refusal = |limits: Limits| match read(&bytes, &limits) {
        Err(BundleError::Rejected(problem)) => problem.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refusal(Limits {
            entries: 2,
            ..Limits::default()
        }),
        ProblemCode::TooManyEntries
    );
    assert_eq!(
        refusal(Limits {
            unpacked_bytes: 900,
            ..Limits::default()
        }),
        ProblemCode::TooLarge
    );
    let (_, problems) = read(
        &bytes,
        &Limits {
            document_text_bytes: 20,
            ..Limits::default()
        },
    )
    .unwrap();
    assert_eq!(problems, [ProblemCode::TooLarge; 3]);
}

proptest! {
    #[test]
    fn no_damage_to_a_bundle_makes_its_reader_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        compressed in any::<bool>(),
    ) {
        let mut bytes = if compressed { written(&sources()) } else { text().into_bytes() };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let bytes = if compressed { bytes } else { zstd::encode_all(bytes.as_slice(), 1).unwrap() };
        if let Err(BundleError::Io(error)) = read(&bytes, &Limits::default()) {
            panic!("no disk has failed: {error}");
        }
    }
}
