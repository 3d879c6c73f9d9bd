//! A TCP connection and a listener of the host's, in the shape of `std::net`.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use super::route::mapped;
use super::stack::{Shared, Stack};
use super::tcp::Progress;
use crate::errno::Errno;

/// A TCP connection of a [`MockHost`](super::MockHost). Clones are the same connection; with the last it is closed: with
/// a FIN, or with a reset where something was not read.
///
/// No call waits: where std's would, it gives EAGAIN (`WouldBlock`). What it sends leaves the host with the next
/// [`HostLink::poll`](super::HostLink::poll). The errnos are those of Linux.
#[derive(Clone)]
pub struct TcpStream {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    number: u64,
    /// Its addresses are shown as IPv6's.
    is_v6: bool,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.change(|stack| stack.close_tcp(self.number));
    }
}

impl TcpStream {
    pub(super) fn connect(shared: &Arc<Shared>, to: SocketAddr) -> io::Result<Self> {
        let number = shared.change(|stack| stack.connect_tcp(to))?;
        Ok(Self::new(shared, number, to.is_ipv6()))
    }

    fn new(shared: &Arc<Shared>, number: u64, is_v6: bool) -> Self {
        Self { handle: Arc::new(Handle { shared: Arc::clone(shared), number, is_v6 }) }
    }

    fn change<T>(&self, act: impl FnOnce(&mut Stack, u64) -> Result<T, Errno>) -> io::Result<T> {
        Ok(self.handle.shared.attempt(|stack| act(stack, self.handle.number))?)
    }

    /// Whether the connection stands: false while it is being opened.
    ///
    /// # Errors
    /// What ended the attempt, once: ECONNREFUSED for a reset or a port that nobody has, ETIMEDOUT after 131 s without
    /// an answer, EHOSTUNREACH, ENETUNREACH and others for ICMP errors and for a neighbour that does not answer.
    /// Afterwards ENOTCONN.
    pub fn try_connected(&self) -> io::Result<bool> {
        match self.handle.shared.lock().progress_of_tcp(self.handle.number) {
            Progress::Opening => Ok(false),
            Progress::Open => Ok(true),
            Progress::Failed(errno) => Err(errno.into()),
        }
    }

    /// Reads what has arrived. 0 is the end of the stream (or of the buffer).
    ///
    /// # Errors
    /// EAGAIN when nothing is there; ECONNRESET, ETIMEDOUT and others, once, when the connection was lost.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.change(|stack, number| stack.read_tcp(number, buffer, false))
    }

    /// As [`read`](Self::read), but the octets stay.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.change(|stack, number| stack.read_tcp(number, buffer, true))
    }

    /// Writes what the send buffer has room for: 78,840 octets at most.
    ///
    /// # Errors
    /// EAGAIN when it has no room, or while the connection is being opened; EPIPE after the end; what ended the
    /// connection, once.
    pub fn write(&self, octets: &[u8]) -> io::Result<usize> {
        self.change(|stack, number| stack.write_tcp(number, octets))
    }

    /// Ends a direction: writing with a FIN, reading so that it finds the end.
    ///
    /// # Errors
    /// ENOTCONN when the connection does not stand.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.change(|stack, number| stack.shut_down_tcp(number, how))
    }

    /// Sends short segments at once (`TCP_NODELAY`), instead of one at a time. Default: no.
    ///
    /// # Errors
    /// None that happens: the shape of `std::net`.
    pub fn set_nodelay(&self, yes: bool) -> io::Result<()> {
        self.change(|stack, number| stack.set_no_delay(number, yes))
    }

    /// Takes the error that waits (`SO_ERROR`).
    ///
    /// # Errors
    /// None that happens.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.change(Stack::take_tcp_error)?.map(io::Error::from))
    }

    /// The own address.
    ///
    /// # Errors
    /// None that happens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addresses()?.0)
    }

    /// The peer's.
    ///
    /// # Errors
    /// None that happens: a connection that is over still tells.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addresses()?.1)
    }

    fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        let addresses = self.handle.shared.lock().addresses_of_tcp(self.handle.number);
        let (local, remote) = addresses.ok_or(Errno::NotConnected)?;
        let show = |at: SocketAddr| SocketAddr::new(mapped(at.ip(), self.handle.is_v6), at.port());
        Ok((show(local), show(remote)))
    }
}

impl std::fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (local, remote) = (self.local_addr().ok(), self.peer_addr().ok());
        f.debug_struct("TcpStream").field("local", &local).field("peer", &remote).finish()
    }
}

/// A TCP listener of a [`MockHost`](super::MockHost). Clones are the same listener; it is closed with the last.
///
/// ```
/// use std::io::ErrorKind;
/// use std::time::Duration;
/// use tuntap_test::mock::host::{HostConfig, LinkConfig, MockHost};
///
/// let host = MockHost::new(HostConfig::new());
/// let link = host.add_link(LinkConfig::tun().address("192.0.2.1/24".parse()?));
/// let listener = host.tcp_listen("192.0.2.1:80".parse()?)?;
/// // The host speaks to itself as to anybody else, only that nothing leaves.
/// let client = host.tcp_connect("192.0.2.1:80".parse()?)?;
/// assert!(!client.try_connected()?);
/// assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
/// link.poll(Duration::ZERO, &mut |_| unreachable!());
/// assert!(client.try_connected()?);
/// let (server, from) = listener.accept()?;
/// assert_eq!(from, client.local_addr()?);
/// # drop(server);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TcpListener {
    listening: Arc<Listening>,
}

struct Listening {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.shared.change(|stack| stack.close_listener(self.number));
    }
}

impl TcpListener {
    pub(super) fn bind(shared: &Arc<Shared>, at: SocketAddr) -> io::Result<Self> {
        let number = shared.lock().listen_tcp(at)?;
        Ok(Self { listening: Arc::new(Listening { shared: Arc::clone(shared), number }) })
    }

    /// The oldest connection that waits, and who opened it.
    ///
    /// # Errors
    /// EAGAIN when none waits.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let is_v6 = self.local_addr()?.is_ipv6();
        let number = self.listening.shared.attempt(|stack| stack.accept_tcp(self.listening.number))?;
        let stream = TcpStream::new(&self.listening.shared, number, is_v6);
        let from = stream.peer_addr()?;
        Ok((stream, from))
    }

    /// How many connections may wait to be accepted, and how many may be half open: one more of each is taken, as on
    /// Linux, and then SYNs are dropped. Default and most: 4096.
    pub fn set_backlog(&self, connections: usize) {
        self.listening.shared.lock().set_backlog(self.listening.number, connections);
    }

    /// The own address.
    ///
    /// # Errors
    /// None that happens: the shape of `std::net`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.listening.shared.lock().listener_address(self.listening.number).ok_or(Errno::Invalid)?)
    }
}

impl std::fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TcpListener").field("local", &self.local_addr().ok()).finish()
    }
}
