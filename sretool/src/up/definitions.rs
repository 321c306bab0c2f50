//! The SLOs and rules that `up` evaluates: the folders of the checkout, else the copies in the binary.

use slo::{Catalog, Options};
use std::path::Path;

/// A file by name and text.
pub type Named = (String, String);

/// The SLO documents as they were when this binary was built.
const SLOS: [(&str, &str); 3] = [
    ("slo/user-service.yaml", include_str!("../../../slo/user-service.yaml")),
    ("slo/order-service.yaml", include_str!("../../../slo/order-service.yaml")),
    ("slo/notification-service.yaml", include_str!("../../../slo/notification-service.yaml")),
];

/// The hand-written rules as they were when this binary was built.
const RULES: [(&str, &str); 1] = [("alerts/rules/platform.yaml", include_str!("../../../alerts/rules/platform.yaml"))];

/// The rules that `slo rules` generates are made anew from the SLOs, so that an edit there takes effect.
const GENERATED: &str = "slo.yaml";

/// The YAML files of `folder` in order of name, or the built-in ones where no folder was asked for and none exists.
fn read(folder: Option<&Path>, default: &str, built_in: &[(&str, &str)]) -> Result<Vec<Named>, String> {
    let place = folder.unwrap_or_else(|| Path::new(default));
    if folder.is_none() && !place.is_dir() {
        return Ok(built_in.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect());
    }
    let cannot = |cause: std::io::Error| format!("{}: cannot be read: {cause}", place.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(place).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            paths.push(path);
        }
    }
    paths.sort();
    let text = |path: &Path| std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()));
    paths.iter().map(|path| Ok((path.display().to_string(), text(path)?))).collect()
}

/// The SLO documents of `folder` (default `slo`).
///
/// # Errors
/// The folder or file that cannot be read, and why.
pub fn slos(folder: Option<&Path>) -> Result<Vec<Named>, String> {
    read(folder, "slo", &SLOS)
}

/// The hand-written rules of `folder` (default `alerts/rules`).
///
/// # Errors
/// The folder or file that cannot be read, and why.
pub fn rules(folder: Option<&Path>) -> Result<Vec<Named>, String> {
    let mut files = read(folder, "alerts/rules", &RULES)?;
    files.retain(|(name, _)| Path::new(name).file_name().is_none_or(|file| file != GENERATED));
    Ok(files)
}

/// The rules of SLO documents.
///
/// # Errors
/// Everything that is wrong with the documents, one line each.
pub fn generate(slos: &[Named]) -> Result<String, String> {
    let catalog = Catalog::load(slos.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    if !catalog.findings.is_empty() {
        let findings: Vec<_> = catalog.findings.iter().map(ToString::to_string).collect();
        return Err(findings.join("\n"));
    }
    let options = Options::new(env!("CARGO_PKG_VERSION"));
    slo::generate(&catalog.slos, &options).map(|rules| rules.to_string()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_asked_for_must_exist() {
        let error = rules(Some(Path::new("no/such/folder"))).unwrap_err();
        assert!(error.starts_with("no/such/folder:"), "{error}");
    }

    #[test]
    fn files_come_in_order_and_generated_ones_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yml", "slo.yaml", "notes.txt"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let texts: Vec<_> = rules(Some(folder.path())).unwrap().into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["a.yml", "b.yaml"]);
        assert_eq!(slos(Some(folder.path())).unwrap().len(), 3);
    }

    #[test]
    fn the_built_in_copies_stand_in_for_a_missing_default() {
        let files = read(None, "no/such/folder", &SLOS).unwrap();
        assert_eq!(files.len(), 3);
        assert!(files.iter().all(|(_, text)| text.contains("openslo/v1")));
    }
}
