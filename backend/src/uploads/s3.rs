//! From settings to a client of an S3-compatible storage.

use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use secrecy::ExposeSecret as _;

use crate::config::UploadsConfig;

/// Time for one request: a part of some megabytes, or the head of an answer.
const REQUEST_TAKES: Duration = Duration::from_secs(60);
/// A storage that is away is told to people soon; a task is tried again as a whole.
const RETRY: RetryConfig = RetryConfig {
    max_retries: 3,
    retry_timeout: Duration::from_secs(10),
    backoff: BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(2),
        base: 2.0,
    },
};

pub(super) fn connect(settings: &UploadsConfig, bucket: &str) -> Result<AmazonS3, object_store::Error> {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(&settings.s3_region)
        .with_access_key_id(&settings.s3_access_key)
        .with_secret_access_key(settings.s3_secret_key.expose_secret())
        // By path, and one object at a time: every compatible storage knows these.
        .with_virtual_hosted_style_request(false)
        .with_disable_bulk_delete(true)
        .with_client_options(ClientOptions::new().with_timeout(REQUEST_TAKES))
        .with_allow_http(settings.s3_allow_http)
        .with_retry(RETRY);
    if !settings.s3_endpoint.is_empty() {
        builder = builder.with_endpoint(settings.s3_endpoint.trim_end_matches('/'));
    }
    builder.build()
}
