//! A bot's webhook. As in Telegram, the updates of one chat come in their order and those of different chats side by side.

use std::collections::{HashMap, VecDeque};

use reqwest::Client;
use serde_json::Value;

use super::World;

#[derive(Debug)]
pub(crate) struct Webhook {
    /// Which of the bot's webhooks it is.
    pub(crate) number: u64,
    pub(crate) url: String,
    pub(crate) secret: Option<String>,
    pub(crate) has_certificate: bool,
    pub(crate) max_connections: usize,
    /// Unix time and text.
    pub(crate) last_error: Option<(i64, String)>,
    pub(crate) client: Client,
    /// Ids of updates by chat.
    lanes: HashMap<i64, VecDeque<i64>>,
    /// Lanes whose first update can be brought now.
    ready: VecDeque<i64>,
    in_flight: usize,
}

/// An update to be brought.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) bot: i64,
    pub(crate) number: u64,
    pub(crate) lane: i64,
    pub(crate) id: i64,
    pub(crate) url: String,
    pub(crate) secret: Option<String>,
    pub(crate) client: Client,
    pub(crate) update: Value,
}

impl Webhook {
    pub(crate) fn new(number: u64, url: &str, client: Client) -> Self {
        Self {
            number,
            url: url.to_owned(),
            secret: None,
            has_certificate: false,
            max_connections: 40,
            last_error: None,
            client,
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            in_flight: 0,
        }
    }

    /// Updates are queued in their order.
    pub(crate) fn queue(&mut self, lane: i64, id: i64) {
        let updates = self.lanes.entry(lane).or_default();
        updates.push_back(id);
        if updates.len() == 1 {
            self.ready.push_back(lane);
        }
    }

    pub(crate) fn has_work(&self) -> bool {
        self.in_flight < self.max_connections && !self.ready.is_empty()
    }

    /// The first update of a lane has arrived.
    fn finish(&mut self, lane: i64) {
        self.in_flight -= 1;
        let Some(updates) = self.lanes.get_mut(&lane) else {
            return;
        };
        updates.pop_front();
        if updates.is_empty() {
            self.lanes.remove(&lane);
        } else {
            self.ready.push_back(lane);
        }
    }
}

impl World {
    pub(crate) fn take_job(&mut self, bot: i64) -> Option<Job> {
        let bot = self.bots.get_mut(&bot)?;
        let webhook = bot.webhook.as_mut().filter(|webhook| webhook.has_work())?;
        let lane = webhook.ready.pop_front()?;
        let id = *webhook.lanes.get(&lane)?.front()?;
        webhook.in_flight += 1;
        Some(Job {
            bot: bot.id,
            number: webhook.number,
            lane,
            id,
            url: webhook.url.clone(),
            secret: webhook.secret.clone(),
            client: webhook.client.clone(),
            update: bot.pending.get(&id)?.update.clone(),
        })
    }

    /// Whether the webhook of a job is still set.
    pub(crate) fn is_wanted(&self, job: &Job) -> bool {
        let webhook = self.bots.get(&job.bot).and_then(|bot| bot.webhook.as_ref());
        webhook.is_some_and(|webhook| webhook.number == job.number)
    }

    pub(crate) fn job_failed(&mut self, job: &Job, why: &str) {
        let now = self.clock.now().unix;
        if self.is_wanted(job)
            && let Some(webhook) = self.bots.get_mut(&job.bot).and_then(|bot| bot.webhook.as_mut())
        {
            webhook.last_error = Some((now, why.to_owned()));
        }
    }

    /// What was brought to a webhook that is no more comes again, to whatever the bot has then.
    pub(crate) fn job_done(&mut self, job: &Job) {
        if !self.is_wanted(job) {
            return;
        }
        let Some(bot) = self.bots.get_mut(&job.bot) else {
            return;
        };
        bot.pending.remove(&job.id);
        self.counters.updates_confirmed += 1;
        if let Some(webhook) = &mut bot.webhook {
            webhook.finish(job.lane);
        }
    }
}
