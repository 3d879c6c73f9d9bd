//! Pings of the host's own: echo requests, and what comes back about them (`SOCK_DGRAM` with `IPPROTO_ICMP`).

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use super::checksum;
use super::packet::{Fragmenting, Outgoing, Received, protocol, u16_at};
use super::route::{not_unspecified, unmapped};
use super::stack::{Shared, Stack};
use crate::errno::Errno;

/// The most answers that wait; then the newest are dropped.
const MOST_WAITING: usize = 256;
const HEADER: usize = 8;
/// The most data: 65,535 octets without this header, and on IPv4 without that one's; IPv6's length does not count it.
const MOST_OCTETS_V4: usize = 65_507;
const MOST_OCTETS_V6: usize = 65_527;

/// What came back for an echo request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PingAnswer {
    /// An echo reply.
    Reply {
        /// Who sent it.
        from: IpAddr,
        /// The sequence number of the request.
        sequence: u16,
        /// The data of the request.
        payload: Vec<u8>,
        /// The TTL or hop limit that it arrived with.
        hop_limit: u8,
    },
    /// An ICMP error that quotes the request.
    Error {
        /// Who sent it.
        from: IpAddr,
        /// The sequence number of the request.
        sequence: u16,
        /// The error's type (RFC 792, RFC 4443).
        kind: u8,
        /// Its code.
        code: u8,
    },
}

#[derive(Default)]
pub(super) struct PingTable {
    sockets: BTreeMap<u64, PingState>,
}

struct PingState {
    identifier: u16,
    /// Where it is bound; `None` for both families and all addresses.
    local: Option<IpAddr>,
    answers: VecDeque<PingAnswer>,
}

/// An ICMP socket of a [`MockHost`](super::MockHost), for IPv4 and IPv6. Clones are the same socket.
///
/// No call waits; a request leaves the host with the next [`HostLink::poll`](super::HostLink::poll).
#[derive(Clone)]
pub struct PingSocket {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    number: u64,
    identifier: u16,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.change(|stack| stack.ping.sockets.remove(&self.number));
    }
}

impl PingSocket {
    pub(super) fn open(shared: &Arc<Shared>, identifier: u16) -> io::Result<Self> {
        let (number, identifier) = shared.lock().open_ping(identifier, None)?;
        Ok(Self { handle: Arc::new(Handle { shared: Arc::clone(shared), number, identifier }) })
    }

    pub(super) fn open_at(shared: &Arc<Shared>, at: IpAddr) -> io::Result<Self> {
        let (number, identifier) = shared.lock().open_ping(0, Some(at))?;
        Ok(Self { handle: Arc::new(Handle { shared: Arc::clone(shared), number, identifier }) })
    }

    /// The identifier of its requests.
    #[must_use]
    pub fn identifier(&self) -> u16 {
        self.handle.identifier
    }

    /// Sends an echo request.
    ///
    /// # Errors
    /// ENETUNREACH without a route; EACCES for a broadcast address; EMSGSIZE for more than 65,507 octets, on
    /// IPv6 65,527.
    pub fn send_to(&self, to: IpAddr, sequence: u16, payload: &[u8]) -> io::Result<()> {
        let number = self.handle.number;
        Ok(self.handle.shared.change(|stack| stack.send_ping(number, to, sequence, payload))?)
    }

    /// The oldest answer.
    ///
    /// # Errors
    /// EAGAIN when there is none.
    pub fn receive(&self) -> io::Result<PingAnswer> {
        let mut stack = self.handle.shared.lock();
        let state = stack.ping.sockets.get_mut(&self.handle.number).ok_or(Errno::Invalid)?;
        Ok(state.answers.pop_front().ok_or(Errno::Again)?)
    }
}

impl std::fmt::Debug for PingSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PingSocket({})", self.handle.identifier)
    }
}

