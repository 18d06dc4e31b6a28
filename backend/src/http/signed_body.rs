//! The body of a signed request, compared with what was signed while it is read. Its end is withheld until the whole was
//! compared, so nothing of another body takes effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use futures::{Stream, StreamExt as _, stream};
use nexus_auth::signed_request::{BodyCheck, BodyMismatch};

use super::error::ApiError;
use crate::service::Refusal;

/// Bytes of the end that are withheld at least. A reader of a form stops at the form's last mark, and the line feed behind it
/// may come by itself: were the mark handed out before, the form would be read and its body not proven.
const WITHHELD: usize = 4;

type Piece = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Whether the body is the one that was signed; a body that needs no signature is.
#[derive(Clone, Debug, Default)]
pub struct BodyProof(Option<Arc<AtomicBool>>);

impl BodyProof {
    /// For handlers that may stop reading before the body's end.
    pub fn require(&self) -> Result<(), ApiError> {
        match &self.0 {
            Some(proven) if !proven.load(Ordering::Acquire) => Err(Refusal::Body.into()),
            _ => Ok(()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for BodyProof {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Puts the comparison around the request's body.
pub fn check(request: &mut Request, check: BodyCheck) {
    let proven = Arc::new(AtomicBool::new(false));
    let body = std::mem::take(request.body_mut()).into_data_stream();
    let pieces = body.map(|piece| piece.map_err(Into::into));
    *request.body_mut() = Body::from_stream(compared(pieces, check, Arc::clone(&proven)));
    request.extensions_mut().insert(BodyProof(Some(proven)));
}

struct Reading<S> {
    pieces: S,
    check: BodyCheck,
    held: Option<Bytes>,
    proven: Arc<AtomicBool>,
}

impl<S> Reading<S> {
    /// Withholds a piece, and gives what was withheld before as far as that may be handed out.
    fn hold(&mut self, piece: Bytes) -> Option<Bytes> {
        let mut before = self.held.take().unwrap_or_default();
        let end = if piece.len() < WITHHELD {
            let end = before.split_off(before.len().saturating_sub(WITHHELD));
            Bytes::from([&end[..], &piece[..]].concat())
        } else {
            piece
        };
        self.held = Some(end);
        (!before.is_empty()).then_some(before)
    }
}

fn compared(
    pieces: impl Stream<Item = Piece> + Send + Unpin + 'static,
    check: BodyCheck,
    proven: Arc<AtomicBool>,
) -> impl Stream<Item = Piece> + Send {
    let reading = Reading {
        pieces,
        check,
        held: None,
        proven,
    };
    stream::unfold(Some(reading), async |reading| {
        let mut reading = reading?;
        loop {
            match reading.pieces.next().await {
                Some(Ok(piece)) => {
                    reading.check.update(&piece);
                    if let Some(before) = reading.hold(piece) {
                        return Some((Ok(before), Some(reading)));
                    }
                }
                Some(Err(error)) => return Some((Err(error), None)),
                None => {
                    return match reading.check.finish() {
                        Ok(()) => {
                            reading.proven.store(true, Ordering::Release);
                            Some((Ok(reading.held.unwrap_or_default()), None))
                        }
                        Err(mismatch) => Some((Err(mismatch.into()), None)),
                    };
                }
            }
        }
    })
}

/// Whether this is why a body could not be read.
pub fn is_mismatch(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(<dyn std::error::Error>::is::<BodyMismatch>)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt as _;
    use futures::channel::mpsc;
    use nexus_auth::signed_request::{Presented, Target, sign, verify};

    use super::*;

    fn signed(body: &[u8]) -> BodyCheck {
        let target = Target {
            method: "POST",
            path_and_query: "/",
        };
        let secret = "a secret".to_owned().into();
        let signed = sign(&target, body, "0123456789abcdef", 0, &secret).unwrap();
        let presented = Presented {
            timestamp: Some(&signed.timestamp),
            nonce: Some(&signed.nonce),
            content_sha256: Some(&signed.content_sha256),
            signature: Some(&signed.signature),
        };
        verify(&target, &presented, &secret, 0).unwrap().body
    }

    #[tokio::test]
    async fn the_last_mark_of_a_form_waits_for_what_comes_behind_it() {
        let (sender, pieces) = mpsc::unbounded::<Piece>();
        let proven = Arc::new(AtomicBool::new(false));
        let body = compared(pieces, signed(b"the form--\r\n"), Arc::clone(&proven));
        let mut body = pin!(body);
        for piece in ["the ", "form--", "\r", "\n"] {
            sender.unbounded_send(Ok(piece.into())).unwrap();
        }
        let mut seen = Vec::new();
        while let Some(piece) = body.next().now_or_never() {
            seen.extend(piece.unwrap().unwrap());
        }
        assert_eq!(
            (&seen[..], proven.load(Ordering::Acquire)),
            (&b"the for"[..], false)
        );
        drop(sender);
        while let Some(piece) = body.next().await {
            seen.extend(piece.unwrap());
        }
        assert_eq!(
            (&seen[..], proven.load(Ordering::Acquire)),
            (&b"the form--\r\n"[..], true)
        );
    }
}
