//! Searches and questions.

use nexus_api::{Answer, QueryRequest, SearchRequest, SearchResponse};

use crate::error::ClientError;
use crate::request::Client;

impl Client {
    pub async fn search(&self, body: &SearchRequest) -> Result<SearchResponse, ClientError> {
        self.ask("/rag/search", body).await
    }

    pub async fn ask_question(&self, body: &QueryRequest) -> Result<Answer, ClientError> {
        self.ask("/rag/query", body).await
    }
}
