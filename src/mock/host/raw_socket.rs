//! Raw sockets of the host's: the payloads of one IP protocol, beside whoever else is given them (`SOCK_RAW`).

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use super::checksum;
use super::packet::{Fragmenting, Outgoing, Received, protocol};
use super::route::not_unspecified;
use super::stack::{Shared, Stack};
use super::udp_socket::copy;
use crate::errno::Errno;

/// As a UDP socket's queue: `net.core.rmem_default`, and what a packet takes of it besides its own octets.
const RECEIVE_BUFFER: usize = 212_992;
const OVERHEAD: usize = 832;
/// The longest payload: 65,535 octets without the IPv4 header; IPv6's length does not count the header.
const MOST_OCTETS_V4: usize = 65_515;
const MOST_OCTETS_V6: usize = 65_535;

/// A payload with what its IP header said.
struct Queued {
    from: IpAddr,
    hop_limit: u8,
    octets: Vec<u8>,
}

struct RawState {
    local: IpAddr,
    protocol: u8,
    queue: VecDeque<Queued>,
    queued: usize,
}

#[derive(Default)]
pub(super) struct RawTable {
    sockets: BTreeMap<u64, RawState>,
}

/// A socket for the payloads of one IP protocol. Clones are the same socket.
///
/// No call waits; what is sent leaves the host with the next [`HostLink::poll`](super::HostLink::poll). It takes packets
/// of its family to its address, or to any of the host's when it has none in particular; whoever else they are for gets
/// them as well, and no error answers a protocol that a raw socket takes.
///
/// ```
/// use std::time::Duration;
/// use tuntap_test::mock::host::{HostConfig, LinkConfig, MockHost};
///
/// let host = MockHost::new(HostConfig::new());
/// let link = host.add_link(LinkConfig::tun().address("192.0.2.1/24".parse()?));
/// let gre = host.raw("192.0.2.1".parse()?, 47)?;
/// gre.send_to(&[0; 4], "192.0.2.2".parse()?)?;
/// let mut frames = Vec::new();
/// link.poll(Duration::ZERO, &mut |frame| frames.push(frame.to_vec()));
/// assert_eq!((frames[0].len(), frames[0][9]), (20 + 4, 47));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RawSocket {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.change(|stack| stack.raw.sockets.remove(&self.number));
    }
}

impl RawSocket {
    pub(super) fn open(shared: &Arc<Shared>, at: IpAddr, protocol: u8) -> io::Result<Self> {
        let number = shared.lock().open_raw(at, protocol)?;
        Ok(Self { handle: Arc::new(Handle { shared: Arc::clone(shared), number }) })
    }

    /// Sends a payload; the IP header is the host's, and so is the checksum of ICMPv6 (RFC 3542 section 3.1).
    ///
    /// # Errors
    /// EMSGSIZE when it is longer than a packet can be; EAFNOSUPPORT for an address of IPv6 on a socket of IPv4, EINVAL the
    /// other way round; ENETUNREACH without a route; EACCES for a broadcast address.
    pub fn send_to(&self, payload: &[u8], to: IpAddr) -> io::Result<usize> {
        Ok(self.handle.shared.change(|stack| stack.send_raw(self.handle.number, payload, to))?)
    }

    /// The oldest payload, cut to the buffer, who sent it, and the TTL or hop limit that it arrived with.
    ///
    /// # Errors
    /// EAGAIN when there is none.
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, IpAddr, u8)> {
        let mut stack = self.handle.shared.lock();
        let state = stack.raw.sockets.get_mut(&self.handle.number).ok_or(Errno::Invalid)?;
        let Queued { from, hop_limit, octets } = state.queue.pop_front().ok_or(Errno::Again)?;
        state.queued -= octets.len() + OVERHEAD;
        Ok((copy(&octets, buffer), from, hop_limit))
    }
}

impl std::fmt::Debug for RawSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawSocket({})", self.handle.number)
    }
}

impl Stack {
    fn open_raw(&mut self, local: IpAddr, protocol: u8) -> Result<u64, Errno> {
        if protocol == 0 {
            return Err(Errno::ProtocolNotSupported);
        }
        self.check_bindable(local, true)?;
        let number = self.socket_number();
        self.raw.sockets.insert(number, RawState { local, protocol, queue: VecDeque::new(), queued: 0 });
        Ok(number)
    }

    fn send_raw(&mut self, number: u64, payload: &[u8], to: IpAddr) -> Result<usize, Errno> {
        let socket = self.raw.sockets.get(&number).ok_or(Errno::Invalid)?;
        let (local, protocol) = (socket.local, socket.protocol);
        match (local, to) {
            (IpAddr::V4(_), IpAddr::V6(_)) => return Err(Errno::FamilyNotSupported),
            (IpAddr::V6(_), IpAddr::V4(_)) => return Err(Errno::Invalid),
            _ => {}
        }
        if payload.len() > if to.is_ipv4() { MOST_OCTETS_V4 } else { MOST_OCTETS_V6 } {
            return Err(Errno::MessageSize);
        }
        let to = not_unspecified(to);
        // Who is bound to a group sends from an address of the host's.
        let bound = Some(local).filter(|local| self.owns(*local));
        let way = self.way_to(to, bound)?;
        if self.is_broadcast(to) {
            return Err(Errno::Access);
        }
        let own = bound.or_else(|| self.source_for(to, way));
        let source = own.ok_or(Errno::NetworkUnreachable)?;
        let mut octets = payload.to_vec();
        if protocol == protocol::ICMPV6 && to.is_ipv6() && octets.len() >= 4 {
            checksum::put(&mut octets, 2, 0);
            let sum = checksum::transport(source, to, protocol, &octets);
            checksum::put(&mut octets, 2, sum);
        }
        // A multicast packet stays on the link (RFC 1112 section 6.1).
        let hop_limit = if to.is_multicast() { 1 } else { self.hop_limit };
        self.send(&Outgoing {
            source,
            destination: to,
            protocol,
            traffic_class: 0,
            hop_limit,
            fragmenting: Fragmenting::Avoided,
            payload: &octets,
        })?;
        Ok(payload.len())
    }

    /// Gives a packet to all sockets of its protocol. Says whether there was one.
    pub(super) fn receive_raw(&mut self, received: &Received<'_>) -> bool {
        let mut taken = false;
        for socket in self.raw.sockets.values_mut() {
            let family = socket.local.is_ipv4() == received.destination.is_ipv4();
            let at = socket.local.is_unspecified() || socket.local == received.destination;
            if socket.protocol != received.protocol || !family || !at {
                continue;
            }
            taken = true;
            let cost = received.payload.len() + OVERHEAD;
            // The first is taken whatever it costs.
            if socket.queue.is_empty() || socket.queued + cost <= RECEIVE_BUFFER {
                socket.queued += cost;
                let (from, hop_limit) = (received.source, received.hop_limit);
                socket.queue.push_back(Queued { from, hop_limit, octets: received.payload.to_vec() });
            }
        }
        taken
    }
}
