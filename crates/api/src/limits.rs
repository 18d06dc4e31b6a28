//! Bounds of the contract that no setting moves.

/// Longest question or search query, in characters.
pub const MAX_QUERY_CHARS: usize = 4_000;
/// Most questions that a request tells were asked before its own.
pub const MAX_HISTORY: usize = 8;
/// Most knowledge bases in one question.
pub const MAX_KNOWLEDGE_BASES: usize = 100;
/// Most passages of one search.
pub const MAX_PASSAGES: u32 = 200;
/// Passages of a search that does not say how many.
pub const DEFAULT_PASSAGES: u32 = 10;
/// Most items of one page of a list.
pub const MAX_PAGE: u32 = 200;
/// Items of a page that does not say how many.
pub const DEFAULT_PAGE: u32 = 50;
/// Largest JSON body, in bytes.
pub const MAX_JSON_BYTES: usize = 256 * 1024;
/// Largest body of a webhook that carries a document, in bytes.
pub const MAX_WEBHOOK_BYTES: usize = 1024 * 1024;
/// Longest file or source name, in characters.
pub const MAX_FILE_NAME_CHARS: usize = 255;
/// Longest `Idempotency-Key`, in characters.
pub const MAX_IDEMPOTENCY_KEY_CHARS: usize = 128;
/// Most updates of one batch.
pub const MAX_UPDATES: usize = 100;
/// Longest text of an update or of an admin's message, in characters.
pub const MAX_MESSAGE_CHARS: usize = 4_096;
/// Most people of one request for notifications.
pub const MAX_NOTIFIED: usize = 1_000;
/// Most parts of one message.
pub const MAX_PARTS: u32 = 100;
/// Longest wait for something to deliver, in seconds.
pub const MAX_WAIT_SECONDS: u32 = 50;
/// Most deliveries that are handed out at once.
pub const MAX_DELIVERIES: u32 = 100;
/// Most deliveries that one process works on at the same time.
pub const MAX_WORKING_ON: usize = 1_000;
