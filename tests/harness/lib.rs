//! Real processes for end-to-end tests: starts `nexus` on a folder of its own, waits until it is ready, and ends it
//! gently or not at all gently.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use nexus_client::{Client, ClientConfig};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use url::Url;

/// The key of every server that tests start.
pub const KEY: &str = "a-key-for-tests-only";
/// How long a server may take to its first answer on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(60);

/// A running `nexus`. Dropped, it is killed.
#[derive(Debug)]
pub struct Nexus {
    pub client: Client,
    child: Child,
}

/// A running `nexus-bot`. Dropped, it is killed.
#[derive(Debug)]
pub struct NexusBot {
    child: Child,
}

/// A binary of this build: it lies beside the folder of the test binary.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test
        .parent()
        .and_then(Path::parent)
        .context("the test binary lies in no folder")?;
    let binary = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    ensure!(
        binary.is_file(),
        "{} is missing: run the tests of the whole workspace",
        binary.display()
    );
    Ok(binary)
}

/// The root of the checkout: that of whoever runs the tests, for a shared target folder may hold a program that was built in
/// another one.
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR");
    let here = here.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.join("..")
}

/// The model that `make models` has fetched, if it has.
pub fn models_dir() -> PathBuf {
    std::env::var_os("NEXUS_MODELS_DIR").map_or_else(|| root().join("data/models"), PathBuf::from)
}

/// A `nexus` command on a data folder, without any setting of the machine's.
pub fn command(data: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Command> {
    let mut command = without_settings("nexus")?;
    command
        .current_dir(data)
        .env("NEXUS_DATA_DIR", data)
        .env("NEXUS_MODELS_DIR", models_dir())
        .env("NEXUS_LISTEN", "127.0.0.1:0")
        .env("NEXUS_ADMIN_KEY", KEY)
        .envs(settings.iter().copied())
        .kill_on_drop(true);
    Ok(command)
}

/// A binary, without any setting of the machine's.
fn without_settings(name: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(binary(name)?);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NEXUS_")) {
        command.env_remove(name);
    }
    Ok(command)
}

impl NexusBot {
    /// Starts a bot in `folder`. It waits by itself for what it needs.
    pub fn start(folder: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let log = || match std::env::var_os("NEXUS_TEST_LOG") {
            Some(_) => Stdio::inherit(),
            None => Stdio::null(),
        };
        let child = without_settings("nexus-bot")?
            .current_dir(folder)
            .envs(settings.iter().copied())
            .kill_on_drop(true)
            .stdout(log())
            .stderr(log())
            .spawn()?;
        Ok(Self { child })
    }

    /// Runs a bot that is to end by itself: how it ended, and what it wrote to standard error.
    pub async fn run_to_its_end(
        folder: &Path,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<(ExitStatus, String)> {
        let mut command = without_settings("nexus-bot")?;
        command
            .current_dir(folder)
            .envs(settings.iter().copied())
            .kill_on_drop(true);
        let output = tokio::time::timeout(START_WITHIN, command.output()).await;
        let output = output.context("the bot did not end")??;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok((output.status, said))
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends it as a power cut would.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("the bot could not be killed")
    }
}

impl Nexus {
    /// Starts a server and waits until it answers.
    pub async fn start(data: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::start_as("serve", data, settings).await
    }

    /// The same for one that speaks TLS with a certificate of this authority (PEM).
    pub async fn start_with_tls(data: &Path, settings: &[(&str, &str)], ca: &[u8]) -> anyhow::Result<Self> {
        Self::start_with("serve", data, settings, Some(ca)).await
    }

    /// The same for a process that does what `role` says; a worker needs `NEXUS_WORKER_LISTEN` to answer.
    pub async fn start_as(role: &str, data: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::start_with(role, data, settings, None).await
    }

    async fn start_with(
        role: &str,
        data: &Path,
        settings: &[(&str, &str)],
        ca: Option<&[u8]>,
    ) -> anyhow::Result<Self> {
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut child = command(data, settings)?
            .arg(role)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child.stderr.take().context("standard error is piped")?;
        let (found, address) = tokio::sync::oneshot::channel();
        let last_line = tokio::spawn(read_log(stderr, found));
        let address = match tokio::time::timeout(START_WITHIN, address).await {
            Ok(Ok(address)) => address,
            Ok(Err(_)) => {
                let (status, last) = (child.wait().await?, last_line.await?);
                bail!("the server ended before it served ({status}): {last}");
            }
            Err(_) => bail!("the server did not start in {START_WITHIN:?}"),
        };
        let mut address = address;
        if ca.is_some() {
            address = Url::parse(&address.as_str().replacen("http:", "https:", 1))?;
        }
        let mut config = ClientConfig::new(address, KEY.to_owned().into());
        config.ca_pem = ca.map(<[u8]>::to_vec);
        Ok(Self {
            client: Client::new(config)?,
            child,
        })
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends it as a power cut would.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("the server could not be killed")
    }

    /// Waits until it ends by itself; `None` if it does not in time.
    pub async fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        tokio::time::timeout(within, self.child.wait()).await.ok()?.ok()
    }
}

/// Reads the log for the address, then on to the end so that the server never waits for us. The log's last line.
async fn read_log(stderr: tokio::process::ChildStderr, found: tokio::sync::oneshot::Sender<Url>) -> String {
    let mut last = String::new();
    let mut found = Some(found);
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if std::env::var_os("NEXUS_TEST_LOG").is_some() {
            eprintln!("{line}");
        }
        let address = line
            .contains("\"message\":\"serving\"")
            .then(|| line.split("\"address\":\"").nth(1)?.split('"').next())
            .flatten();
        if let Some(address) = address.and_then(|address| Url::parse(&format!("http://{address}")).ok())
            && let Some(found) = found.take()
        {
            // A test that has given up waiting has ended.
            let _ = found.send(address);
        }
        last = line;
    }
    last
}
