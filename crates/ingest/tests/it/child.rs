//! Risky formats in a process of their own: what it does wrong stays with the document that made it.

use std::time::{Duration, Instant};

use nexus_domain::ProblemCode::{self, Encrypted, MemoryLimit, ReaderCrashed, TimedOut, TooLarge};
use nexus_ingest::{ChunkOptions, Limits, Readers, chunk, extract_guarded, is_risky};

use crate::office_file::{docx, p, xlsx};
use crate::pdf_file::Made;

fn readers() -> Readers {
    Readers::new(env!("CARGO_BIN_EXE_nexus_reader"), [""; 0])
}

fn shell(script: &str) -> Readers {
    Readers::new("/bin/sh", ["-c", script])
}

fn pdf(text: &str) -> Vec<u8> {
    Made::default().pdf(&[vec![(50.0, 700.0, 12.0, text)], vec![(50.0, 700.0, 12.0, "Ещё.")]])
}

fn failure(readers: &Readers, limits: &Limits) -> (ProblemCode, String) {
    let problem = extract_guarded(readers, "docs/a.pdf", &pdf("Текст."), limits).unwrap_err();
    assert_eq!(problem.path.as_deref(), Some("docs/a.pdf"));
    (problem.code, problem.message)
}

#[test]
fn what_is_read_elsewhere_is_what_is_read_here() {
    let readers = readers();
    let limits = Limits::default();
    for (path, bytes) in [
        ("a.pdf", pdf("Текст.")),
        ("b.xlsx", xlsx(&[("S", "<row><c><v>1</v></c></row>")], &[])),
        ("c.eml", b"From: a@b.c\nSubject: x\n\nText\n".to_vec()),
        ("d.docx", docx(&p("Text"), &[])),
        ("e.md", b"# E\n".to_vec()),
        ("f.pdf", b"%PDF-1.4 broken".to_vec()),
        (
            "g.rs",
            "/// Суммы.\nfn sum(a: u32) -> u32 {\n    a + 1\n}\n".into(),
        ),
    ] {
        let here = nexus_ingest::extract(path, &bytes, &limits);
        assert_eq!(extract_guarded(&readers, path, &bytes, &limits), here, "{path}");
        assert_eq!(here.is_ok_and(|read| read.syntax.is_some()), path == "g.rs");
    }
    let secret = Made {
        password: Some("secret"),
        ..Made::default()
    };
    let problem = extract_guarded(&readers, "a.pdf", &secret.pdf(&[vec![]]), &limits).unwrap_err();
    assert_eq!(problem.code, Encrypted);
    let small = Limits {
        file_bytes: 100,
        ..limits
    };
    assert_eq!(
        extract_guarded(&readers, "a.pdf", &pdf("x"), &small)
            .unwrap_err()
            .code,
        TooLarge
    );
}

#[test]
fn only_formats_with_large_parsers_are_risky() {
    assert!(
        is_risky("a", &pdf("x"))
            && is_risky("a.zip", &xlsx(&[("S", "")], &[]))
            && is_risky("a.eml", b"From: x")
    );
    assert!(
        !is_risky("a.docx", &docx(&p("x"), &[])) && !is_risky("a.md", b"# A") && !is_risky("a.pdf", b"text")
    );
}

#[test]
fn many_threads_share_the_readers() {
    let readers = readers();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let readers = &readers;
            scope.spawn(move || {
                for round in 0..5 {
                    let text = format!("Поток {thread}, круг {round}.");
                    let read = extract_guarded(readers, "a.pdf", &pdf(&text), &Limits::default()).unwrap();
                    assert_eq!(read.text, format!("{text}\n\nЕщё.\n"));
                }
            });
        }
    });
}

