//! A UDP socket of the host's.

use std::fmt;
use std::io;
use std::net::SocketAddr;
#[cfg(target_os = "linux")]
use std::os::fd::AsFd;
use std::sync::Arc;

use super::wait::{Place, Waiting, on_either, waits};
use crate::device::Deadline;
use crate::mock::host as mock;

/// A UDP socket of the host's, made by [`Host::udp_bind`](crate::Host::udp_bind).
///
/// ```
/// use tuntap_test::prelude::*;
///
/// #[tuntap_test]
/// fn answers(tun: Tun, host: Host) -> std::io::Result<()> {
///     let socket = host.udp_bind((tun.host_v4(), 53))?;
///     tun.send(Udp::new().sport(9).dport(53) / b"who?");
///     let mut buffer = [0; 512];
///     let (length, from) = socket.recv_from(&mut buffer)?;
///     assert_eq!((&buffer[..length], from), (b"who?".as_slice(), (tun.peer_v4(), 9).into()));
///     socket.send_to(b"me", from)?;
///     tun.expect(Udp::new().sport(53).dport(9) / b"me");
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct UdpSocket {
    pub(super) inner: Inner,
    pub(super) waiting: Arc<Waiting>,
}

#[derive(Clone)]
pub(super) enum Inner {
    Mock(mock::UdpSocket),
    #[cfg(target_os = "linux")]
    Kernel(Arc<std::net::UdpSocket>),
}

waits!(UdpSocket, Inner);

impl UdpSocket {
    pub(crate) fn on_mock(host: &mock::MockHost, place: Place, at: SocketAddr) -> io::Result<Self> {
        Self::new(Inner::Mock(host.udp_bind(at)?), place)
    }

    /// The calling thread is in the host's namespace.
    #[cfg(target_os = "linux")]
    pub(crate) fn in_kernel(at: SocketAddr) -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind(at)?;
        socket.set_nonblocking(true)?;
        Self::new(Inner::Kernel(Arc::new(socket)), Place::Kernel)
    }

    fn new(inner: Inner, place: Place) -> io::Result<Self> {
        let local = on_either!(Inner, &inner, socket => socket.local_addr());
        let waiting = Arc::new(Waiting::new(place, format!("UDP {}", local?)));
        waiting.touch();
        Ok(Self { inner, waiting })
    }

    /// One try of each; none waits.
    pub(super) fn try_send_to(&self, octets: &[u8], to: SocketAddr) -> io::Result<usize> {
        on_either!(Inner, &self.inner, socket => socket.send_to(octets, to))
    }

    pub(super) fn try_send(&self, octets: &[u8]) -> io::Result<usize> {
        on_either!(Inner, &self.inner, socket => socket.send(octets))
    }

    pub(super) fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        on_either!(Inner, &self.inner, socket => socket.recv_from(buffer))
    }

    pub(super) fn try_peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        on_either!(Inner, &self.inner, socket => socket.peek_from(buffer))
    }

    pub(super) fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        on_either!(Inner, &self.inner, socket => socket.recv(buffer))
    }

    /// How long a call waits from now on, on this socket and its clones: a [`Duration`](std::time::Duration), or
    /// `Deadline::Now`, or `Deadline::Never`.
    pub fn set_timeout(&self, timeout: impl Into<Deadline>) {
        self.waiting.set_timeout(timeout.into());
    }

    /// Sends a datagram, of 65,507 octets at most, on IPv6 65,527. Gives its length.
    ///
    /// # Errors
    /// EMSGSIZE when it is longer; EINVAL for port 0; EAFNOSUPPORT for an address of IPv6 on a socket of IPv4; ENETUNREACH
    /// without a route; EACCES for a broadcast address without [`set_broadcast`](Self::set_broadcast); the errno of an ICMP error that
    /// came about a former one, if the socket is connected.
    pub fn send_to(&self, octets: &[u8], to: impl Into<SocketAddr>) -> io::Result<usize> {
        let to = to.into();
        self.waiting.touch();
        self.waiting.until(&self.wanted("send_to", true), || self.try_send_to(octets, to))
    }

    /// The oldest datagram, cut to the buffer, and who sent it.
    ///
    /// # Errors
    /// `TimedOut` when none came in time; the errno of an ICMP error, once, if the socket is connected.
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.waiting.until(&self.wanted("recv_from", false), || self.try_recv_from(buffer))
    }

    /// As [`recv_from`](Self::recv_from), but the datagram stays.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    pub fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.waiting.until(&self.wanted("peek_from", false), || self.try_peek_from(buffer))
    }

    /// Connects: [`send`](Self::send) goes there, only its datagrams are received, and ICMP errors about it are told.
    ///
    /// # Errors
    /// EINVAL for port 0; EAFNOSUPPORT for an address of IPv6 on a socket of IPv4; ENETUNREACH without a route; EACCES for a
    /// broadcast address.
    pub fn connect(&self, to: impl Into<SocketAddr>) -> io::Result<()> {
        let to = to.into();
        self.waiting.touch();
        on_either!(Inner, &self.inner, socket => socket.connect(to))
    }

    /// Sends to who the socket is connected to.
    ///
    /// # Errors
    /// EDESTADDRREQ when it is not connected; else as [`send_to`](Self::send_to).
    pub fn send(&self, octets: &[u8]) -> io::Result<usize> {
        self.waiting.touch();
        self.waiting.until(&self.wanted("send", true), || self.try_send(octets))
    }

    /// As [`recv_from`](Self::recv_from), without the address.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.waiting.until(&self.wanted("recv", false), || self.try_recv(buffer))
    }

    /// The own address.
    ///
    /// # Errors
    /// None that happens: the shape of `std::net`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        on_either!(Inner, &self.inner, socket => socket.local_addr())
    }

    /// Who the socket is connected to.
    ///
    /// # Errors
    /// ENOTCONN.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        on_either!(Inner, &self.inner, socket => socket.peer_addr())
    }

    /// Allows datagrams to broadcast addresses (`SO_BROADCAST`).
    ///
    /// # Errors
    /// None that happens.
    pub fn set_broadcast(&self, yes: bool) -> io::Result<()> {
        on_either!(Inner, &self.inner, socket => socket.set_broadcast(yes))
    }

    /// The TTL, or the hop limit, of what it sends: 1 to 255.
    ///
    /// # Errors
    /// EINVAL for 0.
    pub fn set_ttl(&self, hop_limit: u8) -> io::Result<()> {
        match &self.inner {
            Inner::Mock(socket) => socket.set_ttl(hop_limit),
            #[cfg(target_os = "linux")]
            Inner::Kernel(socket) => set_hop_limit(socket, socket.local_addr()?, hop_limit),
        }
    }

    /// Takes the error that waits (`SO_ERROR`).
    ///
    /// # Errors
    /// None that happens.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        on_either!(Inner, &self.inner, socket => socket.take_error())
    }
}

/// `IP_TTL`, and for IPv6 `IPV6_UNICAST_HOPS`, of which std knows nothing.
#[cfg(target_os = "linux")]
pub(super) fn set_hop_limit(socket: &impl AsFd, local: SocketAddr, hop_limit: u8) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt};

    // The kernel takes 0 for IPv6, and then sends nothing that arrives.
    if hop_limit == 0 {
        return Err(nix::errno::Errno::EINVAL.into());
    }
    let number = i32::from(hop_limit);
    Ok(match local {
        SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4Ttl, &number),
        SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6Ttl, &number),
    }?)
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket")
            .field("local", &self.local_addr().ok())
            .field("peer", &self.peer_addr().ok())
            .finish()
    }
}
