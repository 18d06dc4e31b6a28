//! Calls to the server: what to do when one fails.

use std::time::{Duration, Instant};

use nexus_domain::VectorError;
use qdrant_client::config::QdrantConfig;
use qdrant_client::{Qdrant, QdrantError};
use secrecy::ExposeSecret as _;
use tonic::Code;

use super::options::ServerOptions;

/// First wait before a call is repeated; doubled each time.
const WAIT_FIRST: Duration = Duration::from_millis(50);
/// Longest wait between two tries.
const WAIT_LONGEST: Duration = Duration::from_secs(2);
/// Connections that calls are spread over.
const CONNECTIONS: usize = 3;

/// How a failed call is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The server, or the way to it, is away: the call may be repeated.
    Away,
    /// What the call is about does not exist.
    Missing,
    /// It exists already.
    Exists,
    /// The server refused or broke.
    Failed,
}

/// How long a call is tried.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    Read,
    Write,
}

#[derive(Clone)]
pub(super) struct Connection {
    client: Qdrant,
    options: ServerOptions,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Nothing is sent yet.
    pub(super) fn new(options: ServerOptions) -> Result<Self, VectorError> {
        let config = QdrantConfig {
            timeout: options.timeout,
            connect_timeout: options.connect_timeout,
            api_key: options.api_key.as_ref().map(|key| key.expose_secret().to_owned()),
            // It would print to standard output; the version is looked at when the store is opened.
            check_compatibility: false,
            pool_size: CONNECTIONS,
            ..QdrantConfig::from_url(&options.url)
        };
        let client = Qdrant::new(config).map_err(|error| fail("connecting", &error))?;
        Ok(Self { client, options })
    }

    pub(super) fn options(&self) -> &ServerOptions {
        &self.options
    }

    /// Makes a call, again and again while the server is away and patience lasts.
    pub(super) async fn call<Q, T, F>(
        &self,
        what: &str,
        patience: Patience,
        request: &Q,
        call: impl Fn(Qdrant, Q) -> F,
    ) -> Result<T, VectorError>
    where
        Q: Clone,
        F: Future<Output = Result<T, QdrantError>>,
    {
        self.attempt(patience, request, call)
            .await
            .map_err(|error| fail(what, &error))
    }

    /// The same; the caller looks at the error.
    pub(super) async fn attempt<Q, T, F>(
        &self,
        patience: Patience,
        request: &Q,
        call: impl Fn(Qdrant, Q) -> F,
    ) -> Result<T, QdrantError>
    where
        Q: Clone,
        F: Future<Output = Result<T, QdrantError>>,
    {
        let patience = match patience {
            Patience::Read => self.options.read_patience,
            Patience::Write => self.options.write_patience,
        };
        let started = Instant::now();
        let mut wait = WAIT_FIRST;
        loop {
            match call(self.client.clone(), request.clone()).await {
                Err(error) if kind(&error) == Kind::Away && started.elapsed() + wait < patience => {
                    tracing::debug!(%error, ?wait, "the Qdrant server is away; trying again");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(WAIT_LONGEST);
                }
                result => return result,
            }
        }
    }
}

pub(super) fn kind(error: &QdrantError) -> Kind {
    let status = match error {
        QdrantError::ResourceExhaustedError { .. } | QdrantError::Io(_) => return Kind::Away,
        QdrantError::ResponseError { status } => status,
        _ => return Kind::Failed,
    };
    match status.code() {
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Cancelled
        | Code::Aborted
        | Code::Unknown
        | Code::ResourceExhausted => Kind::Away,
        Code::NotFound => Kind::Missing,
        Code::AlreadyExists => Kind::Exists,
        // The client reports a server that takes no connection as its own internal error, and the server one that it
        // knows already as a wrong argument.
        Code::Internal if status.message().starts_with("Failed to connect") => Kind::Away,
        Code::InvalidArgument if status.message().contains("already exists") => Kind::Exists,
        _ => Kind::Failed,
    }
}

/// The error of the port. Messages of the server hold no secret; the metadata of a response does not belong to them.
pub(super) fn fail(what: &str, error: &QdrantError) -> VectorError {
    let text = match error {
        QdrantError::ResponseError { status } | QdrantError::ResourceExhaustedError { status, .. } => {
            format!("{what}: {:?}: {}", status.code(), status.message())
        }
        other => format!("{what}: {other}"),
    };
    match kind(error) {
        Kind::Away => VectorError::Unavailable(text),
        Kind::Missing | Kind::Exists | Kind::Failed => VectorError::Failed(text),
    }
}
