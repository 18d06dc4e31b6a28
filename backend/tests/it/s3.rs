//! A simulated S3: what a bucket keeps, behind the HTTP that the real client speaks. It can be away.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub const BUCKET: &str = "nexus";
pub const ACCESS_KEY: &str = "tester";
pub const SECRET_KEY: &str = "a-secret-for-tests-only";
/// Least size of a part but the last.
const MIN_PART: usize = 5 * 1024 * 1024;
/// Entries of one page of a listing: few, so that pages are turned.
const PAGE: usize = 2;
/// Times of objects: one that is never idle, and one that has been for years.
const FRESH: (&str, &str) = ("2999-01-01T00:00:00.000Z", "Tue, 01 Jan 2999 00:00:00 GMT");
const OLD: (&str, &str) = ("2020-01-01T00:00:00.000Z", "Wed, 01 Jan 2020 00:00:00 GMT");

#[derive(Debug, Default)]
pub struct Contents {
    pub objects: BTreeMap<String, Vec<u8>>,
    /// Multipart uploads that were begun and neither completed nor aborted.
    pub multiparts: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    /// Everything was written long ago.
    pub is_old: bool,
    /// Answers nothing but 503.
    pub is_away: bool,
    /// Objects can be written and not read.
    pub refuses_reads: bool,
    /// Largest body that was sent.
    pub largest_body: usize,
    begun: u32,
}

#[derive(Debug, Default)]
struct Shared {
    contents: Mutex<Contents>,
    changed: Notify,
}

/// A running bucket. Dropped, it ends.
#[derive(Debug)]
pub struct SimulatedS3 {
    shared: Arc<Shared>,
    url: String,
    serving: JoinHandle<()>,
}

impl Drop for SimulatedS3 {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl SimulatedS3 {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::<Shared>::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, url, serving }
    }

    /// What makes Nexus keep its uploads here.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("NEXUS_UPLOADS_URL", format!("s3://{BUCKET}/of/tests")),
            ("NEXUS_UPLOADS_S3_ENDPOINT", self.url.clone()),
            ("NEXUS_UPLOADS_S3_ACCESS_KEY", ACCESS_KEY.to_owned()),
            ("NEXUS_UPLOADS_S3_SECRET_KEY", SECRET_KEY.to_owned()),
            ("NEXUS_UPLOADS_S3_ALLOW_HTTP", "true".to_owned()),
        ]
    }

    pub fn contents(&self) -> MutexGuard<'_, Contents> {
        self.shared.contents.lock().unwrap()
    }

    /// Waits until the bucket is as wanted.
    pub async fn until(&self, wanted: impl Fn(&Contents) -> bool) {
        loop {
            let changed = self.shared.changed.notified();
            if wanted(&self.contents()) {
                return;
            }
            changed.await;
        }
    }

    pub async fn until_empty(&self) {
        self.until(|bucket| bucket.objects.is_empty() && bucket.multiparts.is_empty())
            .await;
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    // A sender that goes away in the middle leaves nothing.
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let query: HashMap<String, String> =
        url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let path = head.uri.path().trim_start_matches('/');
    let key = path
        .strip_prefix(BUCKET)
        .map(|key| key.trim_start_matches('/').to_owned());
    let answer = {
        let mut bucket = shared.contents.lock().unwrap();
        bucket.largest_body = bucket.largest_body.max(body.len());
        match key {
            _ if bucket.is_away => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            _ if !is_signed(&head.headers) => StatusCode::FORBIDDEN.into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
            Some(key) => bucket.answer(&head.method, key, &query, &head.headers, body.to_vec()),
        }
    };
    shared.changed.notify_waiters();
    answer
}

