//! `nexus`: the backend's binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything may speak TLS.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("nexus: another TLS provider was installed first");
        return ExitCode::FAILURE;
    }
    nexus_backend::cli::main()
}
