//! MediaWiki's markup to Markdown, and the anchors of its headings.

use std::time::{Duration, Instant};

use nexus_domain::Format;
use nexus_domain::ProblemCode::{Empty, NestedTooDeep};
use nexus_ingest::Limits;
use proptest::prelude::*;

use crate::support::{chunk, extract, refusal};

fn markdown(text: &str) -> String {
    extract("page.mediawiki", text).text.trim().to_owned()
}

#[test]
fn an_article_becomes_markdown() {
    let page = "{{Карточка программы
 | название   = Шлюз «Нева»
 | логотип    = Neva.svg
 | разработчик = [[Северные сети]]
 | порты      =
* 443
* 8443
}}
<!-- черновик -->
'''Шлюз «Нева»''' ({{lang-en|Neva gateway}}) — ''сетевой'' [[межсетевой экран|экран]]<ref>{{книга|автор=Иванов И.|заглавие=Сети|год=2020}}</ref>, работает с&nbsp;{{nobr|2019 года}}<ref name=\"site\">[https://neva.example/about О шлюзе]</ref>.
[[Файл:Neva scheme.png|мини|слева|250px|Схема [[шлюз]]а]]

== Установка ==
# Скачайте пакет.
# Запустите установку:
#* в [[Linux]] — <code>neva install</code>;
#* в Windows — мастер.
# Проверьте порт<ref name=\"site\" />.

; Мост : режим без адресов
; NAT
: режим с адресами

=== Параметры ===
{| class=\"wikitable\"
|+ Параметры запуска
! Ключ !! Значение !! По умолчанию
|-
| <code>--port</code> || порт || 443
|-
| rowspan=2 | <code>--log</code>
| файл || нет
|-
| уровень | info || <nowiki>a|b</nowiki>
|}

== Установка ==
<syntaxhighlight lang=\"bash\">
neva start --port 443
</syntaxhighlight>
Текст {{unknown template|важное замечание|x=1}} и {{cn}} конец.

__NOTOC__
[[Категория:Сети]] [[Категория:Шлюзы|Нева]]
[[en:Neva gateway]]
{{примечания}}
";
    let document = extract("wiki/Шлюз Нева.mediawiki", page);
    assert_eq!(document.format, Format::MediaWiki);
    assert_eq!(document.title, "Шлюз Нева");
    let expected = "\
- название: Шлюз «Нева»
- разработчик: Северные сети
- порты: 443, 8443

**Шлюз «Нева»** (Neva gateway) — *сетевой* экран[^1], работает с 2019 года[^2].
Схема шлюза

[^1]: Иванов И. Сети. 2020

[^2]: [О шлюзе](https://neva.example/about)

## Установка

1. Скачайте пакет.
2. Запустите установку:
   - в Linux — `neva install`;
   - в Windows — мастер.
3. Проверьте порт[^2].

**Мост**: режим без адресов
**NAT**
режим с адресами

### Параметры

Параметры запуска

| Ключ | Значение | По умолчанию |
| --- | --- | --- |
| `--port` | порт | 443 |
| `--log` | файл | нет |
| `--log` | info | a\\|b |

## Установка

```bash
neva start --port 443
```

Текст важное замечание и  конец.

Categories: Сети, Шлюзы";
    assert_eq!(document.text.trim(), expected);
    let anchors: Vec<&str> = document.marks.anchors.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(anchors, ["Установка", "Параметры", "Установка_2"]);
    for (line, _) in &document.marks.anchors {
        let text = document.text.lines().nth(*line as usize - 1).unwrap();
        assert!(text.starts_with("##"), "{text}");
    }
}

#[test]
fn passages_know_the_anchor_of_their_section() {
    let page = "Intro text of the page.\n\n== First steps ==\nOne.\n\n== ''Second'' &amp; <code>third</code> [https://a.example b] ==\nTwo.\n";
    let document = extract("a.wikitext", page);
    let passages = chunk(&document, 8, 12);
    let found = passages
        .iter()
        .find(|passage| passage.text.contains("Two."))
        .unwrap();
    assert_eq!(found.anchor.as_deref(), Some("Second_&_third_b"));
    assert_eq!(found.heading_path.last().unwrap(), "Second & third b");
}

#[test]
fn a_page_may_name_itself() {
    let document = extract("Iphone.mediawiki", "{{DISPLAYTITLE:''iPhone'' guide}}\nText.\n");
    assert_eq!(document.title, "iPhone guide");
}

#[test]
fn a_redirect_says_where_it_leads() {
    for text in [
        "#REDIRECT [[Main Page]]",
        "#перенаправление [[Заглавная страница#Раздел|x]]\n{{R}}",
    ] {
        let problem = nexus_ingest::extract("a.mediawiki", text.as_bytes(), &Limits::default()).unwrap_err();
        assert_eq!(problem.code, Empty);
        assert!(problem.message.contains("Main Page") || problem.message.contains("Заглавная страница"));
    }
    assert_eq!(markdown("#1 in the list\n"), "1. 1 in the list");
    assert_eq!(refusal("a.mediawiki", "{{stub}}\n[[File:a.png]]\n"), Empty);
}

