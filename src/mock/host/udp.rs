//! UDP inside the host (RFC 768): which socket a datagram is for, and what is sent.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::checksum;
use super::icmp_error::{Report, Trouble};
use super::packet::{Fragmenting, Outgoing, Received, protocol, u16_at};
use super::ports;
use super::route::{mapped, unmapped};
use super::stack::Stack;
use crate::errno::Errno;

const HEADER: usize = 8;
/// `net.core.rmem_default`.
const RECEIVE_BUFFER: usize = 212_992;
/// The most octets of a datagram: 65,535 without the headers of IPv4 and UDP; IPv6's length does not count its header.
const MOST_OCTETS_V4: usize = 65_507;
const MOST_OCTETS_V6: usize = 65_527;

pub(super) struct UdpState {
    /// Unmapped: a socket on `::ffff:192.0.2.1` has 192.0.2.1.
    local: SocketAddr,
    is_v6: bool,
    peer: Option<SocketAddr>,
    queue: VecDeque<(SocketAddr, Vec<u8>)>,
    queued: usize,
    error: Option<Errno>,
    pub(super) may_broadcast: bool,
    pub(super) hop_limit: Option<u8>,
}

/// What a datagram takes of the buffer: the `truesize` of a packet from a TUN, measured. That is its descriptor, and a head
/// with room in front and bookkeeping behind, in the allocator's sizes: 832 octets up to 164 of data on IPv4, 1,280 up to 612,
/// 2,304 up to 1,636.
const fn cost(from: SocketAddr, octets: &[u8]) -> usize {
    const DESCRIPTOR: usize = 256;
    const IN_FRONT: usize = 64;
    const BEHIND: usize = 320;
    const SMALL_HEAD: usize = 576;
    let headers = HEADER + if from.is_ipv4() { 20 } else { 40 };
    let head = IN_FRONT + headers + octets.len() + BEHIND;
    DESCRIPTOR + if head <= SMALL_HEAD { SMALL_HEAD } else { head.next_power_of_two() }
}

#[derive(Default)]
pub(super) struct UdpTable {
    pub(super) sockets: BTreeMap<u64, UdpState>,
}

impl UdpState {
    pub(super) fn local(&self) -> SocketAddr {
        SocketAddr::new(mapped(self.local.ip(), self.is_v6), self.local.port())
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.peer.map(|peer| SocketAddr::new(mapped(peer.ip(), self.is_v6), peer.port()))
    }

    pub(super) const fn take_error(&mut self) -> Option<Errno> {
        self.error.take()
    }

    /// The oldest datagram; it is gone afterwards, unless it is only looked at.
    pub(super) fn receive(&mut self, peek: bool) -> Result<(SocketAddr, Vec<u8>), Errno> {
        if let Some(errno) = self.error.take() {
            return Err(errno);
        }
        let (from, octets) = if peek { self.queue.front().cloned() } else { self.pop() }.ok_or(Errno::Again)?;
        Ok((SocketAddr::new(mapped(from.ip(), self.is_v6), from.port()), octets))
    }

    fn pop(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let (from, octets) = self.queue.pop_front()?;
        self.queued -= cost(from, &octets);
        Some((from, octets))
    }

    fn push(&mut self, from: SocketAddr, octets: &[u8]) {
        let cost = cost(from, octets);
        // The first is taken whatever it costs.
        if self.queue.is_empty() || self.queued + cost <= RECEIVE_BUFFER {
            self.queued += cost;
            self.queue.push_back((from, octets.to_vec()));
        }
    }

    /// How well a socket fits a datagram; `None` where it does not at all.
    fn score(&self, to: SocketAddr, from: SocketAddr) -> Option<u8> {
        let any = self.local.ip().is_unspecified() && (self.local.is_ipv6() || to.is_ipv4());
        let fits = self.local.port() == to.port() && (any || self.local.ip() == to.ip());
        match self.peer {
            Some(peer) if peer != from => None,
            peer => fits.then(|| 2 * u8::from(peer.is_some()) + u8::from(!any)),
        }
    }
}

