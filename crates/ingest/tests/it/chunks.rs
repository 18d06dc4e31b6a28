//! How documents are cut: along their structure, with true places.

use nexus_ingest::{ChunkDraft, ChunkOptions};

use crate::support::{assert_sound, chunk, extract};

/// Heading path and first line of each passage: what a reader sees first.
fn outline(chunks: &[ChunkDraft]) -> Vec<(String, &str)> {
    chunks
        .iter()
        .map(|chunk| {
            (
                chunk.heading_path.join(" > "),
                chunk.text.lines().next().unwrap_or_default(),
            )
        })
        .collect()
}

fn words(count: usize) -> String {
    (0..count)
        .map(|n| format!("word{n} "))
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[test]
fn markdown_is_cut_at_headings_and_knows_where_it_stands() {
    let text = format!(
        "# Guide\n\n{}\n\n## Install\n\n### Linux\n\n{}\n\n### Windows\n\n{}\n\n## Use\n\n{}\n",
        words(50),
        words(60),
        words(60),
        words(60),
    );
    let chunks = chunk(&extract("a.md", text), 60, 90);
    let expected = [
        ("Guide", "# Guide"),
        ("Guide > Install", "## Install"),
        ("Guide > Install > Windows", "### Windows"),
        ("Guide > Use", "## Use"),
    ];
    assert_eq!(
        outline(&chunks),
        expected.map(|(path, line)| (path.to_owned(), line))
    );
    assert!(
        chunks[1].text.contains("### Linux"),
        "a heading without text goes with what it announces"
    );
}

#[test]
fn tiny_sections_of_one_parent_share_a_passage_under_their_parent() {
    let sections: String = (0..6)
        .map(|n| format!("## Option {n}\n\n{}\n\n", words(12)))
        .collect();
    let chunks = chunk(&extract("a.md", format!("# Options\n\n{sections}")), 120, 180);
    assert_eq!(chunks.len(), 1);
    assert_eq!(chunks[0].heading_path, ["Options"]);
}

#[test]
fn top_level_sections_never_share_a_passage() {
    let chunks = chunk(&extract("a.md", "# One\n\ntext\n\n# Two\n\ntext\n"), 256, 384);
    assert_eq!(
        outline(&chunks),
        [("One".to_owned(), "# One"), ("Two".to_owned(), "# Two")]
    );
}

#[test]
fn code_blocks_and_tables_stay_whole_where_they_fit() {
    let code: String = (0..12).map(|n| format!("call_{n}(a);\n\n")).collect();
    let rows: String = (0..8).map(|n| format!("| name{n} | value{n} |\n")).collect();
    let text = format!(
        "# A\n\n{}\n\n```c\n{code}```\n\n{}\n\n| Name | Value |\n|---|---|\n{rows}\n{}\n",
        words(50),
        words(50),
        words(40)
    );
    let chunks = chunk(&extract("a.md", text), 70, 110);
    let fences = |chunk: &ChunkDraft| chunk.text.matches("```").count();
    assert!(chunks.iter().all(|chunk| fences(chunk) % 2 == 0), "{chunks:#?}");
    let with_rows = chunks
        .iter()
        .filter(|chunk| chunk.text.contains("| name"))
        .count();
    assert_eq!(with_rows, 1);
}

#[test]
fn a_table_that_must_be_cut_is_cut_by_rows_under_its_columns() {
    let rows: String = (0..60).map(|n| format!("| name{n} | value{n} |\n")).collect();
    let chunks = chunk(
        &extract("a.md", format!("# T\n\n| Name | Value |\n|---|---|\n{rows}")),
        60,
        90,
    );
    assert!(chunks.len() > 3);
    assert_eq!(chunks[0].heading_path, ["T"]);
    for part in &chunks[1..] {
        assert_eq!(part.heading_path, ["T", "Name, Value"]);
        assert!(
            part.text
                .lines()
                .all(|line| line.starts_with('|') && line.ends_with('|'))
        );
    }
}

#[test]
fn long_paragraphs_are_cut_at_sentences_and_long_sentences_at_words() {
    let sentences: String = (0..20)
        .map(|n| format!("Sentence {n} has a few words. "))
        .collect();
    let chunks = chunk(&extract("a.txt", sentences), 40, 60);
    assert!(chunks.len() > 2);
    assert!(
        chunks.iter().all(|chunk| chunk.text.ends_with('.')),
        "{chunks:#?}"
    );
    let chunks = chunk(&extract("a.txt", words(500)), 40, 60);
    assert!(chunks.iter().all(|chunk| chunk.text.starts_with("word")));
}

#[test]
fn blanks_between_words_weigh_what_the_counter_says() {
    let options = ChunkOptions {
        target_tokens: 4,
        max_tokens: 8,
        count: |text| text.chars().count(),
    };
    let document = extract("a.txt", "а        a ");
    let chunks = nexus_ingest::chunk(&document, &options);
    assert_sound(&document, &chunks, &options);
    assert_eq!(chunks.len(), 2);
}

#[test]
fn no_passage_runs_over_a_long_run_of_blanks_within_a_sentence() {
    let text = format!("{} {}{}", words(50), " ".repeat(300), words(50));
    let chunks = chunk(&extract("a.txt", text), 40, 60);
    assert!(chunks.iter().all(|chunk| !chunk.text.contains(&" ".repeat(300))));
    assert!(chunks.iter().all(|chunk| chunk.text.len() > 100), "{chunks:#?}");
}

#[test]
fn a_line_without_spaces_is_cut_all_the_same() {
    for text in [
        "x".repeat(3_000_000),
        "щ".repeat(500_000),
        "語".repeat(300_000),
        "{};".repeat(500_000),
    ] {
        let chunks = chunk(&extract("a.txt", &text), 256, 384);
        assert!(chunks.iter().all(|chunk| chunk.text.len() <= 384 * 32));
    }
}

#[test]
fn a_list_stays_with_the_sentence_that_announces_it() {
    let items: String = (0..6).map(|n| format!("- item {n} {}\n", words(5))).collect();
    let text = format!("# A\n\n{}\n\nDo the following:\n\n{items}", words(55));
    let chunks = chunk(&extract("a.md", text), 60, 80);
    let announced = chunks
        .iter()
        .find(|chunk| chunk.text.contains("Do the following:"))
        .unwrap();
    assert!(announced.text.contains("- item 0"), "{chunks:#?}");
}

#[test]
fn code_is_cut_by_definitions_under_their_names() {
    let body: String = (0..8)
        .map(|n| format!("        self.step({n}, \"text\");\n"))
        .collect();
    let text = format!(
        "use std::fmt;\n\n/// A machine.\npub struct Machine;\n\nimpl Machine {{\n    /// Starts it.\n    pub fn start(&self) {{\n{body}    }}\n\n    \
         /// Stops it.\n    #[must_use]\n    pub fn stop(&self) {{\n{body}    }}\n}}\n\nfn main() {{\n    let machine = Machine;\n{body}}}\n"
    );
    let chunks = chunk(&extract("a.rs", text), 100, 130);
    let stop = chunks
        .iter()
        .find(|chunk| chunk.text.contains("pub fn stop"))
        .unwrap();
    assert_eq!(stop.heading_path, ["Machine", "stop"], "{chunks:#?}");
    assert!(
        stop.text.trim_start().starts_with("/// Stops it."),
        "comments stay with what they describe: {chunks:#?}"
    );
    assert!(stop.text.contains("#[must_use]"));
    assert!(chunks.iter().any(|chunk| chunk.heading_path == ["main"]));
}

#[test]
fn a_long_function_is_cut_between_its_statements() {
    let body: String = (0..40)
        .map(|n| format!("    if a > {n}:\n        b = call({n},\n                 a)\n"))
        .collect();
    let chunks = chunk(
        &extract(
            "a.py",
            format!("def work(a):\n    \"\"\"Doc.\"\"\"\n{body}    return b\n"),
        ),
        80,
        110,
    );
    assert!(chunks.len() > 4);
    assert!(chunks.iter().all(|chunk| chunk.heading_path == ["work"]));
    assert!(
        chunks[1..]
            .iter()
            .all(|chunk| chunk.text.trim_start().starts_with("if a >") || chunk.text.contains("return b")),
        "{chunks:#?}"
    );
}

#[test]
fn every_language_names_its_functions() {
    let cases = [
        (
            "a.py",
            "class Engine:\n    @cached\n    def start(self):\n        pass\n",
            "Engine > start",
        ),
        (
            "a.js",
            "class Engine {\n  start() {\n    return 1;\n  }\n}\n",
            "Engine > start",
        ),
        (
            "a.js",
            "export const start = (a) => {\n  return a;\n};\n",
            "start",
        ),
        (
            "a.ts",
            "export class Engine {\n  start(): void {\n    go();\n  }\n}\n",
            "Engine > start",
        ),
        ("a.tsx", "function Start(): any {\n  return <div/>;\n}\n", "Start"),
        (
            "a.go",
            "package a\n\nfunc (e *Engine) Start() {\n\tgo1()\n}\n",
            "Engine.Start",
        ),
        (
            "a.java",
            "class Engine {\n  void start() {\n    go();\n  }\n}\n",
            "Engine > start",
        ),
        ("a.c", "static int *start(int a)\n{\n  return 0;\n}\n", "start"),
        (
            "a.cpp",
            "namespace car {\ntemplate <class T>\nvoid Engine<T>::start()\n{\n  go();\n}\n}\n",
            "car > Engine<T>::start",
        ),
        (
            "a.cs",
            "namespace Car {\n  class Engine {\n    void Start() {\n      Go();\n    }\n  }\n}\n",
            "Car > Engine > Start",
        ),
        (
            "a.rb",
            "class Engine\n  def start\n    go\n  end\nend\n",
            "Engine > start",
        ),
        (
            "a.php",
            "<?php\nclass Engine {\n  function start() {\n    go();\n  }\n}\n",
            "Engine > start",
        ),
        ("a.sh", "start() {\n  go\n}\n", "start"),
    ];
    for (path, text, place) in cases {
        // With passages this small every line stands alone, and the innermost place shows.
        let chunks = chunk(&extract(path, text), 1, 4);
        let found = chunks.iter().any(|chunk| chunk.heading_path.join(" > ") == place);
        assert!(found, "{path}: {:?}", outline(&chunks));
    }
}

#[test]
fn csv_is_cut_between_records_under_its_columns() {
    let rows: String = (0..60).map(|n| format!("{n};\"two\nlines {n}\";x\n")).collect();
    let chunks = chunk(&extract("a.csv", format!("id;text;note\n{rows}")), 60, 90);
    assert!(chunks.len() > 3);
    assert!(chunks[0].text.starts_with("id;text;note\n0;"));
    for part in &chunks[1..] {
        assert_eq!(part.heading_path, ["id, text, note"]);
        assert_eq!(
            part.text.matches('"').count() % 2,
            0,
            "no record is torn: {}",
            part.text
        );
    }
}

#[test]
fn json_is_cut_between_elements_under_their_keys() {
    let users: Vec<String> = (0..30)
        .map(|n| format!("    {{\n      \"name\": \"user {n}\",\n      \"age\": {n}\n    }}"))
        .collect();
    let text = format!(
        "{{\n  \"version\": 3,\n  \"users\": [\n{}\n  ]\n}}\n",
        users.join(",\n")
    );
    let chunks = chunk(&extract("a.json", text), 60, 90);
    assert!(chunks.len() > 3);
    let middle = &chunks[chunks.len() / 2];
    assert_eq!(middle.heading_path, ["users"]);
    assert!(middle.text.trim_start().starts_with('{'), "{}", middle.text);
}

#[test]
fn rst_sections_come_from_their_adornments() {
    let text = format!(
        "=====\nGuide\n=====\n\n{}\n\nInstall\n-------\n\n{}\n\n.. code-block:: sh\n\n   make\n   make install\n\nUse\n---\n\n{}\n",
        words(50),
        words(50),
        words(50),
    );
    let document = extract("a.rst", text);
    assert_eq!(document.title, "Guide");
    let chunks = chunk(&document, 60, 90);
    let expected = [
        ("Guide", "====="),
        ("Guide > Install", "Install"),
        ("Guide > Use", "Use"),
    ];
    assert_eq!(
        outline(&chunks),
        expected.map(|(path, line)| (path.to_owned(), line))
    );
}

#[test]
fn settings_are_cut_by_their_sections() {
    let section = |name: &str| {
        format!(
            "[{name}]\n{}\n",
            (0..10).map(|n| format!("key_{n} = {n}\n")).collect::<String>()
        )
    };
    let chunks = chunk(
        &extract("a.toml", format!("{}{}", section("server"), section("client"))),
        60,
        70,
    );
    assert_eq!(
        outline(&chunks),
        [
            ("server".to_owned(), "[server]"),
            ("client".to_owned(), "[client]")
        ]
    );
}

#[test]
fn html_is_cut_like_the_markdown_that_it_became() {
    let page = format!(
        "<h1>Guide</h1><p>{}</p><h2>Install</h2><p>{}</p>",
        words(60),
        words(60)
    );
    let chunks = chunk(&extract("a.html", page), 60, 90);
    assert_eq!(
        outline(&chunks),
        [
            ("Guide".to_owned(), "# Guide"),
            ("Guide > Install".to_owned(), "## Install")
        ]
    );
}

#[test]
fn hostile_nesting_ends_in_time() {
    let cases = [
        ("a.md", "> ".repeat(20_000)),
        ("a.md", format!("{}\n", "> ".repeat(500)).repeat(200)),
        ("a.md", "[".repeat(100_000)),
        ("a.md", "*a_".repeat(50_000)),
        ("a.md", "- ".repeat(20_000)),
        (
            "a.md",
            (0..2_000).map(|n| format!("{}- a\n", " ".repeat(n))).collect(),
        ),
        (
            "a.md",
            format!(
                "|{}\n|{}\n{}",
                "a|".repeat(2_000),
                "-|".repeat(2_000),
                "|\n".repeat(20_000)
            ),
        ),
        ("a.rs", "(".repeat(100_000)),
        ("a.rs", "mod a {\n".repeat(20_000)),
        (
            "a.py",
            (0..600).map(|n| format!("{}if a:\n", " ".repeat(n))).collect(),
        ),
        ("a.cpp", "template<".repeat(20_000)),
        ("a.js", "a<b>(".repeat(20_000)),
        ("a.rb", "<<A + ".repeat(5_000)),
        ("a.sh", "$(".repeat(20_000)),
        ("a.csv", "\"".repeat(99_999)),
        ("a.rst", "=\n".repeat(100_000)),
    ];
    for (path, text) in cases {
        chunk(&extract(path, text), 64, 96);
    }
}
