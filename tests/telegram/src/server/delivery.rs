//! Bringing updates to webhooks.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Certificate, Client};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::journal::Entry;
use crate::options::Options;
use crate::shared::Shared;
use crate::world::{Job, Webhook};

const SECRET: &str = "X-Telegram-Bot-Api-Secret-Token";
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client that trusts the test authority and, if there is one, the certificate that came with the webhook.
pub(crate) fn client(authority_pem: &str, own: Option<Certificate>) -> reqwest::Result<Client> {
    let authority = Certificate::from_pem(authority_pem.as_bytes())?;
    Client::builder()
        .no_proxy()
        .timeout(TIMEOUT)
        .tls_certs_only([Some(authority), own].into_iter().flatten())
        .build()
}

/// Serves the webhooks of one bot, for ever.
pub(crate) async fn deliver(shared: Arc<Shared>, bot: i64) {
    let mut changes = shared.watch();
    let mut jobs = JoinSet::new();
    loop {
        let work = changes.wait_for(|world| {
            let webhook = world.bots.get(&bot).and_then(|bot| bot.webhook.as_ref());
            webhook.is_some_and(Webhook::has_work)
        });
        if work.await.is_err() {
            return;
        }
        while let Some(job) = shared.change(|world| world.take_job(bot)) {
            jobs.spawn(bring(Arc::clone(&shared), job));
        }
        while jobs.try_join_next().is_some() {}
    }
}

/// Brings an update until it is taken or the webhook is another.
async fn bring(shared: Arc<Shared>, job: Job) {
    let mut wait = shared.read(|world| world.options.webhook_backoff);
    while shared.read(|world| world.is_wanted(&job)) {
        let begun = shared.read(|world| world.clock.now());
        let status = post(&job).await;
        let is_taken = status.as_ref().is_ok_and(|status| (200..300).contains(status));
        let why = match &status {
            Ok(_) if is_taken => None,
            Ok(status) => Some(format!("Wrong response from the webhook: {status}")),
            Err(error) => Some(error.to_string()),
        };
        shared.change(|world| {
            match &why {
                Some(why) => world.job_failed(&job, why),
                None => world.job_done(&job),
            }
            let took = world.clock.now().elapsed.saturating_sub(begun.elapsed);
            world.journal.push(Entry {
                at: begun.elapsed,
                took,
                bot: job.bot,
                method: "webhook".to_owned(),
                chat: Some(job.lane),
                message: None,
                status: status.ok(),
                description: why,
                trouble: None,
            });
        });
        if is_taken {
            return;
        }
        sleep(wait).await;
        wait = (wait * 2).min(Options::MAX_WEBHOOK_WAIT);
    }
}

async fn post(job: &Job) -> reqwest::Result<u16> {
    let mut request = job.client.post(&job.url).json(&job.update);
    if let Some(secret) = &job.secret {
        request = request.header(SECRET, secret);
    }
    let response = request.send().await.map_err(reqwest::Error::without_url)?;
    Ok(response.status().as_u16())
}
