//! `fault-plan.toml`: an exact plan as a file, one line a fault, and back.
//!
//! Layer: `fault`. A subset of TOML 1.0 that any TOML reader reads: `seed`, and three arrays of inline tables
//! whose values are numbers, texts without escapes, `true` and `false`; for several links the same below `[link.1]`,
//! `[link.2]` and so on. It is read here rather than by the `toml` crate,
//! which would bring ten crates into the build of everybody who tests a link; the tests hold what is written, and what is
//! read, against that crate.

mod lexer;
mod read;
mod write;

use std::error::Error;
use std::fmt;

pub(super) use read::{read, read_one};
pub(crate) use write::plan_file;
pub(super) use write::{write, write_plan, write_section};

/// Why a text is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there, and what could stand there instead.
    pub what: String,
}

impl PlanError {
    fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl Error for PlanError {}

/// What faults are called in the file, and the names of what they need.
mod word {
    pub(super) const DROP: &str = "drop";
    pub(super) const CORRUPT: &str = "corrupt";
    pub(super) const TRUNCATE: &str = "truncate";
    pub(super) const DUPLICATE: &str = "duplicate";
    pub(super) const HOLD: &str = "hold";
    pub(super) const SWAP: &str = "swap";
    pub(super) const DELAY: &str = "delay";

    pub(super) const EAGAIN: &str = "EAGAIN";
    pub(super) const EINTR: &str = "EINTR";
    pub(super) const EIO: &str = "EIO";
    pub(super) const ENOBUFS: &str = "ENOBUFS";
    pub(super) const EBADFD: &str = "EBADFD";
    pub(super) const SHORT_READ: &str = "short_read";
    pub(super) const PACKET_INFO: &str = "packet_info";

    pub(super) const DOWN: &str = "down";
    pub(super) const UP: &str = "up";
    pub(super) const MTU: &str = "mtu";
    pub(super) const QUEUE: &str = "queue";
    pub(super) const REMOVED: &str = "removed";
}
