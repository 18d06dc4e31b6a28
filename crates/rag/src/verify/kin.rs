//! Whether two words are forms of one name, in one script or in two.

/// Letters that two forms of a name share at least, and the share of the longer form that they make up.
const SHARED_LETTERS: usize = 4;
const SHARED_PART: f32 = 0.6;

/// Two forms of one name: «Кейван», «Кейвана»; `Russia`, `Russian`.
pub(super) fn is_kin(a: &str, b: &str) -> bool {
    let shared = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
    let (short, long) = (
        a.chars().count().min(b.chars().count()),
        a.chars().count().max(b.chars().count()),
    );
    let declined = shared >= 3 && shared + 1 >= short && long - shared <= 3 && !a.is_ascii();
    declined || shared >= SHARED_LETTERS && shared as f32 >= long as f32 * SHARED_PART && long - shared <= 5
}

/// Two spellings of one sound, but for an ending.
pub(super) fn is_alike(a: &str, b: &str) -> bool {
    let shared = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
    let (short, long) = (
        a.chars().count().min(b.chars().count()),
        a.chars().count().max(b.chars().count()),
    );
    shared >= 3 && shared == short && long - shared <= 2
}

/// What a name sounds like, in letters that both scripts agree on.
pub(super) fn skeleton(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        let sound = match c {
            'а' => "a",
            'б' => "b",
            'в' | 'w' | 'v' => "v",
            'г' => "g",
            'д' => "d",
            'е' | 'э' | 'e' => "e",
            'ж' => "j",
            'з' => "z",
            'и' | 'й' | 'ы' | 'y' | 'i' | 'j' => "i",
            'к' | 'c' | 'q' | 'k' => "k",
            'л' => "l",
            'м' => "m",
            'н' => "n",
            'о' => "o",
            'п' => "p",
            'р' => "r",
            'с' | 's' => "s",
            'т' => "t",
            'у' | 'u' => "u",
            'ф' | 'f' => "f",
            'х' | 'h' => "h",
            'ц' => "ts",
            'ч' => "kh",
            'ш' | 'щ' => "sh",
            'ю' => "iu",
            'я' => "ia",
            'ь' | 'ъ' | '\'' => "",
            'x' => "ks",
            'z' => "z",
            'a'..='z' => {
                out.push(c);
                continue;
            }
            _ => continue,
        };
        out.push_str(sound);
    }
    let mut letters: Vec<char> = out.chars().collect();
    letters.dedup();
    letters.into_iter().collect()
}
