//! A backend with a knowledge base about lamps and one about tables, and a bot that may use both, over TLS with a test
//! authority.

use std::path::Path;
use std::process::ExitStatus;

use e2e::{KEY, Nexus, NexusBot};
use nexus_api::TaskState;
use nexus_client::{Upload, UploadTarget};
use nexus_ingest::ArchiveWriter;
use serde_json::{Value, json};
use telegram_simulator::Telegram;

pub(crate) const TOKEN: &str = "5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8";
pub(crate) const LAMPS: usize = 8;
pub(crate) const TABLES: usize = 4;

/// Documents of one kind of thing: each has a number, and of each one property is known.
struct Guide {
    /// Of the knowledge base.
    name: &'static str,
    thing: &'static str,
    property: &'static str,
    count: usize,
}

const GUIDES: [Guide; 2] = [
    Guide {
        name: "lamps",
        thing: "Lamp",
        property: "colour",
        count: LAMPS,
    },
    Guide {
        name: "tables",
        thing: "Table",
        property: "height",
        count: TABLES,
    },
];

impl Guide {
    fn write(&self, folder: &Path) -> anyhow::Result<std::path::PathBuf> {
        let (thing, property) = (self.thing, self.property);
        let path = folder.join(format!("{}.tar.gz", self.name));
        let mut writer = ArchiveWriter::create(&path)?;
        for number in 0..self.count {
            let text = format!(
                "# {thing} number {number}\n\n{thing} number {number} has the {property} {property}-{number}.\n"
            );
            writer.add(&format!("{thing}-{number}.md"), text.as_bytes())?;
        }
        writer.finish()?;
        Ok(path)
    }

    /// Makes the knowledge base and waits until it is read. Its id.
    async fn fill(&self, nexus: &Nexus, folder: &Path) -> anyhow::Result<uuid::Uuid> {
        let kb = nexus.client.find_or_create_knowledge_base(self.name).await?;
        let upload = Upload {
            target: UploadTarget::Archive,
            path: self.write(folder)?,
            file_name: format!("{}.tar.gz", self.name),
            source: None,
            knowledge_base: kb.id.to_string(),
        };
        let task = nexus.client.upload(&upload, |_| {}).await?.task_id;
        let mut events = nexus.client.task_events(task);
        let mut state = TaskState::Queued;
        while let Some(task) = events.next().await {
            state = task?.state;
        }
        anyhow::ensure!(
            state == TaskState::Succeeded,
            "the {} were not read: {state:?}",
            self.name
        );
        Ok(kb.id)
    }
}

/// A backend with knowledge bases that a bot may use.
pub(crate) struct Installation {
    folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
    ca: String,
    /// Id of the bot.
    bot: String,
    service_token: String,
}

