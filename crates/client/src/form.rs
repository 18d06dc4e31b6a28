//! A form whose last field is a file. All of it but the file's bytes is known before it is sent, so that a signature can cover
//! the whole: the file is read once for its hash, and once more while it goes out.

use std::pin::pin;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, future, stream};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, RequestBuilder};
use sha2::{Digest as _, Sha256};

use crate::error::ClientError;
use crate::signing::BodyHash;

#[derive(Clone, Debug)]
pub(crate) struct FileForm {
    boundary: String,
    /// Up to the file's first byte.
    head: Bytes,
    /// From behind its last byte.
    tail: Bytes,
}

impl FileForm {
    /// These texts, then the field `file` under this name.
    pub(crate) async fn new(
        texts: Vec<(&'static str, String)>,
        file_name: String,
    ) -> Result<Self, ClientError> {
        let file = Part::text("").file_name(file_name);
        let with_text = |form: Form, (name, text)| form.text::<&'static str, String>(name, text);
        let form = texts.into_iter().fold(Form::new(), with_text).part("file", file);
        let boundary = form.boundary().to_owned();
        let pieces: Vec<Bytes> = form
            .into_stream()
            .try_collect()
            .await
            .map_err(ClientError::Setup)?;
        let mut head: Vec<u8> = pieces.into_iter().flatten().collect();
        // Without the line feed at its end, which nobody needs: who reads a form may stop at its last mark, and what comes
        // behind that would be left unread, and so unproven.
        let tail = format!("\r\n--{boundary}--");
        head.truncate(head.len().saturating_sub(tail.len() + "\r\n".len()));
        Ok(Self {
            boundary,
            head: head.into(),
            tail: tail.into(),
        })
    }

    /// The hash of the form with a file of these pieces.
    pub(crate) async fn hash<S, E>(&self, pieces: S) -> Result<BodyHash, E>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let mut seen = Sha256::new_with_prefix(&self.head);
        let mut pieces = pin!(pieces);
        while let Some(piece) = pieces.try_next().await? {
            seen.update(&piece);
        }
        seen.update(&self.tail);
        Ok(seen.into())
    }

    /// The request with the form and a file of these pieces, of this size where it is known.
    pub(crate) fn attach<S, E>(
        self,
        request: RequestBuilder,
        size_bytes: Option<u64>,
        pieces: S,
    ) -> RequestBuilder
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        let content_type = format!("multipart/form-data; boundary={}", self.boundary);
        let request = request.header("content-type", content_type);
        let around = (self.head.len() + self.tail.len()) as u64;
        let request = match size_bytes {
            Some(size) => request.header("content-length", around + size),
            None => request,
        };
        let edge = |bytes: Bytes| stream::once(future::ready(Ok::<_, E>(bytes)));
        request.body(Body::wrap_stream(
            edge(self.head).chain(pieces).chain(edge(self.tail)),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn file() -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
        stream::iter(["first ", "", "second"].map(|piece| Ok(Bytes::from(piece))))
    }

    #[tokio::test]
    async fn a_form_is_written_around_its_file_and_hashed_as_it_is_sent() {
        let texts = vec![("knowledge_base", "Handbuch".to_owned())];
        let form = FileForm::new(texts, "a b\".zip".to_owned()).await.unwrap();
        let boundary = form.boundary.clone();
        let whole = [&form.head[..], b"first second", &form.tail[..]].concat();
        let lines = [
            format!("--{boundary}"),
            "Content-Disposition: form-data; name=\"knowledge_base\"".to_owned(),
            String::new(),
            "Handbuch".to_owned(),
            format!("--{boundary}"),
            "Content-Disposition: form-data; name=\"file\"; filename=\"a b\\\".zip\"".to_owned(),
            String::new(),
            "first second".to_owned(),
            format!("--{boundary}--"),
        ];
        assert_eq!(String::from_utf8(whole.clone()).unwrap(), lines.join("\r\n"));
        let Ok(hash) = form.hash(file()).await;
        assert_eq!(hash, BodyHash::of(&whole));

        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
        let request = http.post("http://127.0.0.1:1/");
        let request = form.attach(request, Some(12), file()).build().unwrap();
        assert_eq!(
            request.headers()["content-length"],
            whole.len().to_string().as_str()
        );
        let marked = format!("multipart/form-data; boundary={boundary}");
        assert_eq!(request.headers()["content-type"], marked.as_str());
    }
}
