//! How a socket waits: tries, and if that would block waits until there may be more, on the clock or in `ppoll(2)`.

use std::fmt;
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::BorrowedFd;
use std::sync::{Mutex, PoisonError};
#[cfg(target_os = "linux")]
use std::time::Instant;

#[cfg(feature = "tokio")]
use super::asynchronous::Tasks;
use crate::device::{Clock, Deadline, What, patience};

/// Where a socket is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// On the mock host, which goes by that clock.
    Mock(Clock),
    /// In the kernel.
    #[cfg(target_os = "linux")]
    Kernel,
}

/// The descriptor of a socket that has one.
#[cfg(target_os = "linux")]
pub(super) type Descriptor<'a> = Option<BorrowedFd<'a>>;
#[cfg(not(target_os = "linux"))]
pub(super) type Descriptor<'a> = Option<&'a std::convert::Infallible>;

/// What a call waits for.
pub(super) struct Wanted<'a> {
    /// The call's name.
    pub(super) verb: &'static str,
    /// Room to write instead of something to read.
    pub(super) room: bool,
    pub(super) descriptor: Descriptor<'a>,
}

/// The same call on either backend.
macro_rules! on_either {
    ($kind:ident, $inner:expr, $socket:ident => $call:expr) => {
        match $inner {
            $kind::Mock($socket) => $call,
            #[cfg(target_os = "linux")]
            $kind::Kernel($socket) => $call,
        }
    };
}

/// A socket type's descriptor, and so what a call of it waits for.
macro_rules! waits {
    ($socket:ident, $kind:ident) => {
        impl $socket {
            fn wanted(&self, verb: &'static str, room: bool) -> $crate::host::wait::Wanted<'_> {
                #[cfg(target_os = "linux")]
                let descriptor = self.try_as_fd();
                #[cfg(not(target_os = "linux"))]
                let descriptor = None;
                $crate::host::wait::Wanted { verb, room, descriptor }
            }

            /// The descriptor, on the kernel backend: it does not block (`O_NONBLOCK`).
            #[cfg(target_os = "linux")]
            #[must_use]
            pub fn try_as_fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
                match &self.inner {
                    $kind::Mock(_) => None,
                    $kind::Kernel(socket) => Some(std::os::fd::AsFd::as_fd(&**socket)),
                }
            }
        }
    };
}

pub(super) use {on_either, waits};

/// What all kinds of sockets have: a place, a name for messages, and how long they wait.
pub(super) struct Waiting {
    pub(super) place: Place,
    pub(super) label: String,
    timeout: Mutex<Option<Deadline>>,
    /// What tasks that wait share.
    #[cfg(feature = "tokio")]
    pub(super) tasks: Tasks,
}

impl Waiting {
    pub(super) const fn new(place: Place, label: String) -> Self {
        Self {
            place,
            label,
            timeout: Mutex::new(None),
            #[cfg(feature = "tokio")]
            tasks: Tasks::new(),
        }
    }

    pub(super) fn set_timeout(&self, timeout: Deadline) {
        *self.timeout.lock().unwrap_or_else(PoisonError::into_inner) = Some(timeout);
    }

    /// How long a call waits.
    pub(super) fn timeout(&self) -> Deadline {
        let timeout = *self.timeout.lock().unwrap_or_else(PoisonError::into_inner);
        timeout.unwrap_or_else(|| Deadline::After(patience()))
    }

    /// The thread that calls is one that the virtual time waits for.
    pub(super) fn touch(&self) {
        match &self.place {
            Place::Mock(clock) => {
                if let Some(scheduler) = clock.scheduler() {
                    scheduler.touch(&self.label);
                }
            }
            #[cfg(target_os = "linux")]
            Place::Kernel => {}
        }
    }

    /// Tries until it gives something else than EAGAIN.
    pub(super) fn until<T>(&self, wanted: &Wanted<'_>, mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        let timeout = self.timeout();
        // Used where there is a kernel backend.
        let _ = (wanted.room, wanted.descriptor);
        match &self.place {
            Place::Mock(clock) => {
                let Some(scheduler) = clock.scheduler() else { return attempt() };
                let what = What::new(&self.label, wanted.verb);
                let waited = scheduler.wait(timeout, what, || match attempt() {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
                    result => Some(result),
                });
                waited.unwrap_or_else(|error| Err(error.into_io(|kind| self.nothing(wanted.verb, kind, timeout))))
            }
            #[cfg(target_os = "linux")]
            Place::Kernel => {
                let end = match timeout {
                    Deadline::After(wait) => Instant::now().checked_add(wait),
                    Deadline::Now | Deadline::Never => None,
                };
                loop {
                    match attempt() {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                        result => return result,
                    }
                    let kind = match wanted.descriptor {
                        None => io::ErrorKind::WouldBlock,
                        Some(_) if timeout == Deadline::Now => io::ErrorKind::WouldBlock,
                        Some(descriptor) if crate::kernel::ready(descriptor, wanted.room, end)? => continue,
                        Some(_) => io::ErrorKind::TimedOut,
                    };
                    // What came at the very end is there.
                    return match attempt() {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            Err(self.nothing(wanted.verb, kind, timeout))
                        }
                        result => result,
                    };
                }
            }
        }
    }

    /// The error of a wait that gave nothing.
    pub(super) fn nothing(&self, verb: &str, kind: io::ErrorKind, timeout: Deadline) -> io::Error {
        match (kind, timeout) {
            (io::ErrorKind::TimedOut, Deadline::After(wait)) => {
                io::Error::new(kind, format!("{} of the host waited {wait:?} in vain: {verb}", self.label))
            }
            _ => kind.into(),
        }
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}
