//! From settings and arguments to a client.

use anyhow::Context as _;
use nexus_client::{Client, ClientConfig};
use secrecy::{ExposeSecret as _, SecretString};

use super::ServerArgs;
use crate::config::Config;

/// A client of the server that the arguments, or else the settings, name.
pub fn client(config: &Config, args: &ServerArgs) -> anyhow::Result<Client> {
    connect(config, args, api_key(config)?)
}

/// The same for routes that need no key.
pub fn public_client(config: &Config, args: &ServerArgs) -> anyhow::Result<Client> {
    connect(config, args, SecretString::default())
}

fn connect(config: &Config, args: &ServerArgs, key: SecretString) -> anyhow::Result<Client> {
    let base = match &args.server {
        Some(server) => server.clone(),
        None => config.server_address()?,
    };
    let mut client = ClientConfig::new(base, key);
    client.allow_plain_http = args.allow_plain_http;
    client.ca_pem = match &args.ca {
        Some(path) => {
            Some(std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?)
        }
        None => None,
    };
    Ok(Client::new(client)?)
}

/// The key from the settings, or the one that a server on this machine has made at its first start.
pub fn api_key(config: &Config) -> anyhow::Result<SecretString> {
    if !config.admin.key.expose_secret().is_empty() {
        return Ok(config.admin.key.clone());
    }
    let file = config.admin_key_file();
    let key = std::fs::read_to_string(&file).with_context(|| {
        format!(
            "no API key: set NEXUS_ADMIN_KEY, or start a server here once (looked for {})",
            file.display()
        )
    })?;
    Ok(key.trim().to_owned().into())
}
