//! What repeats at the head or foot of most pages is no text of the document.

use std::collections::{HashMap, HashSet};

use super::PageText;
use super::lines::Line;

/// How many lines at each end of a page are looked at.
const LINES: usize = 3;

/// The part of a page's height, at each end, where such lines stand.
const ZONE: f64 = 0.2;

/// Fewer pages than this tell nothing.
const PAGES: usize = 3;

/// What running lines of several pages have in common: the end of the page, their size in half points (a title may be
/// what the head of all other pages repeats), and their words.
type Key = (bool, i64, String);

pub(super) fn remove(pages: &mut [PageText]) {
    let mut counts: HashMap<Key, usize> = HashMap::new();
    for page in pages.iter() {
        let keys: HashSet<Key> = candidates(page).into_iter().map(|(_, key)| key).collect();
        for key in keys {
            *counts.entry(key).or_default() += 1;
        }
    }
    // Left and right pages may differ: two fifths are enough for each.
    let enough = PAGES.max(pages.len() * 2 / 5);
    for page in pages {
        let mut running: HashSet<usize> = HashSet::new();
        for (at, key) in candidates(page) {
            if counts.get(&key).is_some_and(|count| *count >= enough) {
                running.insert(at);
            }
        }
        let mut at = 0;
        page.lines.retain(|_| {
            at += 1;
            !running.contains(&(at - 1))
        });
    }
}

/// Lines that may be running ones: which, and what they have in common with those of other pages.
fn candidates(page: &PageText) -> Vec<(usize, Key)> {
    let mut order: Vec<(usize, &Line)> = page
        .lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !line.is_turned)
        .collect();
    order.sort_by(|a, b| a.1.base.total_cmp(&b.1.base));
    let head = order
        .iter()
        .take(LINES)
        .filter(|(_, line)| line.base < page.height * ZONE);
    let foot = order
        .iter()
        .rev()
        .take(LINES)
        .filter(|(_, line)| line.base > page.height * (1.0 - ZONE));
    let head = head.map(|(at, line)| (*at, key(true, line)));
    let foot = foot.map(|(at, line)| (*at, key(false, line)));
    head.chain(foot).collect()
}

/// With all numbers made equal.
fn key(is_head: bool, line: &Line) -> Key {
    let mut words = String::new();
    for c in line.text.trim().chars().flat_map(char::to_lowercase) {
        if !c.is_numeric() {
            words.push(c);
        } else if !words.ends_with('#') {
            words.push('#');
        }
    }
    (is_head, (line.size * 2.0).round() as i64, words)
}
