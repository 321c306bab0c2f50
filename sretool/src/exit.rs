//! Exit statuses, the same for every command.

use std::process::ExitCode;

/// Everything is as it should be.
pub const GOOD: u8 = 0;
/// An objective, a threshold, a test or a lint failed.
pub const FAILED: u8 = 1;
/// Wrong usage or invalid input; the message names the place, the cause and the remedy.
pub const INVALID: u8 = 2;
/// No judgement was possible: no data, or a source that does not answer.
pub const NO_JUDGEMENT: u8 = 3;

/// [`GOOD`] as a process status.
pub fn good() -> ExitCode {
    ExitCode::from(GOOD)
}

/// [`FAILED`] as a process status.
pub fn failed() -> ExitCode {
    ExitCode::from(FAILED)
}

/// [`INVALID`] as a process status.
pub fn invalid() -> ExitCode {
    ExitCode::from(INVALID)
}

/// [`NO_JUDGEMENT`] as a process status.
pub fn no_judgement() -> ExitCode {
    ExitCode::from(NO_JUDGEMENT)
}
