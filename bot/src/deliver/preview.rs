//! A text while it is written: edits of its placeholder, never more often than allowed, left out when others need the
//! calls, and over before the last word is sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nexus_client::Client;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::outbound::Outbound;
use crate::render::{self, Style, Writer};
use crate::telegram::{CallError, Edit, Meaning};

/// Texts that are shown growing at the same time; others appear when they are done.
const MAX_PREVIEWS: usize = 200;
/// Bytes of Markdown that are looked at: more than a message holds.
const MAX_BYTES: usize = 24_000;
/// How long an edit may take. The last word waits for it.
const TIMEOUT: Duration = Duration::from_secs(5);
/// While no call is free for a preview.
const BUSY: Duration = Duration::from_millis(200);
const GROWING: &str = " …";

/// Where a text is shown, and how.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    /// In the backend.
    pub(super) message_id: Uuid,
    pub(super) chat: i64,
    pub(super) telegram_message_id: i64,
    pub(super) style: Style,
    pub(super) is_draft: bool,
    pub(super) interval: Duration,
}

/// The texts that are growing, by their message in the backend.
#[derive(Clone, Debug, Default)]
pub(super) struct Previews(Arc<Mutex<HashMap<Uuid, Preview>>>);

#[derive(Debug)]
struct Preview {
    over: CancellationToken,
    /// Whether an edit had no clear answer: Telegram may carry it out when the last word stands there already.
    task: JoinHandle<bool>,
}

impl Previews {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Preview>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn start(&self, canvas: Canvas, client: Client, outbound: Outbound) {
        let mut previews = self.lock();
        previews.retain(|_, preview| !preview.task.is_finished());
        if previews.len() >= MAX_PREVIEWS || previews.contains_key(&canvas.message_id) {
            return;
        }
        let over = CancellationToken::new();
        let message_id = canvas.message_id;
        let task = tokio::spawn(show(canvas, client, outbound, over.clone()));
        previews.insert(message_id, Preview { over, task });
    }

    /// After that no preview of the message is begun. Whether one may still be seen, late.
    pub(super) async fn stop(&self, message_id: Uuid) -> bool {
        let preview = self.lock().remove(&message_id);
        match preview {
            Some(preview) => preview.end().await,
            None => false,
        }
    }

    pub(super) async fn stop_all(&self) {
        let previews: Vec<_> = self.lock().drain().collect();
        previews.iter().for_each(|(_, preview)| preview.over.cancel());
        for (_, preview) in previews {
            preview.end().await;
        }
    }
}

impl Preview {
    async fn end(self) -> bool {
        self.over.cancel();
        // It waits for an edit in flight at most.
        self.task.await.unwrap_or(true)
    }
}

/// Whether the last edit had no clear answer.
async fn show(mut canvas: Canvas, client: Client, outbound: Outbound, over: CancellationToken) -> bool {
    let opened = client.message_previews(canvas.message_id);
    let mut stream = match over.run_until_cancelled(opened).await {
        Some(Ok(stream)) => stream,
        Some(Err(error)) => {
            tracing::debug!(%error, "no preview");
            return false;
        }
        None => return false,
    };
    let mut is_unclear = false;
    let mut newest: Option<String> = None;
    let mut shown = String::new();
    let mut not_before = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = over.cancelled() => return is_unclear,
            () = tokio::time::sleep_until(not_before), if newest.is_some() => {
                let html = newest.as_deref().and_then(|text| html_of(text, &canvas.style));
                let Some(html) = html.filter(|html| *html != shown) else {
                    newest = None;
                    continue;
                };
                // Not given up half-way: an edit that was begun may still be seen.
                let Some(drawn) = draw(&canvas, &outbound, &html).await else {
                    not_before = Instant::now() + BUSY;
                    continue;
                };
                not_before = Instant::now() + canvas.interval;
                newest = None;
                is_unclear = match &drawn {
                    Err(error) => error.meaning() == Meaning::Unclear && !canvas.is_draft,
                    Ok(()) => false,
                };
                match drawn {
                    Ok(()) => shown = html,
                    Err(error) if !goes_on(&error, &mut canvas) => {
                        tracing::debug!(%error, "the preview ends");
                        return is_unclear;
                    }
                    Err(error) => tracing::debug!(%error, "a preview is left out"),
                }
            }
            event = stream.next() => match event {
                Some(Ok(preview)) => newest = Some(preview.text),
                Some(Err(error)) => {
                    tracing::debug!(%error, "the preview broke off");
                    return is_unclear;
                }
                None => return is_unclear,
            },
        }
    }
}

/// `None` if no call is free for it.
async fn draw(canvas: &Canvas, outbound: &Outbound, html: &str) -> Option<Result<(), CallError>> {
    let telegram = outbound.telegram();
    let call = async {
        if canvas.is_draft {
            return telegram
                .send_draft(canvas.chat, draft_id(canvas.message_id), html)
                .await;
        }
        let edit = Edit {
            chat: canvas.chat,
            message: canvas.telegram_message_id,
            text: html,
            is_html: true,
            keyboard: None,
        };
        telegram.edit(&edit).await
    };
    let call = async {
        let late = |_| CallError::Unclear {
            cause: "a preview took too long".to_owned(),
        };
        tokio::time::timeout(TIMEOUT, call).await.map_err(late)?
    };
    outbound.try_now(canvas.chat, call).await
}

/// Whether there may be another preview after this error.
fn goes_on(error: &CallError, canvas: &mut Canvas) -> bool {
    match error.meaning() {
        Meaning::Wait(_) | Meaning::Unclear | Meaning::NotModified | Meaning::BadFormat => true,
        // A chat or server without drafts: edits do as well.
        Meaning::Never => std::mem::take(&mut canvas.is_draft),
        _ => false,
    }
}

/// As much of the text as the first part of the answer will hold; `None` if it shows nothing yet.
fn html_of(text: &str, style: &Style) -> Option<String> {
    let looked_at = &text[..text.floor_char_boundary(MAX_BYTES)];
    let rich = render::markdown(looked_at, style.table_columns);
    let mut out = Writer::new();
    out.rich(&rich);
    out.text(GROWING);
    let parts = out.finish().parts(style.limits);
    parts
        .into_iter()
        .next()
        .map(|part| part.html)
        .filter(|_| !rich.is_empty())
}

/// The same for all drafts of one message, and never 0.
fn draft_id(message_id: Uuid) -> i64 {
    i64::from(message_id.as_u64_pair().1 as u32 | 1)
}
