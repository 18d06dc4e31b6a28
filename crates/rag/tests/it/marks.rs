//! What holds for whatever a model writes, and however its text is cut into deltas.

use nexus_domain::testing::FakeChat;
use nexus_rag::{Answer, GenerationStatus};
use proptest::prelude::*;

use crate::written::stream;

/// Parts of answers as models write them, or as somebody who controls a model would.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-zа-я ,;:!?]{1,20}",
        "[a-zа-я]{1,8}\\. ",
        Just("\n\n".to_owned()),
        Just("\n- ".to_owned()),
        "\\[[0-9]{1,3}\\]",
        "\\[[1-3](, ?|-|;| и )[0-9]\\]",
        "【[0-9]†[a-z]{1,4}】",
        "\\[(source|Источник|\\^)? ?[0-9]\\]",
        "[\\[\\]【】0-9]{1,6}",
        "[\\[\\] 0-9,]{1,8}",
        Just("[x](y)".to_owned()),
        Just(" [ ] ".to_owned()),
        "\\PC{0,6}",
    ]
}

fn text_of(parts: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    proptest::collection::vec(parts, 1..25).prop_map(|parts| parts.concat())
}

/// The text in pieces of these lengths, in characters.
fn cut(text: &str, lengths: &[usize]) -> Vec<String> {
    let mut chars = text.chars().peekable();
    let mut pieces = Vec::new();
    for length in lengths.iter().cycle() {
        if chars.peek().is_none() {
            break;
        }
        pieces.push(chars.by_ref().take(*length).collect());
    }
    pieces
}

fn streamed(deltas: Vec<String>) -> (String, Answer) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(stream("How is the reset done?", vec![FakeChat::Says(deltas)]))
}

/// Every number between brackets that belong together, found the simple way. A mark does not go over the end of a line.
fn shown_marks(text: &str) -> Vec<u32> {
    let inner = text.split(['[', '【']).skip(1);
    inner
        .filter_map(|rest| rest.split_once([']', '】']))
        .filter(|(content, _)| !content.contains('\n'))
        .filter_map(|(content, _)| content.trim().parse().ok())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_cut_of_the_same_text_gives_the_same_answer(
        text in text_of(prop_oneof![part(), Just("`".to_owned()), Just("```".to_owned()), Just("\n```\n".to_owned())]),
        lengths in proptest::collection::vec(1_usize..9, 1..6),
    ) {
        let (whole, answer) = streamed(vec![text.clone()]);
        let (in_pieces, same) = streamed(cut(&text, &lengths));
        prop_assert_eq!(whole, in_pieces);
        prop_assert_eq!(&answer.text, &same.text);
        prop_assert_eq!(&answer.blocks, &same.blocks);
        prop_assert_eq!(answer.generation.reason, same.generation.reason);
    }

    #[test]
    fn no_mark_gets_out_that_names_no_citation(text in text_of(part()).prop_filter("no code", |text| !text.contains(['`', '~']))) {
        let (streamed, answer) = streamed(cut(&text, &[3, 1, 7]));
        if answer.generation.status == GenerationStatus::Written {
            prop_assert_eq!(streamed.trim(), answer.text.trim());
            let known = u32::try_from(answer.citations.len()).unwrap();
            for number in shown_marks(&streamed) {
                prop_assert!((1..=known).contains(&number), "[{number}] of {known} in {streamed:?}, made of {text:?}");
            }
            for (citation, number) in answer.citations.iter().zip(1..) {
                prop_assert_eq!(citation.number, number);
                prop_assert!(citation.passage.chunk.text.contains(&citation.quote));
                let mark = format!("[{number}]");
                prop_assert!(streamed.contains(&mark));
            }
            for number in answer.blocks.iter().flat_map(|block| &block.citations) {
                prop_assert!((1..=known).contains(number));
            }
        } else {
            prop_assert!(shown_marks(&streamed).is_empty(), "{streamed:?}");
        }
    }

    #[test]
    fn blocks_hold_the_whole_text_without_its_marks(text in text_of(part())) {
        let (_, answer) = streamed(vec![format!("Start [1]. {text}")]);
        prop_assert_eq!(answer.generation.status, GenerationStatus::Written);
        let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
        let blocks: String = answer.blocks.iter().map(|block| letters(&block.text)).collect();
        prop_assert_eq!(blocks, letters(&answer.text));
    }
}
