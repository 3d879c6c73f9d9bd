//! The argument `host: Host` of a test: the host end's sockets, programs and tables.

#[cfg(feature = "tokio")]
mod asynchronous;

#[cfg(target_os = "linux")]
use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, SocketAddr};
#[cfg(target_os = "linux")]
use std::process::Command;

#[cfg(feature = "tokio")]
pub use asynchronous::AsyncHost;

#[cfg(target_os = "linux")]
use super::link::assert_ok;
use super::{FromTestContext, Stack, TestContext};
use crate::device::{Clock, Deadline, DeviceConfig};
use crate::host::{PingReply, PingSocket, Place, RawSocket, TcpListener, TcpStream, UdpSocket};
#[cfg(target_os = "linux")]
use crate::kernel::Counters;
#[cfg(target_os = "linux")]
use crate::kernel::netlink::{LinkState, NeighbourState, Netlink, RouteState};

/// The host at the far end of a test's links: its sockets, on both backends, and on the kernel's its programs, counters and
/// tables. Cheap to clone.
///
/// A link's own is [`Link::host`](super::Link::host); `#[device(host = "b")] b: Host` is the one of that name, of which
/// there is one for all links and arguments that name it.
///
/// ```
/// use tuntap_test::prelude::*;
///
/// #[tuntap_test]
/// fn pings(tun: Tun, host: Host) -> std::io::Result<()> {
///     let _peer = tun.answer(IcmpEcho::any_address());
///     assert_eq!(host.ping(tun.peer_v4())?.hop_limit, 64);
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Host {
    stack: Stack,
    clock: Clock,
}

impl Host {
    pub(super) const fn new(stack: Stack, clock: Clock) -> Self {
        Self { stack, clock }
    }

    /// Makes a socket on either backend: `on_mock`, or `in_kernel` on a thread that is in the host's namespace.
    fn make<T: Send>(
        &self,
        on_mock: impl FnOnce(&crate::mock::host::MockHost, Place) -> io::Result<T>,
        in_kernel: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<T> {
        match self.stack.mock_host() {
            Some(host) => on_mock(host, Place::Mock(self.clock.clone())),
            None => self.stack.run(in_kernel)?,
        }
    }

    /// A UDP socket on that address; port 0 stands for a free one.
    ///
    /// # Errors
    /// EADDRNOTAVAIL when the host has no such address; EADDRINUSE when a socket has it.
    pub fn udp_bind(&self, at: impl Into<SocketAddr>) -> io::Result<UdpSocket> {
        let at = at.into();
        self.make(|host, place| UdpSocket::on_mock(host, place, at), || kernel::udp_bind(at))
    }

    /// A TCP listener on that address; port 0 stands for a free one.
    ///
    /// # Errors
    /// EADDRNOTAVAIL when the host has no such address; EADDRINUSE when a listener has it.
    pub fn tcp_listen(&self, at: impl Into<SocketAddr>) -> io::Result<TcpListener> {
        let at = at.into();
        self.make(|host, place| TcpListener::on_mock(host, place, at), || kernel::tcp_listen(at))
    }

    /// Opens a TCP connection, in 10 s at most (times `TUNTAP_TEST_TIMEOUT_SCALE`).
    ///
    /// # Errors
    /// ECONNREFUSED for a reset; ENETUNREACH without a route; EHOSTUNREACH and others for ICMP errors and for a neighbour
    /// that does not answer; `TimedOut`, without an errno, when the time is over.
    pub fn tcp_connect(&self, to: impl Into<SocketAddr>) -> io::Result<TcpStream> {
        self.tcp_connect_by(to.into(), None)
    }

    /// As [`tcp_connect`](Self::tcp_connect), in that time. With `Deadline::Never` the host gives up by itself after
    /// 131 s: ETIMEDOUT.
    ///
    /// # Errors
    /// As [`tcp_connect`](Self::tcp_connect); `WouldBlock` for `Deadline::Now`, with which nothing is sent.
    pub fn tcp_connect_timeout(
        &self,
        to: impl Into<SocketAddr>,
        timeout: impl Into<Deadline>,
    ) -> io::Result<TcpStream> {
        self.tcp_connect_by(to.into(), Some(timeout.into()))
    }

    fn tcp_connect_by(&self, to: SocketAddr, timeout: Option<Deadline>) -> io::Result<TcpStream> {
        if timeout == Some(Deadline::Now) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.make(
            |host, place| TcpStream::begin_on_mock(host, place, to)?.opened(timeout),
            || kernel::tcp_connect(to, timeout),
        )
    }

    /// Begins to open a connection, and does not wait for it.
    pub(crate) fn begin_tcp_connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        self.make(|host, place| TcpStream::begin_on_mock(host, place, to), || kernel::begin_tcp_connect(to))
    }

