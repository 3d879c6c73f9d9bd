//! How much the code under test may do.

use std::time::Duration;

/// How much the code under test may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// So many frames.
    pub(super) frames: usize,
    /// How long after the script it has come to rest.
    pub(super) rest: Option<Duration>,
    /// So many turns while no time passes.
    pub(super) turns_at_once: usize,
    /// So many turns while the time of one step passes; the rest of it goes by at once.
    pub(super) turns_a_step: usize,
}

impl Budget {
    pub(super) const fn new() -> Self {
        Self { frames: 1_000, rest: None, turns_at_once: 1_000, turns_a_step: 10_000 }
    }
}