impl Stack {
    fn open_ping(&mut self, identifier: u16, local: Option<IpAddr>) -> Result<(u64, u16), Errno> {
        if let Some(local) = local {
            self.check_bindable(local, true)?;
        }
        let place = self.random.next_u16();
        let taken = |identifier: u16| self.ping.sockets.values().any(|socket| socket.identifier == identifier);
        let identifier = match identifier {
            0 => super::ports::ephemeral(place, taken).ok_or(Errno::AddressInUse)?,
            _ if taken(identifier) => return Err(Errno::AddressInUse),
            identifier => identifier,
        };
        let number = self.socket_number();
        self.ping.sockets.insert(number, PingState { identifier, local, answers: VecDeque::new() });
        Ok((number, identifier))
    }

    fn send_ping(&mut self, number: u64, to: IpAddr, sequence: u16, payload: &[u8]) -> Result<(), Errno> {
        let &PingState { identifier, local, .. } = self.ping.sockets.get(&number).ok_or(Errno::Invalid)?;
        match local {
            Some(IpAddr::V4(_)) if to.is_ipv6() => return Err(Errno::FamilyNotSupported),
            Some(IpAddr::V6(_)) if to.is_ipv4() => return Err(Errno::Invalid),
            _ => {}
        }
        // A bound socket is of one family.
        let to = not_unspecified(if local.is_none() { unmapped(to) } else { to });
        let (kind, number) = if to.is_ipv4() { (8, protocol::ICMPV4) } else { (128, protocol::ICMPV6) };
        if payload.len() > if to.is_ipv4() { MOST_OCTETS_V4 } else { MOST_OCTETS_V6 } {
            return Err(Errno::MessageSize);
        }
        // Who is bound to a group sends from an address of the host's.
        let bound = local.filter(|local| self.owns(*local));
        let way = self.way_to(to, bound)?;
        if self.is_broadcast(to) {
            return Err(Errno::Access);
        }
        let source = bound.or_else(|| self.source_for(to, way)).ok_or(Errno::NetworkUnreachable)?;
        let words = [identifier.to_be_bytes(), sequence.to_be_bytes()].concat();
        let mut message = [[kind, 0, 0, 0].as_slice(), &words, payload].concat();
        let sum =
            if to.is_ipv4() { checksum::internet(&message) } else { checksum::transport(source, to, number, &message) };
        checksum::put(&mut message, 2, sum);
        self.send(&Outgoing {
            source,
            destination: to,
            protocol: number,
            traffic_class: 0,
            hop_limit: self.hop_limit,
            fragmenting: Fragmenting::Avoided,
            payload: &message,
        })
    }

    /// The message's checksum was right.
    pub(super) fn receive_echo_reply(&mut self, received: &Received<'_>) {
        let (Some(identifier), Some(sequence)) = (u16_at(received.payload, 4), u16_at(received.payload, 6)) else {
            return;
        };
        let payload = received.payload.get(HEADER..).unwrap_or_default().to_vec();
        let (from, hop_limit) = (received.source, received.hop_limit);
        self.answer_ping(identifier, received.destination, PingAnswer::Reply { from, sequence, payload, hop_limit });
    }

    /// An error about an ICMP message of the host's, from its header on.
    pub(super) fn ping_error(&mut self, received: &Received<'_>, message: &[u8], (kind, code): (u8, u8)) {
        if let (Some(8 | 128), Some(identifier), Some(sequence)) =
            (message.first(), u16_at(message, 4), u16_at(message, 6))
        {
            let answer = PingAnswer::Error { from: received.source, sequence, kind, code };
            self.answer_ping(identifier, received.destination, answer);
        }
    }

    fn answer_ping(&mut self, identifier: u16, to: IpAddr, answer: PingAnswer) {
        let is_at = |local: IpAddr| local == to || (local.is_unspecified() && local.is_ipv4() == to.is_ipv4());
        let fits = |socket: &&mut PingState| {
            let is_there = socket.local.is_none_or(is_at);
            socket.identifier == identifier && is_there && socket.answers.len() < MOST_WAITING
        };
        if let Some(socket) = self.ping.sockets.values_mut().find(fits) {
            socket.answers.push_back(answer);
        }
    }
}
