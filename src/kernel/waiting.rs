//! Waiting for a descriptor with a deadline, and being woken from it.
//!
//! Layer: only `kernel` uses it: the device and the packet socket wait alike.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;

use super::KernelError;
use crate::device::Deadline;

/// Waits until a descriptor can be read, or written, or has an error; false when the time is over first. A signal does
/// not end the wait.
#[cfg(feature = "host")]
pub(crate) fn ready(descriptor: BorrowedFd<'_>, writable: bool, end: Option<Instant>) -> io::Result<bool> {
    let flags = if writable { PollFlags::POLLOUT } else { PollFlags::POLLIN };
    loop {
        let left = end.map(|end| TimeSpec::from_duration(end.saturating_duration_since(Instant::now())));
        match ppoll(&mut [PollFd::new(descriptor, flags)], left, None) {
            Err(Errno::EINTR) => {}
            result => return Ok(result? > 0),
        }
    }
}

/// Interrupts one wait, the present one or else the next.
#[derive(Debug)]
pub(super) struct Waker {
    event: EventFd,
}

/// Why a wait ended.
enum Woken {
    Ready,
    TimeOver,
    ByRequest,
}

impl Waker {
    pub(super) fn new() -> Result<Self, KernelError> {
        EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)
            .map(|event| Self { event })
            .map_err(|errno| KernelError::new("make an eventfd", errno.into()))
    }

    pub(super) fn wake(&self) {
        // Fails only when the counter is full, and then the reader is woken already.
        let _ = self.event.write(1);
    }

    /// Calls `read` until it gives something else than EAGAIN, waiting on `descriptor` in between as `deadline` says.
    pub(super) fn read_until(
        &self,
        deadline: Deadline,
        descriptor: BorrowedFd<'_>,
        mut read: impl FnMut() -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut end = None;
        loop {
            match read() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A signal is no reason to stop.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => return result,
            }
            let left = match deadline {
                Deadline::Now => return Err(Errno::EAGAIN.into()),
                Deadline::Never => None,
                Deadline::After(duration) => {
                    let now = Instant::now();
                    let end: Option<Instant> = *end.get_or_insert_with(|| now.checked_add(duration));
                    end.map(|end| end.saturating_duration_since(now))
                }
            };
            match self.wait(descriptor, left)? {
                Woken::Ready => {}
                Woken::TimeOver => return Err(Errno::ETIMEDOUT.into()),
                Woken::ByRequest => return Err(Errno::EINTR.into()),
            }
        }
    }

    fn wait(&self, descriptor: BorrowedFd<'_>, left: Option<Duration>) -> io::Result<Woken> {
        let mut descriptors =
            [PollFd::new(descriptor, PollFlags::POLLIN), PollFd::new(self.event.as_fd(), PollFlags::POLLIN)];
        let ready = match ppoll(&mut descriptors, left.map(TimeSpec::from_duration), None) {
            // A signal: read again, and work out anew how much time is left.
            Err(Errno::EINTR) => return Ok(Woken::Ready),
            result => result?,
        };
        let [readable, event] = descriptors;
        // What is there to read comes first: an interruption promises that nothing was left.
        if readable.any() != Some(true) && event.any() == Some(true) {
            // Reading takes the request back. EAGAIN: another reader took it, who was woken just the same.
            return match self.event.read() {
                Ok(_) => Ok(Woken::ByRequest),
                Err(Errno::EAGAIN) => Ok(Woken::Ready),
                Err(errno) => Err(errno.into()),
            };
        }
        Ok(if ready > 0 { Woken::Ready } else { Woken::TimeOver })
    }
}
