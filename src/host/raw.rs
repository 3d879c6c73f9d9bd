//! Raw sockets of the host's: the payloads of one IP protocol.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use super::wait::{Place, Waiting, waits};
use crate::device::Deadline;
#[cfg(target_os = "linux")]
use crate::kernel::IpSocket;
use crate::mock::host as mock;

/// What a [`RawSocket`] received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawDatagram {
    /// How many octets of the payload are in the buffer.
    pub length: usize,
    /// Who sent it.
    pub from: IpAddr,
    /// The TTL or hop limit that it arrived with.
    pub hop_limit: u8,
}

/// A socket for the payloads of one IP protocol (`SOCK_RAW`, raw(7)), made by [`Host::raw`](crate::Host::raw).
///
/// Payloads have no IP header, in both families and both directions. Whoever else a packet is for gets it as well; no ICMP
/// error answers a protocol that a raw socket takes. (Linux refuses an ICMP message of less than two octets, EFAULT; the mock sends it.)
///
/// ```
/// use tuntap_test::prelude::*;
///
/// #[tuntap_test]
/// fn speaks_gre(tun: Tun, host: Host) -> std::io::Result<()> {
///     let gre = host.raw(tun.host_v4(), 47)?;
///     tun.send(Ipv4::new().protocol(47) / b"\0\0\x08\0");
///     let mut buffer = [0; 100];
///     let received = gre.recv_from(&mut buffer)?;
///     assert_eq!((&buffer[..received.length], received.from), (b"\0\0\x08\0".as_slice(), tun.peer_v4().into()));
///     gre.send_to(b"\0\0\x08\0", tun.peer_v4())?;
///     tun.expect(Ipv4::new().protocol(47) / b"\0\0\x08\0");
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct RawSocket {
    pub(super) inner: Inner,
    pub(super) waiting: Arc<Waiting>,
}

#[derive(Clone)]
pub(super) enum Inner {
    Mock(mock::RawSocket),
    #[cfg(target_os = "linux")]
    Kernel(Arc<IpSocket>),
}

waits!(RawSocket, Inner);

impl RawSocket {
    pub(crate) fn on_mock(host: &mock::MockHost, place: Place, at: IpAddr, protocol: u8) -> io::Result<Self> {
        Ok(Self::new(Inner::Mock(host.raw(at, protocol)?), place, at, protocol))
    }

    /// The calling thread is in the host's namespace.
    #[cfg(target_os = "linux")]
    pub(crate) fn in_kernel(at: IpAddr, protocol: u8) -> io::Result<Self> {
        Ok(Self::new(Inner::Kernel(Arc::new(IpSocket::open(at, protocol)?)), Place::Kernel, at, protocol))
    }

    fn new(inner: Inner, place: Place, at: IpAddr, protocol: u8) -> Self {
        let waiting = Arc::new(Waiting::new(place, format!("the raw socket of protocol {protocol} on {at}")));
        waiting.touch();
        Self { inner, waiting }
    }

    /// How long a call waits from now on, on this socket and its clones.
    pub fn set_timeout(&self, timeout: impl Into<Deadline>) {
        self.waiting.set_timeout(timeout.into());
    }

    /// Sends a payload; the IP header is the host's, and so is the checksum of ICMPv6 (RFC 3542 section 3.1). Gives its
    /// length.
    ///
    /// # Errors
    /// EMSGSIZE when it is longer than a packet can be; EAFNOSUPPORT for an address of IPv6 on a socket of IPv4, EINVAL the
    /// other way round; ENETUNREACH without a route; EACCES for a broadcast address.
    pub fn send_to(&self, payload: &[u8], to: impl Into<IpAddr>) -> io::Result<usize> {
        let to = to.into();
        self.waiting.touch();
        self.waiting.until(&self.wanted("send_to", true), || self.try_send_to(payload, to))
    }

    /// One try to send; never waits.
    pub(super) fn try_send_to(&self, payload: &[u8], to: IpAddr) -> io::Result<usize> {
        match &self.inner {
            Inner::Mock(socket) => socket.send_to(payload, to),
            #[cfg(target_os = "linux")]
            Inner::Kernel(socket) => socket.send_to(payload, to),
        }
    }

    /// One try to receive; never waits.
    pub(super) fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<RawDatagram> {
        match &self.inner {
            Inner::Mock(socket) => {
                let (length, from, hop_limit) = socket.recv_from(buffer)?;
                Ok(RawDatagram { length, from, hop_limit })
            }
            #[cfg(target_os = "linux")]
            Inner::Kernel(socket) => {
                let crate::kernel::Datagram { length, from, hop_limit } = socket.receive(buffer)?;
                Ok(RawDatagram { length, from, hop_limit })
            }
        }
    }

    /// The oldest payload, cut to the buffer.
    ///
    /// # Errors
    /// `TimedOut` when none came in time.
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<RawDatagram> {
        self.waiting.until(&self.wanted("recv_from", false), || self.try_recv_from(buffer))
    }
}

impl fmt::Debug for RawSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawSocket({})", self.waiting.label)
    }
}
