//! Serves the stand-in for a Qdrant server on a free port, for measurements of several processes without one:
//! `cargo run --locked -p nexus-vectors --example stand_in --features testing -- FOLDER`. Prints its address and ends when its input closes.

use std::io::Read as _;
use std::path::PathBuf;

use nexus_vectors::stand_in::{Persona, StandIn};

#[tokio::main]
async fn main() {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: stand_in FOLDER");
        std::process::exit(2);
    };
    let server = StandIn::start(&folder, Persona::default()).await;
    println!("{}", server.url());
    let closed = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    if let Err(error) = closed.await {
        eprintln!("{error}");
    }
    server.stop().await;
}