    /// Sends an echo request with 56 octets of data, and gives its reply.
    ///
    /// # Errors
    /// `HostUnreachable` with an [`Unreachable`](crate::host::Unreachable) inside when an ICMP error answers; `TimedOut`
    /// when nothing does in 10 s (times `TUNTAP_TEST_TIMEOUT_SCALE`); ENETUNREACH without a route.
    pub fn ping(&self, to: impl Into<IpAddr>) -> io::Result<PingReply> {
        let to = to.into();
        let any = match to {
            IpAddr::V4(_) => IpAddr::from([0; 4]),
            IpAddr::V6(_) => IpAddr::from([0; 16]),
        };
        self.ping_socket(any)?.ping(to)
    }

    /// A socket for echo requests, of the address's family.
    ///
    /// # Errors
    /// EADDRNOTAVAIL when the host has no such address.
    pub fn ping_socket(&self, at: impl Into<IpAddr>) -> io::Result<PingSocket> {
        let at = at.into();
        self.make(|host, place| PingSocket::on_mock(host, place, at), || kernel::ping_socket(at))
    }

    /// A socket for the payloads of an IP protocol, on an address of the host's or, with 0.0.0.0 or `::`, on all of that
    /// family.
    ///
    /// # Errors
    /// EADDRNOTAVAIL when the host has no such address; EPROTONOSUPPORT for protocol 0.
    pub fn raw(&self, at: impl Into<IpAddr>, protocol: u8) -> io::Result<RawSocket> {
        let at = at.into();
        self.make(|host, place| RawSocket::on_mock(host, place, at, protocol), || kernel::raw(at, protocol))
    }

    /// The same with sockets for tasks: `host.as_async().tcp_connect(…).await`. See
    /// [`asynchronous`](crate::host::asynchronous).
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn as_async(&self) -> AsyncHost {
        AsyncHost::new(self.clone())
    }

    /// Runs a closure in this host: sockets that it makes and programs that it starts belong to it. On the mock there
    /// is no such place, and the closure runs where it is.
    ///
    /// # Errors
    /// When the thread cannot be started or may not enter the namespace.
    ///
    /// # Panics
    /// When the closure panics, with its payload.
    pub fn run<T: Send>(&self, closure: impl FnOnce() -> T + Send) -> io::Result<T> {
        self.stack.run(closure)
    }

    /// The host's stack: its namespace on the kernel backend.
    #[must_use]
    pub const fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The test's clock: virtual on the mock.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }
}

