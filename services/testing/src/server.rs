//! Real servers that a test starts, kills and starts again.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest start: a broker on a busy machine takes its time.
const START: Duration = Duration::from_secs(120);

/// A port that was free a moment ago.
///
/// It lies below those that the system gives to outgoing connections: a client that keeps knocking at a stopped server
/// of that range may end up connected to itself, and the server can then not come back.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let mut tries = (0..1_000).map(|_| 15_000 + u16::try_from(uuid::Uuid::new_v4().as_u128() % 17_000).unwrap());
    tries.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// A process group that listens on a port; it is killed with the value.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    folder: TempDir,
    /// Where it listens.
    pub port: u16,
    child: Option<Child>,
    epmd: Option<u16>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if let Some(port) = self.epmd {
            // Erlang's name server is a daemon of its own; it goes when no node is left.
            std::thread::sleep(Duration::from_millis(300));
            let port = port.to_string();
            let quiet = Command::new("epmd").args(["-port", &port, "-kill"]).stdout(Stdio::null()).status();
            drop(quiet);
        }
    }
}

impl Server {
    /// A Redis without persistence.
    ///
    /// # Errors
    /// Why there is none.
    pub fn redis() -> Result<Self, String> {
        let program = found("redis-server", &[]).ok_or("redis-server is not installed")?;
        let port = free_port();
        let options = format!("--bind 127.0.0.1 --port {port} --appendonly no --loglevel warning --save");
        let mut arguments: Vec<String> = options.split(' ').map(ToOwned::to_owned).collect();
        arguments.push(String::new());
        Self::new(program, arguments, Vec::new(), port, None)
    }

    /// A RabbitMQ of one node.
    ///
    /// # Errors
    /// Why there is none.
    pub fn rabbitmq() -> Result<Self, String> {
        // Not the wrapper on the path: that one changes the user.
        let program = found("rabbitmq-server", &["/usr/lib/rabbitmq/lib"]).ok_or("rabbitmq-server is not installed")?;
        let (port, dist, epmd) = (free_port(), free_port(), free_port());
        let environment = vec![
            ("RABBITMQ_NODENAME", format!("test{port}@localhost")),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODE_PORT", port.to_string()),
            ("RABBITMQ_DIST_PORT", dist.to_string()),
            ("ERL_EPMD_PORT", epmd.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 1:1 +sbwt none".to_owned()),
        ];
        Self::new(program, Vec::new(), environment, port, Some(epmd))
    }

    fn new(
        program: PathBuf,
        arguments: Vec<String>,
        environment: Vec<(&'static str, String)>,
        port: u16,
        epmd: Option<u16>,
    ) -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let mut server = Self { program, arguments, environment, folder, port, child: None, epmd };
        server.start()?;
        Ok(server)
    }

    /// Starts it with what it has kept, and waits until it listens.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(&mut self) -> Result<(), String> {
        let path = |name: &str| self.folder.path().join(name);
        let log = File::create(path("log")).map_err(|error| error.to_string())?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            .env("HOME", self.folder.path())
            .env("RABBITMQ_MNESIA_BASE", path("mnesia"))
            .env("RABBITMQ_LOG_BASE", path("logs"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins"))
            .env("RABBITMQ_CONFIG_FILE", path("config"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(|error| error.to_string())?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        self.child = Some(child);
        let end = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if Instant::now() > end {
                return Err(fs::read_to_string(path("log")).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Kills it with all its children, as a loss of power would.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = child.wait();
    }
}

/// A program in one of the trees, else on the path.
fn found(name: &str, trees: &[&str]) -> Option<PathBuf> {
    let in_trees = trees.iter().flat_map(|tree| fs::read_dir(tree).into_iter().flatten().flatten());
    let in_trees = in_trees.map(|entry| entry.path().join("sbin").join(name));
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&on_path).map(|folder| folder.join(name)).collect::<Vec<_>>();
    in_trees.chain(on_path).find(|program: &PathBuf| Path::is_file(program))
}
