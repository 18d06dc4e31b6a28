//! Commands.

use nexus_domain::{
    ButtonAction, Content, DeliveryId, KbFilter, KbId, KbRole, Keyboard, Label, Language, Say, Style, style,
};

use super::conversation::ConversationChange;
use super::keyboard::Rows;
use super::settings::{self, LANGUAGES};
use super::standing::StandingChange;
use super::{Dialogue, DialogueChange, Done, Message, NotHandled, Replies, Rewritten, Turn};
use crate::service::ServiceError;

/// Knowledge bases that a menu shows.
const MAX_SHOWN_KBS: usize = 40;

impl Replies {
    pub(super) async fn command(
        &self,
        turn: &Turn<'_>,
        name: &str,
        argument: &str,
    ) -> Result<Done, NotHandled> {
        let texts = &turn.bot.texts;
        Ok(match name {
            "start" => self.start(turn, argument).await?,
            "help" => Done::message(own_words(texts.help.as_ref(), Say::Help)),
            "kb" => self.kb_menu(turn).await?,
            "new" => self.forget(turn, Say::Forgotten).await?,
            "refresh" => self.forget(turn, Say::Refreshed).await?,
            "lang" => language_menu(settings::chosen_language(&turn.subscription)),
            "settings" => settings_menu(turn),
            "cancel" => self.cancel(turn).await?,
            _ if turn.is_private() => Done::say(Say::UnknownCommand),
            // In a group it may be meant for another bot.
            _ => Done::nothing(),
        })
    }

    /// Greets. A link of the bot may name a knowledge base, by its id or its name: it is chosen then. One that is not there or
    /// not open to the person is no different from a link that names none.
    async fn start(&self, turn: &Turn<'_>, payload: &str) -> Result<Done, NotHandled> {
        let texts = &turn.bot.texts;
        let greeting = Done::message(own_words(texts.start.as_ref(), Say::Start));
        if !is_payload(payload) {
            return Ok(greeting);
        }
        let kb = match self.knowledge_bases.resolve_one(&turn.access, payload).await {
            Ok(kb) => kb.id,
            Err(ServiceError::NotFound(_)) => return Ok(greeting),
            Err(error) => return Err(error.into()),
        };
        let names = self.names_of(&turn.access.filter([kb])).await?;
        let chosen = Message {
            kbs: vec![kb],
            ..Message::say(Say::KbChosen { names })
        };
        Ok(Done {
            settings: Some(settings::kbs_patch(&[kb])),
            messages: greeting.messages.into_iter().chain([chosen]).collect(),
            ..Done::default()
        })
    }

    async fn forget(&self, turn: &Turn<'_>, say: Say) -> Result<Done, NotHandled> {
        Ok(Done {
            rewritten: self.closed_menu(turn).await?,
            dialogue: DialogueChange::Ends,
            conversation: ConversationChange::Ends,
            standing: StandingChange::Forgets,
            ..Done::say(say)
        })
    }

    /// A question that was being answered has heard of it already and says so itself.
    async fn cancel(&self, turn: &Turn<'_>) -> Result<Done, NotHandled> {
        let rewritten = self.closed_menu(turn).await?;
        if !rewritten.is_empty() {
            return Ok(Done {
                rewritten,
                dialogue: DialogueChange::Ends,
                ..Done::default()
            });
        }
        let (mut updates, mut deliveries) = (self.db.updates(), self.db.deliveries());
        let before = Some(turn.update.id.as_uuid());
        let before = updates.of_chat(turn.held.chat.id, before, 1).await?;
        let last = deliveries.of_chat(turn.held.chat.id, None, 1).await?;
        let was_cancelled = last.first().zip(before.first()).is_some_and(|(last, before)| {
            last.update_id == Some(before.update_id)
                && last.user_id == Some(turn.user.id)
                && last.content == Some(Content::say(Say::Cancelled))
        });
        Ok(if was_cancelled {
            Done::nothing()
        } else {
            Done::say(Say::NothingToCancel)
        })
    }

    /// The open menu, which says that it is cancelled.
    async fn closed_menu(&self, turn: &Turn<'_>) -> Result<Vec<Rewritten>, NotHandled> {
        let now = self.clock.now();
        let open: Option<Dialogue> = self.db.dialogues().get(turn.place(), now).await?;
        Ok(open
            .map(|open| Rewritten {
                id: open.menu,
                content: Content::say(Say::Cancelled),
                kbs: Vec::new(),
                passages: Vec::new(),
                rows: Some(Rows::default()),
            })
            .into_iter()
            .collect())
    }

