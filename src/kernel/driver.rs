//! Waiting for a descriptor in the I/O driver of a tokio runtime.
//!
//! Layer: inside `kernel`, features `host` and `tokio`; [`host`](crate::host) uses it.
//!
//! ```text
//!  task ──► more ──► the driver: something changed ──► ppoll(2): is it there? ── yes ──► look
//!             ▲                                                └── no ──┐
//!             └─────────────────────────────────────────────────────────┘
//! ```

#![expect(unsafe_code, reason = "tokio wants to be told that a descriptor stays open")]

use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::IpSocket;
use super::waiting::ready;

/// A socket that keeps its descriptor open, and always the same.
#[derive(Clone, Debug)]
pub(crate) enum Owner {
    Udp(Arc<UdpSocket>),
    Listener(Arc<TcpListener>),
    Stream(Arc<TcpStream>),
    Ip(Arc<IpSocket>),
}

impl AsFd for Owner {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Udp(socket) => socket.as_fd(),
            Self::Listener(listener) => listener.as_fd(),
            Self::Stream(stream) => stream.as_fd(),
            Self::Ip(socket) => socket.as_fd(),
        }
    }
}

impl AsRawFd for Owner {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

/// A socket's place in the driver of the runtime that was current at the first wait. The driver takes a descriptor only
/// once, so that all tasks at the socket share it.
pub(crate) struct Registration {
    registered: OnceLock<AsyncFd<Owner>>,
    making: Mutex<()>,
}

impl Registration {
    pub(crate) const fn new() -> Self {
        Self { registered: OnceLock::new(), making: Mutex::new(()) }
    }

    fn get(&self, owner: Owner) -> io::Result<&AsyncFd<Owner>> {
        let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = self.registered.get() {
            return Ok(there);
        }
        let interest = Interest::READABLE | Interest::WRITABLE | Interest::ERROR;
        // SAFETY: the socket is behind a shared reference as long as `Owner` lives, which the `AsyncFd` has: it stays
        // open, and has the same descriptor.
        let new = unsafe { AsyncFd::register_with_interest(owner, interest) }?;
        Ok(self.registered.get_or_init(|| new))
    }

    /// Waits until there is something to read, or room, or an error: the driver tells of changes only, the descriptor of
    /// what is. Dropped, it has taken nothing.
    pub(crate) async fn more(&self, owner: Owner, room: bool) -> io::Result<()> {
        let descriptor = self.get(owner)?;
        let interest = if room { Interest::WRITABLE } else { Interest::READABLE } | Interest::ERROR;
        loop {
            let mut guard = descriptor.ready(interest).await?;
            if ready(descriptor.as_fd(), room, Some(Instant::now()))? {
                return Ok(());
            }
            guard.clear_ready();
        }
    }
}
