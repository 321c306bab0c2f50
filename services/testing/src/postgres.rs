//! A real PostgreSQL in a temporary folder.
//!
//! One server serves a whole test run: the first test that needs it starts it under a lock, and a shell that watches
//! the test runner stops it and removes the folder when the run has ended. A test gets a schema of its own.

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use std::fs::{self, File};
use std::os::unix::process::{CommandExt as _, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A server that a test may stop and start.
#[derive(Debug)]
pub struct Server {
    bin: PathBuf,
    folder: PathBuf,
    /// Where it listens.
    pub port: u16,
    /// Stops the server with the value.
    owned: bool,
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.owned {
            let _ = self.control(&["stop", "-m", "immediate"]);
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

impl Server {
    /// A server of the test's own, for tests that stop it.
    ///
    /// # Errors
    /// Why there is none.
    pub fn own() -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("service-postgres-{}", uuid::Uuid::now_v7()));
        Self::create(&folder, true)
    }

    fn create(folder: &Path, owned: bool) -> Result<Self, String> {
        let bin = binaries().ok_or("initdb of PostgreSQL is not installed")?;
        let port = crate::free_port();
        fs::create_dir_all(folder).map_err(text)?;
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(folder))?;
        }
        let server = Self { bin, folder: folder.to_owned(), port, owned };
        let data = server.folder.join("data");
        let options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"];
        run(server.program("initdb").arg("-D").arg(&data).args(options))?;
        server.start()?;
        Ok(server)
    }

    /// Starts it, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(&self) -> Result<(), String> {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 \
             -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=32MB",
            self.port
        );
        self.control(&["start", "-w", "-t", "60", "-o", &options, "-l", "log"])
    }

    /// Stops it at once, as a crash would.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn stop(&self) -> Result<(), String> {
        self.control(&["stop", "-w", "-m", "immediate"])
    }

    fn control(&self, arguments: &[&str]) -> Result<(), String> {
        run(self.program("pg_ctl").arg("-D").arg(self.folder.join("data")).args(arguments))
    }

    /// PostgreSQL refuses to run as root.
    fn program(&self, name: &str) -> Command {
        let program = self.bin.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.folder);
        command
    }

    /// A new schema: the URL of a database that holds nothing.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn schema(&self) -> Result<String, String> {
        schema_at(self.port).await
    }
}

/// A new schema on the server of this test run.
///
/// # Errors
/// Why there is none.
pub async fn schema() -> Result<String, String> {
    schema_at(shared()?).await
}

async fn schema_at(port: u16) -> Result<String, String> {
    sqlx::any::install_default_drivers();
    let name = format!("t_{}", uuid::Uuid::new_v4().simple());
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    let mut connection = AnyConnection::connect(&url).await.map_err(text)?;
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {name}"))).execute(&mut connection).await.map_err(text)?;
    connection.close().await.map_err(text)?;
    Ok(format!("{url}?options[search_path]={name}"))
}

/// The port of the server of this test run, which the first test starts.
fn shared() -> Result<u16, String> {
    let runner = parent_id();
    let folder = std::env::temp_dir().join(format!("service-postgres-of-{runner}"));
    fs::create_dir_all(&folder).map_err(text)?;
    let lock = File::create(folder.join("lock")).map_err(text)?;
    lock.lock().map_err(text)?;
    let note = folder.join("port");
    if let Ok(port) = fs::read_to_string(&note)
        && let Ok(port) = port.parse()
        && std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    {
        return Ok(port);
    }
    // What an earlier runner of the same number left behind.
    let _ = fs::remove_dir_all(folder.join("data"));
    let server = Server::create(&folder, false)?;
    watch(&server, runner)?;
    fs::write(&note, server.port.to_string()).map_err(text)?;
    Ok(server.port)
}

/// Stops the server and removes its folder when the runner has ended, in whatever way.
fn watch(server: &Server, runner: u32) -> Result<(), String> {
    let script = "while kill -0 \"$1\" 2>/dev/null; do sleep 1; done; folder=$2; shift 2; \"$@\"; rm -rf \"$folder\"";
    let stop = server.program("pg_ctl");
    Command::new("sh")
        .args(["-c", script, "watch", &runner.to_string()])
        .arg(&server.folder)
        .arg(stop.get_program())
        .args(stop.get_args())
        .arg("-D")
        .arg(server.folder.join("data"))
        .args(["stop", "-m", "immediate"])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map(|_| ())
        .map_err(text)
}

/// The folder of the newest PostgreSQL.
fn binaries() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH")?;
    if let Some(folder) = std::env::split_paths(&on_path).find(|folder| folder.join("initdb").is_file()) {
        return Some(folder);
    }
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<(u32, PathBuf)> = versions
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            let folder = entry.path().join("bin");
            folder.join("initdb").is_file().then_some((version, folder))
        })
        .collect();
    found.sort();
    found.pop().map(|(_, folder)| folder)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn run(command: &mut Command) -> Result<(), String> {
    // Not `output`: the server would inherit the pipes, and reading them would never end.
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().map_err(text)?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}")) }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
