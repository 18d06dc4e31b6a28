use nexus_text::{Bm25, analyze, count_tokens, query_vector, script_of, terms};
use proptest::prelude::*;

/// Text of the kind that breaks tokenizers: identifiers, both alphabets, marks, joiners, emoji, anything.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9_.:/\\\\'’>+#-]{1,12}",
        3 => "[а-яёА-ЯЁ\u{301}\u{ad}-]{1,12}",
        2 => "[ \n\t]{1,3}",
        1 => "[設定变더한ไทย]{1,4}",
        2 => "\\PC{1,6}",
        1 => any::<String>(),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn terms_stand_where_they_say(text in texts()) {
        let found = terms(&text);
        for term in &found {
            prop_assert!(text.is_char_boundary(term.span.start) && text.is_char_boundary(term.span.end));
            prop_assert!(term.span.start < term.span.end);
            prop_assert!(!term.text.is_empty());
            prop_assert_eq!(term.id, nexus_text::term_id(&term.text));
        }
        let mut ids: Vec<u32> = found.iter().map(|term| term.id).collect();
        ids.sort_unstable();
        let counted: Vec<u32> =
            analyze(&text).terms.iter().flat_map(|&(id, tf)| std::iter::repeat_n(id, tf as usize)).collect();
        prop_assert_eq!(ids, counted);
    }

    #[test]
    fn vectors_are_fit_for_the_index(text in texts(), average in 0.0_f32..500.0) {
        let found = analyze(&text);
        for vector in [Bm25::default().document_vector(&found, average), query_vector(&found)] {
            prop_assert!(vector.ids.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(vector.ids.len(), vector.values.len());
            prop_assert!(vector.values.iter().all(|value| value.is_finite() && *value > 0.0));
        }
    }

    #[test]
    fn case_does_not_change_the_words_of_prose(text in "[а-яё ]{0,60}[a-z ]{0,60}") {
        prop_assert_eq!(analyze(&text), analyze(&text.to_uppercase()));
    }

    #[test]
    fn blanks_between_texts_add_up(a in texts(), b in texts()) {
        let (left, right, both) = (analyze(&a), analyze(&b), analyze(&format!("{a}\n\n{b}")));
        prop_assert_eq!(left.length + right.length, both.length);
    }

    #[test]
    fn the_size_of_a_text_is_that_of_its_pieces(a in texts(), b in texts()) {
        let (left, right, both) = (count_tokens(&a), count_tokens(&b), count_tokens(&format!("{a}{b}")));
        prop_assert!(both <= left + right + 1, "{both} > {left} + {right} + 1");
        prop_assert!(both + 1 >= left + right, "{both} + 1 < {left} + {right}");
        prop_assert!(both >= left.max(right));
    }

    #[test]
    fn any_text_has_a_script(text in any::<String>()) {
        script_of(&text);
    }
}