/// What only the kernel has.
#[cfg(target_os = "linux")]
impl Host {
    /// A program that will run in this host: `host.command("ping").args(["-c", "1", "192.0.2.2"])`,
    /// whichever thread starts it.
    ///
    /// # Panics
    /// On the mock, where there is no program: write `#[tuntap_test(kernel)]`.
    #[must_use]
    #[track_caller]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        assert_ok(self.namespace("start a program"), "make a command").command(program)
    }

    /// What the kernel has counted in this host since it was made: packets, errors, resets, drops, by the names that
    /// `nstat` shows. See [`Stack::counters`].
    ///
    /// # Errors
    /// As [`Stack::counters`].
    pub fn counters(&self) -> io::Result<Counters> {
        self.stack.counters()
    }

    /// The neighbours of all interfaces, as `ip neighbour` shows them.
    ///
    /// ```no_run
    /// # use tuntap_test::prelude::*;
    /// # fn f(tap: Tap, host: Host) -> std::io::Result<()> {
    /// let neighbours = host.neighbours()?;
    /// assert!(neighbours.iter().any(|one| one.address == tap.peer_v4() && one.mac.is_some()), "{neighbours:?}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Unsupported` on the mock; what netlink says.
    pub fn neighbours(&self) -> io::Result<Vec<NeighbourState>> {
        let mut netlink = self.netlink("list its neighbours")?;
        let mut all = Vec::new();
        for link in netlink.links()? {
            all.extend(netlink.neighbours(link.index)?);
        }
        Ok(all)
    }

    /// The unicast routes of the main table, IPv4 before IPv6, as `ip route` shows them.
    ///
    /// # Errors
    /// `Unsupported` on the mock; what netlink says.
    pub fn routes(&self) -> io::Result<Vec<RouteState>> {
        Ok(self.netlink("list its routes")?.routes()?)
    }

    /// The interfaces with their statistics, `lo` included, as `ip -statistics link` shows them.
    ///
    /// # Errors
    /// `Unsupported` on the mock; what netlink says.
    pub fn links(&self) -> io::Result<Vec<LinkState>> {
        Ok(self.netlink("list its interfaces")?.links()?)
    }

    fn netlink(&self, what: &str) -> io::Result<Netlink> {
        self.namespace(what)?;
        Ok(self.stack.run(Netlink::open)??)
    }

    fn namespace(&self, what: &str) -> io::Result<&crate::kernel::Namespace> {
        self.stack.namespace().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::Unsupported,
                format!("the mock host cannot {what}: write #[tuntap_test(kernel)]"),
            )
        })
    }
}

impl FromTestContext for Host {
    fn try_from_test_context(context: &mut TestContext, config: DeviceConfig) -> io::Result<Self> {
        Ok(Self::new(context.stack(config.requested_host())?, context.clock().clone()))
    }
}

/// Sockets of the kernel's, made on a thread that is in the namespace.
#[cfg(target_os = "linux")]
mod kernel {
    use super::{Deadline, IpAddr, PingSocket, RawSocket, SocketAddr, TcpListener, TcpStream, UdpSocket, io};

    pub(super) fn udp_bind(at: SocketAddr) -> io::Result<UdpSocket> {
        UdpSocket::in_kernel(at)
    }

    pub(super) fn tcp_listen(at: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::in_kernel(at)
    }

    pub(super) fn tcp_connect(to: SocketAddr, timeout: Option<Deadline>) -> io::Result<TcpStream> {
        TcpStream::in_kernel(to, timeout)
    }

    pub(super) fn begin_tcp_connect(to: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::begin_in_kernel(to)
    }

    pub(super) fn ping_socket(at: IpAddr) -> io::Result<PingSocket> {
        PingSocket::in_kernel(at)
    }

    pub(super) fn raw(at: IpAddr, protocol: u8) -> io::Result<RawSocket> {
        RawSocket::in_kernel(at, protocol)
    }
}

/// Where there is no kernel backend there is no other host than the mock's.
#[cfg(not(target_os = "linux"))]
mod kernel {
    use super::{Deadline, IpAddr, PingSocket, RawSocket, SocketAddr, TcpListener, TcpStream, UdpSocket, io};

    fn none<T>() -> io::Result<T> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn udp_bind(_: SocketAddr) -> io::Result<UdpSocket> {
        none()
    }

    pub(super) fn tcp_listen(_: SocketAddr) -> io::Result<TcpListener> {
        none()
    }

    pub(super) fn tcp_connect(_: SocketAddr, _: Option<Deadline>) -> io::Result<TcpStream> {
        none()
    }

    pub(super) fn begin_tcp_connect(_: SocketAddr) -> io::Result<TcpStream> {
        none()
    }

    pub(super) fn ping_socket(_: IpAddr) -> io::Result<PingSocket> {
        none()
    }

    pub(super) fn raw(_: IpAddr, _: u8) -> io::Result<RawSocket> {
        none()
    }
}
