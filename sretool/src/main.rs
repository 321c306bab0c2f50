//! Entry point: parse, run, exit.

use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps the allocator from holding whole arenas in memory.
const FRUGAL: &str = "MIMALLOC_ARENA_EAGER_COMMIT";

/// The allocator reads its options before `main`, so that a load generator, whose memory must stay small and flat
/// beside what it measures, has to begin once more to set them.
fn begin_frugally() {
    let loading = std::env::args_os().nth(1).is_some_and(|command| command == "load");
    if !loading || std::env::var_os(FRUGAL).is_some() {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        // It returns only where that fails; the load test works all the same, in more memory.
        let _ = Command::new(program).args(std::env::args_os().skip(1)).env(FRUGAL, "0").exec();
    }
}

fn main() -> ExitCode {
    begin_frugally();
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let terminal = out.is_terminal();
    sretool::run(std::env::args_os(), &mut sretool::io::Io { out: &mut out, err: &mut err, terminal })
}
