//! `make lies`: how many lies the verifier finds in answers that are made from sets in BEIR layout, by kind and language.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use nexus_lies::{Kind, Maker, Passage, Score, Templates, beir, folder, measure};
use nexus_text::Language;

#[derive(Debug, Parser)]
struct Args {
    /// Folders in BEIR layout, or of Markdown
    #[arg(required = true)]
    sets: Vec<PathBuf>,
    /// Of each language
    #[arg(long, default_value_t = 2_000)]
    answers: usize,
    /// Of each set, at most
    #[arg(long, default_value_t = 500)]
    passages: usize,
    /// The templates that the verifier was not tuned on
    #[arg(long)]
    held_out: bool,
    /// So many lies that passed and truths that did not, of each kind
    #[arg(long, default_value_t = 0)]
    show: usize,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let templates = if args.held_out {
        Templates::held_out()?
    } else {
        Templates::development()?
    };
    let mut passages: Vec<Passage> = Vec::new();
    for set in &args.sets {
        let is_set = set.join("corpus.jsonl").exists();
        let found = if is_set { beir(set)? } else { folder(set)? };
        // Spread over the set, so that a large one does not outweigh the others.
        let step = found.len().div_ceil(args.passages.max(1)).max(1);
        passages.extend(found.into_iter().step_by(step));
    }
    let mut score = Score::default();
    for language in [Language::English, Language::Russian] {
        let mut maker = Maker::new(&passages, language, &templates);
        let mut shown = std::collections::BTreeMap::new();
        for _ in 0..args.answers {
            let Some(answer) = maker.answer() else { break };
            measure(&answer, &mut score, |statement, faults| {
                let count: &mut usize = shown.entry(statement.kind).or_default();
                *count += 1;
                if *count <= args.show {
                    println!(
                        "{}: {}\n    from: {}\n    found: {faults}",
                        statement.kind.name(),
                        statement.text,
                        statement.original
                    );
                }
            });
        }
    }
    println!("{score}");
    let languages = [Language::English, Language::Russian];
    let met = languages.into_iter().all(|language| {
        let tally = |kind: Kind| score.tally(kind, language);
        let lies = Kind::ALL
            .into_iter()
            .filter(|kind| kind.has_goal() && tally(*kind).all > 0);
        lies.map(tally).all(|tally| tally.share() >= 0.95) && tally(Kind::True).share() <= 0.03
    });
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
