//! A service as a process.

use service_testing::{SERVICE_TOKEN, free_port};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running service; it is killed when dropped.
#[derive(Debug)]
pub struct Program {
    name: &'static str,
    environment: Vec<(String, String)>,
    admin: u16,
    child: Child,
    revived: usize,
    /// Its API.
    pub url: String,
}

impl Program {
    /// Starts a service, which dies at a failpoint if one is given.
    pub async fn start(name: &'static str, environment: &[(&str, String)], failpoint: Option<&str>) -> Self {
        let (port, admin) = (free_port(), free_port());
        let mut all: Vec<(String, String)> =
            environment.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        for (key, value) in [
            ("CRASH_CHILD", name.to_owned()),
            ("PORT", port.to_string()),
            ("ADMIN_PORT", admin.to_string()),
            ("SERVICE_TOKEN", SERVICE_TOKEN.to_owned()),
            ("RUST_LOG", std::env::var("CRASH_LOG").unwrap_or_else(|_| "error".to_owned())),
            ("EXIT_ON_STDIN_EOF", "1".to_owned()),
        ] {
            all.push((key.to_owned(), value));
        }
        let child = spawn(&all, failpoint);
        let url = format!("http://127.0.0.1:{port}");
        let program = Self { name, environment: all, admin, child, revived: 0, url };
        program.ready().await;
        program
    }

    async fn ready(&self) {
        let url = format!("http://127.0.0.1:{}/readyz", self.admin);
        let end = Instant::now() + Duration::from_secs(60);
        while !reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
            assert!(Instant::now() < end, "{} does not start", self.name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts it again, without a failpoint, if it has died. Returns whether it had.
    pub async fn revive(&mut self) -> bool {
        if self.child.try_wait().unwrap().is_none() {
            return false;
        }
        self.child = spawn(&self.environment, None);
        self.revived += 1;
        self.ready().await;
        true
    }

    /// How often it had died.
    pub fn revived(&self) -> usize {
        self.revived
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(environment: &[(String, String)], failpoint: Option<&str>) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env_clear()
        .envs(environment.iter().map(|(key, value)| (key, value)))
        .envs(failpoint.map(|failpoint| ("FAILPOINT", failpoint)))
        .stdin(Stdio::piped())
        .stdout(if std::env::var_os("CRASH_LOG").is_some() { Stdio::inherit() } else { Stdio::null() })
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}
