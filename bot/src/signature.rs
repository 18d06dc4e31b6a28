//! What is wrong where the backend does not take a request for its signature, and what to do about it.

use nexus_api::ErrorCode;
use nexus_client::ClientError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    #[error(
        "the backend wants every request of this bot to be signed: set NEXUS_BOT_SIGNING_SECRET to the secret that \
         POST /api/v1/bots/{{id}}/signing-secret gives; DELETE there ends it"
    )]
    NoSecret,
    #[error(
        "the backend does not take the signatures of this bot: NEXUS_BOT_SIGNING_SECRET is not the secret that POST \
         /api/v1/bots/{{id}}/signing-secret gave last, or a proxy in between changes what is signed"
    )]
    WrongSecret,
    #[error(
        "requests are signed, and the backend sees no signature: a proxy in between takes the headers X-Nexus-Signature, \
         X-Nexus-Timestamp, X-Nexus-Nonce or X-Nexus-Content-SHA256 away"
    )]
    TakenAway,
    #[error(
        "the clock of this machine and the backend's are more than five minutes apart, so signatures are not taken: set \
         the clocks"
    )]
    Clock,
}

impl Unsigned {
    /// `None` if it is about something else. `signs`: whether the request was signed.
    pub(crate) fn of(error: &ClientError, signs: bool) -> Option<Self> {
        match (error.code()?, error.reason()) {
            (ErrorCode::SignatureRequired, _) if !signs => Some(Self::NoSecret),
            (ErrorCode::SignatureRequired, _) | (ErrorCode::SignatureInvalid, Some("missing")) => {
                Some(Self::TakenAway)
            }
            (ErrorCode::SignatureInvalid, Some("stale")) => Some(Self::Clock),
            (ErrorCode::SignatureInvalid, _) => Some(Self::WrongSecret),
            _ => None,
        }
    }
}
