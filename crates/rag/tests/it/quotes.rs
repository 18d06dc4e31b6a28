//! Quotes are exact whatever the text is made of.

use nexus_rag::Mode;
use proptest::prelude::*;

use crate::support::World;

/// A line of a document as people write them, or not.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "#{1,3} [a-zа-я ]{1,20}",
        "[-*] [A-Za-zа-я ,]{1,60}",
        "[1-9]\\. [a-z ]{1,30}\\.",
        "\\| [a-z]{1,8} \\| [а-я]{1,8} \\|",
        Just("```".to_owned()),
        Just("~~~rust".to_owned()),
        "( {4}|\t)[a-z_]{1,12}\\(\\);",
        "([A-ZА-Я][a-zа-яё ]{1,50}[.!?…] ?){1,6}",
        "[a-zа-я🦀é\u{301} ]{0,900}",
        "\\PC{0,40}",
    ]
}

fn document() -> impl Strategy<Value = String> {
    (
        proptest::collection::vec(line(), 1..25),
        prop_oneof![Just("\n"), Just("\r\n"), Just("\n\n")],
    )
        .prop_map(|(lines, end)| lines.join(end))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_quote_is_a_part_of_its_passage_and_stands_on_the_lines_that_it_names(
        before in document(),
        after in document(),
        glue in prop_oneof![Just("\n"), Just(" "), Just("\n\n")],
    ) {
        let text = format!("{before}{glue}Reset the frobnicator.{glue}{after}");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(async {
            let world = World::of(&[("page.md", &text)]).await;
            world.answering().answer(&world.question("How to reset the frobnicator?", Mode::Lexical)).await.unwrap()
        });
        prop_assert!(answer.found);
        for citation in &answer.citations {
            let chunk = &citation.passage.chunk;
            let quote = citation.quote.as_str();
            prop_assert!(chunk.text.contains(quote));
            prop_assert!(!quote.trim().is_empty());
            prop_assert!(quote.chars().count() <= 600, "{}", quote.chars().count());
            // The same lines, cut out of the document by their numbers, hold the quote.
            let (first, last) = (citation.quote_lines.first, citation.quote_lines.last);
            prop_assert!(chunk.lines.first <= first && first <= last && last <= chunk.lines.last);
            let skip = usize::try_from(first - chunk.lines.first).unwrap();
            let take = usize::try_from(last - first + 1).unwrap();
            let lines: String = chunk.text.split_inclusive('\n').skip(skip).take(take).collect();
            prop_assert!(lines.contains(quote), "{lines:?} does not hold {quote:?}");
            prop_assert_eq!(quote.matches('\n').count() + 1, take);
        }
    }
}
