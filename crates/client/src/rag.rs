//! Searches and questions.

use std::time::Duration;

use nexus_api::{Answer, QueryRequest, SearchRequest, SearchResponse};

use crate::error::ClientError;
use crate::request::{Client, TIMEOUT};

/// Time for an answer, which a chat model may write. Longer than a server with default settings takes at most.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

impl Client {
    pub async fn search(&self, body: &SearchRequest) -> Result<SearchResponse, ClientError> {
        self.ask("/rag/search", body, TIMEOUT).await
    }

    pub async fn ask_question(&self, body: &QueryRequest) -> Result<Answer, ClientError> {
        self.ask("/rag/query", body, ANSWER_TIMEOUT).await
    }
}
