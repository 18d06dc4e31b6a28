//! What the verifier finds in answers about our own sample texts. The bars lie a little below what was reached when this was
//! written; whoever changes the verifier and falls below one has made it worse.

use std::path::Path;

use nexus_lies::{Kind, Maker, Score, Templates, folder, measure};
use nexus_text::Language;

const ANSWERS: usize = 300;

fn score(language: Language) -> Score {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/sample");
    let passages = folder(&sample).expect("the sample is a part of the project");
    let templates = Templates::development().expect("the templates are JSON");
    let mut maker = Maker::new(&passages, language, &templates);
    let mut score = Score::default();
    for _ in 0..ANSWERS {
        let answer = maker.answer().expect("the sample holds both languages");
        measure(&answer, &mut score, |statement, faults| {
            println!("{}: {} ({faults})", statement.kind.name(), statement.text);
        });
    }
    println!("{score}");
    score
}

fn holds(language: Language) {
    let score = score(language);
    for kind in Kind::ALL.into_iter().filter(|kind| kind.has_goal()) {
        let tally = score.tally(kind, language);
        assert!(
            tally.all >= 15,
            "only {} lies of the kind {}",
            tally.all,
            kind.name()
        );
        assert!(
            tally.share() >= 0.95,
            "{} of {} lies of the kind {}",
            tally.refused,
            tally.all,
            kind.name()
        );
    }
    let lost = score.tally(Kind::True, language);
    assert!(
        lost.all >= 500 && lost.share() <= 0.01,
        "{} of {} true sentences are lost",
        lost.refused,
        lost.all
    );
}

#[test]
fn lies_about_the_english_sample_are_found_and_true_sentences_stay() {
    holds(Language::English);
}

#[test]
fn lies_about_the_russian_sample_are_found_and_true_sentences_stay() {
    holds(Language::Russian);
}
