//! Who asked what an answer answers.

use crate::access::Caller;
use crate::id::{ApiKeyId, BotId, UserId};

/// A caller as an answer remembers it: a person (and the bot that they came through), a bot for itself, or an API key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asker {
    pub user: Option<UserId>,
    pub bot: Option<BotId>,
    pub api_key: Option<ApiKeyId>,
}

impl Asker {
    pub const fn of(caller: &Caller) -> Self {
        Self {
            user: caller.user(),
            bot: caller.bot(),
            api_key: match caller {
                Caller::ApiKey(id) => Some(*id),
                _ => None,
            },
        }
    }

    /// Whether this caller asked. A person who comes through a bot is meant only where they asked through it.
    pub fn is(&self, caller: &Caller) -> bool {
        match caller {
            Caller::Bot(bot) => self.user.is_none() && self.bot == Some(bot.bot),
            Caller::Person(person) => {
                self.user == Some(person.user) && caller.bot().is_none_or(|bot| self.bot == Some(bot))
            }
            Caller::ApiKey(key) => self.api_key == Some(*key),
            Caller::Public => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{BotCaller, PersonBy, PersonCaller};
    use crate::id::{ServiceTokenId, SessionId};
    use crate::time::Timestamp;
    use crate::user::TelegramId;

    const AT: Timestamp = Timestamp::from_micros(1);

    fn bot() -> BotCaller {
        BotCaller {
            bot: BotId::new(AT),
            token: ServiceTokenId::new(AT),
        }
    }

    fn person(user: UserId, by: PersonBy) -> Caller {
        Caller::Person(PersonCaller {
            user,
            telegram_id: TelegramId::new(7).unwrap(),
            by,
        })
    }

    #[test]
    fn who_asked_is_known_again_and_nobody_else_is_taken_for_them() {
        let (anna, docs, other) = (UserId::new(AT), bot(), bot());
        let session = || PersonBy::Session {
            session: SessionId::new(AT),
            bot: None,
        };
        let callers = [
            person(anna, PersonBy::Bot(docs)),
            person(anna, PersonBy::Bot(other)),
            person(UserId::new(AT), PersonBy::Bot(docs)),
            Caller::Bot(docs),
            Caller::Bot(other),
            Caller::ApiKey(ApiKeyId::new(AT)),
            Caller::ApiKey(ApiKeyId::new(AT)),
        ];
        for (n, asked) in callers.iter().enumerate() {
            let asker = Asker::of(asked);
            for (m, caller) in callers.iter().enumerate() {
                assert_eq!(asker.is(caller), n == m, "{asked:?} {caller:?}");
            }
            assert!(!asker.is(&Caller::Public));
        }
        assert!(
            Asker::of(&callers[0]).is(&person(anna, session())),
            "by themselves"
        );
        assert!(
            !Asker::of(&person(anna, session())).is(&callers[0]),
            "a bot learns only what it brought"
        );
        assert!(!Asker::default().is(&callers[3]));
    }
}
