//! HTML pages of sites: their main text, and the fragments of their headings.

use crate::support::extract;

fn anchors(page: &str) -> Vec<(String, String)> {
    let document = extract("page.html", page);
    let line = |line: u32| document.text.lines().nth(line as usize - 1).unwrap().to_owned();
    let marks = document.marks.anchors.iter();
    marks.map(|(at, id)| (line(*at), id.clone())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|&(line, id)| (line.to_owned(), id.to_owned()))
        .collect()
}

#[test]
fn headings_are_found_by_their_id_the_one_inside_or_the_one_before() {
    let page = "<p>Intro</p><h1 id=top>Guide</h1>\
        <section id=setup><h2>Setup<a class=headerlink href='#setup'>¶</a></h2><p>text</p></section>\
        <h2><span class=mw-headline id='Проверка'>Проверка</span></h2><p id=unrelated>text</p>\
        <h2>No id</h2>\
        <a name=old></a><h3>Old <b>style</b></h3>\
        <h3 id='two words'>Odd</h3><ul><li><h4 id=item>In an item</h4></ul>";
    assert_eq!(
        anchors(page),
        pairs(&[
            ("# Guide", "top"),
            ("## Setup¶", "setup"),
            ("## Проверка", "Проверка"),
            ("### Old style", "old"),
            ("- In an item", "item"),
        ])
    );
}

#[test]
fn the_main_text_is_taken_where_it_holds_most() {
    let body = "<h1 id=a>Шлюз</h1><p>Порт шлюза меняют в настройках, потом шлюз перезапускают.</p><aside>Замечание</aside>";
    let around = |main: &str| {
        format!(
            "<title>T</title><header>Сайт</header><div class=crumbs>Главная / Сети</div>{main}<aside>Реклама</aside>\
             <footer>2026</footer>"
        )
    };
    let expected = "# Шлюз\n\nПорт шлюза меняют в настройках, потом шлюз перезапускают.\n\nЗамечание";
    for main in [
        format!("<main>{body}</main>"),
        format!("<div role=main><div>{body}</div></div>"),
        format!("<article>{body}<footer></footer></article>"),
        format!("<div id=content>{body}</div>"),
        format!("<main><article>{body}</article></main>"),
    ] {
        let page = around(&main);
        let document = extract("page.html", &page);
        assert_eq!(document.text.trim(), expected, "{main}");
        assert_eq!(document.title, "T");
        assert_eq!(anchors(&page), pairs(&[("# Шлюз", "a")]));
    }
}

#[test]
fn a_main_element_that_holds_little_takes_nothing_away() {
    let text = "Все слова страницы стоят вне главного элемента. ".repeat(3);
    let page = format!(
        "<header><h1>Заголовок</h1></header><p>{text}</p><main><p>Коротко.</p></main><footer>2026</footer>"
    );
    let document = extract("page.html", page);
    assert_eq!(
        document.text.trim(),
        format!("# Заголовок\n\n{}\n\nКоротко.", text.trim())
    );
    let articles = "<p>Blog</p><article><h2 id=a>One</h2><p>First text of this blog.</p></article><p>advert</p>\
        <article><h2 id=b>Two</h2><p>Second text of this blog.</p></article>";
    assert_eq!(
        extract("page.html", articles).text.trim(),
        "## One\n\nFirst text of this blog.\n\n## Two\n\nSecond text of this blog."
    );
    assert_eq!(anchors(articles), pairs(&[("## One", "a"), ("## Two", "b")]));
}

#[test]
fn parts_that_say_that_they_are_no_text_are_left_out() {
    let page = "<div role=navigation><div>Menu</div></div><p>Text</p><blockquote>Words<footer>An author</footer></blockquote>\
        <div role=contentinfo>Made by</div><p>More</p>";
    assert_eq!(
        extract("page.html", page).text.trim(),
        "Text\n\n> Words\n\n> An author\n\nMore"
    );
}

#[test]
fn terms_of_definitions_are_places_to_lead_to() {
    let page = r#"<h1 id="lamp">Lamp</h1><p>About.</p>
        <dl class="py class"><dt id="lamp.Lamp">class Lamp</dt><dd><p>A lamp.</p>
        <dl class="py method"><dt id="lamp.Lamp.on">on()</dt><dd>Switches it on.</dd>
        <dt id="lamp.Lamp.off">off()</dt><dd>Switches it off.</dd></dl>
        <p>Lamps are kept.</p></dd></dl>
        <p>The end.</p><dl><dt>Plain</dt><dd>No place.</dd></dl>"#;
    assert_eq!(
        anchors(page),
        pairs(&[
            ("# Lamp", "lamp"),
            ("class Lamp", "lamp.Lamp"),
            ("on()", "lamp.Lamp.on"),
            ("off()", "lamp.Lamp.off"),
            ("Lamps are kept.", "lamp.Lamp"),
            ("The end.", "lamp"),
        ])
    );
}
