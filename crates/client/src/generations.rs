//! Dense indexes: what they hold, and which one answers.

use nexus_api::{IndexGeneration, IndexGenerations};
use reqwest::Method;

use crate::error::ClientError;
use crate::request::Client;

impl Client {
    pub async fn generations(&self) -> Result<IndexGenerations, ClientError> {
        self.get("/generations", &()).await
    }

    /// Puts questions to this generation from now on.
    pub async fn activate_generation(&self, id: i64) -> Result<IndexGeneration, ClientError> {
        self.change(Method::POST, &format!("/generations/{id}/activate"))
            .await
    }

    /// Drops the vectors of a generation on standby.
    pub async fn empty_generation(&self, id: i64) -> Result<IndexGeneration, ClientError> {
        self.change(Method::DELETE, &format!("/generations/{id}/vectors"))
            .await
    }

    async fn change(&self, method: Method, path: &str) -> Result<IndexGeneration, ClientError> {
        let response = self.send_once(self.request(method, path)).await?;
        self.read(response).await
    }
}
