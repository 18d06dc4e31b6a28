//! Rounds of requests. Between most of them rights change; in every fourth they change while the requests run, and each
//! answer has to fit the model before or after. After every second one the processes of the bots do what they are there for.

use std::sync::Arc;
use std::time::Instant;

use crate::build::look_up;
use crate::calls::Call;
use crate::changes::{self, Grant};
use crate::client::Client;
use crate::gone;
use crate::maker::{Loot, Maker};
use crate::operations::Operation;
use crate::outbox::{self, Handed};
use crate::report::Report;
use crate::rng::Rng;
use crate::round::{Outcome, Round};
use crate::serving;
use crate::trials::Trials;
use crate::world::{Who, World};

const ROUND: usize = 400;
const GRANTS: usize = 8;
const OTHERS: usize = 2;
const LOOKED_UP: usize = 2;
const MOST_CURSORS: usize = 200;
const MOST_HANDED: usize = 400;
const MOST_FAILURES: usize = 25;

/// All that goes from one round to the next.
struct Run<'a> {
    client: Client,
    contract: &'a [&'static Operation],
    world: World,
    rng: Rng,
    loot: Loot,
    report: Report,
}

pub async fn run(
    client: Client,
    world: World,
    rng: Rng,
    contract: &[&'static Operation],
    requests: usize,
) -> Report {
    let started = Instant::now();
    let mut run = Run {
        client,
        contract,
        world,
        rng,
        loot: Loot::default(),
        report: Report::default(),
    };
    let mut number = 0;
    while run.report.requests < requests && run.report.failures.len() < MOST_FAILURES {
        run.round(number).await;
        run.between(number).await;
        if number % 2 == 0 {
            run.serve().await;
        }
        number += 1;
    }
    run.report.took = started.elapsed();
    run.report
}

impl Run<'_> {
    /// Requests, and changes of who may use what: after them or meanwhile.
    async fn round(&mut self, number: usize) {
        let (after, grants) = changes::grants(&self.world, &mut self.rng, GRANTS);
        let before = Arc::new(std::mem::replace(&mut self.world, after));
        let mut round = Round::quiet(&self.client, before);
        let touched = grants.iter().map(|grant| grant.changed).collect();
        self.report.changes += grants.len();
        if number % 4 == 3 {
            round.after = Arc::new(self.world.clone());
            self.loot.changed = touched;
            let calls = self.planned(&round, number);
            let sent = round.send(calls, &mut self.rng);
            let (outcomes, ()) = futures::join!(sent, make(&self.client, &round.before, &grants));
            self.take(&round, &outcomes);
        } else {
            let calls = self.planned(&round, number);
            let outcomes = round.send(calls, &mut self.rng).await;
            self.take(&round, &outcomes);
            make(&self.client, &round.before, &grants).await;
            // The next requests come from those whom it concerned.
            self.loot.changed = touched;
        }
    }

    fn planned(&mut self, round: &Round, number: usize) -> Vec<Call> {
        let trials = Trials {
            before: &round.before,
            after: &round.after,
            loot: &self.loot,
            contract: self.contract,
        };
        trials.plan(&mut self.rng, ROUND, number == 0)
    }

    /// Changes that are made while nothing else runs, and a look at what uploads have brought.
    async fn between(&mut self, number: usize) {
        let live = self.world.live();
        let some: Vec<usize> = (0..LOOKED_UP).map(|_| *self.rng.one(&live)).collect();
        look_up(&self.client, &mut self.world, &some).await;
        for _ in 0..OTHERS {
            changes::other(&self.client, &mut self.world, &mut self.rng).await;
        }
        self.report.changes += OTHERS;
        if number % 5 == 4 {
            gone::delete_and_sweep(&self.client, &mut self.world, &mut self.rng).await;
            self.report.changes += 1;
        }
        if number.is_multiple_of(5)
            && let Some((round, outcomes)) =
                gone::delete_annex(&self.client, &mut self.world, &mut self.rng).await
        {
            self.take(&round, &outcomes);
            self.report.deleted_sources += 1;
            self.report.changes += 1;
        }
    }

    /// Each bot passes on what its people have done, is given what is to be sent to them, and tells that it was. What it is
    /// given now was asked before rights have changed last.
    async fn serve(&mut self) {
        let round = Round::quiet(&self.client, Arc::new(self.world.clone()));
        let bots = 0..self.world.bots.len();
        let bots: Vec<usize> = bots.filter(|bot| self.world.bots[*bot].active).collect();
        let leases = bots.iter().map(|bot| outbox::leases(&round.before, *bot));
        let (free, take): (Vec<_>, Vec<_>) = leases.map(|[free, take]| (free, take)).unzip();
        self.ask(&round, free).await;
        self.ask(&round, take).await;
        let batches: Vec<_> = bots.iter().map(|bot| self.batch(&round, *bot)).collect();
        let given = bots.iter().map(|bot| outbox::take_all(&round.before, *bot));
        let outcomes = self.ask(&round, given.collect()).await;
        let given = outcomes
            .iter()
            .flat_map(|outcome| outbox::handed(&round.after, &outcome.call, &outcome.answer));
        let reports = given
            .map(|handed| outbox::report(&round.before, &handed, &mut self.rng))
            .collect();
        self.ask(&round, reports).await;
        self.ask(&round, batches).await;
    }

    async fn ask(&mut self, round: &Round, calls: Vec<Call>) -> Vec<Outcome> {
        let outcomes = round.send(calls, &mut self.rng).await;
        self.take(round, &outcomes);
        outcomes
    }

    fn batch(&mut self, round: &Round, bot: usize) -> Call {
        let mut make = Maker {
            before: &round.before,
            after: &round.after,
            loot: &self.loot,
            rng: &mut self.rng,
            who: Who::Bot(bot),
            operation: "POST /bots/{code}/updates",
            stolen: None,
            changed: None,
        };
        let updates = serving::updates(&mut make, bot);
        outbox::batch(&round.before, bot, updates)
    }

    fn pick_up(&mut self, handed: Vec<Handed>) {
        for handed in handed {
            let known = &mut self.loot.handed;
            if known.len() >= MOST_HANDED {
                known.swap_remove(self.rng.below(MOST_HANDED));
            }
            known.push(handed);
        }
    }

    fn take(&mut self, round: &Round, outcomes: &[Outcome]) {
        for outcome in outcomes {
            self.report.add(outcome);
            self.report.failures.extend(outcome.failure(round));
            self.pick_up(outbox::handed(&round.after, &outcome.call, &outcome.answer));
            let Some(cursor) = &outcome.answer.next_cursor() else {
                continue;
            };
            let cursors = &mut self.loot.cursors;
            if cursors.len() >= MOST_CURSORS {
                cursors.swap_remove(self.rng.below(MOST_CURSORS));
            }
            cursors.push(cursor.clone());
        }
    }
}

