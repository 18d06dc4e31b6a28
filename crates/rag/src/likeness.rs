//! Questions that ask for the same thing in other words, by the words that they share.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::support::Asked;

/// Two questions are alike if they share this much of the words that mean something (Jaccard).
const ALIKE: f32 = 0.5;

/// For each question the first one that it is like, itself where there is none: a question is compared with the first of each
/// group alone, so that groups do not grow from one thing to the next. The same list gives the same groups.
pub fn grouped(questions: &[&str]) -> Vec<usize> {
    let mut leaders: Vec<(usize, usize)> = Vec::new();
    let mut by_word: HashMap<u32, Vec<usize>> = HashMap::new();
    let mut groups = Vec::with_capacity(questions.len());
    for (place, question) in questions.iter().enumerate() {
        let words: BTreeSet<u32> = Asked::words(question).into_iter().map(|word| word.id).collect();
        let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
        for leader in words.iter().filter_map(|word| by_word.get(word)).flatten() {
            *shared.entry(*leader).or_default() += 1;
        }
        let mut best: Option<(f32, usize)> = None;
        for (leader, common) in shared {
            let all = leaders[leader].1 + words.len() - common;
            let likeness = common as f32 / all as f32;
            if likeness >= ALIKE && best.is_none_or(|(other, _)| likeness > other) {
                best = Some((likeness, leader));
            }
        }
        if let Some((_, leader)) = best {
            groups.push(leaders[leader].0);
            continue;
        }
        for word in &words {
            by_word.entry(*word).or_default().push(leaders.len());
        }
        leaders.push((place, words.len()));
        groups.push(place);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_for_the_same_thing_are_together() {
        let questions = [
            "How do I reset the gateway?",
            "Где лежат журналы сервера?",
            "reset of gateways",
            "How is the firmware updated?",
            "Журналы сервера: где лежат?",
            "?",
        ];
        assert_eq!(grouped(&questions), [0, 1, 0, 3, 1, 5]);
        assert!(grouped(&[]).is_empty());
    }

    #[test]
    fn a_group_does_not_drift_from_one_thing_to_the_next() {
        let questions = [
            "red pump valve",
            "pump valve lamp",
            "valve lamp cable",
            "lamp cable fuse",
        ];
        assert_eq!(grouped(&questions), [0, 0, 2, 2]);
    }
}