    async fn kb_menu(&self, turn: &Turn<'_>) -> Result<Done, NotHandled> {
        let kbs = self.visible_kbs(turn, KbRole::Reader).await?;
        if kbs.is_empty() {
            return Ok(Done::say(Say::KbNone));
        }
        let chosen = settings::chosen_kbs(&turn.subscription);
        let mut rows: Vec<Vec<_>> = kbs
            .into_iter()
            .map(|(kb, name)| {
                let label = Label::KnowledgeBase {
                    name,
                    chosen: Some(chosen.contains(&kb)),
                };
                vec![(label, ButtonAction::SwitchKb { kb })]
            })
            .collect();
        let all = Label::AllKnowledgeBases {
            chosen: chosen.is_empty(),
        };
        rows.insert(0, vec![(all, ButtonAction::AskAllKbs)]);
        rows.push(vec![(Label::Done, ButtonAction::KbsDone)]);
        Ok(menu(Say::KbAsk, rows))
    }

    /// Those in which the person holds at least this role, by name.
    pub(super) async fn visible_kbs(
        &self,
        turn: &Turn<'_>,
        role: KbRole,
    ) -> Result<Vec<(KbId, String)>, NotHandled> {
        let mut after = None;
        let mut found = Vec::new();
        while found.len() < MAX_SHOWN_KBS {
            let page = self
                .knowledge_bases
                .list(&turn.access, after.take(), MAX_SHOWN_KBS)
                .await?;
            let is_last = page.len() < MAX_SHOWN_KBS;
            after = page.last().map(|last| last.kb.name.clone());
            let may = page
                .into_iter()
                .filter(|page| turn.access.role_in(page.kb.id) >= Some(role));
            found.extend(may.map(|page| (page.kb.id, page.kb.name)));
            if is_last {
                break;
            }
        }
        found.truncate(MAX_SHOWN_KBS);
        Ok(found)
    }

    pub(super) async fn names_of(&self, kbs: &KbFilter) -> Result<Vec<String>, NotHandled> {
        let mut names = Vec::new();
        for kb in kbs.kbs() {
            let found = self.db.knowledge_bases().get(kb).await?;
            names.extend(found.map(|kb| kb.name));
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// What a link may carry (<https://core.telegram.org/bots/features#deep-linking>).
fn is_payload(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// What the bot's operator wants to be said, or what all bots say.
fn own_words(text: Option<&String>, say: Say) -> Message {
    match text {
        Some(text) => Message::new(Content::Text {
            text: text.clone(),
            keyboard: Keyboard::default(),
        }),
        None => Message::say(say),
    }
}

/// A message with buttons for one person, which `/cancel` closes.
pub(super) fn menu(say: Say, rows: Vec<Vec<(Label, ButtonAction)>>) -> Done {
    let message = Message {
        kbs: named_kbs(&rows),
        passages: Vec::new(),
        rows: Rows::new(rows),
        ..Message::say(say)
    };
    Done {
        dialogue: DialogueChange::Opens,
        ..Done::message(message)
    }
}

/// The knowledge bases whose names stand on the buttons.
fn named_kbs(rows: &[Vec<(Label, ButtonAction)>]) -> Vec<KbId> {
    let actions = rows.iter().flatten().map(|(_, action)| action);
    actions
        .filter_map(|action| match action {
            ButtonAction::SwitchKb { kb } | ButtonAction::TakeFile { kb, .. } => Some(*kb),
            _ => None,
        })
        .collect()
}

fn language_rows(chosen: Option<Language>) -> Vec<Vec<(Label, ButtonAction)>> {
    let button = |language| {
        let label = Label::Language {
            language,
            chosen: language == chosen,
        };
        vec![(label, ButtonAction::SetLanguage { language })]
    };
    LANGUAGES.into_iter().map(button).collect()
}

fn language_menu(chosen: Option<Language>) -> Done {
    menu(Say::LanguageAsk, language_rows(chosen))
}

/// What the person wishes now; others read along in a group.
pub(super) fn shown_wish(turn: &Turn<'_>) -> Option<String> {
    let wish = style::wish_of_settings(&turn.subscription.settings);
    wish.filter(|_| turn.is_private()).map(str::to_owned)
}

fn settings_menu(turn: &Turn<'_>) -> Done {
    let language = settings::chosen_language(&turn.subscription);
    let notices = settings::takes_notices(&turn.subscription);
    let chosen = style::of_settings(&turn.subscription.settings);
    let mut rows = language_rows(language);
    let styled = |style: &Style| {
        let label = Label::Style {
            style: *style,
            chosen: chosen == Some(*style),
        };
        (label, ButtonAction::SetStyle { style: *style })
    };
    rows.push(Style::ALL.iter().map(styled).collect());
    rows.push(vec![(
        Label::Notices { on: notices },
        ButtonAction::SwitchNotices,
    )]);
    rows.push(vec![(Label::Done, ButtonAction::Cancel)]);
    let say = Say::Settings {
        language,
        notices,
        style: chosen,
        instructions: shown_wish(turn),
    };
    menu(say, rows)
}

/// The menu itself, saying something else.
pub(super) fn rewritten(id: DeliveryId, say: Say) -> Rewritten {
    Rewritten {
        id,
        content: Content::say(say),
        kbs: Vec::new(),
        passages: Vec::new(),
        rows: Some(Rows::default()),
    }
}
