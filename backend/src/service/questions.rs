//! Searches and questions: from the names that a caller asks for to the filter that it may use, then `rag`.

use nexus_domain::{Access, KbFilter, KbId};
use nexus_rag::{Answer, AnswerStream, Answering, Mode, Question, Retrieval};

use super::{KnowledgeBases, ServiceError};

#[derive(Clone, Debug)]
pub struct Questions {
    knowledge_bases: KnowledgeBases,
    answering: Answering,
}

/// What was asked. Checked by the boundary: not empty, not too long.
#[derive(Clone, Debug)]
pub struct SearchInput {
    pub text: String,
    /// Names or ids; empty means all that the caller sees.
    pub knowledge_bases: Vec<String>,
    pub mode: Mode,
    pub limit: usize,
    pub distinct_documents: bool,
}

impl Questions {
    pub fn new(knowledge_bases: KnowledgeBases, answering: Answering) -> Self {
        Self {
            knowledge_bases,
            answering,
        }
    }

    pub async fn search(&self, access: &Access, input: SearchInput) -> Result<Retrieval, ServiceError> {
        let question = self.question(access, input).await?;
        Ok(self.answering.retriever.retrieve(&question).await?)
    }

    pub async fn answer(&self, access: &Access, input: SearchInput) -> Result<Answer, ServiceError> {
        let question = self.question(access, input).await?;
        Ok(self.answering.answer(&question).await?)
    }

    /// The answer as it comes about, and the knowledge bases that it is made from. What the caller may not ask is refused
    /// before the stream begins.
    pub async fn stream(
        &self,
        access: &Access,
        input: SearchInput,
    ) -> Result<(AnswerStream, Vec<KbId>), ServiceError> {
        let question = self.question(access, input).await?;
        let asked = question.filter.kbs().collect();
        Ok((self.answering.clone().stream(question), asked))
    }

    async fn question(&self, access: &Access, input: SearchInput) -> Result<Question, ServiceError> {
        let filter: KbFilter = self
            .knowledge_bases
            .resolve(access, &input.knowledge_bases)
            .await?;
        Ok(Question {
            text: input.text,
            filter,
            mode: input.mode,
            limit: input.limit,
            distinct_documents: input.distinct_documents,
        })
    }
}