fn is_signed(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.starts_with(&format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/")))
}

impl Contents {
    fn answer(
        &mut self,
        method: &Method,
        key: String,
        query: &HashMap<String, String>,
        headers: &HeaderMap,
        body: Vec<u8>,
    ) -> Response {
        let upload = query.get("uploadId").cloned();
        match (method.as_str(), upload) {
            ("POST", None) if query.contains_key("uploads") => {
                self.begun += 1;
                let id = format!("multipart-{}", self.begun);
                self.multiparts.insert(id.clone(), BTreeMap::new());
                let xml = format!(
                    "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                );
                xml.into_response()
            }
            ("PUT", Some(id)) => {
                let number: u32 = query["partNumber"].parse().unwrap();
                match self.multiparts.get_mut(&id) {
                    Some(parts) => {
                        parts.insert(number, body);
                        [(header::ETAG, format!("\"part-{number}\""))].into_response()
                    }
                    None => no_such("NoSuchUpload"),
                }
            }
            ("POST", Some(id)) => self.complete(&id, key, &String::from_utf8(body).unwrap()),
            ("DELETE", Some(id)) => match self.multiparts.remove(&id) {
                Some(_) => StatusCode::NO_CONTENT.into_response(),
                None => no_such("NoSuchUpload"),
            },
            ("PUT", None) => {
                self.objects.insert(key, body);
                [(header::ETAG, "\"whole\"")].into_response()
            }
            ("DELETE", None) => {
                self.objects.remove(&key);
                StatusCode::NO_CONTENT.into_response()
            }
            ("GET", None) if key.is_empty() => self.list(query),
            ("GET", None) if self.refuses_reads => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            ("GET", None) => self.get(&key, headers),
            _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        }
    }

    fn complete(&mut self, id: &str, key: String, named: &str) -> Response {
        let Some(parts) = self.multiparts.get(id) else {
            return no_such("NoSuchUpload");
        };
        let all_named = parts
            .keys()
            .all(|number| named.contains(&format!("<PartNumber>{number}</PartNumber>")));
        let too_small = parts.values().rev().skip(1).any(|part| part.len() < MIN_PART);
        if !all_named || too_small {
            return StatusCode::BAD_REQUEST.into_response();
        }
        let parts = self.multiparts.remove(id).unwrap();
        self.objects.insert(key, parts.into_values().flatten().collect());
        "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>"
            .into_response()
    }

    fn times(&self) -> (&'static str, &'static str) {
        if self.is_old { OLD } else { FRESH }
    }

    fn get(&self, key: &str, headers: &HeaderMap) -> Response {
        let Some(bytes) = self.objects.get(key) else {
            return no_such("NoSuchKey");
        };
        let common = [
            (header::ETAG, "\"whole\""),
            (header::LAST_MODIFIED, self.times().1),
        ];
        let range = headers.get(header::RANGE).map(|range| range.to_str().unwrap());
        let Some(range) = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) else {
            return (common, bytes.clone()).into_response();
        };
        let (first, last): (usize, usize) = (range.0.parse().unwrap(), range.1.parse().unwrap());
        let last = last.min(bytes.len().saturating_sub(1));
        if first > last {
            return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
        }
        let about = format!("bytes {first}-{last}/{}", bytes.len());
        let part = Body::from(bytes[first..=last].to_vec());
        (
            StatusCode::PARTIAL_CONTENT,
            common,
            [(header::CONTENT_RANGE, about)],
            part,
        )
            .into_response()
    }

    fn list(&self, query: &HashMap<String, String>) -> Response {
        let prefix = query.get("prefix").map_or("", String::as_str);
        let after = query.get("continuation-token").map_or("", String::as_str);
        let mut found = self
            .objects
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after);
        let page: Vec<_> = found.by_ref().take(PAGE).collect();
        let mut xml = "<ListBucketResult>".to_owned();
        for (key, bytes) in &page {
            let (size, written) = (bytes.len(), self.times().0);
            write!(xml, "<Contents><Key>{key}</Key><Size>{size}</Size><LastModified>{written}</LastModified><ETag>\"whole\"</ETag></Contents>").unwrap();
        }
        if let (Some((last, _)), Some(_)) = (page.last(), found.next()) {
            write!(xml, "<NextContinuationToken>{last}</NextContinuationToken>").unwrap();
        }
        xml.push_str("</ListBucketResult>");
        xml.into_response()
    }
}

fn no_such(code: &str) -> Response {
    (
        StatusCode::NOT_FOUND,
        format!("<Error><Code>{code}</Code></Error>"),
    )
        .into_response()
}
