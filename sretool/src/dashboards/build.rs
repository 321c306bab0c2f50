//! `sretool dashboards build`

use super::{FOLDER, json_files, unusable};
use crate::exit;
use crate::io::Io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder to write to
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    out: PathBuf,
    /// Write nothing; exit 1 and name the files that differ from what would be written
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    if args.check { check(&args.out, io) } else { write(&args.out, io) }
}

fn write(folder: &Path, io: &mut Io<'_>) -> ExitCode {
    if let Err(error) = std::fs::create_dir_all(folder) {
        return unusable(io, folder, format_args!("cannot be created: {error}"));
    }
    for dashboard in dashboards::all() {
        let path = folder.join(dashboard.file_name());
        if let Err(error) = std::fs::write(&path, dashboard.to_json()) {
            return unusable(io, &path, format_args!("cannot be written: {error}"));
        }
        io.line(path.display());
    }
    exit::good()
}

fn check(folder: &Path, io: &mut Io<'_>) -> ExitCode {
    let present = match json_files(folder) {
        Ok(files) => files,
        Err(error) => return unusable(io, folder, format_args!("cannot be read: {error}")),
    };
    let mut drift = 0;
    let mut report = |path: &Path, what: &str, io: &mut Io<'_>| {
        drift += 1;
        io.line(format_args!("{}: {what}", path.display()));
    };
    let built: Vec<_> = dashboards::all().iter().map(|d| (folder.join(d.file_name()), d.to_json())).collect();
    for (path, expected) in &built {
        match std::fs::read_to_string(path) {
            Ok(found) if found == *expected => {}
            Ok(_) => report(path, "differs from its definition", io),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => report(path, "is missing", io),
            Err(error) => return unusable(io, path, format_args!("cannot be read: {error}")),
        }
    }
    for path in present.iter().filter(|path| built.iter().all(|(known, _)| known != *path)) {
        report(path, "has no definition", io);
    }
    if drift == 0 {
        return exit::good();
    }
    io.note(format_args!("{drift} file(s) drift; run `sretool dashboards build --out {}`", folder.display()));
    exit::failed()
}
