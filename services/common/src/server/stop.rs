//! The reasons to stop: a signal, or the end of standard input.

use std::future::Future;
use std::io::Read as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Starts listening for requests to stop, and returns what becomes ready at the first one: SIGTERM, SIGINT, or, when
/// `stdin` is set, the end of standard input. One that comes before the future is awaited is not lost.
///
/// A supervisor holds the other end of the pipe. When it dies, even by SIGKILL, the kernel closes it.
pub fn stop_requested(stdin: bool) -> impl Future<Output = ()> {
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate()), listen(SignalKind::interrupt()));
    let end_of_input = stdin.then(watch_input).flatten();
    async move {
        tokio::select! {
            () = received(&mut terminate) => {}
            () = received(&mut interrupt) => {}
            () = ended(end_of_input) => {}
        }
    }
}

fn listen(kind: SignalKind) -> Option<tokio::signal::unix::Signal> {
    match signal(kind) {
        Ok(signal) => Some(signal),
        Err(error) => {
            tracing::warn!(%error, "cannot listen for a signal");
            None
        }
    }
}

async fn received(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Tells when standard input has ended; `None` when that cannot be watched.
fn watch_input() -> Option<oneshot::Receiver<()>> {
    let (ended, wait) = oneshot::channel();
    // A thread of its own: a blocked read cannot be cancelled, and would keep the runtime from ending.
    let started = std::thread::Builder::new().name("stdin-watch".to_owned()).spawn(move || {
        let mut buffer = [0; 256];
        let mut stdin = std::io::stdin().lock();
        while stdin.read(&mut buffer).is_ok_and(|read| read > 0) {}
        let _ = ended.send(());
    });
    match started {
        Ok(_) => Some(wait),
        Err(error) => {
            tracing::warn!(%error, "cannot watch standard input");
            None
        }
    }
}

async fn ended(input: Option<oneshot::Receiver<()>>) {
    match input {
        Some(wait) => {
            let _ = wait.await;
        }
        None => std::future::pending().await,
    }
}
