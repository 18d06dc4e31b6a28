//! `nexus-bot`: a bot's binary.

use std::process::ExitCode;

use clap::Parser;
use nexus_bot::config::Config;
use nexus_bot::{log, run};
use nexus_telemetry::Traces;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Serves one Telegram bot: passes on what people say to a Nexus backend, and the backend's answers to them.
///
/// Settings come from the environment and from the file `.env`. NEXUS_BOT_TOKEN, NEXUS_BOT_SERVICE_TOKEN and
/// NEXUS_BACKEND_URL are needed; .env.example and docs/OPERATIONS.md tell the rest.
#[derive(Debug, Parser)]
#[command(name = "nexus-bot", version)]
struct Cli {}

fn main() -> ExitCode {
    // Before anything may speak TLS.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        return failed("another TLS provider was installed first");
    }
    let Cli {} = Cli::parse();
    let config = match Config::load() {
        Ok(config) => config,
        Err(error) => return failed(error),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(error),
    };
    match runtime.block_on(serve(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the bot ends");
            failed(error)
        }
    }
}

async fn serve(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    let traces = match &config.otlp {
        Some(export) => Some(Traces::start(export, "nexus-bot", "bot")?),
        None => None,
    };
    log::start(&config.log, traces.as_ref())?;
    let served = serve_until_stopped(config).await;
    if let Some(traces) = traces {
        traces.stop().await;
    }
    served
}

async fn serve_until_stopped(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let asked = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("asked to stop");
        asked.cancel();
    });
    Ok(run(config, &stop).await?)
}

fn failed(error: impl std::fmt::Display) -> ExitCode {
    eprintln!("nexus-bot: {error}");
    ExitCode::FAILURE
}
