//! The reasons to stop: a signal, or the end of standard input.

use std::io::Read as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Returns when the process is asked to stop: SIGTERM, SIGINT, or, when `stdin` is set, the end of standard input.
///
/// A supervisor holds the other end of the pipe. When it dies, even by SIGKILL, the kernel closes it.
pub async fn stop_requested(stdin: bool) {
    let end_of_input = end_of_input(stdin);
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate()), listen(SignalKind::interrupt()));
    tokio::select! {
        () = received(&mut terminate) => {}
        () = received(&mut interrupt) => {}
        () = end_of_input => {}
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

async fn end_of_input(watched: bool) {
    if !watched {
        return std::future::pending().await;
    }
    let (ended, wait) = oneshot::channel();
    // A thread of its own: a blocked read cannot be cancelled, and would keep the runtime from ending.
    let started = std::thread::Builder::new().name("stdin-watch".to_owned()).spawn(move || {
        let mut buffer = [0; 256];
        let mut stdin = std::io::stdin().lock();
        while stdin.read(&mut buffer).is_ok_and(|read| read > 0) {}
        let _ = ended.send(());
    });
    match started {
        Ok(_) => {
            let _ = wait.await;
        }
        Err(error) => {
            tracing::warn!(%error, "cannot watch standard input");
            std::future::pending().await
        }
    }
}
