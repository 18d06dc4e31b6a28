//! Words that hold a sentence together and mean nothing by themselves, in both languages: articles, pronouns,
//! prepositions, conjunctions, auxiliary verbs, question words. Two texts that share only these share nothing.

use std::collections::HashSet;
use std::sync::LazyLock;

const ENGLISH: &str = "a about after all also am an and any are as at be because been before being but by can could \
    did do does doing don't else for from had has have having he her here hers him his how i if in into is it its \
    i'm just may me might more most much must my no nor not of off on once one only or other our out over own please \
    shall she should so some such tell than that the their them then there these they this those through to too \
    under until up us very was we were what what's when where which while who whom whose why will with would you your";

const RUSSIAN: &str = "а без бы был была были было быть в вам вас ваш весь во вот все всего всех всё вы где да даже \
    для до его ее если есть еще же за здесь и из или им их к ка как какая какие какой каком какую ко когда кого \
    которая которые который которых кто куда ли либо лишь мне может можно мой мы на над надо нам нас наш не него нее \
    нет ни них но ну нужно о об однако он она они оно от очень по под пожалуйста после почему при про раз с сам себя \
    сколько со так также такая такие такой там то тоже только том тот ту тут ты у уже чего чей чем что чтобы чье чья \
    эта эти это этого этой этом этот эту я";

static IDS: LazyLock<HashSet<u32>> = LazyLock::new(|| {
    [ENGLISH, RUSSIAN]
        .into_iter()
        .flat_map(nexus_text::terms)
        .map(|term| term.id)
        .collect()
});

/// Whether an analysed term is one of them.
pub(crate) fn is_function_word(term_id: u32) -> bool {
    IDS.contains(&term_id)
}
