//! Follows an answer as it is written: finds citation marks across deltas, keeps those that name a source, numbers them
//! in the order in which they appear, and takes out the others before anybody sees them.
//!
//! It looks at one character after the other and never at where a delta ends, so any split of the same text gives the
//! same answer. What it holds back is bounded by the length of a mark.

use super::code::Code;
use super::marks;

/// Most blanks that are held back; a longer run is text.
const MAX_BLANKS: usize = 64;

/// What became certain with a delta.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// Text with its marks.
    pub(super) text: String,
    /// Numbers that this text names first, with the places of their sources.
    pub(super) new: Vec<(u32, usize)>,
}

/// A whole answer, checked.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// With marks: all steps together.
    pub(super) text: String,
    /// Without marks.
    pub(super) plain: String,
    /// Where in `plain` which number stands.
    pub(super) marks: Vec<(usize, u32)>,
    /// The place of the source behind each number, from 1.
    pub(super) cited: Vec<usize>,
    /// Where in `plain` a number stood that named no source.
    pub(super) invented: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct Parser {
    sources: usize,
    draft: Draft,
    /// How much of `draft.text` and `draft.cited` was told.
    told: (usize, usize),
    /// What may become a mark, from its bracket on.
    held: String,
    /// Blanks before what comes next: a mark takes their place.
    blanks: String,
    /// Numbers since the last text.
    run: Vec<u32>,
    /// A mark was taken out where blanks stood: words around it must not grow together.
    gap: bool,
    code: Code,
}

impl Parser {
    /// For an answer that may cite `sources` sources.
    pub(super) fn new(sources: usize) -> Self {
        Self {
            sources,
            draft: Draft::default(),
            told: (0, 0),
            held: String::new(),
            blanks: String::new(),
            run: Vec::new(),
            gap: false,
            code: Code::default(),
        }
    }

    pub(super) fn push(&mut self, delta: &str) -> Step {
        delta.chars().for_each(|c| self.read(c));
        self.step()
    }

    /// The rest. A mark that was cut off is dropped, and blanks at the end, too.
    pub(super) fn finish(mut self) -> (Step, Draft) {
        let held = std::mem::take(&mut self.held);
        if !held.contains(|c: char| c.is_ascii_digit()) {
            held.chars().for_each(|c| self.text(c));
        }
        let step = self.step();
        (step, self.draft)
    }

    fn step(&mut self) -> Step {
        let (text, cited) = self.told;
        self.told = (self.draft.text.len(), self.draft.cited.len());
        let new = self.draft.cited[cited..].iter().enumerate();
        Step {
            text: self.draft.text[text..].to_owned(),
            new: new.map(|(at, source)| (number(cited + at), *source)).collect(),
        }
    }

    fn read(&mut self, c: char) {
        if let Some(opening) = self.held.chars().next() {
            self.held.push(c);
            if marks::closes(opening, c)
                && let Some(numbers) = marks::parse(&self.held)
            {
                self.held.clear();
                self.mark(&numbers);
            } else if !marks::may_become_mark(&self.held) {
                self.held.pop();
                let held = std::mem::take(&mut self.held);
                held.chars().for_each(|c| self.text(c));
                self.read(c);
            }
        } else if self.code.is_inside() && !(marks::opens(c) && self.is_stray_backtick()) {
            self.text(c);
        } else if marks::opens(c) {
            self.held.push(c);
        } else if matches!(c, ' ' | '\t') && self.blanks.len() < MAX_BLANKS {
            self.blanks.push(c);
        } else {
            self.text(c);
        }
    }

    /// Brackets in inline code follow a name (`x[1]`). Where they do not, the code may be a backtick that is never closed.
    fn is_stray_backtick(&self) -> bool {
        let before = self.draft.text.chars().next_back();
        let names = |c: char| c.is_alphanumeric() || matches!(c, '_' | ')' | ']' | '>' | '"' | '\'' | '`');
        self.code.is_inline() && !before.is_some_and(names)
    }

    fn text(&mut self, c: char) {
        if matches!(c, ' ' | '\t') && !self.code.is_inside() && self.blanks.len() < MAX_BLANKS {
            self.blanks.push(c);
            return;
        }
        if self.gap && self.blanks.is_empty() && c.is_alphanumeric() {
            self.blanks.push(' ');
        }
        self.gap = false;
        for blank in std::mem::take(&mut self.blanks).chars() {
            self.emit(blank);
        }
        // What is left after others were taken out must not read as a mark that nobody has checked.
        if !self.code.is_inside() && matches!(c, ']' | '】') && self.would_close_mark(c) {
            return;
        }
        self.run.clear();
        self.emit(c);
    }

    fn emit(&mut self, c: char) {
        self.code.read(c);
        self.draft.text.push(c);
        self.draft.plain.push(c);
    }

    fn would_close_mark(&self, c: char) -> bool {
        let text = &self.draft.text;
        let Some(start) = text.rfind(marks::opens) else {
            return false;
        };
        let mark = format!("{}{c}", &text[start..]);
        marks::parse(&mark).is_some()
    }

