//! One PostgreSQL server per test binary, from the installed binaries, on a Unix socket in a temporary folder: no
//! port to race for, nothing to configure. A shell stands between: when this process ends, however it ends, the pipe
//! to the shell closes, the shell stops the server and removes its folder.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use tokio::sync::OnceCell;

const STARTS_WITHIN: Duration = Duration::from_secs(60);
const LOOKS_EVERY: Duration = Duration::from_millis(20);

/// `$1` the server's folder, `$2` the program, the rest its arguments.
const SUPERVISE: &str = r#"folder=$1; shift; cd "$folder"; "$@" >server.log 2>&1 &
server=$!; read -r _; kill -INT $server; wait $server; cd /; rm -rf "$folder""#;

static SERVER: OnceCell<Option<Server>> = OnceCell::const_new();
static SCHEMAS: AtomicU32 = AtomicU32::new(0);

#[derive(Debug)]
struct Server {
    folder: PathBuf,
    /// Closing it ends the server.
    _alive: ChildStdin,
}

impl Server {
    fn url(&self) -> String {
        format!(
            "postgres://postgres@localhost/postgres?host={}",
            self.folder.display()
        )
    }
}

/// URL of a new, empty schema of the server's one database; `None` where PostgreSQL is not installed. (A database for
/// each test would isolate no better, and copies a thousand files.)
///
/// # Panics
/// Where `CI` is set and PostgreSQL is not installed, and where the installed one does not start.
pub async fn postgres_url() -> Option<String> {
    let url = SERVER.get_or_init(start).await.as_ref()?.url();
    let name = format!("test_{}", SCHEMAS.fetch_add(1, Ordering::Relaxed));
    let mut admin = connect(&url).await.expect("the test's server takes connections");
    // `name` is made of letters and digits of this file.
    let create = format!("CREATE SCHEMA {name}");
    admin
        .execute(AssertSqlSafe(create))
        .await
        .expect("a schema can be created");
    admin.close().await.expect("a connection can be closed");
    Some(format!("{url}&options[search_path]={name}"))
}

async fn connect(url: &str) -> Result<sqlx::PgConnection, sqlx::Error> {
    url.parse::<sqlx::postgres::PgConnectOptions>()?.connect().await
}

async fn start() -> Option<Server> {
    let Some(binaries) = find_binaries() else {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI is set, and PostgreSQL's binaries are not installed"
        );
        let sentence = "PostgreSQL is not installed here (no initdb in PATH or /usr/lib/postgresql): its tests do nothing";
        // Not captured by the test harness, so that everybody who runs the tests reads it.
        let _ = writeln!(std::io::stderr(), "{sentence}");
        return None;
    };
    let server = tokio::task::spawn_blocking(move || launch(&binaries))
        .await
        .expect("starting does not panic");
    let begun = tokio::time::Instant::now();
    while let Err(error) = connect(&server.url()).await {
        let log = std::fs::read_to_string(server.folder.join("server.log")).unwrap_or_default();
        assert!(
            begun.elapsed() < STARTS_WITHIN,
            "PostgreSQL did not start: {error}\n{log}"
        );
        tokio::time::sleep(LOOKS_EVERY).await;
    }
    Some(server)
}

#[expect(
    clippy::zombie_processes,
    reason = "it ends when its input closes, which is after this process"
)]
fn launch(binaries: &Path) -> Server {
    // Removed by the supervising shell, which outlives this process.
    let folder = tempfile::Builder::new()
        .prefix("nexus-pg-")
        .tempdir()
        .expect("a temporary folder")
        .keep();
    let user = unprivileged_user(&folder);
    if let Some((uid, gid)) = user {
        std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).expect("root may give a folder away");
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).expect("our own folder");
    let data = folder.join("data");
    let initdb = as_user(Command::new(binaries.join("initdb")), user)
        .args([
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "-D",
        ])
        .arg(&data)
        .current_dir(&folder)
        .output()
        .expect("initdb can be run");
    assert!(
        initdb.status.success(),
        "initdb failed: {}",
        String::from_utf8_lossy(&initdb.stderr)
    );

    let mut shell = as_user(Command::new("/bin/sh"), user);
    shell
        .args(["-c", SUPERVISE, "nexus-pg"])
        .arg(&folder)
        .arg(binaries.join("postgres"))
        .arg("-D")
        .arg(&data);
    shell
        .arg("-k")
        .arg(&folder)
        .args(["-c", "listen_addresses=", "-c", "max_connections=400"]);
    // Nothing here has to survive anything.
    shell.args([
        "-c",
        "fsync=off",
        "-c",
        "synchronous_commit=off",
        "-c",
        "full_page_writes=off",
    ]);
    // Out of this process's group, or an interrupt of the tests would end the shell before the server.
    let shell = shell
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = shell.spawn().expect("the server can be started");
    Server {
        folder,
        _alive: child.stdin.take().expect("its input is a pipe"),
    }
}

fn as_user(mut command: Command, user: Option<(u32, u32)>) -> Command {
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// PostgreSQL refuses to run as root: then it runs as the user `postgres`, or as `nobody`.
fn unprivileged_user(folder: &Path) -> Option<(u32, u32)> {
    let owner = std::fs::metadata(folder).expect("our own folder").uid();
    if owner != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map_while(|id| id.parse().ok());
        Some((ids.next()?, ids.next()?))
    };
    Some(
        find("postgres")
            .or_else(|| find("nobody"))
            .expect("a user besides root"),
    )
}

/// The folder that holds `initdb` and `postgres`: from PATH, else the newest below /usr/lib/postgresql.
fn find_binaries() -> Option<PathBuf> {
    let complete = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(folder) = std::env::split_paths(&path).find(complete) {
        return Some(folder);
    }
    let version = |folder: &PathBuf| -> Option<u32> { folder.parent()?.file_name()?.to_str()?.parse().ok() };
    let installed = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    installed
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(complete)
        .max_by_key(version)
}
