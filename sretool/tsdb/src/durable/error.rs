//! Why a folder cannot be opened or written.

use std::path::{Path, PathBuf};

/// Why a folder cannot be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or the file in it cannot be made or read.
    #[error("{}: {cause}; give a folder that can be written, or its rights to this user", path.display())]
    Io {
        /// Folder or file.
        path: PathBuf,
        /// The system's reason.
        cause: std::io::Error,
    },
    /// Another process has it.
    #[error("{}: another process uses this store; stop it or give another folder", path.display())]
    InUse {
        /// File.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{}: {cause}; give another folder, or move the file away to start with an empty store", path.display())]
    Foreign {
        /// File.
        path: PathBuf,
        /// What it is.
        cause: String,
    },
    /// The file was a store.
    #[error(
        "{}: the store is damaged: {cause}; put a copy of the file back, or move it away to start with an empty store",
        path.display()
    )]
    Damaged {
        /// File.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
}

/// Why a flush failed.
#[derive(Debug, thiserror::Error)]
#[error(
    "{}: metrics could not be saved: {cause}; they stay in memory until a flush succeeds: free some space, or see why \
     the disk fails",
    path.display()
)]
pub struct FlushError {
    /// File.
    pub path: PathBuf,
    /// Cause in words.
    pub cause: String,
}

/// An error of the database on the way to one of ours.
#[derive(Debug)]
pub(super) enum Cause {
    Io(std::io::Error),
    InUse,
    Foreign(String),
    Damaged(String),
}

impl Cause {
    pub(super) fn at(self, path: &Path) -> OpenError {
        let path = path.to_owned();
        match self {
            Self::Io(cause) => OpenError::Io { path, cause },
            Self::InUse => OpenError::InUse { path },
            Self::Foreign(cause) => OpenError::Foreign { path, cause },
            Self::Damaged(cause) => OpenError::Damaged { path, cause },
        }
    }
}

impl<E: Into<redb::Error>> From<E> for Cause {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::Io(cause) => Self::Io(cause),
            redb::Error::DatabaseAlreadyOpen => Self::InUse,
            error @ (redb::Error::UpgradeRequired(_) | redb::Error::TableTypeMismatch { .. }) => {
                Self::Foreign(format!("it was written by another program, or another version of this one ({error})"))
            }
            error => Self::Damaged(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_file_cause_and_remedy() {
        let path = Path::new("/data/metrics.redb");
        for (cause, part, remedy) in [
            (Cause::Io(std::io::ErrorKind::PermissionDenied.into()), "permission denied", "can be written"),
            (Cause::InUse, "another process", "stop it"),
            (Cause::Foreign("it is a letter".into()), "a letter", "another folder"),
            (Cause::Damaged("page 7".into()), "damaged: page 7", "move it away"),
        ] {
            let text = cause.at(path).to_string();
            assert!(text.starts_with("/data/metrics.redb: ") && text.contains(part) && text.contains(remedy), "{text}");
        }
        let error = FlushError { path: path.into(), cause: "no space left".into() }.to_string();
        assert!(error.starts_with("/data/metrics.redb: ") && error.contains("stay in memory"), "{error}");
    }
}
