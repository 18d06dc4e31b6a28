//! How a simulated Telegram is set up.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::limits::Limits;
use crate::trouble::Trouble;

/// Defaults are Telegram's, without trouble, on a free port of this machine.
#[derive(Clone, Debug)]
pub struct Options {
    pub listen: SocketAddr,
    /// Serve HTTPS with a certificate of the test authority.
    pub tls: bool,
    pub limits: Limits,
    pub trouble: Trouble,
    /// Bytes that a bot may download.
    pub download_limit: u64,
    /// How long a press of a button can be answered.
    pub callback_lifetime: Duration,
    /// The first wait before a webhook is called again; the waits double up to [`Self::MAX_WEBHOOK_WAIT`].
    pub webhook_backoff: Duration,
}

impl Options {
    pub const MAX_WEBHOOK_WAIT: Duration = Duration::from_secs(2);
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: false,
            limits: Limits::default(),
            trouble: Trouble::none(),
            download_limit: 20 << 20,
            callback_lifetime: Duration::from_secs(15),
            webhook_backoff: Duration::from_millis(50),
        }
    }
}