impl Stack {
    pub(super) fn bind_udp(&mut self, at: SocketAddr) -> Result<u64, Errno> {
        let (is_v6, mut local) = (at.is_ipv6(), SocketAddr::new(unmapped(at.ip()), at.port()));
        self.check_bindable(local.ip(), true)?;
        let place = self.random.next_u16();
        let taken = |local: SocketAddr| self.udp.sockets.values().any(|socket| ports::conflict(local, socket.local));
        if local.port() == 0 {
            let is_taken = |port| taken(SocketAddr::new(local.ip(), port));
            let port = ports::ephemeral(place, is_taken).ok_or(Errno::AddressInUse)?;
            local.set_port(port);
        } else if taken(local) {
            return Err(Errno::AddressInUse);
        }
        let number = self.socket_number();
        let queue = VecDeque::new();
        let (peer, error, hop_limit) = (None, None, None);
        let socket = UdpState { local, is_v6, peer, queue, queued: 0, error, may_broadcast: false, hop_limit };
        self.udp.sockets.insert(number, socket);
        Ok(number)
    }

    /// Connects a socket: from now on it hears that peer only, and of errors about what it sends.
    pub(super) fn connect_udp(&mut self, number: u64, to: SocketAddr) -> Result<(), Errno> {
        let to = self.destination(number, to)?;
        let local = self.udp.sockets.get(&number).ok_or(Errno::Invalid)?.local;
        let source = self.udp_source(local, to.ip())?;
        let socket = self.udp.sockets.get_mut(&number).ok_or(Errno::Invalid)?;
        if self.links.iter().any(|link| link.is_broadcast(to.ip())) && !socket.may_broadcast {
            return Err(Errno::Access);
        }
        socket.local.set_ip(source);
        socket.peer = Some(to);
        socket.error = None;
        Ok(())
    }

    /// Where that address is for that socket: 0.0.0.0 means the host itself.
    fn destination(&self, number: u64, to: SocketAddr) -> Result<SocketAddr, Errno> {
        let is_v6 = self.udp.sockets.get(&number).ok_or(Errno::Invalid)?.is_v6;
        if !is_v6 && to.is_ipv6() {
            return Err(Errno::FamilyNotSupported);
        }
        // A socket on `::` takes IPv4 addresses as they are, too.
        if to.port() == 0 {
            return Err(Errno::Invalid);
        }
        Ok(SocketAddr::new(super::route::not_unspecified(unmapped(to.ip())), to.port()))
    }

    fn udp_source(&self, local: SocketAddr, to: IpAddr) -> Result<IpAddr, Errno> {
        let bound = Some(local.ip()).filter(|ip| !ip.is_unspecified());
        let way = self.way_to(to, bound)?;
        match bound {
            // A socket that is bound to a group sends from an address of the host's.
            Some(bound) if self.owns(bound) => {
                if bound.is_ipv4() == to.is_ipv4() {
                    Ok(bound)
                } else {
                    Err(Errno::NetworkUnreachable)
                }
            }
            _ => self.source_for(to, way).ok_or(Errno::NetworkUnreachable),
        }
    }

