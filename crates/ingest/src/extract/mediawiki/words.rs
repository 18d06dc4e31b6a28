//! What is known of templates and parser functions by their names, in lower case. Wikis name their templates freely; these
//! are the names that most of them share.

/// What a template leaves in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// Nothing: notices, navigation, lists of footnotes.
    Nothing,
    /// These signs.
    Signs(&'static str),
    /// Its positional argument of this number, from 0, or the first one where there are fewer.
    Argument(usize),
    /// A short form, then what it stands for in brackets.
    Abbreviation,
    /// All arguments, one space apart.
    Words,
    /// A quotation.
    Quotation,
    /// Where something was published.
    Citation,
    /// Properties of what the page is about.
    Properties,
}

pub(super) fn meaning(name: &str) -> Option<Means> {
    Some(match name {
        "!" => Means::Signs("|"),
        "!!" => Means::Signs("||"),
        "=" => Means::Signs("="),
        "(!" => Means::Signs("{|"),
        "!)" => Means::Signs("|}"),
        "!-" => Means::Signs("|-"),
        "nbsp" | "spaces" | "s-" => Means::Signs(" "),
        "br" | "clear" | "-" => Means::Signs("\n"),
        "·" | "•" | "dot" => Means::Signs(" · "),
        "тире" | "mdash" | "--" | "—" | "spaced mdash" | "snd" => Means::Signs(" — "),
        "ndash" | "–" | "spaced ndash" => Means::Signs("–"),
        "'" => Means::Signs("'"),
        "lang"
        | "язык"
        | "color"
        | "colour"
        | "цвет"
        | "font color"
        | "font"
        | "tooltip"
        | "нп"
        | "нп3"
        | "нп4"
        | "нп5"
        | "не переведено"
        | "не переведено 3"
        | "не переведено 5"
        | "iw"
        | "ill"
        | "interlanguage link" => Means::Argument(1),
        "transl" | "transliteration" => Means::Argument(2),
        "abbr" | "abbrlink" | "аббр" | "подсказка" | "hint" => Means::Abbreviation,
        "convert"
        | "cvt"
        | "coord"
        | "val"
        | "num"
        | "число"
        | "formatnum"
        | "дата"
        | "date"
        | "start date"
        | "end date"
        | "birth date"
        | "дата рождения"
        | "дата смерти"
        | "dts" => Means::Words,
        "quote" | "blockquote" | "cquote" | "цитата" | "quotation" | "эпиграф" => {
            Means::Quotation
        }
        "reflist"
        | "references"
        | "примечания"
        | "список примечаний"
        | "сноски"
        | "notelist"
        | "cn"
        | "fact"
        | "citation needed"
        | "нет аи"
        | "источник"
        | "dead link"
        | "недоступная ссылка"
        | "мёртвая ссылка"
        | "toc"
        | "toc right"
        | "toc left"
        | "содержание справа"
        | "commons"
        | "commonscat"
        | "commons category"
        | "navbox"
        | "portal"
        | "портал"
        | "authority control"
        | "внешние ссылки"
        | "нормативный контроль"
        | "изолированная статья"
        | "библиоинформация"
        | "library resources"
        | "short description"
        | "use dmy dates"
        | "use mdy dates"
        | "pp"
        | "good article"
        | "featured article"
        | "хорошая статья"
        | "избранная статья"
        | "добротная статья"
        | "проверено"
        | "скрыть"
        | "rq"
        | "cleanup"
        | "stub"
        | "refimprove"
        | "more citations needed"
        | "sidebar"
        | "anchor"
        | "якорь"
        | "webarchive"
        | "wayback" => Means::Nothing,
        _ => return by_beginning(name),
    })
}

fn by_beginning(name: &str) -> Option<Means> {
    const BEGINNINGS: [(&str, Means); 19] = [
        ("infobox", Means::Properties),
        ("карточка", Means::Properties),
        ("инфобокс", Means::Properties),
        ("lang-", Means::Argument(0)),
        ("cite ", Means::Citation),
        ("citation", Means::Citation),
        ("книга", Means::Citation),
        ("статья", Means::Citation),
        ("публикация", Means::Citation),
        ("обращение к ", Means::Citation),
        ("navbox", Means::Nothing),
        ("stub-", Means::Nothing),
        ("pp-", Means::Nothing),
        ("use ", Means::Nothing),
        ("заготовка", Means::Nothing),
        ("навигация", Means::Nothing),
        ("внешние ", Means::Nothing),
        ("спам", Means::Nothing),
        ("не переведено", Means::Argument(1)),
    ];
    if name.ends_with("-stub") || name.ends_with(" navbox") {
        return Some(Means::Nothing);
    }
    BEGINNINGS
        .iter()
        .find(|(beginning, _)| name.starts_with(beginning))
        .map(|(_, means)| *means)
}

/// What a parser function (`{{#if: …}}`, `{{lc: …}}`) shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    /// What follows the colon.
    Value,
    /// The first branch that holds text.
    Branch,
    Nothing,
}

pub(super) fn function(name: &str) -> Option<Function> {
    Some(match name {
        "lc" | "uc" | "lcfirst" | "ucfirst" | "formatnum" | "#formatdate" | "#dateformat" | "padleft"
        | "padright" | "fullurl" | "localurl" | "urlencode" | "anchorencode" => Function::Value,
        "#if" | "#ifeq" | "#iferror" | "#ifexist" | "#ifexpr" | "plural" | "gender" => Function::Branch,
        "defaultsort"
        | "сортировка_по_умолчанию"
        | "сортировка по умолчанию"
        | "ключ сортировки"
        | "displaytitle" => Function::Nothing,
        _ if name.starts_with('#') => Function::Nothing,
        _ => return None,
    })
}

/// Names of a citation's arguments, in the order in which they are told.
pub(super) const CITED: [&[&str]; 5] = [
    &["author", "автор", "authors", "last", "last1", "ответственный"],
    &["title", "заглавие", "заголовок", "название", "chapter", "часть"],
    &[
        "work",
        "website",
        "journal",
        "издание",
        "publisher",
        "издательство",
        "место",
    ],
    &["date", "year", "дата", "год"],
    &["url", "ссылка", "doi"],
];

/// Arguments that are text of the page whatever the template is.
pub(super) const BODY: [&str; 8] = [
    "text",
    "текст",
    "content",
    "содержание",
    "body",
    "quote",
    "цитата",
    "message",
];

/// Properties that tell how something looks.
pub(super) fn is_look(key: &str) -> bool {
    const WORDS: [&str; 24] = [
        "image",
        "изображение",
        "logo",
        "логотип",
        "width",
        "ширина",
        "imagesize",
        "размер",
        "style",
        "стиль",
        "bodystyle",
        "class",
        "bodyclass",
        "color",
        "colour",
        "цвет",
        "фон",
        "background",
        "map",
        "карта",
        "alt",
        "align",
        "templatestyles",
        "child",
    ];
    let looks = |word: &str| WORDS.contains(&word.trim_end_matches(|c: char| c.is_ascii_digit()));
    let mut words = key.split([' ', '_', '-']);
    key.is_empty()
        || key.chars().all(|c| c.is_ascii_digit())
        || words.next().is_some_and(looks)
        || words.next_back().is_some_and(looks)
}
