//! TCP connections and listeners of the host's.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::time::Duration;

use super::wait::{Place, Waiting, on_either, waits};
use crate::device::Deadline;
use crate::mock::host as mock;

/// A TCP connection of the host's: [`Host::tcp_connect`](crate::Host::tcp_connect) opens one,
/// [`TcpListener::accept`] gives one.
///
/// Reads and writes by [`std::io::Read`] and [`std::io::Write`], also on `&TcpStream`. Closed with the last clone: with a FIN,
/// or with a reset where something was not read.
#[derive(Clone)]
pub struct TcpStream {
    pub(super) inner: Stream,
    pub(super) waiting: Arc<Waiting>,
}

#[derive(Clone)]
pub(super) enum Stream {
    Mock(mock::TcpStream),
    #[cfg(target_os = "linux")]
    Kernel(Arc<std::net::TcpStream>),
}

/// A TCP listener of the host's, made by [`Host::tcp_listen`](crate::Host::tcp_listen).
#[derive(Clone)]
pub struct TcpListener {
    pub(super) inner: Listener,
    pub(super) waiting: Arc<Waiting>,
}

#[derive(Clone)]
pub(super) enum Listener {
    Mock(mock::TcpListener),
    #[cfg(target_os = "linux")]
    Kernel(Arc<std::net::TcpListener>),
}

waits!(TcpStream, Stream);

impl TcpStream {
    /// Begins to open one; nobody has waited yet.
    pub(crate) fn begin_on_mock(host: &mock::MockHost, place: Place, to: SocketAddr) -> io::Result<Self> {
        let stream = host.tcp_connect(to)?;
        let waiting = Arc::new(Waiting::new(place, format!("TCP to {to}")));
        waiting.touch();
        Ok(Self { inner: Stream::Mock(stream), waiting })
    }

    /// Begins to open one; nobody has waited yet. The calling thread is in the host's namespace.
    #[cfg(target_os = "linux")]
    pub(crate) fn begin_in_kernel(to: SocketAddr) -> io::Result<Self> {
        use std::os::fd::AsRawFd;

        use nix::errno::Errno;
        use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, socket};

        let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(family, SockType::Stream, flags, None)?;
        match connect(socket.as_raw_fd(), &SockaddrStorage::from(to)) {
            Ok(()) | Err(Errno::EINPROGRESS) => {}
            Err(errno) => return Err(errno.into()),
        }
        let waiting = Waiting::new(Place::Kernel, format!("TCP to {to}"));
        Ok(Self { inner: Stream::Kernel(Arc::new(socket.into())), waiting: Arc::new(waiting) })
    }

    /// Whether it stands: EAGAIN while it is being opened.
    pub(super) fn connected(&self) -> io::Result<()> {
        match &self.inner {
            Stream::Mock(stream) => match stream.try_connected() {
                Ok(true) => Ok(()),
                Ok(false) => Err(io::ErrorKind::WouldBlock.into()),
                Err(error) => Err(error),
            },
            #[cfg(target_os = "linux")]
            Stream::Kernel(stream) => match (stream.take_error()?, stream.peer_addr()) {
                (Some(error), _) => Err(error),
                (None, Err(error)) if error.kind() == io::ErrorKind::NotConnected => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
                (None, peer) => peer.map(drop),
            },
        }
    }

    /// Waits until it stands.
    pub(crate) fn opened(self, timeout: Option<Deadline>) -> io::Result<Self> {
        if let Some(timeout) = timeout {
            self.waiting.set_timeout(timeout);
        }
        self.waiting.until(&self.wanted("connect", true), || self.connected())?;
        self.named()
    }

    /// The calling thread is in the host's namespace.
    #[cfg(target_os = "linux")]
    pub(crate) fn in_kernel(to: SocketAddr, timeout: Option<Deadline>) -> io::Result<Self> {
        let waiting = Waiting::new(Place::Kernel, format!("TCP to {to}"));
        let timeout = timeout.unwrap_or_else(|| waiting.timeout());
        let stream = match timeout {
            Deadline::Never => std::net::TcpStream::connect(to),
            // Of no time at all std knows nothing; a peer on this host answers in less.
            Deadline::After(wait) => std::net::TcpStream::connect_timeout(&to, wait.max(Duration::from_millis(1))),
            Deadline::Now => return Err(io::ErrorKind::WouldBlock.into()),
        };
        let stream = stream.map_err(|error| match error.raw_os_error() {
            // It was us who waited no longer.
            None if error.kind() == io::ErrorKind::TimedOut => waiting.nothing("connect", error.kind(), timeout),
            _ => error,
        })?;
        stream.set_nonblocking(true)?;
        Self { inner: Stream::Kernel(Arc::new(stream)), waiting: Arc::new(waiting) }.named()
    }

    /// From here on it is told by both of its addresses, and waits as long as sockets do that nobody told.
    pub(super) fn named(mut self) -> io::Result<Self> {
        let label = match self.peer_addr() {
            Ok(peer) => format!("TCP {} to {peer}", self.local_addr()?),
            // The kernel knows no peer any more where a reset has come meanwhile: the first read tells of that.
            Err(_) => self.waiting.label.clone(),
        };
        self.waiting = Arc::new(Waiting::new(self.waiting.place.clone(), label));
        Ok(self)
    }

    /// How long a call waits from now on, on this connection and its clones.
    pub fn set_timeout(&self, timeout: impl Into<Deadline>) {
        self.waiting.set_timeout(timeout.into());
    }

    /// One try to read; never waits.
    pub(super) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        // The kernel would wait for an octet.
        if buffer.is_empty() {
            return Ok(0);
        }
        match &self.inner {
            Stream::Mock(stream) => stream.read(buffer),
            #[cfg(target_os = "linux")]
            Stream::Kernel(stream) => (&**stream).read(buffer),
        }
    }

    /// One try to write; never waits.
    pub(super) fn try_write(&self, octets: &[u8]) -> io::Result<usize> {
        match &self.inner {
            Stream::Mock(stream) => stream.write(octets),
            #[cfg(target_os = "linux")]
            Stream::Kernel(stream) => (&**stream).write(octets),
        }
    }

    /// One try to peek; never waits.
    pub(super) fn try_peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        on_either!(Stream, &self.inner, stream => stream.peek(buffer))
    }

    /// As [`Read::read`], but the octets stay.
    ///
    /// # Errors
    /// As [`Read::read`]: `TimedOut` when nothing came in time; ECONNRESET, ETIMEDOUT and others, once, when the
    /// connection was lost.
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.waiting.until(&self.wanted("peek", false), || self.try_peek(buffer))
    }

    /// Ends a direction: writing with a FIN, reading so that it finds the end.
    ///
    /// # Errors
    /// ENOTCONN when the connection does not stand.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.waiting.touch();
        on_either!(Stream, &self.inner, stream => stream.shutdown(how))
    }

    /// Sends short segments at once (`TCP_NODELAY`), instead of one at a time. Default: no.
    ///
    /// # Errors
    /// None that happens: the shape of `std::net`.
    pub fn set_nodelay(&self, yes: bool) -> io::Result<()> {
        on_either!(Stream, &self.inner, stream => stream.set_nodelay(yes))
    }

    /// Takes the error that waits (`SO_ERROR`).
    ///
    /// # Errors
    /// None that happens.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        on_either!(Stream, &self.inner, stream => stream.take_error())
    }

    /// The own address.
    ///
    /// # Errors
    /// None that happens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        on_either!(Stream, &self.inner, stream => stream.local_addr())
    }

    /// The peer's address.
    ///
    /// # Errors
    /// ENOTCONN on the kernel backend, once the connection is over.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        on_either!(Stream, &self.inner, stream => stream.peer_addr())
    }
}

