//! The asynchronous runtime of the commands that need one.

use std::future::Future;

/// Runs a future to its end on a new multi-threaded runtime.
///
/// # Panics
/// When the operating system refuses to start the runtime's threads; nothing could run then.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("the operating system grants worker threads")
        .block_on(future)
}
