//! Places at which a test kills the process, as a loss of power would: between a commit and the answer, between an
//! answer of another system and the record of it.
//!
//! `FAILPOINT=payment.captured:3` kills the process (SIGKILL, no destructor runs) when it passes that place for the
//! third time. Without it a pass costs one load.

use crate::config::Reader;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// All places, in the order in which an order passes them.
pub const NAMES: [&str; 10] = [
    "order.created",
    "payment.requested",
    "payment.claimed",
    "payment.captured",
    "payment.settled",
    "order.confirmed",
    "relay.sent",
    "inbox.accepted",
    "delivery.sent",
    "delivery.kept",
];

static PLAN: OnceLock<Plan> = OnceLock::new();

/// Where the process dies.
#[derive(Debug)]
pub(crate) struct Plan {
    name: String,
    passes_left: AtomicU32,
}

impl Plan {
    /// Reads `FAILPOINT`.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.text("FAILPOINT")?;
        let (name, passes) = text.split_once(':').unwrap_or((&text, "1"));
        match passes.parse() {
            Ok(passes) if passes > 0 && NAMES.contains(&name) => {
                Some(Self { name: name.to_owned(), passes_left: AtomicU32::new(passes) })
            }
            _ => {
                let remedy = format!("give NAME:PASS with a pass from 1 and one of {}", NAMES.join(", "));
                reader.reject("FAILPOINT", format!("`{text}` is no failpoint"), remedy);
                None
            }
        }
    }

    /// Puts the plan into effect for this process.
    pub(crate) fn arm(self) {
        tracing::warn!(failpoint = self.name, "this process is going to kill itself");
        // A second plan in one process would be a test's mistake; the first one stays.
        let _ = PLAN.set(self);
    }

    fn is_over(&self, name: &str) -> bool {
        self.name == name && self.passes_left.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

/// Passes a place.
pub fn pass(name: &'static str) {
    debug_assert!(NAMES.contains(&name), "{name} is not listed");
    if PLAN.get().is_some_and(|plan| plan.is_over(name)) {
        eprintln!("failpoint {name}: killed");
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_a_place_and_a_pass() {
        let env = [("FAILPOINT", "relay.sent:2")];
        let mut reader = Reader::new(&env);
        let plan = Plan::read(&mut reader).unwrap();
        assert_eq!(reader.finish(), Ok(()));
        assert_eq!([plan.is_over("relay.sent"), plan.is_over("order.created")], [false, false]);
        assert!(plan.is_over("relay.sent"));
        assert!(!plan.is_over("relay.sent"), "only once");
    }

    #[test]
    fn other_plans_are_refused() {
        for text in ["nowhere:1", "relay.sent:0", "relay.sent:x"] {
            let env = [("FAILPOINT", text)];
            let mut reader = Reader::new(&env);
            assert!(Plan::read(&mut reader).is_none());
            assert!(reader.finish().unwrap_err().to_string().starts_with("FAILPOINT: "), "{text}");
        }
    }
}
