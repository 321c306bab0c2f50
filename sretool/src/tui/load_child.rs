//! The load test that `r` starts: `sretool load` as a child process.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tui::{LoadEvent, Msg};

/// Longest line that is passed on, bytes.
const LINE_LIMIT: usize = 2_000;
/// How long a child may take to report after it was told to stop.
const STOP_LIMIT: std::time::Duration = std::time::Duration::from_secs(15);

/// A handle to the child; dropping it tells the child to stop.
#[derive(Debug)]
pub(super) struct LoadChild {
    stop: Option<oneshot::Sender<()>>,
    pid: Running,
}

/// The child's process id while it runs, else 0. A reaped id may belong to a stranger already.
#[derive(Debug, Clone, Default)]
struct Running(Arc<AtomicI32>);

impl Running {
    /// Sends what Ctrl-C would send.
    fn interrupt(&self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.0.load(Ordering::SeqCst)) {
            // A child that has ended in between needs no signal.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        }
    }
}

impl Drop for LoadChild {
    /// The runtime may be about to end, so nothing can be waited for: the child drains by itself.
    fn drop(&mut self) {
        self.pid.interrupt();
    }
}

impl LoadChild {
    /// Starts this program with these arguments; it pushes its numbers to the server that the dashboard reads.
    pub(super) fn start(args: &[String], prometheus: &str, messages: mpsc::Sender<Msg>) -> Self {
        let program = std::env::current_exe().unwrap_or_else(|_| "sretool".into());
        let mut command = Command::new(program);
        command.args(args).env("PROMETHEUS_URL", prometheus).env("NO_COLOR", "1");
        Self::spawn(command, messages)
    }

    fn spawn(mut command: Command, messages: mpsc::Sender<Msg>) -> Self {
        // A group of its own, so that nothing typed in the terminal reaches it.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let (stop, stopped) = oneshot::channel();
        let pid = Running::default();
        let running = pid.clone();
        tokio::spawn(async move {
            let event = match command.spawn() {
                Ok(child) => {
                    let id = child.id().and_then(|id| i32::try_from(id).ok());
                    running.0.store(id.unwrap_or(0), Ordering::SeqCst);
                    send(&messages, LoadEvent::Started).await;
                    watch(child, stopped, &running, &messages).await
                }
                Err(error) => LoadEvent::Failed(format!("cannot start: {error}")),
            };
            send(&messages, event).await;
        });
        Self { stop: Some(stop), pid }
    }

    /// Asks the child to end; it still reports.
    pub(super) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // A child that has ended needs no stopping.
            let _ = stop.send(());
        }
    }
}

async fn send(messages: &mpsc::Sender<Msg>, event: LoadEvent) {
    // A dashboard that has ended needs no news.
    let _ = messages.send(Msg::Load(event)).await;
}

async fn watch(
    mut child: Child,
    stopped: oneshot::Receiver<()>,
    running: &Running,
    messages: &mpsc::Sender<Msg>,
) -> LoadEvent {
    let out = child.stdout.take().map(|out| lines(out, messages));
    let err = child.stderr.take().map(|err| lines(err, messages));
    let status = tokio::select! {
        status = child.wait() => status,
        Ok(()) = stopped => {
            running.interrupt();
            match tokio::time::timeout(STOP_LIMIT, child.wait()).await {
                Ok(status) => status,
                Err(_) => child.kill().await.and(child.wait().await),
            }
        }
    };
    running.0.store(0, Ordering::SeqCst);
    ended(status, [out, err]).await
}

type Reader = Option<tokio::task::JoinHandle<()>>;

async fn ended(status: std::io::Result<std::process::ExitStatus>, readers: [Reader; 2]) -> LoadEvent {
    for reader in readers.into_iter().flatten() {
        // A grandchild may hold the pipe open; its lines are not worth waiting for.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(1), reader).await;
    }
    match status {
        Ok(status) => LoadEvent::Ended(status.code()),
        Err(error) => LoadEvent::Failed(error.to_string()),
    }
}

fn lines(stream: impl AsyncRead + Unpin + Send + 'static, messages: &mpsc::Sender<Msg>) -> tokio::task::JoinHandle<()> {
    let messages = messages.clone();
    tokio::spawn(async move {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line).await, Ok(n) if n > 0) {
            line.truncate(LINE_LIMIT);
            let text = String::from_utf8_lossy(&line);
            // Progress that rewrites its line: its last state is what counts.
            let text = text.trim_end().rsplit('\r').next().unwrap_or_default().to_owned();
            if !text.is_empty() {
                send(&messages, LoadEvent::Line(text)).await;
            }
            line.clear();
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (LoadChild, mpsc::Receiver<Msg>) {
        let (sender, receiver) = mpsc::channel(64);
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        (LoadChild::spawn(command, sender), receiver)
    }

    async fn next(receiver: &mut mpsc::Receiver<Msg>) -> LoadEvent {
        match receiver.recv().await {
            Some(Msg::Load(event)) => event,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn lines_and_the_end_are_reported() {
        let (_child, mut receiver) = shell("printf 'a\\rb\\n\\n'; exit 3");
        assert_eq!(next(&mut receiver).await, LoadEvent::Started);
        assert_eq!(next(&mut receiver).await, LoadEvent::Line("b".into()));
        assert_eq!(next(&mut receiver).await, LoadEvent::Ended(Some(3)));
    }

    #[tokio::test]
    async fn stopping_lets_the_child_report() {
        let (mut child, mut receiver) =
            shell("trap 'echo report; exit 1' INT; echo ready; while :; do sleep 0.05; done");
        assert_eq!(next(&mut receiver).await, LoadEvent::Started);
        assert_eq!(next(&mut receiver).await, LoadEvent::Line("ready".into()));
        child.stop();
        assert_eq!(next(&mut receiver).await, LoadEvent::Line("report".into()));
        assert_eq!(next(&mut receiver).await, LoadEvent::Ended(Some(1)));
    }

    #[tokio::test]
    async fn leaving_ends_the_child() {
        let (child, mut receiver) = shell("echo ready; exec sleep 60");
        assert_eq!(next(&mut receiver).await, LoadEvent::Started);
        assert_eq!(next(&mut receiver).await, LoadEvent::Line("ready".into()));
        drop(child);
        assert_eq!(next(&mut receiver).await, LoadEvent::Ended(None));
    }

    #[tokio::test]
    async fn what_cannot_start_says_so() {
        let (sender, mut receiver) = mpsc::channel(4);
        let _child = LoadChild::spawn(Command::new("/nonexistent/sretool"), sender);
        assert!(matches!(next(&mut receiver).await, LoadEvent::Failed(why) if why.contains("cannot start")));
    }
}
