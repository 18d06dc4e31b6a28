//! The place of uploads: read from one URL, with credentials beside it.

use std::path::PathBuf;

use secrecy::ExposeSecret as _;
use url::Url;

use super::{Config, ConfigError, UploadsConfig};

/// Most bytes of a prefix inside a bucket; a key may have 1,024.
const MAX_PREFIX_BYTES: usize = 512;

/// Where uploads lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadsPlace {
    /// In the data folder of this process.
    DataFolder(PathBuf),
    /// In a folder that every process of the installation sees under this path.
    SharedFolder(PathBuf),
    Bucket {
        name: String,
        prefix: String,
    },
}

impl UploadsPlace {
    /// Whether the setting says that other processes see what this one writes.
    pub fn is_shared(&self) -> bool {
        !matches!(self, Self::DataFolder(_))
    }
}

impl Config {
    pub fn uploads_place(&self) -> Result<UploadsPlace, ConfigError> {
        let place = self.uploads.place()?;
        Ok(place.unwrap_or_else(|| UploadsPlace::DataFolder(self.data_dir.join("uploads"))))
    }
}

impl UploadsConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if !matches!(self.place()?, Some(UploadsPlace::Bucket { .. })) {
            return Ok(());
        }
        let missing = |setting| {
            Err(ConfigError::invalid(
                setting,
                "uploads.url is s3://…, so this is needed",
            ))
        };
        if self.s3_access_key.is_empty() {
            return missing("uploads.s3_access_key");
        }
        if self.s3_secret_key.expose_secret().is_empty() {
            return missing("uploads.s3_secret_key");
        }
        if self.s3_region.is_empty() {
            return missing("uploads.s3_region");
        }
        if self.s3_endpoint.is_empty() {
            return Ok(());
        }
        let endpoint = Url::parse(&self.s3_endpoint).ok().filter(Url::has_host);
        match endpoint.as_ref().map(Url::scheme) {
            Some("https") => Ok(()),
            Some("http") if self.s3_allow_http => Ok(()),
            Some("http") => Err(ConfigError::invalid(
                "uploads.s3_endpoint",
                "plain http needs uploads.s3_allow_http = true: whoever is on the way reads the uploads",
            )),
            _ => Err(ConfigError::invalid(
                "uploads.s3_endpoint",
                "use https://HOST[:PORT]",
            )),
        }
    }

    /// `None` where the data folder is meant.
    fn place(&self) -> Result<Option<UploadsPlace>, ConfigError> {
        if self.url.is_empty() {
            return Ok(None);
        }
        let invalid = |reason: &str| ConfigError::invalid("uploads.url", reason);
        let usage = "use file:///ABSOLUTE/FOLDER or s3://BUCKET/PREFIX";
        let url = Url::parse(&self.url).map_err(|_| invalid(usage))?;
        match url.scheme() {
            "file" => {
                let folder = url.to_file_path().map_err(|()| invalid(usage))?;
                Ok(Some(UploadsPlace::SharedFolder(folder)))
            }
            "s3" => {
                let name = url.host_str().filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| invalid(usage))?.to_owned();
                let prefix = url.path().trim_matches('/').to_owned();
                let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
                let is_plain =
                    prefix.chars().all(plain) && !prefix.split('/').any(|part| matches!(part, "." | ".."));
                if !is_plain || prefix.contains("//") || prefix.len() > MAX_PREFIX_BYTES {
                    return Err(invalid("a prefix is made of letters, digits, -, _, . and /"));
                }
                if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
                    return Err(invalid(
                        "credentials stand in uploads.s3_access_key and uploads.s3_secret_key",
                    ));
                }
                Ok(Some(UploadsPlace::Bucket { name, prefix }))
            }
            _ => Err(invalid(usage)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<UploadsPlace, String> {
        let environment: BTreeMap<String, String> = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Config::from_layers(None, &environment)
            .and_then(|config| config.uploads_place())
            .map_err(|error| error.to_string())
    }

    const BUCKET: (&str, &str) = ("NEXUS_UPLOADS_URL", "s3://nexus/of/ours");
    const ACCESS: (&str, &str) = ("NEXUS_UPLOADS_S3_ACCESS_KEY", "me");
    const SECRET: (&str, &str) = ("NEXUS_UPLOADS_S3_SECRET_KEY", "mine-alone");

    #[test]
    fn uploads_lie_in_the_data_folder_a_shared_one_or_a_bucket() {
        let own = load(&[("NEXUS_DATA_DIR", "/d")]).unwrap();
        assert_eq!(own, UploadsPlace::DataFolder("/d/uploads".into()));
        assert!(!own.is_shared());
        let shared = load(&[("NEXUS_UPLOADS_URL", "file:///srv/up%20loads")]).unwrap();
        assert_eq!(shared, UploadsPlace::SharedFolder("/srv/up loads".into()));
        let bucket = load(&[BUCKET, ACCESS, SECRET]).unwrap();
        let (name, prefix) = ("nexus".to_owned(), "of/ours".to_owned());
        assert_eq!(bucket, UploadsPlace::Bucket { name, prefix });
    }

    #[test]
    fn a_bucket_without_credentials_or_over_plain_http_is_refused_by_name() {
        assert!(
            load(&[BUCKET])
                .unwrap_err()
                .contains("NEXUS_UPLOADS_S3_ACCESS_KEY")
        );
        assert!(
            load(&[BUCKET, ACCESS])
                .unwrap_err()
                .contains("NEXUS_UPLOADS_S3_SECRET_KEY")
        );
        let plain = ("NEXUS_UPLOADS_S3_ENDPOINT", "http://minio:9000");
        let error = load(&[BUCKET, ACCESS, SECRET, plain]).unwrap_err();
        assert!(
            error.contains("NEXUS_UPLOADS_S3_ENDPOINT") && !error.contains("mine-alone"),
            "{error}"
        );
        load(&[
            BUCKET,
            ACCESS,
            SECRET,
            plain,
            ("NEXUS_UPLOADS_S3_ALLOW_HTTP", "true"),
        ])
        .unwrap();
    }

    #[test]
    fn a_place_that_cannot_be_one_is_refused() {
        for url in [
            "uploads",
            "ftp://x/y",
            "s3://",
            "s3://b/../c?x=1",
            "s3://k:s@b/p",
            "s3://b/a b",
        ] {
            let error = load(&[("NEXUS_UPLOADS_URL", url), ACCESS, SECRET]).unwrap_err();
            assert!(error.contains("NEXUS_UPLOADS_URL"), "{url}: {error}");
        }
    }
}
