//! One of the services dies at a failpoint.

use crate::world::{Servers, World, in_notification_service};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use service_common::failpoint::NAMES;
use service_testing::skip;
use std::time::Duration;

/// Orders of one run.
const ORDERS: usize = 3;

/// How many seeds to try: all that were asked for, or a few that are enough to visit the places given.
fn seeds(default: u64) -> u64 {
    std::env::var("CRASH_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The place and pass of a seed: all places in turn, at a pass that chance decides.
fn failpoint(seed: u64) -> (&'static str, u32) {
    let name = NAMES[usize::try_from(seed).unwrap() % NAMES.len()];
    (name, StdRng::seed_from_u64(seed).random_range(1..=u32::try_from(ORDERS).unwrap()))
}

/// Tries one seed. Returns whether a process died.
async fn run(servers: Option<&Servers>, seed: u64) -> bool {
    let (name, pass) = failpoint(seed);
    let mut world = World::start(servers, Some(&format!("{name}:{pass}"))).await;
    let mut orders = Vec::new();
    for number in 0..ORDERS {
        orders.push(world.order(&format!("{seed}-{number}")).await);
        // Sometimes orders share the services' batches, sometimes each has its own.
        let pause = StdRng::seed_from_u64(seed).random_range(0..120);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    let mut died = world.settle(&orders).await > 0;
    // A death while orders were still being created was revived there.
    died |= world.order.revived() + world.notification.revived() > 0;
    // Whatever a dying notification-service had sent and not noted comes again, under the same Message-ID: no sender
    // can know whether a mail server has it.
    let allowed = usize::from(in_notification_service(name));
    assert!(world.repeats() <= allowed * ORDERS, "seed {seed}: {} repeats", world.repeats());
    died
}

async fn run_all(servers: Option<&Servers>, seeds: impl Iterator<Item = u64>) {
    let mut died = 0;
    let mut tried = 0;
    for seed in seeds {
        let (name, pass) = failpoint(seed);
        eprintln!("seed {seed}: {name}, pass {pass}");
        died += u64::from(run(servers, seed).await);
        tried += 1;
    }
    eprintln!("{died} of {tried} runs had a death");
    assert!(died * 2 >= tried, "the failpoints are reached");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_anywhere_loses_and_doubles_nothing() {
    run_all(None, 0..seeds(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_anywhere_loses_and_doubles_nothing_with_postgresql_and_rabbitmq() {
    let servers = Servers::start().unwrap_or_else(|reason| skip(&reason));
    // By default the places between two systems.
    let few = NAMES.iter().zip(0_u64..).filter(|(name, _)| ["payment.captured", "relay.sent"].contains(*name));
    match std::env::var("CRASH_SEEDS") {
        Ok(_) => run_all(Some(&servers), 0..seeds(0)).await,
        Err(_) => run_all(Some(&servers), few.map(|(_, seed)| seed)).await,
    }
}
