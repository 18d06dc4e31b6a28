//! The command line: roles of the server, and clients of its HTTP API.

mod ask;
mod bundles;
mod connect;
mod demo;
mod eval;
mod generations;
mod health;
mod ingest;
mod init_admin;
mod progress;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::role::ProcessRole;

/// The subcommand by which a worker starts this program to read documents.
pub const READ_DOCUMENTS: &str = "read-documents";

#[derive(Debug, Parser)]
#[command(
    name = "nexus",
    version,
    about = "Answers questions from knowledge bases, with citations"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the HTTP API and the background worker
    Serve,
    /// Run the HTTP API alone, beside others; needs PostgreSQL, a Qdrant server and a shared place of uploads
    Api,
    /// Run the background worker alone, beside others; needs the same
    Worker,
    /// Bring the database to this program's schema
    Migrate,
    /// Make the person with this Telegram id an admin, and print a token for the first hour
    InitAdmin(init_admin::InitAdminArgs),
    /// Upload an archive, a file or a folder and wait until it is indexed
    Ingest(ingest::IngestArgs),
    /// Write a knowledge base with its passages and vectors into a file
    Export(bundles::ExportArgs),
    /// Make a knowledge base from such a file
    Import(bundles::ImportArgs),
    /// Ask a question
    Ask(ask::AskArgs),
    /// Measure retrieval on a set in BEIR layout, with a server of its own
    Eval(eval::EvalArgs),
    /// Serve, load the sample knowledge base and ask it questions
    Demo(demo::DemoArgs),
    /// Show the embedding models that were used, and choose which one answers
    Generations(generations::GenerationsArgs),
    /// Say whether the server is ready
    Health(health::HealthArgs),
    /// Print the OpenAPI description of the HTTP API
    Openapi,
    /// Read risky documents and parse code for a worker, which starts this for itself
    #[command(name = READ_DOCUMENTS, hide = true)]
    ReadDocuments,
}

/// How a client finds its server.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerArgs {
    /// Address of the server, such as https://nexus.example:8080 [default: from the settings]
    #[arg(long)]
    server: Option<url::Url>,
    /// A certificate authority (PEM) to trust instead of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Let plain http reach another machine
    #[arg(long)]
    allow_plain_http: bool,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Command::ReadDocuments) {
        return read_documents();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("nexus: the async runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nexus: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What the process does that reads documents for a worker: nothing else, and without any setting.
fn read_documents() -> ExitCode {
    let (input, output) = (std::io::stdin().lock(), std::io::stdout().lock());
    match nexus_ingest::serve_child(nexus_ingest::Limits::default(), input, output) {
        Ok(()) => ExitCode::SUCCESS,
        // The worker is gone, or is none: there is nobody to tell.
        Err(_) => ExitCode::FAILURE,
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    let config = Config::load()?;
    match command {
        Command::Serve => server::serve(config, ProcessRole::Serve).await,
        Command::Api => server::serve(config, ProcessRole::Api).await,
        Command::Worker => server::serve(config, ProcessRole::Worker).await,
        Command::Migrate => server::migrate(&config).await,
        Command::InitAdmin(args) => init_admin::run(&config, args).await,
        Command::Ingest(args) => ingest::run(&config, args).await,
        Command::Export(args) => bundles::export(&config, args).await,
        Command::Import(args) => bundles::import(&config, args).await,
        Command::Ask(args) => ask::run(&config, args).await,
        Command::Eval(args) => eval::run(config, args).await,
        Command::Demo(args) => demo::run(config, args).await,
        Command::Generations(args) => generations::run(&config, args).await,
        Command::Health(args) => health::run(&config, args).await,
        Command::Openapi => server::print_openapi(&config),
        Command::ReadDocuments => anyhow::bail!("documents are read before anything else is started"),
    }
}
