use std::time::{Duration, Instant};

use nexus_text::{analyze, count_tokens, language_of, script_of, terms};

/// Far above what linear work takes on a busy machine, far below what quadratic work takes on a megabyte.
const PATIENCE: Duration = Duration::from_secs(20);

fn survives(name: &str, text: &str) {
    let started = Instant::now();
    let analysis = analyze(text);
    let found = terms(text);
    count_tokens(text);
    script_of(text);
    language_of(text);
    assert!(
        started.elapsed() < PATIENCE,
        "{name} took {:?}",
        started.elapsed()
    );
    assert!(
        analysis.terms.iter().map(|(_, tf)| *tf as usize).sum::<usize>() == found.len(),
        "{name}"
    );
    assert!(found.len() <= text.len() + 1, "{name}: {} terms", found.len());
}

#[test]
fn a_megabyte_of_anything_is_analysed_in_linear_time() {
    let zalgo: String = "Н".to_owned() + &"\u{301}\u{337}\u{489}\u{315}".repeat(120_000);
    survives("zalgo", &zalgo);
    for (name, unit) in [
        ("one word", "a"),
        ("one Russian word", "ж"),
        ("alternating case", "aB"),
        ("letters and digits", "a1"),
        ("underscores", "_"),
        ("snakes", "a_"),
        ("dots", "a."),
        ("paths", "a/"),
        ("colons", "a::"),
        ("hyphens", "я-"),
        ("apostrophes", "a'"),
        ("emoji", "👨‍👩‍👧‍👦"),
        ("right to left", "שָׁלוֹם عَلَيْكُمْ \u{202e}"),
        ("Han", "設"),
        (
            "Han with marks",
            "設\u{302}\u{302}\u{302}\u{302}\u{302}\u{302}\u{302}\u{302}\u{302}",
        ),
        ("jamo", "\u{1112}\u{1161}\u{11ab}"),
        ("expanding ligatures", "ﷺ"),
        ("invisible", "\u{200b}"),
        ("control", "\u{0}\u{7f}\u{fffd}\u{ffff}"),
        ("mixed scripts", "aяa"),
    ] {
        survives(name, &unit.repeat(1_000_000 / unit.len()));
    }
}
