//! The TCP numbers that continue what was seen, so that an answer can be bound to them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::device::FrameRef;
use crate::packet::TcpFlags;

/// One direction of a connection: from an address and a port to an address and a port.
pub(in crate::fuzz) type Way = (IpAddr, u16, IpAddr, u16);

/// What was seen of each direction.
#[derive(Default)]
pub(super) struct Flows(BTreeMap<Way, u32>);

/// What an answer needs of a segment.
#[derive(Clone, Copy)]
pub(in crate::fuzz) struct Seen {
    pub(in crate::fuzz) way: Way,
    pub(super) flags: TcpFlags,
    pub(super) acknowledgement: u32,
    /// The sequence number behind it.
    pub(super) next: u32,
    /// Whether it takes sequence numbers.
    pub(super) takes: bool,
}

impl Seen {
    pub(in crate::fuzz) fn of(frame: FrameRef<'_>) -> Option<Self> {
        let tcp = frame.tcp().ok()?;
        let (from, to) = addresses(frame)?;
        let flags = TcpFlags(*tcp.slice().get(13)?);
        let payload = u32::try_from(tcp.payload().len()).unwrap_or(u32::MAX);
        let takes = payload.wrapping_add(tcp.syn().into()).wrapping_add(tcp.fin().into());
        Some(Self {
            way: (from, tcp.source_port(), to, tcp.destination_port()),
            flags,
            acknowledgement: tcp.acknowledgment_number(),
            next: tcp.sequence_number().wrapping_add(takes),
            takes: takes > 0,
        })
    }
}

/// From which address to which.
pub(super) fn addresses(frame: FrameRef<'_>) -> Option<(IpAddr, IpAddr)> {
    if let Ok(ip) = frame.ipv4() {
        return Some((ip.source_addr().into(), ip.destination_addr().into()));
    }
    let ip = frame.ipv6().ok()?;
    Some((ip.source_addr().into(), ip.destination_addr().into()))
}

pub(in crate::fuzz) const fn back((from, from_port, to, to_port): Way) -> Way {
    (to, to_port, from, from_port)
}

impl Flows {
    /// A frame was sent, by either side.
    pub(super) fn note(&mut self, frame: FrameRef<'_>) {
        let Some(seen) = Seen::of(frame) else { return };
        let next = self.0.entry(seen.way).or_insert(seen.next);
        // Whichever is later, in the arithmetic of RFC 9293 section 3.4; a new connection begins anew.
        if seen.flags.contains(TcpFlags::SYN) || seen.next.wrapping_sub(*next) < 1 << 31 {
            *next = seen.next;
        }
    }

    /// The sequence number and the acknowledgement that continue the connection, for whoever answers that segment.
    pub(super) fn continues(&self, seen: &Seen) -> (u32, u32) {
        let own = self.0.get(&back(seen.way)).copied();
        let acknowledged = seen.flags.contains(TcpFlags::ACK).then_some(seen.acknowledgement);
        let all = self.0.get(&seen.way).copied().unwrap_or(seen.next);
        // What this side sent far beyond what was taken is garbage of the script's own: who continues from there is not heard.
        let heard = |own: &u32| acknowledged.is_none_or(|taken| own.wrapping_sub(taken) <= LARGEST_WINDOW);
        (own.filter(heard).or(acknowledged).unwrap_or(INITIAL), all)
    }
}

/// How far ahead of an acknowledgement a peer without window scaling takes octets (RFC 9293 section 3.1).
const LARGEST_WINDOW: u32 = 65_535;

/// The initial sequence number of a side that has said nothing yet.
const INITIAL: u32 = 1_000;
