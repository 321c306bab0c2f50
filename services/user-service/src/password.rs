//! Password hashing on a bounded number of threads.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use service_common::Problem;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Cost of a hash, and how many are computed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HasherOptions {
    /// Memory of one hash in KiB. 19 MiB and 2 iterations is OWASP's recommendation for argon2id.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Hashes computed at once; more than there are processors would only make each slower.
    pub workers: usize,
    /// Requests that may wait for a worker; further ones are shed.
    pub queue: usize,
}

impl Default for HasherOptions {
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { memory_kib: 19_456, iterations: 2, workers, queue: 32 }
    }
}

/// Why a password was not hashed or compared.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many wait already.
    #[error("too many logins at once")]
    Busy,
    /// The cost parameters are out of range.
    #[error("ARGON2_MEMORY_KIB, ARGON2_ITERATIONS: {0}")]
    Parameters(argon2::Error),
    /// Hashing failed, or a stored hash cannot be read.
    #[error("password hashing failed: {0}")]
    Hash(String),
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::unavailable(error.to_string(), 1),
            other => Self::internal(other),
        }
    }
}

/// Hashes and compares passwords.
#[derive(Debug, Clone)]
pub struct Hasher {
    argon2: Argon2<'static>,
    /// Admission: workers and queue together.
    admitted: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    /// Compared with when there is no account, so that both answers take the same time.
    nobody: Arc<str>,
}

impl Hasher {
    /// A hasher.
    ///
    /// # Errors
    /// When the cost is out of argon2's range.
    pub fn new(options: HasherOptions) -> Result<Self, PasswordError> {
        let params = Params::new(options.memory_kib, options.iterations, 1, None).map_err(PasswordError::Parameters)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hash(&argon2, &rand::random::<[u8; 32]>())?.into();
        Ok(Self {
            argon2,
            admitted: Arc::new(Semaphore::new(options.workers + options.queue)),
            workers: Arc::new(Semaphore::new(options.workers)),
            nobody,
        })
    }

    /// Hashes a password; the result names its own cost.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when too many wait already.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        let argon2 = self.argon2.clone();
        self.run(move || hash(&argon2, password.as_bytes())).await
    }

    /// Compares a password with a stored hash, or with nobody's when there is none.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when too many wait already.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, PasswordError> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobody.to_string());
        let argon2 = self.argon2.clone();
        let equal = self
            .run(move || {
                let stored = PasswordHash::new(&stored).map_err(|error| PasswordError::Hash(error.to_string()))?;
                Ok(argon2.verify_password(password.as_bytes(), &stored).is_ok())
            })
            .await?;
        Ok(known && equal)
    }

    async fn run<T, F>(&self, work: F) -> Result<T, PasswordError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, PasswordError> + Send + 'static,
    {
        let admission = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let worker = Arc::clone(&self.workers).acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        spawn(work, [admission, worker]).await
    }
}

/// The permits move into the thread: when the client goes away, the work goes on, and so must its place in the count.
async fn spawn<T, F>(work: F, permits: [OwnedSemaphorePermit; 2]) -> Result<T, PasswordError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, PasswordError> + Send + 'static,
{
    let task = tokio::task::spawn_blocking(move || {
        let result = work();
        drop(permits);
        result
    });
    task.await.map_err(|error| PasswordError::Hash(error.to_string()))?
}

fn hash(argon2: &Argon2<'static>, password: &[u8]) -> Result<String, PasswordError> {
    let hash = argon2.hash_password(password).map_err(|error| PasswordError::Hash(error.to_string()))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(workers: usize, queue: usize) -> Hasher {
        Hasher::new(HasherOptions { memory_kib: 8, iterations: 1, workers, queue }).unwrap()
    }

    #[tokio::test]
    async fn a_hash_names_its_cost_and_fits_only_its_password() {
        let hasher = hasher(1, 1);
        let stored = hasher.hash("correct horse".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{stored}");
        assert!(hasher.verify("correct horse".to_owned(), Some(stored.clone())).await.unwrap());
        assert!(!hasher.verify("wrong horse".to_owned(), Some(stored.clone())).await.unwrap());
        assert_ne!(stored, hasher.hash("correct horse".to_owned()).await.unwrap(), "salts differ");
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        assert!(!hasher(1, 1).verify("anything".to_owned(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_full_queue_sheds_and_an_abandoned_request_keeps_its_place() {
        let hasher = hasher(1, 0);
        let (enter, entered) = std::sync::mpsc::channel::<()>();
        let (leave, left) = std::sync::mpsc::channel::<()>();
        let busy = hasher.clone();
        let work = tokio::spawn(async move {
            busy.run(move || {
                enter.send(()).unwrap();
                left.recv().unwrap();
                Ok(())
            })
            .await
        });
        tokio::task::spawn_blocking(move || entered.recv().unwrap()).await.unwrap();
        work.abort();
        assert!(work.await.unwrap_err().is_cancelled());
        assert!(matches!(hasher.hash("x".to_owned()).await, Err(PasswordError::Busy)));
        leave.send(()).unwrap();
        // The place is free as soon as the thread has ended.
        let admitted = hasher.admitted.acquire().await.unwrap();
        drop(admitted);
        assert!(hasher.hash("x".to_owned()).await.is_ok());
    }

    #[test]
    fn an_impossible_cost_is_an_error() {
        let options = HasherOptions { memory_kib: 1, iterations: 1, workers: 1, queue: 0 };
        assert!(matches!(Hasher::new(options), Err(PasswordError::Parameters(_))));
    }

    #[tokio::test]
    async fn an_unreadable_stored_hash_is_our_fault() {
        let result = hasher(1, 1).verify("x".to_owned(), Some("not a hash".to_owned())).await;
        assert!(matches!(result, Err(PasswordError::Hash(_))));
    }
}
