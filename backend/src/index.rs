//! The indexes that the settings name, and whether this process has them for itself.

use std::fs::{File, TryLockError};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nexus_domain::VectorStore;
use nexus_storage::DbKind;
use nexus_vectors::{EdgeOptions, EdgeStore, ServerOptions, ServerStore};
use secrecy::ExposeSecret as _;

use crate::config::Config;

/// Where points are kept.
#[derive(Clone, Debug)]
pub enum Index {
    /// In this process.
    Embedded(Arc<EdgeStore>),
    /// On a Qdrant server, for any number of processes.
    Server(Arc<ServerStore>),
}

impl Index {
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        if config.qdrant.url.is_empty() {
            let store = EdgeStore::open(&config.vectors_dir(), EdgeOptions::default()).await;
            return Ok(Self::Embedded(Arc::new(
                store.context("the indexes cannot be opened")?,
            )));
        }
        let options = ServerOptions {
            api_key: Some(config.qdrant.api_key.clone()).filter(|key| !key.expose_secret().is_empty()),
            prefix: config.qdrant.prefix.clone(),
            timeout: Duration::from_secs(config.qdrant.timeout_seconds),
            ..ServerOptions::new(config.qdrant.url.as_str())
        };
        let store = ServerStore::open(options).await;
        let store = store.context("the Qdrant server cannot be used (setting NEXUS_QDRANT_URL)")?;
        Ok(Self::Server(Arc::new(store)))
    }

    pub fn port(&self) -> Arc<dyn VectorStore> {
        match self {
            Self::Embedded(store) => Arc::clone(store) as Arc<dyn VectorStore>,
            Self::Server(store) => Arc::clone(store) as Arc<dyn VectorStore>,
        }
    }

    /// Flushes what this process holds.
    pub async fn close(&self) {
        if let Self::Embedded(store) = self
            && let Err(error) = store.close().await
        {
            tracing::error!(%error, "the indexes could not be closed cleanly");
        }
    }
}

/// Says that no other process uses the installation; another one that starts is refused while this is held.
#[derive(Debug)]
pub struct Alone(#[expect(dead_code, reason = "held, not used")] File);

impl Alone {
    /// `None` where several processes may work side by side: on PostgreSQL and a Qdrant server.
    pub fn ensure(config: &Config, index: &Index, database: DbKind) -> anyhow::Result<Option<Self>> {
        if matches!((index, database), (Index::Server(_), DbKind::Postgres)) {
            return Ok(None);
        }
        let path = config.data_dir.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let file = file.with_context(|| format!("{} cannot be opened", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => bail!(
                "another process uses {}; several processes need PostgreSQL and a Qdrant server",
                config.data_dir.display()
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} cannot be locked", path.display()))
            }
        }
    }
}
