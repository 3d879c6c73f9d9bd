//! Pings of the host's: echo requests, and what comes back about them.
//!
//! ```text
//!  0     1     2         4            6           8
//!  type  code  checksum  identifier   sequence    data…      (RFC 792, RFC 4443 section 4.1)
//!  an error quotes the request's IP header, and at least these 8 octets of it, from its own octet 8 on
//! ```

use std::error::Error;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use super::wait::{Place, Waiting, waits};
use crate::device::Deadline;
#[cfg(target_os = "linux")]
use crate::kernel::IpSocket;
use crate::mock::host as mock;
pub use crate::mock::host::PingAnswer;

/// As ping(8): 56 octets, which with the header are 64.
const DATA: usize = 56;

/// The answer to a [`Host::ping`](crate::Host::ping).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PingReply {
    /// Who sent it.
    pub from: IpAddr,
    /// The TTL or hop limit that it arrived with.
    pub hop_limit: u8,
    /// The time from the request to the reply, by the link's clock.
    pub round_trip: Duration,
    /// The data of the reply.
    pub payload: Vec<u8>,
}

/// An ICMP error that answers a ping: the inside of the error that [`Host::ping`](crate::Host::ping) gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreachable {
    /// Who sent it.
    pub from: IpAddr,
    /// The error's type (RFC 792, RFC 4443).
    pub kind: u8,
    /// Its code.
    pub code: u8,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, kind, code } = self;
        let family = if from.is_ipv4() { "ICMP" } else { "ICMPv6" };
        write!(f, "{from} answered with {family} type {kind} code {code}")
    }
}

impl Error for Unreachable {}

/// A socket for echo requests of one family, made by [`Host::ping_socket`](crate::Host::ping_socket).
///
/// ```
/// use tuntap_test::host::PingAnswer;
/// use tuntap_test::prelude::*;
///
/// #[tuntap_test]
/// fn pings_by_hand(tun: Tun, host: Host) -> std::io::Result<()> {
///     let socket = host.ping_socket(tun.host_v4())?;
///     socket.send_to(tun.peer_v4(), 1, b"anybody?")?;
///     tun.expect(Icmpv4::echo_request(socket.identifier(), 1) / b"anybody?");
///     tun.send(Icmpv4::echo_reply(socket.identifier(), 1) / b"anybody?");
///     let PingAnswer::Reply { sequence: 1, payload, .. } = socket.receive()? else { panic!("another answer") };
///     assert_eq!(payload, b"anybody?");
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct PingSocket {
    pub(super) inner: Inner,
    pub(super) waiting: Arc<Waiting>,
    identifier: u16,
}

#[derive(Clone)]
pub(super) enum Inner {
    Mock(mock::PingSocket),
    #[cfg(target_os = "linux")]
    Kernel(Arc<IpSocket>),
}

waits!(PingSocket, Inner);

impl PingSocket {
    pub(crate) fn on_mock(host: &mock::MockHost, place: Place, at: IpAddr) -> io::Result<Self> {
        let socket = host.ping_at(at)?;
        let identifier = socket.identifier();
        Ok(Self::new(Inner::Mock(socket), place, at, identifier))
    }