#[test]
fn what_holds_no_markup_is_kept_as_it_stands() {
    assert_eq!(
        markdown("Use <nowiki>'''[[x]]''' {{y}}</nowiki> and List<String> <your name>.\n"),
        "Use '''[[x]]''' {{y}} and List<String> <your name>."
    );
    assert_eq!(
        markdown("<pre>\n== no heading ==\n* no item &lt;x&gt;\n</pre>\n"),
        "```\n== no heading ==\n* no item <x>\n```"
    );
    assert_eq!(markdown(" one\n  two '''b'''\n"), "```\none\n two b\n```");
    assert_eq!(
        markdown("<math>E = mc^2</math>, 10<sup>6</sup>, H<sub>2</sub>O"),
        "$E = mc^2$, 10^6, H2O"
    );
    assert_eq!(markdown("# hash\n"), "1. hash");
    assert_eq!(markdown("text<br>## two"), "text\n\\## two");
}

#[test]
fn tables_in_tables_become_text_of_their_cells() {
    let page = "{|\n! A !! B\n|-\n| 1\n|\n{| class=x\n| in || ner\n|-\n| x\n|}\n|-\n| 2 || colspan=2 | 3\n* four\n* five\n|}\nAfter.";
    assert_eq!(
        markdown(page),
        "| A | B |\n| --- | --- |\n| 1 | in; ner x |\n| 2 | 3; four; five |  |\n\nAfter."
    );
}

#[test]
fn a_table_that_is_never_closed_ends_with_its_section() {
    let page = "{|\n| a || b\n|-\n| c || d\n== Next ==\ntext\n|}\n";
    assert_eq!(
        markdown(page),
        "| a | b |\n| --- | --- |\n| c | d |\n\n## Next\n\ntext"
    );
}

#[test]
fn mistakes_stay_text_and_lose_nothing() {
    assert_eq!(
        markdown("open {{tpl|a and [[link\n\nnext ''para''"),
        "open {{tpl|a and [[link\n\nnext *para*"
    );
    assert_eq!(markdown("{{a|[[bridge}} c"), "[[bridge c");
    assert_eq!(
        markdown("{{dropped|x=1}} text\n__NOTOC__ more"),
        "text\nmore",
        "no line of code"
    );
    assert_eq!(markdown("a ]] b }} c | d = e"), "a ]] b }} c | d = e");
    assert_eq!(markdown("<ref>never closed, '''bold"), "never closed, bold");
    assert_eq!(markdown("\u{1}0\u{2} text"), "0 text");
}

#[test]
fn nesting_is_bounded() {
    assert_eq!(refusal("a.mediawiki", "{{a|".repeat(5_000)), NestedTooDeep);
    assert_eq!(refusal("a.mediawiki", "[[".repeat(500_000)), NestedTooDeep);
    let deep = format!("{}слово{}", "{{nobr|".repeat(100), "}}".repeat(100));
    assert_eq!(markdown(&deep), "слово");
}

/// What each kind of opening costs when it is never closed, or closed once.
const HOSTILE: [&str; 26] = [
    "[[",
    "{{",
    "{{{",
    "''''''",
    "'''",
    "<ref>",
    "<ref name=a>",
    "<nowiki>",
    "<!--",
    "<pre>",
    "{|\n",
    "|-\n|\n",
    "| rowspan=64 | x\n|-\n",
    "== a ==\n",
    "[http://a ",
    "&amp",
    "<gallery>",
    "__A",
    "|",
    "||",
    "<",
    "*#:;",
    "[[a|b]]",
    "{{a|b=c}}",
    "<blockquote>\n",
    "\n ",
];

#[test]
fn no_megabyte_takes_long_or_grows() {
    for piece in HOSTILE {
        for end in ["", "]]}}}</ref></nowiki>-->|}"] {
            let text = format!("word {}{end}", piece.repeat((1 << 20) / piece.len()));
            // Milliseconds on a free machine; what is not linear takes minutes on any.
            let begun = Instant::now();
            let result = nexus_ingest::extract("a.mediawiki", text.as_bytes(), &Limits::default());
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
            2 => prop::sample::select(vec!["]]", "}}", "}}}", "</ref>", "-->", "|}", "\n", "\n\n", "=", "]", ">", " "])
                .prop_map(str::to_owned),
            2 => "[a-zа-яё ]{1,12}",
            1 => "\\PC{0,8}",
        ], 0..120),
    ) {
        let text = pieces.concat();
        if let Ok(document) = nexus_ingest::extract("a.mediawiki", text.as_bytes(), &Limits::default()) {
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
