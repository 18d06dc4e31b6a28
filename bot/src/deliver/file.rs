//! Brings a file from Telegram to the backend, piece by piece: it is never whole in this process. Where requests are signed, it
//! is downloaded twice, first for the signature alone.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use nexus_api::{Content, Delivery, ErrorCode};
use nexus_client::{ClientError, PassedOn, UploadTarget};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::courier::Courier;
use super::failure::Failure;
use crate::telegram::{CallError, Download, Meaning};
use crate::updates::chain;

/// Waits before a file is fetched again. The upload has a key, so the backend takes it once.
const AGAIN: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(3)];

/// A file that is to be fetched.
pub(super) struct Wanted<'a> {
    file_id: &'a str,
    upload: PassedOn,
}

impl<'a> Wanted<'a> {
    /// `None` if the content is to be shown and no more.
    pub(super) fn of(delivery: &Delivery, content: &'a Content) -> Option<Self> {
        let Content::FetchFile {
            file_id,
            file_name,
            is_archive,
            knowledge_base_id,
            telegram_user_id,
        } = content
        else {
            return None;
        };
        let target = if *is_archive {
            UploadTarget::Archive
        } else {
            UploadTarget::File
        };
        let upload = PassedOn {
            target,
            file_name: file_name.clone(),
            knowledge_base: *knowledge_base_id,
            telegram_user_id: *telegram_user_id,
            key: delivery.id,
            trace_id: delivery.trace_id.clone(),
        };
        Some(Self { file_id, upload })
    }
}

/// Uploads the file and gives the id of the task that reads it.
pub(super) async fn fetch(
    courier: &Courier,
    wanted: Wanted<'_>,
    over: &CancellationToken,
) -> Result<Uuid, Failure> {
    let mut again = AGAIN.iter();
    loop {
        let once = bring(courier, &wanted);
        let failure = match over.run_until_cancelled(once).await {
            None => return Err(Failure::Dropped),
            Some(Ok(task)) => return Ok(task),
            Some(Err(failure)) => failure,
        };
        let is_worth_it = matches!(&failure, Failure::Later { wait: None, .. })
            || matches!(&failure, Failure::Call(error) if error.meaning() == Meaning::Unclear);
        let Some(wait) = again.next().filter(|_| is_worth_it) else {
            return Err(failure);
        };
        tokio::time::sleep(*wait).await;
    }
}

async fn bring(courier: &Courier, wanted: &Wanted<'_>) -> Result<Uuid, Failure> {
    let limit = u64::from(courier.how.max_download_megabytes) << 20;
    let client = courier.serving.client();
    let file = client.passing_on(wanted.upload.clone()).await;
    let mut file = file.map_err(|error| from_backend(&error))?;
    if file.is_to_be_read() {
        let download = begin(courier, wanted, limit).await?;
        file.read(bounded(download, limit)).await?;
    }
    let download = begin(courier, wanted, limit).await?;
    match file.send(download.size_bytes, bounded(download, limit)).await {
        Ok(accepted) => Ok(accepted.task_id),
        Err(error) => Err(from_backend(&error)),
    }
}

async fn begin(courier: &Courier, wanted: &Wanted<'_>, limit: u64) -> Result<Download, Failure> {
    let telegram = courier.outbound.telegram();
    let download = telegram.download(wanted.file_id).await.map_err(from_telegram)?;
    if download.size_bytes.is_some_and(|size| size > limit) {
        return Err(too_large());
    }
    Ok(download)
}

/// The file's pieces; an error instead of one too many.
fn bounded(download: Download, limit: u64) -> impl Stream<Item = Result<Bytes, CallError>> + Send + 'static {
    let mut bytes = 0;
    download.pieces().map(move |piece| {
        let piece = piece?;
        bytes += piece.len() as u64;
        if bytes > limit {
            return Err(CallError::Unclear {
                cause: "the file is larger than Telegram said".to_owned(),
            });
        }
        Ok(piece)
    })
}

fn too_large() -> Failure {
    Failure::File {
        code: ErrorCode::PayloadTooLarge,
        message: "the file is larger than the bot can download".to_owned(),
    }
}

fn from_telegram(error: CallError) -> Failure {
    let CallError::Refused { description, .. } = &error else {
        return Failure::Call(error);
    };
    if description.to_lowercase().contains("file is too big") {
        return too_large();
    }
    match error.meaning() {
        Meaning::Never | Meaning::ChatClosed | Meaning::MessageGone => Failure::File {
            code: ErrorCode::NotFound,
            message: error.to_string(),
        },
        _ => Failure::Call(error),
    }
}

fn from_backend(error: &ClientError) -> Failure {
    let message = chain(error);
    match error.code() {
        Some(ErrorCode::TooManyRequests) => Failure::Later {
            message,
            wait: Some(Duration::from_secs(10)),
        },
        Some(code) if is_refusal(code) => Failure::File { code, message },
        _ => Failure::Later { message, wait: None },
    }
}

/// Whether the person has to be told; anything else is ours to mend.
const fn is_refusal(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::QuotaExceeded | ErrorCode::InsufficientStorage)
        || matches!(code.status(), 400 | 403 | 404 | 413 | 415 | 422)
}
