//! How long a text will be for a model, without asking its tokenizer: enough to put texts of like length into one batch.

/// An estimate of a text's tokens: a Latin word is one per four letters or part of it, a letter of another alphabet half a
/// token, a digit, sign or ideograph one each. Good to about a third, which is what sorting needs.
pub fn estimated_tokens(text: &str) -> usize {
    let mut halves = 0_usize;
    let mut latin_run = 0_usize;
    for letter in text.chars() {
        if letter.is_ascii_alphabetic() {
            if latin_run.is_multiple_of(4) {
                halves += 2;
            }
            latin_run += 1;
            continue;
        }
        latin_run = 0;
        halves += match letter {
            _ if letter.is_whitespace() => 0,
            '\u{80}'..'\u{2e80}' if letter.is_alphabetic() => 1,
            _ => 2,
        };
    }
    halves.div_ceil(2)
}

/// Cuts the texts into batches of at most `batch_size`, the longest first, each of like length so that little is padded.
/// A batch names its texts by their places.
pub(crate) fn batches(texts: &[String], batch_size: usize, max_tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<(usize, usize)> = texts
        .iter()
        .enumerate()
        .map(|(place, text)| (estimated_tokens(text).min(max_tokens), place))
        .collect();
    // Equal lengths keep their order: what is computed together depends on the texts alone.
    order.sort_by_key(|&(tokens, place)| (std::cmp::Reverse(tokens), place));
    order
        .chunks(batch_size.max(1))
        .map(|batch| batch.iter().map(|&(_, place)| place).collect())
        .collect()
}

/// No window reaches further: what lies beyond is not even tokenised. 64 bytes a token leave room for long runs of spaces.
pub(crate) fn within_reach(text: &str, max_tokens: usize) -> &str {
    &text[..text.floor_char_boundary(max_tokens.saturating_mul(64))]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_estimate_follows_the_script() {
        assert_eq!(estimated_tokens(""), 0);
        assert_eq!(estimated_tokens("   \n"), 0);
        assert_eq!(estimated_tokens("the port"), 2);
        assert_eq!(estimated_tokens("E-1042"), 6);
        assert_eq!(estimated_tokens("служба"), 3);
    }

    #[test]
    fn like_lengths_share_a_batch() {
        let texts: Vec<String> = [1, 50, 2, 40, 3, 45]
            .iter()
            .map(|&words| "word ".repeat(words))
            .collect();
        assert_eq!(batches(&texts, 3, 256), [vec![1, 5, 3], vec![4, 2, 0]]);
    }

    #[test]
    fn a_cut_keeps_characters_whole() {
        let text = "я".repeat(1000);
        assert_eq!(within_reach(&text, 10).len(), 640);
        assert_eq!(within_reach(&format!("a{text}"), 10).len(), 639);
        assert_eq!(within_reach("short", 256), "short");
    }

    proptest! {
        #[test]
        fn every_text_is_in_exactly_one_batch(texts in prop::collection::vec(".{0,40}", 0..40), size in 1_usize..10) {
            let cut = batches(&texts, size, 256);
            prop_assert!(cut.iter().all(|batch| !batch.is_empty() && batch.len() <= size));
            let mut places: Vec<usize> = cut.into_iter().flatten().collect();
            places.sort_unstable();
            prop_assert_eq!(places, (0..texts.len()).collect::<Vec<_>>());
        }
    }
}
