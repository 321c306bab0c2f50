//! The cache of this process alone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Most entries; a full cache drops what has ended, and if nothing has, everything.
const CAPACITY: usize = 10_000;

/// Values with the time at which they end.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<String, (Vec<u8>, Instant)>>);

impl Memory {
    pub(super) fn get(&self, key: &str, now: Instant) -> Option<Vec<u8>> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|(_, end)| *end > now).map(|(value, _)| value.clone())
    }

    pub(super) fn insert(&self, key: String, value: Vec<u8>, end: Instant) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= CAPACITY {
            let now = Instant::now();
            entries.retain(|_, (_, end)| *end > now);
            if entries.len() >= CAPACITY {
                entries.clear();
            }
        }
        entries.insert(key, (value, end));
    }

    pub(super) fn remove(&self, key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn entries_end_and_their_number_is_bounded() {
        let (memory, now) = (Memory::default(), Instant::now());
        memory.insert("a".to_owned(), vec![1], now + Duration::from_secs(60));
        assert_eq!(memory.get("a", now), Some(vec![1]));
        assert_eq!(memory.get("a", now + Duration::from_secs(60)), None);
        for index in 0..2 * CAPACITY {
            memory.insert(index.to_string(), Vec::new(), now + Duration::from_secs(60));
        }
        assert!(memory.0.lock().unwrap().len() <= CAPACITY);
    }
}
