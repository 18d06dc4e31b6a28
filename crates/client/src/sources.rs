//! Sources that the server fetches.

use nexus_api::{
    IngestGit, IngestWeb, IngestWiki, IssuedSourceWebhook, Page, Source, SourceReport, StartSync,
    SyncAccepted, Task, UpdateSource,
};
use reqwest::Method;
use uuid::Uuid;

use crate::error::ClientError;
use crate::request::Client;

impl Client {
    pub async fn ingest_git(&self, body: &IngestGit) -> Result<SyncAccepted, ClientError> {
        self.create("/ingestion/git", body).await
    }

    pub async fn ingest_web(&self, body: &IngestWeb) -> Result<SyncAccepted, ClientError> {
        self.create("/ingestion/web", body).await
    }

    pub async fn ingest_wiki(&self, body: &IngestWiki) -> Result<SyncAccepted, ClientError> {
        self.create("/ingestion/wiki", body).await
    }

    /// A page of all sources, with what became of them: those that are not fresh, or all.
    pub async fn source_reports(
        &self,
        stale_only: bool,
        cursor: Option<&str>,
    ) -> Result<Page<SourceReport>, ClientError> {
        let stale = Some(("stale", stale_only.to_string()));
        let cursor = cursor.map(|cursor| ("cursor", cursor.to_owned()));
        let query: Vec<_> = stale.into_iter().chain(cursor).collect();
        self.get("/sources", &query).await
    }

    pub async fn source(&self, kb: Uuid, id: Uuid) -> Result<Source, ClientError> {
        self.get(&path(kb, id), &()).await
    }

    pub async fn update_source(
        &self,
        kb: Uuid,
        id: Uuid,
        body: &UpdateSource,
    ) -> Result<Source, ClientError> {
        let request = self.request(Method::PATCH, &path(kb, id)).json(body);
        let response = self.send_once(request).await?;
        self.read(response).await
    }

    pub async fn delete_source(&self, kb: Uuid, id: Uuid) -> Result<(), ClientError> {
        self.send_empty(Method::DELETE, &path(kb, id)).await
    }

    /// Asked again, a sync that waits is the same one.
    pub async fn sync_source(
        &self,
        kb: Uuid,
        id: Uuid,
        body: StartSync,
    ) -> Result<SyncAccepted, ClientError> {
        let request = self.request(Method::POST, &format!("{}/sync", path(kb, id)));
        let response = self.send_once(request.json(&body)).await?;
        self.read(response).await
    }

    pub async fn issue_source_webhook(&self, kb: Uuid, id: Uuid) -> Result<IssuedSourceWebhook, ClientError> {
        let request = self.request(Method::POST, &format!("{}/webhook", path(kb, id)));
        let response = self.send_once(request).await?;
        self.read(response).await
    }

    /// A new task for the files that this one could not read.
    pub async fn retry_task(&self, id: Uuid) -> Result<Task, ClientError> {
        let request = self.request(Method::POST, &format!("/ingestion/tasks/{id}/retry"));
        let response = self.send_once(request).await?;
        self.read(response).await
    }
}

fn path(kb: Uuid, source: Uuid) -> String {
    format!("/knowledge-bases/{kb}/sources/{source}")
}