    /// The calling thread is in the host's namespace.
    #[cfg(target_os = "linux")]
    pub(crate) fn in_kernel(at: IpAddr) -> io::Result<Self> {
        /// A raw socket gets the replies to all; so each of a process has an identifier of its own.
        static NEXT: AtomicU16 = AtomicU16::new(1);
        let socket = IpSocket::open(at, if at.is_ipv4() { 1 } else { 58 })?;
        Ok(Self::new(Inner::Kernel(Arc::new(socket)), Place::Kernel, at, NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    fn new(inner: Inner, place: Place, at: IpAddr, identifier: u16) -> Self {
        let waiting = Arc::new(Waiting::new(place, format!("the ping socket {identifier} on {at}")));
        waiting.touch();
        Self { inner, waiting, identifier }
    }

    /// The identifier of its requests.
    #[must_use]
    pub const fn identifier(&self) -> u16 {
        self.identifier
    }

    /// How long [`receive`](Self::receive) waits from now on, here and at its clones.
    pub fn set_timeout(&self, timeout: impl Into<Deadline>) {
        self.waiting.set_timeout(timeout.into());
    }

    /// Sends an echo request.
    ///
    /// # Errors
    /// EAFNOSUPPORT for an address of IPv6 on a socket of IPv4, EINVAL the other way round; ENETUNREACH without a route;
    /// EACCES for a broadcast address; EMSGSIZE for more than 65,507 octets, on IPv6 65,527.
    pub fn send_to(&self, to: impl Into<IpAddr>, sequence: u16, payload: &[u8]) -> io::Result<()> {
        let to = to.into();
        self.waiting.touch();
        self.waiting.until(&self.wanted("send_to", true), || self.try_send_to(to, sequence, payload))
    }

    /// One try to send; never waits.
    pub(super) fn try_send_to(&self, to: IpAddr, sequence: u16, payload: &[u8]) -> io::Result<()> {
        match &self.inner {
            Inner::Mock(socket) => socket.send_to(to, sequence, payload),
            #[cfg(target_os = "linux")]
            Inner::Kernel(socket) => {
                let message = kernel::request(socket.is_v4(), self.identifier, sequence, payload);
                socket.send_to(&message, to).map(drop)
            }
        }
    }

    /// The oldest answer to a request of this socket's.
    ///
    /// # Errors
    /// `TimedOut` when none came in time.
    pub fn receive(&self) -> io::Result<PingAnswer> {
        self.waiting.until(&self.wanted("receive", false), || self.try_receive())
    }

    /// One try; never waits.
    pub(super) fn try_receive(&self) -> io::Result<PingAnswer> {
        match &self.inner {
            Inner::Mock(socket) => socket.receive(),
            #[cfg(target_os = "linux")]
            Inner::Kernel(socket) => kernel::answer(socket, socket.is_v4(), self.identifier),
        }
    }

    /// One request and its answer.
    pub(crate) fn ping(&self, to: IpAddr) -> io::Result<PingReply> {
        let began = self.now();
        self.send_to(to, 1, &data())?;
        let answer = self.receive()?;
        self.reply(answer, began)
    }

    pub(super) fn now(&self) -> Instant {
        match &self.waiting.place {
            Place::Mock(clock) => clock.now(),
            #[cfg(target_os = "linux")]
            Place::Kernel => Instant::now(),
        }
    }

    pub(super) fn reply(&self, answer: PingAnswer, began: Instant) -> io::Result<PingReply> {
        match answer {
            PingAnswer::Reply { from, payload, hop_limit, .. } => {
                Ok(PingReply { from, hop_limit, round_trip: self.now().saturating_duration_since(began), payload })
            }
            PingAnswer::Error { from, kind, code, .. } => {
                Err(io::Error::new(io::ErrorKind::HostUnreachable, Unreachable { from, kind, code }))
            }
        }
    }
}

impl fmt::Debug for PingSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PingSocket({})", self.identifier)
    }
}

/// What is sent along: octets that count.
pub(super) fn data() -> Vec<u8> {
    (0..=u8::MAX).take(DATA).collect()
}

/// On the kernel a ping socket is a raw socket of ICMP's.
#[cfg(target_os = "linux")]
mod kernel {
    use std::io;

    use super::PingAnswer;
    use crate::kernel::{Datagram, IpSocket};

    const HEADER: usize = 8;

    /// The types of one family.
    struct Types {
        request: u8,
        reply: u8,
        errors: &'static [u8],
    }

    const V4: Types = Types { request: 8, reply: 0, errors: &[3, 11, 12] };
    const V6: Types = Types { request: 128, reply: 129, errors: &[1, 2, 3, 4] };

    const fn types(is_v4: bool) -> Types {
        if is_v4 { V4 } else { V6 }
    }

    /// An echo request. The checksum of ICMPv6 is the kernel's.
    pub(super) fn request(is_v4: bool, identifier: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
        let words = [identifier.to_be_bytes(), sequence.to_be_bytes()].concat();
        let mut message = [[types(is_v4).request, 0, 0, 0].as_slice(), &words, payload].concat();
        let [high, low] = if is_v4 { crate::packet::internet_checksum(&message).to_be_bytes() } else { [0, 0] };
        if let Some([_, _, one, two, ..]) = message.first_chunk_mut::<HEADER>() {
            (*one, *two) = (high, low);
        }
        message
    }

    /// The oldest message that answers a request of that identifier.
    pub(super) fn answer(socket: &IpSocket, is_v4: bool, identifier: u16) -> io::Result<PingAnswer> {
        let mut buffer = vec![0; 65_535];
        loop {
            let received = socket.receive(&mut buffer)?;
            let message = buffer.get(..received.length).unwrap_or_default();
            if let Some(answer) = read(received, message, is_v4, identifier) {
                return Ok(answer);
            }
        }
    }

    /// `None` for what answers no such request.
    fn read(received: Datagram, message: &[u8], is_v4: bool, identifier: u16) -> Option<PingAnswer> {
        let types = types(is_v4);
        let (header, data) = message.split_first_chunk::<HEADER>()?;
        let &[kind, code, ..] = header;
        let Datagram { from, hop_limit, .. } = received;
        if kind == types.reply {
            let sequence = sequence(header, identifier)?;
            return Some(PingAnswer::Reply { from, sequence, payload: data.to_vec(), hop_limit });
        }
        if !types.errors.contains(&kind) {
            return None;
        }
        let quoted = if is_v4 {
            let length = usize::from(data.first()? & 15) * 4;
            data.get(length..).filter(|_| data.get(9) == Some(&1))?
        } else {
            data.get(40..).filter(|_| data.get(6) == Some(&58))?
        };
        let request = quoted.first_chunk::<HEADER>().filter(|request| request.first() == Some(&types.request))?;
        Some(PingAnswer::Error { from, sequence: sequence(request, identifier)?, kind, code })
    }

    /// The sequence number of a message that has this identifier.
    fn sequence(header: &[u8; HEADER], identifier: u16) -> Option<u16> {
        let &[_, _, _, _, i1, i2, s1, s2] = header;
        (u16::from_be_bytes([i1, i2]) == identifier).then(|| u16::from_be_bytes([s1, s2]))
    }
}
