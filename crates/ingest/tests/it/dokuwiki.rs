//! DokuWiki's markup to Markdown, and the anchors of its headings.

use std::time::{Duration, Instant};

use nexus_domain::Format;
use nexus_domain::ProblemCode::Empty;
use nexus_ingest::Limits;
use proptest::prelude::*;

use crate::support::{chunk, extract, refusal};

fn markdown(text: &str) -> String {
    extract("page.dokuwiki", text).text.trim().to_owned()
}

#[test]
fn a_heading_of_control_characters_is_no_title() {
    for text in ["==\u{1a}=== ", "== \u{1a} \u{1b} ==\n\nText.\n"] {
        assert_eq!(extract("notes.dokuwiki", text).title, "notes", "{text:?}");
    }
}

#[test]
fn a_page_becomes_markdown() {
    let page = "~~NOTOC~~
====== Шлюз «Нева» ======
**Шлюз** — //сетевой// __экран__ ((См. [[wiki:экран|страницу об экране]].)), описан на [[https://neva.example/a__b|сайте]] \\\\ и в ''neva.conf''.
Адрес http://neva.example//x остаётся.

===== Установка =====
  - Скачайте [[start:download|пакет]].
  - Запустите:
    * Linux: <code bash run.sh>
neva install
</code>
    * Windows
  - Готово {{ :neva.png?200 |Схема}}

==== Параметры ====
^ Ключ ^ Значение ^
| %%--port%% | порт |
| ::: | число |

<WRAP important>
Не меняйте <color red>порт</color>.
</WRAP>

> цитата
>> ответ

  предварительно
  отформатировано

===== Установка =====
{{tag>сети шлюз}}
{{page>other:page}}
";
    let document = extract("ns/шлюз.dokuwiki", page);
    assert_eq!(document.format, Format::DokuWiki);
    assert_eq!(document.title, "Шлюз «Нева»");
    let expected = "\
# Шлюз «Нева»

**Шлюз** — *сетевой* экран [^1], описан на [сайте](https://neva.example/a__b)
и в `neva.conf`.
Адрес http://neva.example//x остаётся.

[^1]: См. страницу об экране.

## Установка

1. Скачайте пакет.
2. Запустите:
   - Linux: run.sh

```bash
neva install
```

   - Windows
3. Готово Схема

### Параметры

| Ключ | Значение |
| --- | --- |
| --port | порт |
| --port | число |

Не меняйте порт.

> цитата
> > ответ

```
предварительно
отформатировано
```

## Установка

Tags: сети, шлюз";
    assert_eq!(document.text.trim(), expected);
    let anchors: Vec<&str> = document.marks.anchors.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(anchors, ["шлюз_нева", "установка", "параметры", "установка1"]);
    for (line, _) in &document.marks.anchors {
        assert!(
            document
                .text
                .lines()
                .nth(*line as usize - 1)
                .unwrap()
                .starts_with('#')
        );
    }
}

#[test]
fn what_holds_no_markup_is_kept_as_it_stands() {
    assert_eq!(
        markdown("a <nowiki>**x** [[y]]</nowiki> %%//z//%% b"),
        "a **x** [[y]] //z// b"
    );
    assert_eq!(
        markdown("List<String> and <your name> // not italic"),
        "List<String> and <your name> // not italic"
    );
    assert_eq!(
        markdown("<file python hello.py>\nprint('//')\n</file>\n"),
        "hello.py\n\n```python\nprint('//')\n```"
    );
    assert_eq!(
        markdown("[[doku>syntax]], [[ns:some_page#part]], [[#part]]"),
        "syntax, some page, part"
    );
    assert_eq!(refusal("a.dokuwiki", "~~NOCACHE~~\n{{picture.png}}\n"), Empty);
}

const HOSTILE: [&str; 20] = [
    "[[",
    "{{",
    "((",
    "%%",
    "~~",
    "<code>",
    "<file x>",
    "<nowiki>",
    "''",
    "//",
    "__",
    "====",
    "== a ==\n",
    "|:::",
    "^ a | b |\n| ::: |\n",
    "  * ",
    "> ",
    "  - a\n",
    "<",
    "((a))",
];

#[test]
fn no_megabyte_takes_long_or_grows() {
    for piece in HOSTILE {
        for end in ["", "]]}}))</code></nowiki>%%~~"] {
            let text = format!("word {}{end}", piece.repeat((1 << 20) / piece.len()));
            // Milliseconds on a free machine; what is not linear takes minutes on any.
            let begun = Instant::now();
            let result = nexus_ingest::extract("a.dokuwiki", text.as_bytes(), &Limits::default());
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{piece:?} took {:?}",
                begun.elapsed()
            );
            if let Ok(document) = result {
                assert!(
                    document.text.len() < text.len() * 8,
                    "{piece:?} grew to {}",
                    document.text.len()
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_markup_gives_text_or_a_reason(
        pieces in prop::collection::vec(prop_oneof![
            4 => prop::sample::select(&HOSTILE[..]).prop_map(str::to_owned),
            2 => prop::sample::select(vec!["]]", "}}", "))", "</code>", "\n", "\n\n", "|", "^", ">", " ", "\\\\ "])
                .prop_map(str::to_owned),
            2 => "[a-zа-яё ]{1,12}",
            1 => "\\PC{0,8}",
        ], 0..120),
    ) {
        let text = pieces.concat();
        if let Ok(document) = nexus_ingest::extract("a.dokuwiki", text.as_bytes(), &Limits::default()) {
            prop_assert!(document.text.len() <= text.len() * 24 + 200);
            prop_assert!(!document.text.contains(['\u{1}', '\u{2}']), "no sign is left over");
            for (line, _) in &document.marks.anchors {
                let line = document.text.lines().nth(*line as usize - 1);
                prop_assert!(line.is_some_and(|line| line.starts_with('#')));
            }
            chunk(&document, 8, 12);
        }
    }
}
