//! The parser that all other tests rely on.

use nexus_bot::testing::{Kind, parse};

#[test]
fn text_and_entities_are_read_with_utf16_offsets() {
    let parsed =
        parse("😀 <b>a<i>б</i></b> &lt;&#x41;&gt; <pre><code class=\"language-rust\">x</code></pre>")
            .unwrap();
    assert_eq!(parsed.text, "😀 aб <A> x");
    let found: Vec<_> = parsed
        .entities
        .iter()
        .map(|entity| (entity.kind.clone(), entity.offset, entity.length))
        .collect();
    assert_eq!(
        found,
        [
            (Kind::Italic, 4, 1),
            (Kind::Bold, 3, 2),
            (Kind::Pre(Some("rust".to_owned())), 10, 1)
        ]
    );
}

#[test]
fn what_telegram_refuses_is_refused() {
    for html in [
        "<p>x</p>",
        "<b>x",
        "x</b>",
        "<b><i>x</b></i>",
        "a & b",
        "a &nbsp; b",
        "a < b",
        "a > b",
        "<br>",
        "<B>x</B>",
        "<b class=\"x\">x</b>",
        "<code><b>x</b></code>",
        "<b><code>x</code></b>",
        "<pre><b>x</b></pre>",
        "<b></b>",
        "<blockquote>a<blockquote>b</blockquote></blockquote>",
        "<a href=\"javascript:x\">x</a>",
        "<a>x</a>",
        "a\0b",
        "<a href=\"https://a.b\">a<a href=\"https://a.b\">b</a></a>",
        "<code class=\"language-x\">x</code>",
        "<!-- x -->",
        "<pre>a<code class=\"language-x\">x</code></pre>",
        "<pre><code class=\"language-x\">x</code>y</pre>",
        "&#0;",
        "<b><b>x</b></b>",
        "<a href=\"https://a.b\"><code>x</code></a>",
        "<a href='https://a.b'>x</a>",
        "<a href=\"https://a.b",
    ] {
        assert!(parse(html).is_err(), "{html}");
    }
}
