//! Leaves out what a model thinks aloud before its answer, between `<think>` and `</think>`, as some models that people
//! run themselves do where their server does not take it out.

const OPENS: &str = "<think>";
const CLOSES: &str = "</think>";

#[derive(Debug)]
pub(super) enum Thoughts {
    /// The beginning, as long as it may become [`OPENS`].
    Beginning(String),
    /// The last of the thoughts, as much as may be a part of [`CLOSES`].
    Inside(String),
    Over,
}

impl Default for Thoughts {
    fn default() -> Self {
        Self::Beginning(String::new())
    }
}

impl Thoughts {
    /// What of the text is no thought.
    pub(super) fn push(&mut self, delta: &str) -> String {
        match self {
            Self::Over => delta.to_owned(),
            Self::Beginning(held) => {
                held.push_str(delta);
                let text = held.trim_start();
                if let Some(thoughts) = text.strip_prefix(OPENS) {
                    let thoughts = thoughts.to_owned();
                    *self = Self::Inside(String::new());
                    self.push(&thoughts)
                } else if OPENS.starts_with(text) {
                    String::new()
                } else {
                    let held = std::mem::take(held);
                    *self = Self::Over;
                    held
                }
            }
            Self::Inside(tail) => {
                tail.push_str(delta);
                if let Some((_, answer)) = tail.split_once(CLOSES) {
                    let answer = answer.to_owned();
                    *self = Self::Over;
                    return answer;
                }
                let keep = (0..CLOSES.len())
                    .rev()
                    .find(|length| tail.ends_with(&CLOSES[..*length]));
                let keep = keep.unwrap_or(0);
                *tail = CLOSES[..keep].to_owned();
                String::new()
            }
        }
    }

    /// What was held back and is no thought after all.
    pub(super) fn finish(self) -> String {
        match self {
            Self::Beginning(held) => held,
            Self::Inside(_) | Self::Over => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(deltas: impl IntoIterator<Item = impl AsRef<str>>) -> String {
        let mut thoughts = Thoughts::default();
        let mut text: String = deltas
            .into_iter()
            .map(|delta| thoughts.push(delta.as_ref()))
            .collect();
        text.push_str(&thoughts.finish());
        text
    }

    #[test]
    fn thoughts_are_left_out_however_they_are_cut() {
        for (said, answer) in [
            (
                "\n<think>Well <b> </thin </think>\n\nHold it [1].",
                "\n\nHold it [1].",
            ),
            ("<think></think>yes", "yes"),
            ("<think>on and on", ""),
            ("yes <think>no</think>", "yes <think>no</think>"),
            ("<thin", "<thin"),
            ("<thing> is", "<thing> is"),
        ] {
            assert_eq!(read([said]), answer);
            assert_eq!(read(said.chars().map(String::from)), answer);
        }
    }
}
