//! Thirty files that must not be read, among a thousand that must: each has its reason, and none is the end of anything.

use std::collections::BTreeMap;

use nexus_ingest::{Limits, extract};

use crate::office_file::xml;
use crate::support::{Item, Outcome, deflated, gzip, stored, tar, tar_entry, walk_within, zip};

const GOOD: usize = 970;

/// The default bounds, sixteen times smaller, so that what passes them is soon made.
fn small() -> Limits {
    Limits {
        ratio_floor_bytes: 1 << 20,
        file_bytes: 4 << 20,
        document_unpacked_bytes: 16 << 20,
        document_text_bytes: 4 << 20,
        ..Limits::default()
    }
}

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

/// Bytes of a small generator.
fn static_noise(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn docx_of(document: impl AsRef<[u8]>) -> Vec<u8> {
    zip(&[
        deflated("[Content_Types].xml", xml("Types", "")),
        deflated("word/document.xml", document),
    ])
}

/// A document that is not closed.
fn document(body: &str, times: usize) -> String {
    let head = "<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>";
    format!("{head}{}", body.repeat(times))
}

/// A PDF of so many empty pages.
fn pdf_of(pages: usize) -> Vec<u8> {
    let kids: String = (0..pages).map(|page| format!("{} 0 R ", 4 + page)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [{kids}] /Count {pages} >>"),
        "<< /Length 0 >>\nstream\n\nendstream".to_owned(),
    ];
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 3 0 R >>";
    objects.extend((0..pages).map(|_| page.to_owned()));
    let mut out = "%PDF-1.4\n".to_owned();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (at, object) in objects.iter().enumerate() {
        table += &format!("{:010} 00000 n \n", out.len());
        out += &format!("{} 0 obj\n{object}\nendobj\n", at + 1);
    }
    let (size, start) = (objects.len() + 1, out.len());
    (out + &table + &format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"))
        .into_bytes()
}

/// Thirty files, five of each kind of harm or so.
fn poisoned() -> Vec<(&'static str, Vec<u8>)> {
    const MIB: usize = 1 << 20;
    let noise = static_noise(4_096);
    let whole = docx_of(document("<w:p><w:r><w:t>Some text.</w:t></w:r></w:p>", 50));
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0".to_vec();
    let elf = [b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".as_slice(), &noise].concat();
    let pdf = pdf_of(3);
    let mut old_office = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    old_office.resize(1_536, 0);
    let locked = Item {
        flags: 1,
        ..stored("secret.md", "# Secret\n\ntext\n")
    };
    let locked_pdf = "%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R /Encrypt << /Filter /Standard /V 9 /R 9 \
                      >> >>\n%%EOF\n";
    let gz = gzip(&noise.repeat(8));
    vec![
        ("bomb/zeros.txt.gz", gzip(&vec![0; 12 * MIB])),
        (
            "bomb/zip.docx",
            docx_of(document(
                "<w:p><w:r><w:t>aaaaaaaaaaaaaaaaaaaa</w:t></w:r></w:p>",
                100_000,
            )),
        ),
        ("bomb/inner.zip", zip(&[deflated("zeros.txt", vec![0; 5 * MIB])])),
        ("locked/a.zip", zip(&[locked])),
        ("locked/b.docx", old_office),
        ("locked/c.pdf", locked_pdf.into()),
        ("cut/a.docx", whole[..whole.len() / 2].to_vec()),
        ("cut/b.pdf", pdf[..40].to_vec()),
        ("cut/c.txt.gz", gz[..gz.len() / 2].to_vec()),
        ("cut/d.xlsx", whole[..64].to_vec()),
        ("wrong/picture.md", png.clone()),
        ("wrong/program.pdf", elf.clone()),
        ("wrong/picture.html", png),
        ("wrong/noise.docx", noise.clone()),
        ("wrong/program.txt", elf),
        ("pages/many.pdf", pdf_of(5_000)),
        ("pages/none.pdf", pdf_of(1)),
        (
            "endless/a.docx",
            docx_of(document("<w:p><w:r><w:t>and so on </w:t></w:r>", 75_000)),
        ),
        ("endless/b.docx", docx_of(document("<!-- on and on -->", 250_000))),
        ("deep/a.json", b"[".repeat(200_000)),
        (
            "deep/b.html",
            format!("<!doctype html>{}", "<div>".repeat(200_000)).into(),
        ),
        ("deep/c.docx", docx_of("<w:tbl><w:tr><w:tc>".repeat(50_000))),
        ("deep/d.json", b"{\"a\":".repeat(100_000)),
        ("bytes/a.txt", noise.clone()),
        (
            "bytes/b.md",
            [&[0xff, 0xfe, 0xff, 0x00, 0x80][..], &noise].concat(),
        ),
        ("bytes/c.rs", [&[0xc3, 0x28, 0x00][..], &noise].concat()),
        ("line/a.txt.gz", gzip(&vec![b'a'; 64 * MIB])),
        ("empty/a.md", Vec::new()),
        ("empty/b.txt", b" \n\t\n ".into()),
        (
            "empty/c.html",
            b"<!doctype html><html><body></body></html>".into(),
        ),
    ]
}

/// The poisoned files spread among the good ones, in their order.
fn mixed(poisoned: &[(&str, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut waiting = poisoned.iter();
    for number in 0..GOOD {
        files.push(good(number));
        if number % 32 == 16 {
            files.extend(
                waiting
                    .next()
                    .map(|(name, bytes)| ((*name).to_owned(), bytes.clone())),
            );
        }
    }
    assert_eq!(waiting.next(), None, "all of them are in");
    files
}

/// Each poisoned file's reason: of the walk, of the extractor, and for what an archive holds the archive's.
fn reasons(outcome: &Outcome, poisoned: &[(&str, Vec<u8>)]) -> BTreeMap<String, String> {
    let refused = outcome
        .files
        .iter()
        .filter_map(|file| extract(&file.path, &file.bytes, &small()).err());
    let of = |path: &str| {
        let is_it = |name: &&str| {
            path == *name || name.strip_suffix(".gz") == Some(path) || path.starts_with(&format!("{name}/"))
        };
        poisoned.iter().map(|(name, _)| *name).find(is_it)
    };
    outcome
        .problems
        .iter()
        .cloned()
        .chain(refused)
        .map(|problem| {
            let reason = format!("{:?}: {}", problem.code, problem.message);
            let path = problem
                .path
                .unwrap_or_else(|| panic!("of the whole upload: {reason}"));
            let name = of(&path).unwrap_or_else(|| panic!("{path} is not poisoned: {reason}"));
            (name.to_owned(), reason)
        })
        .collect()
}

#[test]
fn a_thousand_files_are_read_whatever_thirty_of_them_are() {
    let poisoned = poisoned();
    assert_eq!(poisoned.len(), 30);
    let files = mixed(&poisoned);
    let entry =
        |(name, bytes): &(String, Vec<u8>)| tar_entry(tar::EntryType::Regular, name.as_bytes(), bytes);
    let tarball = tar(&files.iter().map(entry).collect::<Vec<_>>());
    let items: Vec<Item> = files.iter().map(|(name, bytes)| deflated(name, bytes)).collect();
    for (upload, name) in [(gzip(&tarball), "thousand.tar.gz"), (zip(&items), "thousand.zip")] {
        let outcome = walk_within(&upload, name, &small());
        let reasons = reasons(&outcome, &poisoned);
        let untold: Vec<&str> = poisoned
            .iter()
            .map(|(file, _)| *file)
            .filter(|file| !reasons.contains_key(*file))
            .collect();
        assert!(untold.is_empty(), "no reason for {untold:?} in {name}");
        let read = outcome
            .paths()
            .into_iter()
            .filter(|path| path.starts_with("lamps/"))
            .count();
        assert_eq!(read, GOOD, "{name}");
    }
}
