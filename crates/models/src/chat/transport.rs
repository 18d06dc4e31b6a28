//! HTTP to a chat model: one request, no retry, bounded answers, and refusals sorted by what helps against them.

use std::io;
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use nexus_domain::ChatError;
use nexus_net::is_loopback;
use reqwest::header::RETRY_AFTER;
use reqwest::{Body, Client, Request, Response, StatusCode};
use url::Url;

use crate::error::ModelError;

/// Longest line of a stream: one event with one piece of text.
const MAX_LINE_BYTES: usize = 256 * 1024;
/// Longest stream; an event of one token takes about 300 bytes.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
/// The parser of events copies what is left of a piece for each line in it: in large pieces, short lines would cost
/// time by their square.
const PIECE_BYTES: usize = 1024;
/// How much of a refusal is read, for the debug log.
const MAX_REFUSAL_BYTES: usize = 2 * 1024;

/// A client for this address. Redirects are not followed: they would carry question and key elsewhere.
pub(super) fn client(base: &Url, connect: Duration) -> Result<Client, ModelError> {
    let mut builder = Client::builder()
        .user_agent(concat!("nexus/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(connect);
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    if base.scheme() == "http" {
        // No TLS will be spoken: do not demand that this machine has certificate authorities.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(ModelError::HttpClient)
}

/// Sends once. A success has a bounded body.
pub(super) async fn send(http: &Client, request: Request) -> Result<Response, ChatError> {
    let response = http.execute(request).await.map_err(|error| failed(&error))?;
    if response.status().is_success() {
        let body = Body::wrap_stream(bounded(response.bytes_stream()));
        Ok(http::Response::new(body).into())
    } else {
        Err(refused(response).await)
    }
}

fn failed(error: &reqwest::Error) -> ChatError {
    if error.is_timeout() {
        ChatError::TimedOut("no connection".to_owned())
    } else if error.is_connect() {
        ChatError::Unavailable("it cannot be reached".to_owned())
    } else {
        ChatError::Unavailable("the connection broke off".to_owned())
    }
}

/// Ends with an error at a line or a body that is too long. Comes in small pieces, whatever the network brings at once.
fn bounded<C: AsRef<[u8]>>(
    chunks: impl Stream<Item = Result<C, reqwest::Error>>,
) -> impl Stream<Item = Result<Vec<u8>, io::Error>> {
    let (mut body, mut line) = (0_usize, 0_usize);
    chunks.flat_map(move |chunk| {
        let checked = match &chunk {
            Ok(chunk) => check(chunk.as_ref(), &mut body, &mut line),
            Err(_) => Err("the connection broke off"),
        };
        let pieces = match (chunk, checked) {
            (Ok(chunk), Ok(())) => chunk
                .as_ref()
                .chunks(PIECE_BYTES)
                .map(|piece| Ok(piece.to_vec()))
                .collect(),
            (_, checked) => vec![Err(io::Error::other(checked.err().unwrap_or_default()))],
        };
        stream::iter(pieces)
    })
}

/// Counts what came in.
fn check(bytes: &[u8], body: &mut usize, line: &mut usize) -> Result<(), &'static str> {
    *body = body.saturating_add(bytes.len());
    if *body > MAX_BODY_BYTES {
        return Err("the answer is too long");
    }
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        *line = line.saturating_add(piece.len());
        if *line > MAX_LINE_BYTES {
            return Err("a line is too long");
        }
        if piece.ends_with(b"\n") {
            *line = 0;
        }
    }
    Ok(())
}

async fn refused(mut response: Response) -> ChatError {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let mut body = Vec::new();
    while body.len() < MAX_REFUSAL_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk[..chunk.len().min(MAX_REFUSAL_BYTES - body.len())]);
    }
    // It may repeat what was asked: never above debug.
    tracing::debug!(status = status.as_u16(), body = %String::from_utf8_lossy(&body), "the chat model refused");
    let told = format!("status {}", status.as_u16());
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ChatError::RefusedKey,
        StatusCode::TOO_MANY_REQUESTS => ChatError::RateLimited { retry_after },
        StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_EARLY => {
            ChatError::Unavailable(told)
        }
        status if status.is_server_error() => ChatError::Unavailable(told),
        _ => ChatError::BadRequest(told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn passes(chunks: Vec<Vec<u8>>) -> bool {
        let chunks = futures::stream::iter(chunks.into_iter().map(Ok::<_, reqwest::Error>));
        let passed: Vec<_> = bounded(chunks).collect().await;
        passed.iter().all(Result::is_ok)
    }

    #[tokio::test]
    async fn a_line_is_counted_across_chunks_and_a_body_across_lines() {
        let half = vec![b'x'; MAX_LINE_BYTES / 2];
        assert!(passes(vec![half.clone(), half.clone()]).await);
        assert!(!passes(vec![half.clone(), half.clone(), b"x".to_vec()]).await);
        assert!(passes(vec![half.clone(), b"\n".to_vec(), half.clone(), half]).await);
        let line = vec![b'\n'; MAX_LINE_BYTES];
        assert!(passes(vec![line.clone(); MAX_BODY_BYTES / MAX_LINE_BYTES]).await);
        assert!(!passes(vec![line; MAX_BODY_BYTES / MAX_LINE_BYTES + 1]).await);
    }
}
