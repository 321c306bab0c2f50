//! Finds and reads SLO documents.

use crate::exit;
use crate::io::Io;
use slo::{Catalog, LoadOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Read where no file is named.
const DEFAULT_FOLDER: &str = "slo";

/// Stands for standard input.
const STDIN: &str = "-";

/// Reads the documents of files and folders, `slo/` where none is named.
pub(crate) fn load(paths: &[PathBuf], options: LoadOptions) -> Result<Catalog, String> {
    let files = read(paths)?;
    Ok(Catalog::load_with(files.iter().map(|(name, text)| (name.as_str(), text.as_str())), options))
}

/// The same, with everything that is wrong reported; a document that cannot be used ends the command.
pub(super) fn load_usable(paths: &[PathBuf], io: &mut Io<'_>) -> Result<Catalog, ExitCode> {
    load_usable_with(paths, LoadOptions::default(), io)
}

/// The same, reading documents in a certain way.
pub(super) fn load_usable_with(paths: &[PathBuf], options: LoadOptions, io: &mut Io<'_>) -> Result<Catalog, ExitCode> {
    let catalog = load(paths, options).map_err(|error| {
        io.error(error);
        exit::invalid()
    })?;
    for finding in &catalog.findings {
        io.note(finding.render());
    }
    // An SLO that is valid but not supported must not silently be without rules and without a judgement.
    if !catalog.is_complete() {
        return Err(exit::invalid());
    }
    if catalog.slos.is_empty() {
        io.error("no SLO found; name files or folders with OpenSLO, sloth or Pyrra documents, or - for standard input");
        return Err(exit::invalid());
    }
    Ok(catalog)
}

/// Names and texts of files; every YAML file of a folder.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<(String, String)>, String> {
    let default = [PathBuf::from(DEFAULT_FOLDER)];
    let mut files = Vec::new();
    for path in if paths.is_empty() { &default } else { paths } {
        if path.is_dir() {
            let before = files.len();
            walk(path, &mut files)?;
            if files.len() == before {
                return Err(format!("{}: no .yaml file in this folder", path.display()));
            }
        } else {
            files.push(path.clone());
        }
    }
    files.into_iter().map(|path| Ok((path.display().to_string(), text(&path)?))).collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error| format!("{}: {error}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    for path in paths {
        // A link may lead back up.
        if path.is_dir() && !path.is_symlink() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(path);
        }
    }
    Ok(())
}

fn text(path: &Path) -> Result<String, String> {
    let failed = |error| format!("{}: {error}", path.display());
    let bytes = if path.as_os_str() == STDIN {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(failed)?;
        bytes
    } else {
        std::fs::read(path).map_err(failed)?
    };
    String::from_utf8(bytes).map_err(|_| format!("{}: not UTF-8 text; save the file as UTF-8", path.display()))
}
