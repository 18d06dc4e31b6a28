//! What a bot's process says and hears: its lease, updates, deliveries, previews.
//!
//! All of it may be said twice, and is tried once here: the process has its own patience, which ends with its lease.

use std::pin::Pin;
use std::time::Duration;

use eventsource_stream::{Event, Eventsource as _};
use futures::{Stream, StreamExt as _};
use nexus_api::{
    BotLease, Deliveries, DeliveryFailed, DeliveryPlaced, DeliverySent, ErrorEnvelope, Me, MessagePreview,
    TakeBotLease, TakeDeliveries, Updates, UpdatesStored,
};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::ClientError;
use crate::request::Client;

/// Time for one of these requests and its answer, a long poll's wait apart.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Client {
    /// Whom the server takes us for.
    pub async fn me(&self) -> Result<Me, ClientError> {
        self.get("/auth/me", &()).await
    }

    /// Takes the right to serve a bot, or keeps it.
    pub async fn take_bot_lease(&self, bot: &str, body: &TakeBotLease) -> Result<BotLease, ClientError> {
        self.post(&format!("/bots/{bot}/lease"), body, TIMEOUT).await
    }

    /// Gives it back, so that another process need not wait until it ends.
    pub async fn give_back_bot_lease(&self, bot: &str, holder: Uuid) -> Result<(), ClientError> {
        let request = self.request(Method::DELETE, &format!("/bots/{bot}/lease/{holder}"));
        self.send_once(request.timeout(TIMEOUT)).await.map(drop)
    }

    /// Has a batch of updates stored, under the id of a trace where it has one.
    pub async fn store_updates(
        &self,
        bot: &str,
        holder: Uuid,
        trace_id: Option<&str>,
        body: &Updates,
    ) -> Result<UpdatesStored, ClientError> {
        let request = self
            .request(Method::POST, &format!("/bots/{bot}/updates"))
            .query(&[("holder", holder)])
            .json(body)
            .timeout(TIMEOUT);
        let request = match trace_id {
            Some(id) => request.header("x-request-id", id),
            None => request,
        };
        let response = self.send_once(request).await?;
        self.read(response).await
    }

    /// Waits for something to deliver, as long as the request says.
    pub async fn take_deliveries(&self, bot: &str, body: &TakeDeliveries) -> Result<Deliveries, ClientError> {
        let timeout = TIMEOUT + Duration::from_secs(body.wait_seconds.into());
        self.post(&format!("/bots/{bot}/outbox"), body, timeout).await
    }

    /// A placeholder or a further part stands in the chat.
    pub async fn report_placed(
        &self,
        delivery: Uuid,
        trace_id: &str,
        body: &DeliveryPlaced,
    ) -> Result<(), ClientError> {
        self.report(delivery, "placeholder", trace_id, body).await
    }

    /// A delivery is done.
    pub async fn report_sent(
        &self,
        delivery: Uuid,
        trace_id: &str,
        body: &DeliverySent,
    ) -> Result<(), ClientError> {
        self.report(delivery, "sent", trace_id, body).await
    }

    /// A delivery failed.
    pub async fn report_failed(
        &self,
        delivery: Uuid,
        trace_id: &str,
        body: &DeliveryFailed,
    ) -> Result<(), ClientError> {
        self.report(delivery, "failed", trace_id, body).await
    }

    /// A message's text while it is written.
    pub async fn message_previews(&self, message: Uuid) -> Result<MessagePreviews, ClientError> {
        let request = self
            .request(Method::GET, &format!("/messages/{message}/stream"))
            .header("accept", "text/event-stream");
        let response = self.send_once(request).await?;
        let events = response
            .bytes_stream()
            .eventsource()
            .map(|event| event.map_err(|_| broken_off()));
        Ok(MessagePreviews {
            events: Box::pin(events),
            over: false,
        })
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        timeout: Duration,
    ) -> Result<T, ClientError> {
        let request = self.request(Method::POST, path).json(body).timeout(timeout);
        let response = self.send_once(request).await?;
        self.read(response).await
    }

    async fn report(
        &self,
        delivery: Uuid,
        what: &str,
        trace_id: &str,
        body: &impl Serialize,
    ) -> Result<(), ClientError> {
        let request = self
            .request(Method::POST, &format!("/outbox/{delivery}/{what}"))
            .header("x-request-id", trace_id)
            .json(body)
            .timeout(TIMEOUT);
        self.send_once(request).await.map(drop)
    }
}

/// The text of one message as it grows.
pub struct MessagePreviews {
    events: Pin<Box<dyn Stream<Item = Result<Event, ClientError>> + Send>>,
    over: bool,
}

impl std::fmt::Debug for MessagePreviews {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessagePreviews")
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

impl MessagePreviews {
    /// The whole text so far; `None` when nothing more will come. A stream that breaks off is an error.
    pub async fn next(&mut self) -> Option<Result<MessagePreview, ClientError>> {
        while !self.over {
            let event = match self.events.next().await {
                Some(event) => event.and_then(read),
                None => Err(broken_off()),
            };
            match event {
                // Events that a later server may send.
                Ok(Told::Nothing) => {}
                Ok(Told::Preview(preview)) => return Some(Ok(preview)),
                Ok(Told::Done) => self.over = true,
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

enum Told {
    Preview(MessagePreview),
    Done,
    Nothing,
}

fn read(event: Event) -> Result<Told, ClientError> {
    match event.event.as_str() {
        "preview" => parsed(event.data).map(Told::Preview),
        "done" => Ok(Told::Done),
        "error" => {
            let envelope: ErrorEnvelope = parsed(event.data)?;
            Err(ClientError::Api(Box::new(envelope.error)))
        }
        _ => Ok(Told::Nothing),
    }
}

fn parsed<T: DeserializeOwned>(text: String) -> Result<T, ClientError> {
    serde_json::from_str(&text).map_err(|_| ClientError::Unexpected { status: 200, text })
}

fn broken_off() -> ClientError {
    ClientError::Unexpected {
        status: 200,
        text: "the preview broke off".to_owned(),
    }
}
