//! `serve`, `api`, `worker`, `migrate` and `openapi`.

use anyhow::Context as _;
use nexus_telemetry::Traces;
use secrecy::ExposeSecret as _;
use tokio_util::sync::CancellationToken;

use crate::app::{Services, connect};
use crate::config::Config;
use crate::role::ProcessRole;
use crate::serve::Server;

pub async fn serve(config: Config, role: ProcessRole) -> anyhow::Result<()> {
    let traces = match config.otlp.export()? {
        Some(export) => Some(Traces::start(&export, "nexus", role.as_str())?),
        None => None,
    };
    crate::log::start_with(&config.log, traces.as_ref())?;
    let served = serve_until_stopped(&config, role).await;
    if let Some(traces) = traces {
        traces.stop().await;
    }
    served
}

async fn serve_until_stopped(config: &Config, role: ProcessRole) -> anyhow::Result<()> {
    let stop = stop_on_signal()?;
    let services = Services::start_as(role, config).await?;
    announce(config, &services);
    let server = Server::bind(config, services).await?;
    server.run(stop).await
}

/// The key that the first start has made is shown here and never again.
pub fn announce(config: &Config, services: &Services) {
    if let Some(key) = &services.issued_key {
        println!("API key (shown once): {}", key.0.expose_secret());
        println!(
            "It is kept in {}, readable by you only.",
            config.admin_key_file().display()
        );
    }
}

pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    let db = connect(config).await?;
    db.migrate().await.context("the database could not be migrated")?;
    db.close().await;
    println!("The database is up to date.");
    Ok(())
}

pub fn print_openapi(config: &Config) -> anyhow::Result<()> {
    println!("{}", crate::http::openapi(config).to_pretty_json()?);
    Ok(())
}

/// Cancelled at the first interrupt or termination signal; at the second one the process ends at once.
pub fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let token = stop.clone();
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("signals cannot be listened to")?;
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            if first {
                token.cancel();
            } else {
                std::process::exit(130);
            }
        }
    });
    Ok(stop)
}
