//! What a statement denies is denied in the passage, and what it states is stated there.
//!
//! A word of the statement that stands in the related sentences with the other sign only is a contradiction; so is a word whose
//! opposite stands there in its place, a denial that nothing there explains, and a sentence that is retold without its denial.

use std::collections::HashSet;
use std::ops::Range;

use super::Fault;
use super::evidence::Sentence;
use super::lexicon::{denies, is_comparative, is_light, opposites};
use super::polarity::{Polarity, Signs, polarity};
use super::reading::{RETOLD, Reading};

pub(super) fn check(reading: &Reading<'_>, faults: &mut Vec<Fault>) {
    let said = polarity(reading.text, &reading.tokens);
    let place = contradicted(reading, &said)
        .or_else(|| opposed(reading))
        .or_else(|| made_up(reading, &said))
        .or_else(|| left_out(reading, &said));
    faults.extend(place.map(Fault::Negation));
}

/// A word that stands in the statement and in the related sentences with different signs.
fn contradicted(reading: &Reading<'_>, said: &Polarity) -> Option<Range<usize>> {
    reading.tokens.iter().find_map(|token| {
        let mine = said.signs.get(&token.id)?;
        if reading.is_quoted(&token.span)
            || is_light(token.id)
            || !(token.means() || is_comparative(token.id))
        {
            return None;
        }
        let mut theirs = Signs::default();
        for sentence in &reading.related {
            if let Some(signs) = sentence.polarity.signs.get(&token.id) {
                theirs.stated |= signs.stated;
                theirs.denied |= signs.denied;
            }
        }
        let only_denied = mine.denied && !mine.stated && theirs.stated && !theirs.denied;
        let only_stated = mine.stated && !mine.denied && theirs.denied && !theirs.stated;
        if only_denied {
            let head = said.heads.iter().find(|(id, _)| *id == token.id);
            return Some(head.map_or_else(|| token.span.clone(), |(_, span)| span.clone()));
        }
        (only_stated && !denies_otherwise(reading, said)).then(|| token.span.clone())
    })
}

/// A word whose opposite stands in a related sentence, where the word itself does not.
fn opposed(reading: &Reading<'_>) -> Option<Range<usize>> {
    let says_opposite_too = |ids: &HashSet<u32>| reading.tokens.iter().any(|token| ids.contains(&token.id));
    let denied_before = |at: usize| {
        let before = &reading.tokens[at.saturating_sub(3)..at];
        before.iter().any(|token| denies(token.id, &token.folded()))
    };
    reading.tokens.iter().enumerate().find_map(|(at, token)| {
        let ids = opposites(token.id)?;
        let held = reading
            .related
            .iter()
            .any(|sentence| sentence.polarity.signs.contains_key(&token.id));
        if held || denied_before(at) || says_opposite_too(ids) || reading.is_quoted(&token.span) {
            return None;
        }
        let stated = |sentence: &&Sentence| {
            ids.iter().any(|id| {
                sentence
                    .polarity
                    .signs
                    .get(id)
                    .is_some_and(|signs| signs.stated && !signs.denied)
            })
        };
        reading.related.iter().any(stated).then(|| token.span.clone())
    })
}

/// Whether the statement denies by a word of its own: `impossible` for `not possible`.
fn denies_otherwise(reading: &Reading<'_>, said: &Polarity) -> bool {
    let is_theirs = |id: &u32| {
        reading
            .related
            .iter()
            .any(|sentence| sentence.polarity.negative.contains(id))
    };
    let has = |id: &u32| {
        reading
            .related
            .iter()
            .any(|sentence| sentence.polarity.signs.contains_key(id))
    };
    said.negative.iter().any(|id| !is_theirs(id)) || said.bases.iter().any(has)
}

/// A denial of a word that the related sentences do not have, where they deny nothing that the statement leaves out.
fn made_up(reading: &Reading<'_>, said: &Polarity) -> Option<Range<usize>> {
    let (head, span) = said
        .heads
        .iter()
        .find(|(id, span)| !is_comparative(*id) && !reading.is_quoted(span))?;
    let says = |id: &u32| said.signs.contains_key(id);
    let explains = |sentence: &Sentence| {
        let polarity = &sentence.polarity;
        let opposite =
            opposites(*head).is_some_and(|ids| ids.iter().any(|id| polarity.signs.contains_key(id)));
        opposite
            || polarity.signs.get(head).is_some_and(|signs| signs.denied)
            || polarity.heads.iter().any(|(id, _)| !says(id))
            || polarity.negative.iter().any(|id| !says(id))
            || polarity.bases.iter().any(says)
    };
    let is_explained = reading.related.iter().any(|sentence| explains(sentence));
    (!is_explained).then(|| span.clone())
}

