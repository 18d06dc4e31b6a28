//! `nexus health`: whether the server is ready, for people and for container engines.

use anyhow::ensure;
use nexus_api::CheckStatus;

use super::ServerArgs;
use crate::config::Config;

#[derive(Debug, clap::Args)]
pub struct HealthArgs {
    #[command(flatten)]
    server: ServerArgs,
}

pub async fn run(config: &Config, args: HealthArgs) -> anyhow::Result<()> {
    let readiness = super::connect::public_client(config, &args.server)?
        .readiness()
        .await?;
    println!("{}", serde_json::to_string_pretty(&readiness)?);
    ensure!(
        readiness.status != CheckStatus::Failing,
        "the server is not ready"
    );
    Ok(())
}
