//! oha and wrk: found, or installed.

use crate::io::Io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The path of oha, which cargo builds into a folder of its own where it is missing.
pub(super) fn oha(io: &mut Io<'_>) -> Result<String, String> {
    let folder = folder();
    let own = folder.join("bin/oha").display().to_string();
    for path in ["oha", &own] {
        if answers(path, "--version") {
            return Ok(path.to_owned());
        }
    }
    io.note(format_args!("installing oha into {}: a few minutes", folder.display()));
    let mut install = Command::new("cargo");
    install.args(["install", "oha", "--locked", "--root"]).arg(&folder);
    run(&mut install)?;
    Ok(own)
}

/// The path of wrk, which the system's packages have.
pub(super) fn wrk(io: &mut Io<'_>) -> Result<String, String> {
    if !answers("wrk", "-v") {
        io.note("installing wrk with apt-get");
        run(Command::new("apt-get").args(["install", "-y", "--no-install-recommends", "wrk"]))?;
    }
    Ok("wrk".to_owned())
}

/// Where tools for measuring go: not into the project.
fn folder() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache.or_else(home).unwrap_or_else(std::env::temp_dir).join("sretool/bench")
}

fn answers(program: &str, flag: &str) -> bool {
    // wrk answers its version with status 1: that it starts is enough.
    Command::new(program).arg(flag).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

fn run(command: &mut Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    match command.stdout(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown}: {status}")),
        Err(error) => Err(format!("{shown}: {error}")),
    }
}
