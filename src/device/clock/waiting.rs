//! What a wait is for, and why it gave nothing.

use std::io;
use std::sync::Arc;

/// Who waits, and for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct What<'a> {
    pub(super) end: &'a str,
    pub(super) verb: &'static str,
}

impl<'a> What<'a> {
    pub(crate) const fn new(end: &'a str, verb: &'static str) -> Self {
        Self { end, verb }
    }
}

/// Why a wait gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WaitError {
    /// It was not to wait.
    WouldBlock,
    /// The deadline came.
    TimedOut,
    /// Another thread that uses the links did not wait.
    Stuck(Arc<str>),
    /// Everybody waits for ever.
    Deadlock(Arc<str>),
}

impl WaitError {
    /// As the device gives it; `errno` makes an error of what has one.
    pub(crate) fn into_io(self, errno: impl FnOnce(io::ErrorKind) -> io::Error) -> io::Error {
        match self {
            Self::WouldBlock => errno(io::ErrorKind::WouldBlock),
            Self::TimedOut => errno(io::ErrorKind::TimedOut),
            Self::Stuck(why) | Self::Deadlock(why) => io::Error::new(io::ErrorKind::Deadlock, &*why),
        }
    }
}
