//! `nexus generations`: which embedding model answers, and how far another one is.

use clap::Subcommand;
use nexus_api::{IndexGeneration, IndexGenerationState};

use super::ServerArgs;
use crate::config::Config;

#[derive(Debug, clap::Args)]
pub struct GenerationsArgs {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show all generations (the default)
    List,
    /// Put questions to a generation from now on
    Activate { id: i64 },
    /// Drop the vectors of a generation on standby
    Empty { id: i64 },
}

pub async fn run(config: &Config, args: GenerationsArgs) -> anyhow::Result<()> {
    let client = super::connect::client(config, &args.server)?;
    match args.action.unwrap_or(Action::List) {
        Action::List => {
            let generations = client.generations().await?.items;
            if generations.is_empty() {
                println!("No embedding model was used yet.");
            }
            generations
                .iter()
                .for_each(|generation| println!("{}", line(generation)));
        }
        Action::Activate { id } => println!("{}", line(&client.activate_generation(id).await?)),
        Action::Empty { id } => println!("{}", line(&client.empty_generation(id).await?)),
    }
    Ok(())
}

fn line(generation: &IndexGeneration) -> String {
    let state = match generation.state {
        IndexGenerationState::Active => "active",
        IndexGenerationState::Building => "building",
        IndexGenerationState::Standby => "standby",
    };
    let loaded = if generation.loaded {
        ""
    } else {
        ", its model is not loaded"
    };
    format!(
        "{:>3}  {state:<8}  {} of {} chunks  {}{loaded}",
        generation.id, generation.embedded_chunks, generation.chunks, generation.model
    )
}
