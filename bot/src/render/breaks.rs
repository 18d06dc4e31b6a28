//! Where a text may be cut, and how good each place is.

use std::ops::Range;

use super::clean::is_blank;
use super::rich::RichText;
use super::split::is_boundary;
use super::tag::Tag;

/// Kinds of places, the best one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Block,
    Line,
    Sentence,
    Word,
    /// Between words of a code line, of inline code or of a link's text.
    Inner,
}

const LEVELS: usize = 5;

/// How full a part must be, in percent of the window, to end at a place of a level while worse places would fill it more.
const FILLED: [(Level, usize); 4] = [
    (Level::Block, 35),
    (Level::Line, 50),
    (Level::Sentence, 50),
    (Level::Word, 50),
];

/// The stretches of a text in which other rules hold.
#[derive(Debug)]
pub(super) struct Breaks {
    pre: Vec<Range<usize>>,
    /// Inline code and links.
    inline: Vec<Range<usize>>,
}

impl Breaks {
    pub(super) fn of(rich: &RichText) -> Self {
        let ranges = |wanted: fn(&Tag) -> bool| {
            let spans = rich.spans.iter().filter(|span| wanted(&span.tag));
            spans.map(|span| span.range.clone()).collect()
        };
        Self {
            pre: ranges(Tag::is_pre),
            inline: ranges(|tag| !tag.is_pre() && !tag.is_emphasis() && !tag.is_quote()),
        }
    }

    /// The best place in the window. Something shows before it. `None` if the window holds one word or line alone.
    pub(super) fn best(&self, rich: &RichText, window: Range<usize>) -> Option<usize> {
        let last = self.last_of_each(rich, &window);
        let size = window.len();
        let full = |place: usize, percent: usize| (place - window.start) * 100 >= size * percent;
        let good = FILLED
            .iter()
            .find_map(|(level, percent)| last[*level as usize].filter(|place| full(*place, *percent)));
        let any = || last[..Level::Inner as usize].iter().flatten().max().copied();
        good.or_else(any).or(last[Level::Inner as usize])
    }

    /// The last place of each level.
    fn last_of_each(&self, rich: &RichText, window: &Range<usize>) -> [Option<usize>; LEVELS] {
        let mut last = [None; LEVELS];
        let mut seen = Seen::default();
        let after = rich.text[window.end..].chars().next();
        let chars = rich.text[window.clone()].char_indices();
        let places = chars.map(|(at, c)| (window.start + at, c));
        for (at, c) in places.chain(after.map(|c| (window.end, c))) {
            if seen.shows
                && let Some(level) = self.level(rich, &seen, at, c)
            {
                last[level as usize] = Some(at);
            }
            seen.take(at, c);
        }
        last
    }

    /// How good a cut before the character `c` at `at` is.
    fn level(&self, rich: &RichText, seen: &Seen, at: usize, c: char) -> Option<Level> {
        let begins_word = seen.last.is_whitespace() && !c.is_whitespace() && is_boundary(&rich.text, at);
        if inside(&self.pre, at) {
            let inner = begins_word.then_some(Level::Inner);
            return if seen.last == '\n' {
                Some(Level::Line)
            } else {
                inner
            };
        }
        if inside(&self.inline, at) {
            return begins_word.then_some(Level::Inner);
        }
        if begins_word || (seen.last == '\n' && starts(&self.pre, at)) {
            let announces = rich.glued.binary_search(&seen.blank_from).is_ok() || seen.before_blank == ':';
            return Some(match seen.lines {
                _ if announces => Level::Word,
                2.. => Level::Block,
                1 => Level::Line,
                _ if seen.sentence => Level::Sentence,
                _ => Level::Word,
            });
        }
        // Scripts that write no spaces.
        let ends_sentence = matches!(seen.last, '。' | '！' | '？') && is_boundary(&rich.text, at);
        ends_sentence.then_some(Level::Sentence)
    }
}

/// What stands before a place.
#[derive(Debug, Default)]
struct Seen {
    shows: bool,
    last: char,
    /// Line ends in the white space before the place.
    lines: usize,
    /// Where that white space begins, and the character before it.
    blank_from: usize,
    before_blank: char,
    /// Whether a sentence ends before it.
    sentence: bool,
}

impl Seen {
    fn take(&mut self, at: usize, c: char) {
        self.shows |= !is_blank(c);
        if c.is_whitespace() {
            if !self.last.is_whitespace() {
                self.blank_from = at;
                self.lines = 0;
            }
            self.lines += usize::from(c == '\n');
        } else {
            self.before_blank = c;
            self.lines = 0;
            // Quotes and brackets may close behind the sign that ends a sentence.
            let closes = matches!(c, '"' | '\'' | '»' | '”' | '’' | ')' | ']');
            self.sentence = matches!(c, '.' | '!' | '?' | '…') || (self.sentence && closes);
        }
        self.last = c;
    }
}

/// Whether a place lies within one of the ranges, which are sorted and do not overlap, and not at its ends.
fn inside(ranges: &[Range<usize>], at: usize) -> bool {
    let before = ranges.partition_point(|range| range.start < at);
    before.checked_sub(1).is_some_and(|place| at < ranges[place].end)
}

fn starts(ranges: &[Range<usize>], at: usize) -> bool {
    ranges.binary_search_by_key(&at, |range| range.start).is_ok()
}