impl Installation {
    pub(crate) async fn new(telegram: &Telegram) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let identity = telegram.identity(&["127.0.0.1", "localhost"])?;
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        std::fs::write(&cert, identity.certificate_pem)?;
        std::fs::write(&key, identity.key_pem)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut installation = Self {
            settings: vec![
                ("NEXUS_LISTEN".to_owned(), format!("127.0.0.1:{port}")),
                ("NEXUS_TLS_CERT".to_owned(), cert.display().to_string()),
                ("NEXUS_TLS_KEY".to_owned(), key.display().to_string()),
                ("NEXUS_MODELS_ENABLED".to_owned(), "false".to_owned()),
                ("NEXUS_WORKER_CHAT_LEASE_SECONDS".to_owned(), "5".to_owned()),
            ],
            ca: telegram.ca_pem(),
            bot: String::new(),
            service_token: String::new(),
            folder,
        };
        let nexus = installation.start().await?;
        installation.fill(&nexus).await?;
        nexus.kill().await?;
        Ok(installation)
    }

    pub(crate) async fn start(&self) -> anyhow::Result<Nexus> {
        self.start_with(&[]).await
    }

    /// Starts the backend; `more` are settings beside those that it needs.
    pub(crate) async fn start_with(&self, more: &[(&str, &str)]) -> anyhow::Result<Nexus> {
        let needed = self
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let settings: Vec<_> = needed.chain(more.iter().copied()).collect();
        Nexus::start_with_tls(self.folder.path(), &settings, self.ca.as_bytes()).await
    }

    async fn fill(&mut self, nexus: &Nexus) -> anyhow::Result<()> {
        let admin = Admin::new(nexus, &self.ca)?;
        let bot = admin
            .post("/bots", &json!({"code": "lamps", "name": "Lamps"}))
            .await?;
        let id = bot["id"].as_str().unwrap_or_default();
        let path = format!("/bots/{id}/tokens");
        let token = admin.post(&path, &json!({"name": "e2e"})).await?;
        self.service_token = token["token"].as_str().unwrap_or_default().to_owned();
        for guide in GUIDES {
            let kb = guide.fill(nexus, self.folder.path()).await?;
            let path = format!("/knowledge-bases/{kb}/bots/{id}");
            admin.put(&path, &json!({})).await?;
        }
        id.clone_into(&mut self.bot);
        Ok(())
    }

    pub(crate) fn admin(&self, nexus: &Nexus) -> anyhow::Result<Admin> {
        Admin::new(nexus, &self.ca)
    }

    /// From now on the bot has to sign what it sends, with the secret that this gives.
    pub(crate) async fn demand_signatures(&self, nexus: &Nexus) -> anyhow::Result<String> {
        let path = format!("/bots/{}/signing-secret", self.bot);
        let issued = self.admin(nexus)?.post(&path, &json!({})).await?;
        Ok(issued["secret"].as_str().unwrap_or_default().to_owned())
    }

    /// Starts the bot; `more` are settings beside those that it needs.
    pub(crate) fn bot(
        &self,
        telegram: &Telegram,
        nexus: &Nexus,
        more: &[(&str, &str)],
    ) -> anyhow::Result<NexusBot> {
        let needed = self.settings_of_bot(telegram, nexus)?;
        let needed = needed.iter().map(|(name, value)| (*name, value.as_str()));
        let settings: Vec<_> = needed.chain(more.iter().copied()).collect();
        NexusBot::start(self.folder.path(), &settings)
    }

    /// The same for a bot that ends by itself: how, and what it said.
    pub(crate) async fn bot_that_ends(
        &self,
        telegram: &Telegram,
        nexus: &Nexus,
        more: &[(&str, &str)],
    ) -> anyhow::Result<(ExitStatus, String)> {
        let needed = self.settings_of_bot(telegram, nexus)?;
        let needed = needed.iter().map(|(name, value)| (*name, value.as_str()));
        let settings: Vec<_> = needed.chain(more.iter().copied()).collect();
        NexusBot::run_to_its_end(self.folder.path(), &settings).await
    }

    fn settings_of_bot(
        &self,
        telegram: &Telegram,
        nexus: &Nexus,
    ) -> anyhow::Result<Vec<(&'static str, String)>> {
        let ca = self.folder.path().join("ca.pem");
        std::fs::write(&ca, &self.ca)?;
        let ca = ca.display().to_string();
        Ok(vec![
            ("NEXUS_BOT_TOKEN", TOKEN.to_owned()),
            ("NEXUS_BOT_SERVICE_TOKEN", self.service_token.clone()),
            ("NEXUS_BACKEND_URL", nexus.client.base().to_owned()),
            ("NEXUS_BACKEND_CA", ca.clone()),
            ("NEXUS_BOT_API_URL", telegram.address()),
            ("NEXUS_BOT_API_CA", ca),
            ("NEXUS_BOT_LEASE_SECONDS", "2".to_owned()),
        ])
    }
}

/// The operator, for what the client has no call.
pub(crate) struct Admin {
    http: reqwest::Client,
    base: String,
}

impl Admin {
    fn new(nexus: &Nexus, ca: &str) -> anyhow::Result<Self> {
        let ca = reqwest::Certificate::from_pem_bundle(ca.as_bytes())?;
        Ok(Self {
            http: reqwest::Client::builder().tls_certs_only(ca).no_proxy().build()?,
            base: format!("{}/api/v1", nexus.client.base()),
        })
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.http.post(format!("{}{path}", self.base)).json(body);
        let response = request.bearer_auth(KEY).send().await?.error_for_status()?;
        Ok(response.json().await?)
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.http.get(format!("{}{path}", self.base));
        let response = request.bearer_auth(KEY).send().await?.error_for_status()?;
        Ok(response.json().await?)
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> anyhow::Result<()> {
        let request = self.http.put(format!("{}{path}", self.base)).json(body);
        request.bearer_auth(KEY).send().await?.error_for_status()?;
        Ok(())
    }
}