/// A sentence that denies something and is retold without a denial.
fn left_out(reading: &Reading<'_>, said: &Polarity) -> Option<Range<usize>> {
    let has_opposite = reading.tokens.iter().any(|token| opposites(token.id).is_some());
    if !said.heads.is_empty() || !reading.quotes.is_empty() || denies_otherwise(reading, said) || has_opposite
    {
        return None;
    }
    let ids: HashSet<u32> = said.signs.keys().copied().collect();
    let says = |id: &u32| ids.contains(id);
    let is_missed = |sentence: &&Sentence| {
        let heads = &sentence.polarity.heads;
        heads.iter().any(|(id, _)| !is_comparative(*id) && !says(id)) && sentence.share_in(&ids) >= RETOLD
    };
    (!reading.best.is_empty() && reading.best.iter().all(is_missed)).then_some(0..reading.text.len())
}

#[cfg(test)]
mod tests {
    use super::super::{Evidence, faults};
    use super::*;

    fn turned(statement: &str, source: &str) -> bool {
        let evidence = Evidence::new(source, "");
        faults(statement, &[&evidence])
            .iter()
            .any(|fault| matches!(fault, Fault::Negation(_)))
    }

    #[test]
    fn a_statement_that_turns_its_source_round_is_found() {
        for (statement, source) in [
            ("Logs are included.", "Logs are never included."),
            ("The buffer is not included in it.", "The buffer is included."),
            (
                "It can be restored on v2.3.",
                "An archive of v2.4 cannot be restored on v2.3.",
            ),
            (
                "The daemon accepts unknown hosts.",
                "The daemon does not accept unknown hosts.",
            ),
            ("It is disabled by default.", "It is enabled by default."),
            ("Noise decreases the range.", "Noise increases the range."),
            (
                "You can open it without the key.",
                "You can open it with the key.",
            ),
            (
                "The gateway is a certified instrument.",
                "The gateway isn't a certified instrument.",
            ),
            ("Журналы входят в копию.", "Журналы в копию не входят никогда."),
            ("Шлюз не передаёт измерения.", "Шлюз передаёт измерения."),
            ("Здесь можно курить.", "Здесь нельзя курить."),
            ("Служба отключена.", "Служба включена."),
            (
                "Выключить проверку можно.",
                "Выключить эту проверку нельзя; ждите.",
            ),
            ("A licence is not required.", "A licence is required."),
            (
                "Прочитать архив без фразы может каждый, есть ключ.",
                "Прочитать архив по фразе может каждый, есть ключ.",
            ),
        ] {
            assert!(turned(statement, source), "{statement} | {source}");
        }
    }

    #[test]
    fn a_statement_that_says_the_same_in_other_words_is_not() {
        for (statement, source) in [
            ("Logs aren't ever included.", "Logs are never included."),
            (
                "It is impossible to restore it.",
                "It is not possible to restore it.",
            ),
            ("It is not only a gateway.", "It is a gateway and a server."),
            ("No, the gateway works.", "The gateway works."),
            (
                "It isn't a product for forecasts.",
                "It is not a forecast product.",
            ),
            (
                "Unknown hosts are refused.",
                "The daemon does not accept unknown hosts.",
            ),
            ("It is not enabled.", "It is disabled."),
            ("A licence is not required.", "No licence is needed."),
            (
                "Открывать ничего не следует; ждите.",
                "Открывать ничего не нужно.",
            ),
            (
                "Коротко: нет. Осадкомер передаёт счётчик.",
                "Нет. Осадкомер передаёт счётчик.",
            ),
            (
                "Журналы никогда не входят в копию.",
                "Журналы в копию не входят никогда.",
            ),
            ("Это невозможно прочитать.", "Это нельзя прочитать."),
            ("Служба не включена.", "Служба отключена."),
            ("Он не только измеряет, но и хранит.", "Он измеряет и хранит."),
        ] {
            assert!(!turned(statement, source), "{statement} | {source}");
        }
    }
}