#[test]
fn a_document_that_takes_too_much_memory_is_told_so_and_the_next_one_is_read() {
    let readers = Readers::new(env!("CARGO_BIN_EXE_nexus_reader"), [(24_u32 << 20).to_string()]);
    let limits = Limits::default();
    let bomb = Made {
        compressed: true,
        prefix: &"% nothing is drawn by this\n".repeat(4 << 20),
        ..Made::default()
    };
    let bomb = bomb.pdf(&[vec![(50.0, 700.0, 12.0, "x")]]);
    assert!(bomb.len() < 1 << 20);
    for _ in 0..2 {
        let problem = extract_guarded(&readers, "bomb.pdf", &bomb, &limits).unwrap_err();
        assert_eq!(problem.code, MemoryLimit, "{}", problem.message);
        assert_eq!(
            extract_guarded(&readers, "a.pdf", &pdf("Жив."), &limits)
                .unwrap()
                .text,
            "Жив.\n\nЕщё.\n"
        );
    }
}

#[test]
fn a_reader_that_hangs_is_ended_in_time() {
    let limits = Limits {
        page_seconds: 1,
        ..Limits::default()
    };
    let begun = Instant::now();
    let (code, why) = failure(&shell("sleep 60"), &limits);
    assert_eq!(code, TimedOut);
    assert!(why.contains("No page") && why.contains("1 seconds"), "{why}");
    let limits = Limits {
        document_seconds: 1,
        ..Limits::default()
    };
    let (code, why) = failure(&shell("while printf .; do sleep 0.1; done"), &limits);
    assert_eq!(code, TimedOut);
    assert!(why.contains("longer than the 1 seconds"), "{why}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_reader_that_hangs_without_listening_does_not_hold_its_parent() {
    let limits = Limits {
        page_seconds: 1,
        ..Limits::default()
    };
    // More than a pipe takes.
    let large = [pdf("x"), vec![b' '; 4 << 20]].concat();
    let problem = extract_guarded(&shell("exec sleep 60"), "a.pdf", &large, &limits).unwrap_err();
    assert_eq!(problem.code, TimedOut);
}

#[test]
fn a_reader_that_dies_or_talks_nonsense_is_told() {
    let limits = Limits::default();
    for script in [
        "exit 3",
        "kill -SEGV $$",
        "echo nonsense",
        "head -c 100 >/dev/null; printf '=1234'",
    ] {
        let (code, why) = failure(&shell(script), &limits);
        assert_eq!(code, ReaderCrashed, "{script}: {why}");
    }
    let (code, why) = failure(
        &shell("printf '=\\377\\377\\377\\377\\377\\377\\377\\377'; sleep 60"),
        &limits,
    );
    assert_eq!(code, ReaderCrashed);
    assert!(why.contains("too long"), "{why}");
    let (code, why) = failure(&Readers::new("/nonexistent/reader", [""; 0]), &limits);
    assert_eq!(code, ReaderCrashed);
    assert!(why.contains("could not be started"), "{why}");
}

#[test]
fn code_is_cut_by_its_names() {
    let method = |name: &str| format!("    def {name}(self):\n        return \"слово\"\n\n");
    let code = format!("class Ход:\n{}{}", method("first"), method("second"));
    let limits = Limits::default();
    let document = extract_guarded(&readers(), "a.py", code.as_bytes(), &limits).unwrap();
    let options = ChunkOptions {
        target_tokens: 4,
        max_tokens: 6,
        count: |text| text.split_whitespace().count(),
    };
    let paths: Vec<_> = chunk(&document, &options)
        .into_iter()
        .map(|passage| passage.heading_path.join("/"))
        .collect();
    assert_eq!(paths.last().map(String::as_str), Some("Ход/second"), "{paths:?}");
}

/// Code that its grammar does not survive: Ruby keeps the length of a here document's mark in a byte, Python writes one byte
/// too many of blocks in blocks.
fn deadly() -> [(&'static str, String); 2] {
    let mark = "A".repeat(300);
    let ruby = format!("def first\n  1\nend\n\nx = <<~{mark}\n  слово\n{mark}\n");
    let blocks = (0..511).map(|depth| format!("{}if x:\n", " ".repeat(depth)));
    let python = format!("{}{}слово = \"a\"\n", blocks.collect::<String>(), " ".repeat(511));
    [("a.rb", ruby), ("a.py", python)]
}

#[test]
fn a_grammar_that_breaks_down_costs_the_syntax_and_not_the_file() {
    let readers = readers();
    let limits = Limits::default();
    for (path, code) in deadly() {
        let document = extract_guarded(&readers, path, code.as_bytes(), &limits).unwrap();
        assert_eq!(
            (document.text.as_str(), document.syntax.as_ref()),
            (code.as_str(), None)
        );
        assert!(
            document
                .unparsed
                .as_ref()
                .is_some_and(|why| why.contains("broke down")),
            "{document:?}"
        );
        let passages = chunk(
            &document,
            &ChunkOptions::new(|text| text.split_whitespace().count()),
        );
        assert!(passages.iter().any(|passage| passage.text.contains("слово")));
        let next = extract_guarded(&readers, "b.rb", b"def first\n  1\nend\n", &limits).unwrap();
        assert!(next.syntax.is_some());
    }
}

#[test]
fn code_is_read_whatever_becomes_of_its_syntax() {
    let limits = Limits {
        syntax_seconds: 1,
        ..Limits::default()
    };
    let code = b"def first\n  1\nend\n";
    for (script, why) in [
        ("kill -SEGV $$", "broke down"),
        ("exit 3", "broke down"),
        ("echo nonsense", "nonsense"),
        ("exec sleep 60", "1 seconds"),
        // The answer to a question after a document.
        (
            "cat >/dev/null & printf '=\\003\\000\\000\\000\\000\\000\\000\\0001.5'; sleep 60",
            "nonsense",
        ),
    ] {
        let document = extract_guarded(&shell(script), "a.rb", code, &limits).unwrap();
        assert_eq!(
            (document.text.as_bytes(), document.syntax),
            (code.as_slice(), None)
        );
        assert!(document.unparsed.unwrap().contains(why), "{script}");
    }
    let nobody = Readers::new("/nonexistent/reader", [""; 0]);
    let problem = extract_guarded(&nobody, "a.rb", code, &limits).unwrap_err();
    assert_eq!(
        (problem.code, problem.path.as_deref()),
        (ReaderCrashed, Some("a.rb"))
    );
    let long = "x = 1\n".repeat(100_000);
    let document = extract_guarded(&nobody, "a.rb", long.as_bytes(), &limits).unwrap();
    assert_eq!((document.syntax, document.unparsed), (None, None));
}

#[test]
fn grammars_see_one_letter_where_another_stands_in_the_text() {
    let readers = readers();
    let syntax = |path: &str, code: &str| {
        let document = extract_guarded(&readers, path, code.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(document.unparsed, None, "{code}");
        document.syntax.unwrap()
    };
    for (path, code) in [
        ("a.sh", "greet() {\n  echo {?,b} ?\n}\n\ngreet {?..3}\n"),
        (
            "a.go",
            "package a\n\nvar dash = '?'\n\nfunc first() rune {\n\treturn '?'\n}\n",
        ),
        (
            "a.rs",
            "const ALL: [char; 2] = ['?', 'b'];\n\nfn first() {\n    let ? = 1;\n}\n",
        ),
    ] {
        let plain = syntax(path, &code.replace('?', "x"));
        for letter in ["ё", "—", "\u{1f600}", "\u{10ffff}"] {
            assert_eq!(
                syntax(path, &code.replace('?', letter)),
                plain,
                "{path}, {letter}"
            );
        }
    }
    let joined = "class First {\n  a() {}\n}\n?class Second {\n  b() {}\n}\n";
    assert_eq!(
        syntax("a.js", &joined.replace('?', "\u{feff}")),
        syntax("a.js", &joined.replace('?', " "))
    );
}
