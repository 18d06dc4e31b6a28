//! Links inside of a wiki: their text, captions of pictures, categories.

/// Most categories that are kept of a page.
pub(super) const CATEGORIES: usize = 200;

const FILES: [&str; 16] = [
    "file",
    "image",
    "media",
    "файл",
    "изображение",
    "медиа",
    "зображення",
    "datei",
    "bild",
    "fichier",
    "archivo",
    "imagen",
    "plik",
    "ficheiro",
    "immagine",
    "bestand",
];
const CATEGORY: [&str; 9] = [
    "category",
    "категория",
    "категорія",
    "kategorie",
    "catégorie",
    "categoría",
    "kategoria",
    "categoria",
    "categorie",
];
/// The largest editions of Wikipedia: a line that links there only says that the page exists there, too.
const EDITIONS: [&str; 44] = [
    "ar", "az", "be", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "eo", "es", "et", "eu", "fa", "fi",
    "fr", "gl", "he", "hi", "hr", "hu", "hy", "id", "it", "ja", "ka", "kk", "ko", "lt", "lv", "nl", "no",
    "pl", "pt", "ro", "ru", "simple", "sv", "tr", "uk", "vi", "zh",
];

pub(super) enum Linked {
    Text(String),
    Category(String),
}

/// What stood between `[[` and `]]`, cut at its bars.
pub(super) fn read(parts: Vec<String>, starts_line: bool) -> Linked {
    let mut parts = parts.into_iter();
    let target = parts.next().unwrap_or_default();
    let shown = target.trim();
    let nothing = Linked::Text(String::new());
    if let Some((namespace, name)) = shown.split_once(':') {
        let namespace = namespace.trim().to_lowercase();
        if FILES.contains(&namespace.as_str()) {
            return Linked::Text(caption(parts.last(), starts_line));
        }
        if CATEGORY.contains(&namespace.as_str()) {
            let name = name.trim().replace('_', " ");
            return if name.is_empty() {
                nothing
            } else {
                Linked::Category(name)
            };
        }
        if starts_line && parts.len() == 0 && EDITIONS.contains(&namespace.as_str()) {
            return nothing;
        }
    }
    let target = shown.strip_prefix(':').unwrap_or(shown);
    Linked::Text(match parts.next() {
        None => target.replace('_', " "),
        Some(text) if text.trim().is_empty() => short(target).replace('_', " "),
        Some(text) => std::iter::once(text).chain(parts).collect::<Vec<_>>().join("|"),
    })
}

/// The pipe trick: no namespace, no remark in brackets.
fn short(target: &str) -> &str {
    let name = target.split_once(':').map_or(target, |(_, name)| name);
    name.split_once(" (").map_or(name, |(name, _)| name).trim()
}

/// The last part of a file's link, unless it says how the picture is shown.
fn caption(last: Option<String>, starts_line: bool) -> String {
    let Some(last) = last else { return String::new() };
    let text = last.trim();
    if text.is_empty() || is_option(text) {
        return String::new();
    }
    if starts_line {
        format!("{text}\n")
    } else {
        format!(" {text} ")
    }
}

fn is_option(text: &str) -> bool {
    const WORDS: [&str; 34] = [
        "thumb",
        "thumbnail",
        "frame",
        "framed",
        "frameless",
        "border",
        "left",
        "right",
        "center",
        "centre",
        "none",
        "upright",
        "baseline",
        "middle",
        "sub",
        "super",
        "top",
        "text-top",
        "bottom",
        "text-bottom",
        "мини",
        "миниатюра",
        "справа",
        "слева",
        "центр",
        "без",
        "обрамить",
        "граница",
        "безрамки",
        "мини ",
        "mini",
        "gauche",
        "droite",
        "rechts",
    ];
    let lower = text.to_lowercase();
    let pixels = lower.strip_suffix("px").or_else(|| lower.strip_suffix("пкс"));
    let sized = pixels.is_some_and(|size| size.chars().all(|c| c.is_ascii_digit() || c == 'x' || c == ' '));
    let named = lower.split_once('=').is_some_and(|(name, _)| {
        [
            "alt",
            "link",
            "upright",
            "class",
            "lang",
            "page",
            "альт",
            "ссылка",
            "thumb",
            "мини",
        ]
        .contains(&name.trim())
    });
    sized || named || WORDS.contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(parts: &[&str]) -> String {
        match read(parts.iter().map(|&part| part.to_owned()).collect(), false) {
            Linked::Text(text) => text,
            Linked::Category(name) => format!("category {name}"),
        }
    }

    #[test]
    fn links_are_their_text() {
        for (parts, expected) in [
            (&["Шлюз"][..], "Шлюз"),
            (&["Main_Page#Setup", "setting up"], "setting up"),
            (&["Help:Gateway (network)", ""], "Gateway"),
            (&[":Category:Networks"], "Category:Networks"),
            (&["Категория:Сети", "шлюз"], "category Сети"),
            (&["Файл:a.png", "мини", "200px", "Схема сети"], " Схема сети "),
            (&["File:a.png", "thumb", "200x100px"], ""),
            (&["File:a.png"], ""),
        ] {
            assert_eq!(text(parts), expected, "{parts:?}");
        }
    }
}
