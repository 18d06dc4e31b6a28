//! People who are in the middle of a dialogue while everything around it fails: they open the menu of knowledge bases, wait
//! until the bot and the backend have both died, choose one, wait for another death, and end the menu. Then they ask.

use telegram_simulator::{BotHandle, Entry, Seen, Telegram};

use super::installation::TABLES;
use super::kill::{Kills, Person, is_placeholder, lost_replies, said};

const CHOSEN: &str = "tables";
/// As the button says it once it was pressed; pressed twice, it would say the bare name again.
const MARKED: &str = "✅ tables";
/// Messages that each of them gets: the menu and two answers.
const MESSAGES: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    Begins,
    AskedForMenu,
    /// Nothing is pressed before more has died than then.
    SeesMenu {
        menu: i64,
        since: Kills,
    },
    Pressed,
    SeesChoice {
        menu: i64,
        since: Kills,
    },
    EndedMenu {
        menu: i64,
    },
    AskedQuestions,
    Done,
}

pub(super) struct Chooser {
    person: Person,
    number: usize,
    step: Step,
    /// Whether both had died between the menu and the press.
    pressed_after_deaths: bool,
}

pub(super) fn choosers(telegram: &Telegram, bot: &BotHandle, count: usize) -> Vec<Chooser> {
    let chooser = |number: usize| Chooser {
        person: Person::new(telegram, bot, 60_000 + i64::try_from(number).unwrap_or_default()),
        number,
        step: Step::Begins,
        pressed_after_deaths: false,
    };
    (0..count).map(chooser).collect()
}

impl Chooser {
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.step, Step::Done)
    }

    pub(super) const fn has_begun(&self) -> bool {
        !matches!(self.step, Step::Begins | Step::AskedForMenu)
    }

    pub(super) const fn pressed_after_deaths(&self) -> bool {
        self.pressed_after_deaths
    }

    /// Does what is next, if it is time for it. `last`: nothing will die any more.
    pub(super) fn goes_on(&mut self, kills: Kills, last: bool) {
        self.step = match self.step {
            Step::Begins => {
                self.writes("/kb");
                Step::AskedForMenu
            }
            Step::AskedForMenu => match self.message_with_button(CHOSEN) {
                Some(menu) => Step::SeesMenu { menu, since: kills },
                None => self.step,
            },
            Step::SeesMenu { menu, since } => {
                let died = kills.bot > since.bot && kills.backend > since.backend;
                // Not all of them at the same moment.
                let is_time = died && kills.all() > since.all() + 1 + self.number % 3;
                if !is_time && !last {
                    return;
                }
                self.pressed_after_deaths = died;
                self.presses(menu, CHOSEN);
                Step::Pressed
            }
            Step::Pressed => match self.message_with_button(MARKED) {
                Some(menu) => Step::SeesChoice { menu, since: kills },
                None => self.step,
            },
            Step::SeesChoice { menu, since } => {
                if kills.all() == since.all() && !last {
                    return;
                }
                match self.cancels() {
                    true => self.writes("/cancel"),
                    false => self.presses(menu, "Done"),
                }
                Step::EndedMenu { menu }
            }
            Step::EndedMenu { menu } => {
                let ended = self.person.chat.message(menu);
                if ended.is_none_or(|menu| menu.text != self.end()) {
                    return;
                }
                self.writes(&format!("Which height has table number {}?", self.table()));
                self.writes("Which colour has lamp number 3?");
                Step::AskedQuestions
            }
            Step::AskedQuestions if self.answers().len() >= MESSAGES => Step::Done,
            Step::AskedQuestions | Step::Done => self.step,
        };
    }

    /// What must stand in the chat at the end, and nothing else. How many placeholders were left behind.
    pub(super) fn check(&self, journal: &[Entry], kills: Kills) -> usize {
        let placeholders = said(&self.person.chat).into_iter().filter(is_placeholder).count();
        let lost = self.lost_replies(journal);
        assert!(placeholders <= lost + kills.all(), "{placeholders} placeholders");
        let answers = self.answers();
        let texts: Vec<_> = answers.iter().map(|answer| answer.text.as_str()).collect();
        assert_eq!(texts.len(), MESSAGES, "{texts:#?}");
        assert_eq!(texts[0], self.end());
        let height = format!("height-{}", self.table());
        assert!(texts[1].contains(&height), "{texts:#?}");
        // The other knowledge base is not asked any more.
        assert!(!texts[2].contains("colour-"), "{texts:#?}");
        placeholders
    }

    pub(super) fn lost_replies(&self, journal: &[Entry]) -> usize {
        lost_replies(journal, &self.person.chat)
    }

    /// Every other one ends the menu with a command, which finds it by the dialogue.
    const fn cancels(&self) -> bool {
        self.number % 2 == 1
    }

    /// What the menu says at its end.
    const fn end(&self) -> &'static str {
        match self.cancels() {
            true => "Cancelled.",
            false => "I will search: tables.",
        }
    }

    const fn table(&self) -> usize {
        self.number % TABLES
    }

    fn answers(&self) -> Vec<Seen> {
        let mut answers = said(&self.person.chat);
        answers.retain(|message| !is_placeholder(message));
        answers
    }

    fn message_with_button(&self, text: &str) -> Option<i64> {
        let messages = said(&self.person.chat);
        let shows = |message: &&Seen| {
            message
                .keyboard
                .iter()
                .flatten()
                .any(|button| button.text == text)
        };
        messages.iter().find(shows).map(|message| message.id)
    }

    fn writes(&self, text: &str) {
        self.person.user.writes(&self.person.chat, text);
    }

    fn presses(&self, message: i64, button: &str) {
        let Person { user, chat } = &self.person;
        user.presses_text(chat, message, button)
            .expect("the button is there");
    }
}
