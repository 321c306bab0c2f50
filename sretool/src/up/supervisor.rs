//! Keeps one child process running: starts it, restarts it with back-off, stops it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// First wait before a restart; it doubles with every death in a row.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
/// Longest wait before a restart.
const LAST_BACKOFF: Duration = Duration::from_secs(10);
/// A child that lived this long has recovered: the next back-off starts anew.
const RECOVERED: Duration = Duration::from_secs(30);
/// How long a child may take to drain before it is killed.
const DRAIN: Duration = Duration::from_secs(10);
/// Exit status of a wrong configuration: a restart would not help.
const WRONG_CONFIGURATION: i32 = 78;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Name for people and for the log file.
    pub name: &'static str,
    /// Program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment, beside what it inherits.
    pub environment: Vec<(&'static str, String)>,
    /// Folder of its log, `NAME.log`.
    pub logs: PathBuf,
}

/// What happened to a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It runs.
    Started {
        /// Whose.
        name: &'static str,
        /// Process id.
        pid: u32,
    },
    /// It died and will be started again.
    Died {
        /// Whose.
        name: &'static str,
        /// Its status, as the operating system words it.
        status: String,
        /// The wait before the restart.
        restart_in: Duration,
    },
    /// It can never run; the rest of the platform is stopped.
    Failed {
        /// Whose.
        name: &'static str,
        /// Why, with the place of its log.
        cause: String,
    },
}

/// The wait after the `deaths`-th death in a row, from 1.
fn backoff(deaths: u32) -> Duration {
    FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(deaths.saturating_sub(1))).min(LAST_BACKOFF)
}

/// Runs the child until `stop` turns true, then drains it.
pub async fn supervise(plan: Plan, events: mpsc::Sender<Event>, mut stop: watch::Receiver<bool>) {
    let mut deaths = 0;
    loop {
        let started = Instant::now();
        let mut child = match spawn(&plan) {
            Ok(child) => child,
            Err(cause) => {
                let _ = events.send(Event::Failed { name: plan.name, cause }).await;
                return;
            }
        };
        let pid = child.id().unwrap_or_default();
        // Taken out, since `wait` closes the child's standard input, which tells the child to leave.
        let lifeline = child.stdin.take();
        let _ = events.send(Event::Started { name: plan.name, pid }).await;
        let status = tokio::select! {
            status = child.wait() => status,
            () = told_to(&mut stop) => {
                drop(lifeline);
                return drain(child).await;
            }
        };
        if started.elapsed() >= RECOVERED {
            deaths = 0;
        }
        deaths += 1;
        if let Ok(status) = &status
            && status.code() == Some(WRONG_CONFIGURATION)
        {
            let cause = format!("its configuration is wrong: {}", last_line(&log_path(&plan)));
            let _ = events.send(Event::Failed { name: plan.name, cause }).await;
            return;
        }
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        let restart_in = backoff(deaths);
        let _ = events.send(Event::Died { name: plan.name, status, restart_in }).await;
        tokio::select! {
            () = tokio::time::sleep(restart_in) => {}
            () = told_to(&mut stop) => return,
        }
    }
}

/// Resolves when the signal turns true, or its sender is gone.
async fn told_to(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn log_path(plan: &Plan) -> PathBuf {
    plan.logs.join(format!("{}.log", plan.name))
}

fn spawn(plan: &Plan) -> Result<Child, String> {
    let path = log_path(plan);
    let log = || std::fs::OpenOptions::new().create(true).append(true).open(&path);
    let (out, err) = log()
        .and_then(|out| Ok((out, log()?)))
        .map_err(|cause| format!("its log {} cannot be written: {cause}", path.display()))?;
    let mut command = Command::new(&plan.program);
    command
        .args(&plan.arguments)
        .envs(plan.environment.iter().map(|(key, value)| (key, value)))
        .stdin(Stdio::piped())
        .stdout(out)
        .stderr(err)
        .kill_on_drop(true);
    // In its own group a child is spared the terminal's Ctrl-C, so that it is stopped once, by us, in order.
    #[cfg(unix)]
    command.process_group(0);
    command.spawn().map_err(|cause| format!("{} cannot be started: {cause}", plan.program.display()))
}

/// Waits for a child that was asked to leave, and kills it when it takes too long.
async fn drain(mut child: Child) {
    if tokio::time::timeout(DRAIN, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

/// The last non-empty line of a log, or a hint where to look.
fn last_line(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.map_or_else(|| format!("see {}", path.display()), str::to_owned)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn plan(folder: &Path, script: &str) -> Plan {
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        let environment = vec![("GREETING", "hello".to_owned())];
        Plan { name: "child", program: "/bin/sh".into(), arguments, environment, logs: folder.into() }
    }

    #[test]
    fn the_back_off_doubles_up_to_its_limit() {
        let waits: Vec<_> = (1..=8).map(|n| backoff(n).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(backoff(u32::MAX), LAST_BACKOFF);
    }

    #[tokio::test]
    async fn a_dying_child_is_restarted_and_its_log_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (events, mut seen) = mpsc::channel(8);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(supervise(plan(folder.path(), "echo $GREETING; exit 3"), events, stopped));
        let mut starts = 0;
        while starts < 2 {
            match seen.recv().await.unwrap() {
                Event::Started { .. } => starts += 1,
                Event::Died { status, restart_in, .. } => {
                    assert!(status.contains('3') && restart_in == FIRST_BACKOFF, "{status} {restart_in:?}");
                }
                Event::Failed { cause, .. } => panic!("{cause}"),
            }
        }
        stop.send(true).unwrap();
        task.await.unwrap();
        let log = std::fs::read_to_string(folder.path().join("child.log")).unwrap();
        assert!(log.starts_with("hello\n"), "{log}");
    }

    #[tokio::test]
    async fn closing_standard_input_drains_the_child() {
        let folder = tempfile::tempdir().unwrap();
        let (events, mut seen) = mpsc::channel(8);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(supervise(plan(folder.path(), "cat >/dev/null; echo drained"), events, stopped));
        assert!(matches!(seen.recv().await.unwrap(), Event::Started { .. }));
        stop.send(true).unwrap();
        task.await.unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("child.log")).unwrap(), "drained\n");
    }

    #[tokio::test]
    async fn a_wrong_configuration_is_not_restarted() {
        let folder = tempfile::tempdir().unwrap();
        let (events, mut seen) = mpsc::channel(8);
        let (_stop, stopped) = watch::channel(false);
        supervise(plan(folder.path(), "echo PORT is wrong >&2; exit 78"), events, stopped).await;
        assert!(matches!(seen.recv().await.unwrap(), Event::Started { .. }));
        let Event::Failed { cause, .. } = seen.recv().await.unwrap() else { panic!("not failed") };
        assert!(cause.contains("PORT is wrong"), "{cause}");
    }
}