impl Read for &TcpStream {
    /// Reads what has arrived, waiting for the first octet. 0 is the end of the stream (or of the buffer).
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.waiting.until(&self.wanted("read", false), || self.try_read(buffer))
    }
}

impl Write for &TcpStream {
    /// Writes what the send buffer has room for, waiting for the first octet's.
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.waiting.until(&self.wanted("write", true), || self.try_write(octets))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for TcpStream {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        (&*self).write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, remote) = (self.local_addr().ok(), self.peer_addr().ok());
        f.debug_struct("TcpStream").field("local", &local).field("peer", &remote).finish()
    }
}

waits!(TcpListener, Listener);

impl TcpListener {
    pub(crate) fn on_mock(host: &mock::MockHost, place: Place, at: SocketAddr) -> io::Result<Self> {
        Self::new(Listener::Mock(host.tcp_listen(at)?), place)
    }

    /// The calling thread is in the host's namespace.
    #[cfg(target_os = "linux")]
    pub(crate) fn in_kernel(at: SocketAddr) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(at)?;
        listener.set_nonblocking(true)?;
        Self::new(Listener::Kernel(Arc::new(listener)), Place::Kernel)
    }

    fn new(inner: Listener, place: Place) -> io::Result<Self> {
        let local = on_either!(Listener, &inner, listener => listener.local_addr());
        let waiting = Arc::new(Waiting::new(place, format!("the listener on TCP {}", local?)));
        waiting.touch();
        Ok(Self { inner, waiting })
    }

    /// One try to accept; never waits.
    pub(super) fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (inner, from) = match &self.inner {
            Listener::Mock(listener) => {
                let (stream, from) = listener.accept()?;
                (Stream::Mock(stream), from)
            }
            #[cfg(target_os = "linux")]
            Listener::Kernel(listener) => {
                let (stream, from) = listener.accept()?;
                stream.set_nonblocking(true)?;
                (Stream::Kernel(Arc::new(stream)), from)
            }
        };
        let stream = TcpStream { inner, waiting: Arc::clone(&self.waiting) };
        let label = format!("TCP {} to {from}", stream.local_addr()?);
        let waiting = Arc::new(Waiting::new(self.waiting.place.clone(), label));
        Ok((TcpStream { waiting, ..stream }, from))
    }

    /// The oldest connection that waits, and who opened it.
    ///
    /// # Errors
    /// `TimedOut` when none came in time.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.waiting.until(&self.wanted("accept", false), || self.try_accept())
    }

    /// How long [`accept`](Self::accept) waits from now on, here and at its clones.
    pub fn set_timeout(&self, timeout: impl Into<Deadline>) {
        self.waiting.set_timeout(timeout.into());
    }

    /// How many connections may wait to be accepted, and how many may be half open: one more of each is taken, and then
    /// SYNs are dropped. Default and most: 4096 (`net.core.somaxconn`).
    ///
    /// # Errors
    /// None that happens.
    pub fn set_backlog(&self, connections: u16) -> io::Result<()> {
        match &self.inner {
            Listener::Mock(listener) => {
                listener.set_backlog(connections.into());
                Ok(())
            }
            #[cfg(target_os = "linux")]
            Listener::Kernel(listener) => {
                use nix::sys::socket::{Backlog, listen};

                // A second listen(2) changes the backlog of the first.
                Ok(listen(&**listener, Backlog::new(i32::from(connections.min(4096)))?)?)
            }
        }
    }

    /// The own address.
    ///
    /// # Errors
    /// None that happens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        on_either!(Listener, &self.inner, listener => listener.local_addr())
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener").field("local", &self.local_addr().ok()).finish()
    }
}
