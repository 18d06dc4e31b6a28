//! Knowledge bases, their documents and the server's health.

use nexus_api::{
    CreateKnowledgeBase, Document, ErrorCode, Health, KbQuality, KnowledgeBase, Page, Readiness, Source,
    UpdateKnowledgeBase,
};
use reqwest::Method;
use uuid::Uuid;

use crate::error::ClientError;
use crate::request::Client;

impl Client {
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.get("/health", &()).await
    }

    pub async fn readiness(&self) -> Result<Readiness, ClientError> {
        self.get("/health/ready", &()).await
    }

    pub async fn knowledge_bases(&self, cursor: Option<&str>) -> Result<Page<KnowledgeBase>, ClientError> {
        self.get("/knowledge-bases", &[("cursor", cursor)]).await
    }

    pub async fn knowledge_base(&self, id: Uuid) -> Result<KnowledgeBase, ClientError> {
        self.get(&format!("/knowledge-bases/{id}"), &()).await
    }

    /// From where on it answers, and what that was measured to cost.
    pub async fn quality(&self, id: Uuid) -> Result<KbQuality, ClientError> {
        self.get(&format!("/knowledge-bases/{id}/quality"), &()).await
    }

    pub async fn find_knowledge_base(&self, name: &str) -> Result<Option<KnowledgeBase>, ClientError> {
        let page: Page<KnowledgeBase> = self.get("/knowledge-bases", &[("name", name)]).await?;
        Ok(page.items.into_iter().next())
    }

    pub async fn create_knowledge_base(
        &self,
        body: &CreateKnowledgeBase,
    ) -> Result<KnowledgeBase, ClientError> {
        self.create("/knowledge-bases", body).await
    }

    /// The knowledge base of that name; made if there is none.
    pub async fn find_or_create_knowledge_base(&self, name: &str) -> Result<KnowledgeBase, ClientError> {
        if let Some(found) = self.find_knowledge_base(name).await? {
            return Ok(found);
        }
        let body = CreateKnowledgeBase {
            name: name.to_owned(),
            description: String::new(),
            ..CreateKnowledgeBase::default()
        };
        match self.create_knowledge_base(&body).await {
            Err(error) if error.code() == Some(ErrorCode::AlreadyExists) => {
                self.find_knowledge_base(name).await?.ok_or(error)
            }
            made => made,
        }
    }

    pub async fn update_knowledge_base(
        &self,
        id: Uuid,
        body: &UpdateKnowledgeBase,
    ) -> Result<KnowledgeBase, ClientError> {
        let request = self
            .request(Method::PATCH, &format!("/knowledge-bases/{id}"))
            .json(body);
        let response = self.send_once(request).await?;
        self.read(response).await
    }

    pub async fn delete_knowledge_base(&self, id: Uuid) -> Result<(), ClientError> {
        self.send_empty(Method::DELETE, &format!("/knowledge-bases/{id}"))
            .await
    }

    pub async fn documents(&self, kb: Uuid, cursor: Option<&str>) -> Result<Page<Document>, ClientError> {
        self.get(&format!("/knowledge-bases/{kb}/documents"), &[("cursor", cursor)])
            .await
    }

    pub async fn sources(&self, kb: Uuid) -> Result<Page<Source>, ClientError> {
        self.get(&format!("/knowledge-bases/{kb}/sources"), &()).await
    }

    pub async fn document(&self, id: Uuid) -> Result<Document, ClientError> {
        self.get(&format!("/documents/{id}"), &()).await
    }

    /// The document's text; blank lines outside of passages are kept.
    pub async fn document_text(&self, id: Uuid) -> Result<String, ClientError> {
        let response = self
            .send_once(self.request(Method::GET, &format!("/documents/{id}/text")))
            .await?;
        response.text().await.map_err(|source| self.unreachable(source))
    }

    pub async fn delete_document(&self, id: Uuid) -> Result<(), ClientError> {
        self.send_empty(Method::DELETE, &format!("/documents/{id}")).await
    }
}
