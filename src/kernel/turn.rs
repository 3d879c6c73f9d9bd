//! One test at a time, for tests that share the caller's network namespace (`TUNTAP_TEST_NAMESPACE=shared`).
//!
//! Layer: `kernel`; the context takes a turn where no namespace can be made, as in a container with CAP_NET_ADMIN only.
//! Two links with the same addresses in one namespace would answer for each other, so tests wait for each other: a
//! lock on the TUN node, which every test process of the machine has and which leaves no file behind.

use std::fs::File;

use nix::fcntl::{Flock, FlockArg};

use super::environment::NODE;
use super::obstacle::Obstacle;
use super::privilege::{Refusal, Step};
use super::{KernelError, SetupError};

/// Nobody else has it while this lives.
pub(crate) struct Turn {
    _lock: Flock<File>,
}

impl Turn {
    /// Waits for it. Threads of one process wait for each other too: each opens the node anew.
    pub(crate) fn take() -> Result<Self, SetupError> {
        let node = File::open(NODE).map_err(|error| {
            Obstacle::diagnose(Refusal { step: Step::Node, errno: error.raw_os_error().unwrap_or(libc::EIO) })
        })?;
        match Flock::lock(node, FlockArg::LockExclusive) {
            Ok(lock) => Ok(Self { _lock: lock }),
            Err((_, errno)) => Err(KernelError::new("lock /dev/net/tun, to take turns", errno.into()).into()),
        }
    }
}
