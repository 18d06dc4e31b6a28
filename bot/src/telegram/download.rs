//! Files, streamed from Telegram.

use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;

use super::{CallError, TIMEOUT, Telegram};

/// A file on its way.
#[derive(Debug)]
pub struct Download {
    pub size_bytes: Option<u64>,
    response: reqwest::Response,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    file_path: Option<String>,
}

impl Telegram {
    /// Begins to download a file.
    pub async fn download(&self, file_id: &str) -> Result<Download, CallError> {
        let file: File = self
            .request("getFile", &json!({"file_id": file_id}), TIMEOUT)
            .await?;
        let gone = |code| CallError::refused(code, "the file is not there".to_owned(), None, None);
        let path = file.file_path.ok_or_else(|| gone(404))?;
        let token = self.token.expose_secret();
        // A local server tells where the file lies on its disk: in a folder named after the token. Whoever runs it lets a
        // file server show these folders under the same addresses as Telegram's own.
        let below = match path.split_once(&format!("/{token}/")) {
            Some((_, below)) => below,
            None => path.trim_start_matches('/'),
        };
        if below.split('/').any(|part| part == "..") {
            return Err(gone(400));
        }
        let url = format!("{}/file/bot{token}/{below}", self.base);
        // No time limit for the whole: a large file takes as long as it takes, but it must keep coming.
        let response = tokio::time::timeout(TIMEOUT, self.http.get(url).send())
            .await
            .map_err(|_| CallError::Unclear {
                cause: "the download did not begin in time".to_owned(),
            })?
            .map_err(CallError::lost)?;
        if !response.status().is_success() {
            return Err(gone(response.status().as_u16()));
        }
        Ok(Download {
            size_bytes: response.content_length(),
            response,
        })
    }
}

impl Download {
    /// The file's bytes as they come.
    pub fn pieces(self) -> impl Stream<Item = Result<Bytes, CallError>> + Send + 'static {
        self.response.bytes_stream().map_err(CallError::lost)
    }
}
