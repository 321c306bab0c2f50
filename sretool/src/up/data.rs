//! The folder of the services' databases and logs.

use super::platform;
use std::io::Write;
use std::path::{Path, PathBuf};

/// File of the administrator's password, so that a second `up` on the same databases can still tell it.
const PASSWORD_FILE: &str = "administrator-password";

/// A folder that stays, or one that goes with this value.
#[derive(Debug)]
pub(super) enum DataFolder {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl DataFolder {
    /// The folder that was asked for, made where it is missing; otherwise a temporary one.
    pub(super) fn open(asked: Option<&PathBuf>) -> Result<Self, String> {
        match asked {
            Some(path) => {
                let cannot = |e: std::io::Error| format!("--data {}: {e}", path.display());
                std::fs::create_dir_all(path).map_err(cannot)?;
                path.canonicalize().map(Self::Kept).map_err(cannot)
            }
            None => tempfile::Builder::new()
                .prefix("sretool-up-")
                .tempdir()
                .map(Self::Temporary)
                .map_err(|e| format!("no temporary folder: {e}; name one with --data")),
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }

    /// The password of an earlier run on these databases, else a new one that only this user may read.
    pub(super) fn admin_password(&self) -> Result<String, String> {
        let path = self.path().join(PASSWORD_FILE);
        let cannot = |e: std::io::Error| format!("{}: {e}", path.display());
        match std::fs::read_to_string(&path) {
            Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
            Ok(_) => return Err(format!("{}: it is empty; remove it together with user-service.db", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(cannot(error)),
        }
        let password = platform::random_secret();
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path).and_then(|mut file| writeln!(file, "{password}")).map_err(cannot)?;
        Ok(password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_on_the_same_folder_knows_the_password() {
        let parent = tempfile::tempdir().unwrap();
        let asked = parent.path().join("new").join("folder");
        let first = DataFolder::open(Some(&asked)).unwrap().admin_password().unwrap();
        assert_eq!(DataFolder::open(Some(&asked)).unwrap().admin_password().unwrap(), first);
        std::fs::write(asked.join(PASSWORD_FILE), "\n").unwrap();
        assert!(DataFolder::open(Some(&asked)).unwrap().admin_password().unwrap_err().contains("empty"));
    }

    #[test]
    fn a_temporary_folder_goes_and_a_file_is_no_folder() {
        let folder = DataFolder::open(None).unwrap();
        let path = folder.path().to_owned();
        assert!(path.is_dir());
        drop(folder);
        assert!(!path.exists());
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = DataFolder::open(Some(&file.path().to_owned())).unwrap_err();
        assert!(error.starts_with("--data "), "{error}");
    }
}