    pub(super) fn send_udp(&mut self, number: u64, octets: &[u8], to: Option<SocketAddr>) -> Result<usize, Errno> {
        let socket = self.udp.sockets.get_mut(&number).ok_or(Errno::Invalid)?;
        if octets.len() > MOST_OCTETS_V6 {
            return Err(Errno::MessageSize);
        }
        let peer = socket.peer;
        let to = match to {
            Some(to) => self.destination(number, to)?,
            None => peer.ok_or(Errno::DestinationRequired)?,
        };
        let socket = self.udp.sockets.get_mut(&number).ok_or(Errno::Invalid)?;
        if let Some(errno) = socket.error.take() {
            return Err(errno);
        }
        let (local, hop_limit, may_broadcast) = (socket.local, socket.hop_limit, socket.may_broadcast);
        let source = self.udp_source(local, to.ip())?;
        let everywhere = to.ip() == IpAddr::V4(Ipv4Addr::BROADCAST) || self.is_broadcast(to.ip());
        if everywhere && !may_broadcast {
            return Err(Errno::Access);
        }
        if to.is_ipv4() && octets.len() > MOST_OCTETS_V4 {
            return Err(Errno::MessageSize);
        }
        // A multicast datagram stays on the link (RFC 1112 section 6.1).
        let default = if to.ip().is_multicast() { 1 } else { self.hop_limit };
        let length = u16::try_from(HEADER + octets.len()).map_err(|_| Errno::MessageSize)?;
        let ports = [local.port().to_be_bytes(), to.port().to_be_bytes()].concat();
        let mut payload = [ports.as_slice(), &length.to_be_bytes(), &[0, 0], octets].concat();
        // 0 means that there is none.
        let sum = match checksum::transport(source, to.ip(), protocol::UDP, &payload) {
            0 => 0xffff,
            sum => sum,
        };
        checksum::put(&mut payload, 6, sum);
        self.send(&Outgoing {
            source,
            destination: to.ip(),
            protocol: protocol::UDP,
            traffic_class: 0,
            hop_limit: hop_limit.unwrap_or(default),
            fragmenting: Fragmenting::Avoided,
            payload: &payload,
        })?;
        Ok(octets.len())
    }

    /// A datagram to the host: to the socket that fits best, or to all that fit when it went to a group.
    pub(super) fn receive_udp(&mut self, received: &Received<'_>) {
        let payload = received.payload;
        let (Some(from), Some(to), Some(length), Some(sum)) =
            (u16_at(payload, 0), u16_at(payload, 2), u16_at(payload, 4), u16_at(payload, 6))
        else {
            return;
        };
        // 0 is as long as it is (RFC 2675 section 4); a checksum that is left out is for IPv4 only.
        let length = if length == 0 && received.source.is_ipv6() { payload.len() } else { usize::from(length) };
        let Some(datagram) = payload.get(..length).filter(|datagram| datagram.len() >= HEADER) else { return };
        let omitted = sum == 0 && received.source.is_ipv4();
        let right =
            sum != 0 && checksum::transport(received.source, received.destination, protocol::UDP, datagram) == 0;
        if !omitted && !right {
            return;
        }
        let (from, to) = (SocketAddr::new(received.source, from), SocketAddr::new(received.destination, to));
        let octets = datagram.get(HEADER..).unwrap_or_default();
        let mut best: Option<(u8, u64)> = None;
        for (number, socket) in &mut self.udp.sockets {
            let Some(score) = socket.score(to, from) else { continue };
            if received.to_group {
                socket.push(from, octets);
            }
            if best.is_none_or(|(highest, _)| score > highest) {
                best = Some((score, *number));
            }
        }
        match best {
            None => {
                // What is behind the datagram is not quoted either.
                let over = payload.len() - datagram.len();
                let packet = received.packet.get(..received.packet.len() - over).unwrap_or(received.packet);
                self.report(&Received { packet, ..*received }, Report::PortUnreachable);
            }
            Some(_) if received.to_group => {}
            Some((_, number)) => {
                if let Some(socket) = self.udp.sockets.get_mut(&number) {
                    socket.push(from, octets);
                }
            }
        }
    }

    /// An ICMP error about a datagram of the host's.
    pub(super) fn udp_error(&mut self, local: SocketAddr, remote: SocketAddr, trouble: Trouble) {
        let fits = |socket: &&mut UdpState| socket.peer == Some(remote) && socket.local == local;
        if let Some(socket) = self.udp.sockets.values_mut().find(fits).filter(|_| trouble.hard) {
            socket.error = Some(trouble.errno);
        }
    }
}