async fn make(client: &Client, world: &World, grants: &[Grant]) {
    for grant in grants {
        grant.make(client, world).await;
    }
}

/// The proof that a leak would be seen: a model that has forgotten who the members are calls what they read a leak.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_model_does_not_allow_is_told() {
    let app = crate::start().await;
    let (client, mut rng) = (Client::new(&app), Rng::new(crate::SEED));
    let contract = crate::operations::of_contract(&app).await;
    let world = crate::build::world(&app, &client, &mut rng, (10, 60)).await;
    let right = Round::quiet(&client, Arc::new(world.clone()));
    let mut forgetful = world;
    for kb in &mut forgetful.kbs {
        kb.members.clear();
    }
    let loot = Loot::default();
    let trials = Trials {
        before: &right.before,
        after: &right.after,
        loot: &loot,
        contract: &contract,
    };
    let calls = trials.plan(&mut rng, 2 * ROUND, true);
    let wrong = Round::quiet(&client, Arc::new(forgetful));
    let outcomes = right.send(calls.clone(), &mut rng).await;
    assert!(outcomes.iter().all(|outcome| outcome.failure(&right).is_none()));
    let outcomes = wrong.send(calls, &mut rng).await;
    let failures: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| outcome.failure(&wrong))
        .collect();
    for kind in ["it shows kanarek", "the caller lacks what it needs"] {
        assert!(failures.iter().any(|failure| failure.contains(kind)), "{kind}");
    }
    app.stop_now().await;
}
