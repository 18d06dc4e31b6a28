//! Who may see what: the rules of `docs/API.md`, written down once more.

use crate::world::{KbRole, Need, Owner, Role, Who, World};

impl World {
    /// The person and the bot that they come through.
    pub fn person_of(&self, who: Who) -> Option<(usize, usize)> {
        match who {
            Who::Named { bot, person } => Some((person, bot)),
            Who::Session(session) => {
                let session = &self.sessions[session];
                Some((session.person, session.bot))
            }
            Who::Nobody | Who::Forger(_) | Who::Operator | Who::Key(_) | Who::Bot(_) => None,
        }
    }

    /// What the caller is in general; `None` if it is turned away at the door.
    pub fn role(&self, who: Who) -> Option<Role> {
        match who {
            Who::Nobody | Who::Forger(_) => None,
            Who::Operator => Some(Role::Admin),
            Who::Key(key) => Some(self.keys[key].role),
            Who::Bot(bot) => self.bots[bot].active.then_some(Role::Reader),
            Who::Session(session) if self.sessions[session].ended => None,
            Who::Named { .. } | Who::Session(_) => {
                let (person, bot) = self.person_of(who)?;
                let (person, bot) = (&self.people[person], &self.bots[bot]);
                (bot.active && !person.blocked).then(|| person.role.min(bot.max_role))
            }
        }
    }

    /// What the caller may do in a knowledge base; `None` if it may not know of it.
    pub fn role_in(&self, who: Who, kb: usize) -> Option<KbRole> {
        let role = self.role(who)?;
        let (at, kb) = (kb, &self.kbs[kb]);
        if kb.deleted {
            return None;
        }
        let opened = |bot: &usize| (kb.public || kb.bots.contains(bot)).then_some(KbRole::Reader);
        match who {
            Who::Nobody | Who::Forger(_) => None,
            Who::Operator => Some(KbRole::Owner),
            Who::Key(key) => {
                let held = self.keys[key].kbs.as_ref();
                held.is_none_or(|kbs| kbs.contains(&at)).then(|| role.in_kbs())
            }
            Who::Bot(bot) => opened(&bot),
            Who::Named { .. } | Who::Session(_) if role == Role::Admin => Some(KbRole::Owner),
            Who::Named { .. } | Who::Session(_) => {
                let (person, bot) = self.person_of(who)?;
                let most = self.bots[bot].max_role.in_kbs();
                let member = kb.members.get(&person).map(|role| (*role).min(most));
                member.max(opened(&bot))
            }
        }
    }

    fn has_scope(&self, who: Who, scope: &str) -> bool {
        match who {
            Who::Key(key) => self.keys[key]
                .scopes
                .as_ref()
                .is_none_or(|scopes| scopes.contains(scope)),
            _ => true,
        }
    }

    fn is(&self, who: Who, wanted: Role, scope: &str) -> bool {
        // A key for some knowledge bases has no rights outside of them.
        let held = matches!(who, Who::Key(key) if self.keys[key].kbs.is_some());
        self.role(who) >= Some(wanted) && self.has_scope(who, scope) && (wanted == Role::Reader || !held)
    }

    pub fn allows(&self, who: Who, need: Need) -> bool {
        match need {
            Need::Nothing => true,
            Need::Never => false,
            Need::General(role, scope) => self.is(who, role, scope),
            Need::InKb(kb, role, scope) => self.has_scope(who, scope) && self.role_in(who, kb) >= Some(role),
            Need::Person(person) => {
                self.is(who, Role::Admin, "users")
                    || self.role(who).is_some()
                        && match who {
                            // Whom a bot knows changes with each introduction: that is not followed here.
                            Who::Bot(_) => true,
                            _ => self.person_of(who).is_some_and(|(is, _)| is == person),
                        }
            }
            Need::Subscription(at) => {
                let of = &self.subscriptions[at];
                self.is(who, Role::Admin, "users")
                    || self.role(who).is_some()
                        && (who == Who::Bot(of.bot) || self.person_of(who) == Some((of.person, of.bot)))
            }
            Need::Bot(bot) => self.is(who, Role::Admin, "bots") || self.allows(who, Need::ItsBot(bot)),
            Need::ItsBot(bot) => who == Who::Bot(bot) && self.role(who).is_some(),
            Need::Message { bot, person } => {
                self.is(who, Role::Admin, "users")
                    || self.role(who).is_some()
                        && (who == Who::Bot(bot) || self.person_of(who) == Some((person, bot)))
            }
            Need::Reader { bot, person } => {
                self.allows(who, Need::Message { bot, person })
                    && self.person_of(who).is_some_and(|(is, _)| is == person)
            }
        }
    }

    /// Whether an answer to the caller may hold a word of this owner.
    pub fn may_read(&self, who: Who, owner: Owner) -> bool {
        match owner {
            Owner::Kb(kb) => self.role_in(who, kb).is_some(),
            Owner::Deleted(_) => false,
            Owner::Subscription(at) => self.allows(who, Need::Subscription(at)),
        }
    }
}
