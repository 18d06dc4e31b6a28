//! Chooses who calls what.

use crate::calls::Call;
use crate::maker::{Loot, Maker};
use crate::operations::Operation;
use crate::rng::Rng;
use crate::world::{Need, Who, World};

/// How often another caller is tried before it is nobody.
const TRIES: usize = 12;

pub struct Trials<'a> {
    pub before: &'a World,
    pub after: &'a World,
    pub loot: &'a Loot,
    pub contract: &'a [&'static Operation],
}

impl Trials<'_> {
    /// So many requests; each operation once among them if `all`.
    pub fn plan(&self, rng: &mut Rng, many: usize, all: bool) -> Vec<Call> {
        let weights: usize = self.contract.iter().map(|operation| operation.weight).sum();
        (0..many)
            .map(|n| {
                let each = self.contract.get(n).filter(|_| all);
                let operation = each.copied().unwrap_or_else(|| self.operation(rng, weights));
                self.call(rng, operation)
            })
            .collect()
    }

    fn operation(&self, rng: &mut Rng, weights: usize) -> &'static Operation {
        let mut at = rng.below(weights);
        for operation in self.contract {
            if at < operation.weight {
                return operation;
            }
            at -= operation.weight;
        }
        unreachable!("it is below the sum of the weights")
    }

    fn call(&self, rng: &mut Rng, operation: &Operation) -> Call {
        for _ in 0..TRIES {
            let (who, changed) = self.who(rng);
            if let Some(call) = self.make(rng, operation, who, changed) {
                return self.disguised(call, rng);
            }
        }
        self.make(rng, operation, Who::Nobody, None)
            .expect("nobody may do nothing, so there is nothing that the model could not follow")
    }

    /// Now and then with what says that it is somebody else.
    fn disguised(&self, call: Call, rng: &mut Rng) -> Call {
        let world = self.before;
        let who = call.who;
        match who {
            Who::Key(_) | Who::Session(_) | Who::Operator if rng.percent(3) => {
                let person = rng.one(&world.people).telegram_id.to_string();
                let need = match call.need {
                    Need::Nothing => Need::Nothing,
                    // Bots alone name people.
                    _ => Need::Never,
                };
                Call { need, ..call }.header("x-telegram-user-id", person)
            }
            // A session's token is no cookie, unless the session began as one.
            Who::Nobody if rng.percent(40) => {
                let token = &rng.one(&world.sessions).token;
                call.header("cookie", format!("nexus_session={token}"))
            }
            _ => call,
        }
    }

    fn make(&self, rng: &mut Rng, operation: &Operation, who: Who, changed: Option<usize>) -> Option<Call> {
        (operation.make)(&mut Maker {
            before: self.before,
            after: self.after,
            loot: self.loot,
            rng,
            who,
            operation: operation.name,
            stolen: None,
            changed,
        })
    }

    /// A caller; with the knowledge base where its rights have just changed, if it is one of those.
    fn who(&self, rng: &mut Rng) -> (Who, Option<usize>) {
        let world = self.before;
        if rng.percent(20)
            && let Some((person, kb)) = rng.any(&self.loot.changed).copied()
        {
            let bot = *rng.one(&world.people[person].bots);
            return (Who::Named { bot, person }, Some(kb));
        }
        let who = match rng.below(100) {
            0..60 => {
                let person = rng.below(world.people.len());
                // A bot speaks for nobody whom it has not introduced.
                let bot = *rng.one(&world.people[person].bots);
                Who::Named { bot, person }
            }
            60..71 => Who::Session(rng.below(world.sessions.len())),
            71..81 => Who::Bot(rng.below(world.bots.len())),
            81..93 => Who::Key(rng.below(world.keys.len())),
            93..95 => Who::Operator,
            95..98 => Who::Nobody,
            _ => Who::Forger(rng.next()),
        };
        (who, None)
    }
}
