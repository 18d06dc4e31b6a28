//! What holds for all input.

use nexus_ingest::{ChunkOptions, Limits, extract};
use proptest::prelude::*;

use crate::support::{assert_sound, count, walk};

const NAMES: [&str; 18] = [
    "a.md", "a.html", "a.txt", "a.csv", "a.json", "a.jsonl", "a.rst", "a.rs", "a.py", "a.ts", "a.cpp",
    "a.go", "a.rb", "a.php", "a.sh", "a.toml", "a", "a.c",
];

/// Pieces that mean something to some format; random text seldom does.
const PIECES: [&str; 44] = [
    "# ",
    "## ",
    "### ",
    "- ",
    "1. ",
    "> ",
    "```",
    "```\n",
    "    ",
    "\t",
    "| a | b |\n|---|---|\n",
    "| ",
    "---\n",
    "===\n",
    "\n",
    "\n\n",
    "<p>",
    "<ul><li>",
    "</ul>",
    "<table><tr><td>",
    "</table>",
    "<pre>",
    "</pre>",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "fn a() {\n",
    "}\n",
    "class A:\n",
    "def b(self):\n",
    "// note\n",
    "/* ",
    "*/",
    "Слово и дело. ",
    "word ",
    "длинноеслово",
    "語",
    "é",
    "::\n\n",
    ".. note::\n",
];

fn document() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => "[a-zа-я ]{1,40}",
        1 => "\\PC{0,8}",
        1 => "[ \n\t]{0,6}",
    ];
    prop::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
}

/// A counter that is not additive, and one that counts characters.
fn per_three_bytes(text: &str) -> usize {
    text.len() / 3 + usize::from(text.len() > 40)
}

fn per_char(text: &str) -> usize {
    text.chars().count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn passages_cover_every_text_once(
        text in document(),
        name in prop::sample::select(&NAMES[..]),
        target in 1_usize..60,
        over in 0_usize..40,
        counter in 0_usize..3,
    ) {
        let Ok(document) = extract(name, text.as_bytes(), &Limits::default()) else { return Ok(()) };
        let count = [count as fn(&str) -> usize, per_three_bytes, per_char][counter];
        let options = ChunkOptions { target_tokens: target, max_tokens: target + over, count };
        if counter == 1 && options.max_tokens < 16 {
            return Ok(()); // One character of three bytes may weigh more than such a maximum.
        }
        assert_sound(&document, &nexus_ingest::chunk(&document, &options), &options);
    }

    #[test]
    fn no_bytes_make_extraction_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        name in prop::sample::select(&NAMES[..]),
    ) {
        if let Ok(document) = extract(name, &bytes, &Limits::default()) {
            let options = ChunkOptions { target_tokens: 8, max_tokens: 12, count };
            assert_sound(&document, &nexus_ingest::chunk(&document, &options), &options);
        }
    }

    #[test]
    fn no_bytes_make_a_walk_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        magic in prop::sample::select(vec![&b"PK\x03\x04"[..], b"PK\x05\x06", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"ustar", b""]),
        name in prop::sample::select(&["a.zip", "a.tar", "a.tgz", "a.md", ""][..]),
    ) {
        walk(&[magic, &bytes].concat(), name);
    }
}
