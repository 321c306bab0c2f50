//! Entry point: parse, run, exit.

use std::io::IsTerminal;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let terminal = out.is_terminal();
    sretool::run(std::env::args_os(), &mut sretool::io::Io { out: &mut out, err: &mut err, terminal })
}
