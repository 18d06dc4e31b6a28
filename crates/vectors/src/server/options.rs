//! What an operator may want to change about the connection to a server.

use std::time::Duration;

use secrecy::SecretString;

#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// `http://host:6334`, or `https://…` for TLS: the gRPC port.
    pub url: String,
    pub api_key: Option<SecretString>,
    /// Put before the names of collections: letters, digits, `-` and `_`.
    pub prefix: String,
    /// How long one call may take.
    pub timeout: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a search is tried again before its caller hears that the server is away.
    pub read_patience: Duration,
    /// The same for writes, which belong to tasks and can wait longer.
    pub write_patience: Duration,
}

impl ServerOptions {
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            api_key: None,
            prefix: "nexus-".to_owned(),
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            read_patience: Duration::from_secs(1),
            write_patience: Duration::from_secs(10),
        }
    }
}
