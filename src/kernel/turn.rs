//! One test at a time, for tests that share the caller's network namespace (`TUNTAP_TEST_NAMESPACE=shared`).
//!
//! Layer: `kernel`; the context takes a turn where no namespace can be made, as in a container with CAP_NET_ADMIN only.
//! Two links with the same addresses in one namespace would answer for each other, so tests wait for each other: a
//! lock on the TUN node, which every test process of the machine has and which leaves no file behind.

use std::cell::Cell;
use std::fs::File;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::environment::NODE;
use super::obstacle::Obstacle;
use super::privilege::{Refusal, Step};
use super::{KernelError, SetupError};

/// Nobody else has it while this lives.
pub(crate) struct Turn {
    _lock: Flock<File>,
    _held: Held,
}

thread_local! {
    /// This thread has the turn, and would wait for itself.
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// Clears the mark. A context belongs to its thread, and so does this.
struct Held;

impl Drop for Held {
    fn drop(&mut self) {
        HELD.set(false);
    }
}

impl Turn {
    /// Waits for it. Threads of one process wait for each other too: each opens the node anew.
    pub(crate) fn take() -> Result<Self, SetupError> {
        let node = File::open(NODE).map_err(|error| {
            Obstacle::diagnose(Refusal { step: Step::Node, errno: error.raw_os_error().unwrap_or(libc::EIO) })
        })?;
        let refused = |errno: Errno| KernelError::new("take a turn (lock /dev/net/tun)", errno.into());
        if HELD.replace(true) {
            return Err(refused(Errno::EDEADLK)
                .with_cure("This thread has a test context already: with TUNTAP_TEST_NAMESPACE=shared one test has one")
                .into());
        }
        let held = Held;
        let mut node = node;
        loop {
            node = match Flock::lock(node, FlockArg::LockExclusive) {
                Ok(lock) => return Ok(Self { _lock: lock, _held: held }),
                Err((node, Errno::EINTR)) => node,
                Err((_, errno)) => return Err(refused(errno).into()),
            };
        }
    }
}
