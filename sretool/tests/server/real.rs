//! Real servers beside ours: Prometheus 2.42 and the Alertmanager, where they are installed.

use crate::eventually;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Names the folder that holds `prometheus` 2.42; without it the search path is asked.
const FOLDER: &str = "SRETOOL_PROMETHEUS_242";

/// A server that ends with the test.
pub(crate) struct Real {
    child: Child,
    pub url: String,
    pub folder: tempfile::TempDir,
    /// What to start again after a stop.
    command: (PathBuf, Vec<String>),
}

/// Where a program is, if its version is the wanted one; else says why the test is skipped.
pub(crate) fn program(name: &str, version: &str) -> Option<PathBuf> {
    let path = std::env::var_os(FOLDER).map_or_else(|| PathBuf::from(name), |folder| PathBuf::from(folder).join(name));
    let shown = match Command::new(&path).arg("--version").output() {
        Ok(output) => String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        Err(error) => format!("{}: {error}", path.display()),
    };
    if shown.contains(version) {
        return Some(path);
    }
    println!("skipped: no {name} {version}here; {FOLDER} can name its folder ({})", shown.lines().next().unwrap_or(""));
    None
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Real {
    /// Prometheus 2.42 with a configuration; `None` where it is not installed.
    pub(crate) async fn prometheus(config: &str, flags: &[&str]) -> Option<Self> {
        let program = program("prometheus", "version 2.42")?;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let mut arguments = vec![
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", folder.path().join("data").display()),
            format!("--web.listen-address={address}"),
            "--log.level=warn".to_owned(),
        ];
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        Some(Self::start(program, arguments, &address, folder).await)
    }

    /// An Alertmanager with a configuration; `None` where it is not installed.
    pub(crate) async fn alertmanager(config: &str) -> Option<Self> {
        let program = program("prometheus-alertmanager", "version ")?;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alertmanager.yml");
        std::fs::write(&file, config).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let arguments = vec![
            format!("--config.file={}", file.display()),
            format!("--storage.path={}", folder.path().join("data").display()),
            format!("--web.listen-address={address}"),
            "--cluster.listen-address=".to_owned(),
        ];
        Some(Self::start(program, arguments, &address, folder).await)
    }

    async fn start(program: PathBuf, arguments: Vec<String>, address: &str, folder: tempfile::TempDir) -> Self {
        let url = format!("http://{address}");
        let command = (program, arguments);
        let real = Self { child: spawn(&command, &folder), url, folder, command };
        real.wait().await;
        real
    }

    async fn wait(&self) {
        let ready = format!("{}/-/ready", self.url);
        let log = self.folder.path().join("log").display().to_string();
        eventually(&format!("{} answers; see {log}", self.url), || async {
            reqwest::get(&ready).await.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, on the same port and the same data.
    pub(crate) async fn again(&mut self) {
        self.kill();
        self.child = spawn(&self.command, &self.folder);
        self.wait().await;
    }
}

fn spawn((program, arguments): &(PathBuf, Vec<String>), folder: &tempfile::TempDir) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
    Command::new(program).args(arguments).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

impl Drop for Real {
    fn drop(&mut self) {
        self.kill();
    }
}
