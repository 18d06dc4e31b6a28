//! What repeats at the head or foot of most pages is no text of the document.

use std::collections::{HashMap, HashSet};

use super::PageText;
use super::lines::Line;

/// How many lines at each end of a page are looked at.
const LINES: usize = 3;

/// The part of a page's height, at each end, where such lines stand.
const ZONE: f64 = 0.15;

/// Fewer pages than this tell nothing.
const PAGES: usize = 3;

pub(super) fn remove(pages: &mut [PageText]) {
    let mut counts: HashMap<(bool, String), usize> = HashMap::new();
    for page in pages.iter() {
        let keys: HashSet<(bool, String)> = candidates(page).into_iter().map(|(_, key)| key).collect();
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
fn candidates(page: &PageText) -> Vec<(usize, (bool, String))> {
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
    let head = head.map(|(at, line)| (*at, (true, key(&line.text))));
    let foot = foot.map(|(at, line)| (*at, (false, key(&line.text))));
    head.chain(foot).collect()
}

/// The text with all numbers made equal.
fn key(text: &str) -> String {
    let mut key = String::new();
    for c in text.trim().chars().flat_map(char::to_lowercase) {
        if !c.is_numeric() {
            key.push(c);
        } else if !key.ends_with('#') {
            key.push('#');
        }
    }
    key
}