    fn mark(&mut self, numbers: &[u32]) {
        let had_blanks = !self.blanks.is_empty();
        self.blanks.clear();
        let mut shown = false;
        for asked in numbers {
            let Some(source) = self.source(*asked) else {
                self.draft.invented.push(self.draft.plain.len());
                continue;
            };
            let number = self.number_of(source);
            if !self.run.contains(&number) {
                self.show(number);
            }
            shown = true;
        }
        self.gap |= had_blanks && !shown;
    }

    /// The place of the source that a model's number means.
    fn source(&self, asked: u32) -> Option<usize> {
        let place = usize::try_from(asked).ok()?.checked_sub(1)?;
        (place < self.sources).then_some(place)
    }

    fn number_of(&mut self, source: usize) -> u32 {
        let known = self.draft.cited.iter().position(|cited| *cited == source);
        number(known.unwrap_or_else(|| {
            self.draft.cited.push(source);
            self.draft.cited.len() - 1
        }))
    }

    fn show(&mut self, number: u32) {
        write_mark(&mut self.draft.text, number, self.run.is_empty());
        self.code.interrupt();
        self.draft.marks.push((self.draft.plain.len(), number));
        self.run.push(number);
    }
}

/// Writes a mark, behind a blank if it follows text and is the `first` of its run.
pub(super) fn write_mark(text: &mut String, number: u32, first: bool) {
    let after_text = text
        .chars()
        .next_back()
        .is_some_and(|c| !c.is_whitespace() && !matches!(c, '[' | '(' | '{' | '«' | '"' | '|'));
    if first && after_text {
        text.push(' ');
    }
    text.push_str(&format!("[{number}]"));
}

/// The number that is shown for a place in the list of what is cited.
pub(super) fn number(place: usize) -> u32 {
    u32::try_from(place + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, sources: usize) -> Draft {
        let mut parser = Parser::new(sources);
        let mut told = parser.push(text).text;
        let (rest, draft) = parser.finish();
        told.push_str(&rest.text);
        assert_eq!(told, draft.text);
        draft
    }

    fn shown(text: &str) -> String {
        parsed(text, 3).text
    }

    #[test]
    fn sources_are_numbered_as_they_are_cited() {
        let draft = parsed("A [3]. B [1][3]. C [2].", 3);
        assert_eq!(draft.text, "A [1]. B [2][1]. C [3].");
        assert_eq!(draft.plain, "A. B. C.");
        assert_eq!(draft.cited, [2, 0, 1]);
        assert_eq!(draft.marks, [(1, 1), (4, 2), (4, 1), (7, 3)]);
    }

    #[test]
    fn marks_of_all_forms_are_shown_in_one() {
        assert_eq!(
            shown("A[1]. B [1, 2]. C [1] [2]. D【3】."),
            "A [1]. B [1][2]. C [1][2]. D [3]."
        );
        assert_eq!(shown("A [1-3][2]"), "A [1][2][3]");
        assert_eq!(shown("[2] says so"), "[1] says so");
        assert_eq!(shown("- a [1]\n- b [1]\n"), "- a [1]\n- b [1]\n");
    }

    #[test]
    fn invented_numbers_are_taken_out_with_their_blanks() {
        assert_eq!(shown("A [9]. B [0, 1]."), "A. B [1].");
        assert_eq!(shown("A [9] b"), "A b");
        assert_eq!(shown("A [9]b"), "A b");
        assert_eq!(shown("A b[99999999999]."), "A b.");
        assert_eq!(parsed("A [9][8, 1].", 3).invented, [1, 1]);
    }

    #[test]
    fn nothing_that_is_taken_out_leaves_a_mark_behind() {
        for hostile in ["[[9]7]", "[[1]9]", "[ [8] 7 ]", "【[9]4】", "[7[9]]", "[[[9]9]9]"] {
            let text = parsed(hostile, 3).text;
            let left: Vec<_> = text.split(marks::opens).skip(1).collect();
            let reads_as_mark = |rest: &&str| {
                let content = rest.split([']', '】']).next().unwrap_or_default();
                rest.len() > content.len() && content.trim().parse::<u32>().is_ok_and(|n| n != 1)
            };
            assert!(!left.iter().any(reads_as_mark), "{hostile} became {text}");
        }
    }

    #[test]
    fn code_is_left_as_it_is() {
        let code = "Do [1]:\n```c\nx[9] = y[1];\n```\nand `z[7]` [2].";
        assert_eq!(shown(code), "Do [1]:\n```c\nx[9] = y[1];\n```\nand `z[7]` [2].");
    }

    #[test]
    fn other_brackets_and_what_breaks_off_stay_text() {
        assert_eq!(
            shown("[text](url) and - [ ] todo [x"),
            "[text](url) and - [ ] todo [x"
        );
        assert_eq!(shown("the end [1"), "the end");
        assert_eq!(shown("the end ["), "the end [");
    }
}
