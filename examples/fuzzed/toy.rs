//! A toy with a planted fault, fuzzed as a user's own code is: a store of octets that is used over UDP.
//!
//! ```text
//!  message  | kind 1 | length 1 | value | check 1 |     check: every octet before it, exclusive or
//!  kind 1 hello: value 1     opens a session for who sends it; answered with the same
//!       2 put: octets        adds them to the session's store; answered with how many it holds
//!       3 get                answered with the last octets of the store
//!  answers have bit 7 of the kind set; who has no session, or sends what is no message, gets kind 0xff
//! ```
//!
//! The fault: a message whose value takes all octets that there are has no check, and its check is read all the same. It
//! takes a conversation to get there: without a session only a hello is looked at.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use tuntap_test::Tun;
use tuntap_test::device::Deadline;
use tuntap_test::etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice};
use tuntap_test::fuzz::Script;

/// Where the store listens.
pub(crate) const PORT: u16 = 7000;

/// The body, with the fault in it.
pub(crate) fn toy(tun: Tun, script: Script) {
    toy_or_mended::<false>(tun, script);
}

/// The same, where the fault may be mended.
pub(crate) fn toy_or_mended<const MENDED: bool>(tun: Tun, script: Script) {
    let mut store = Store::<MENDED> { own: tun.peer_v4(), sessions: BTreeMap::new() };
    let device = tun.device();
    let mut buffer = vec![0; 65_535];
    script.play_at_host_end(&tun, |_| {
        while let Ok(octets) = device.receive(&mut buffer, Deadline::Now) {
            let reply = buffer.get(..octets).and_then(|packet| store.packet(packet));
            // The link may be down: then the reply is lost.
            let _ = reply.map(|reply| device.transmit(&reply));
        }
    });
}

/// Who speaks: address and port.
type Peer = (Ipv4Addr, u16);

struct Store<const MENDED: bool> {
    own: Ipv4Addr,
    sessions: BTreeMap<Peer, Vec<u8>>,
}

impl<const MENDED: bool> Store<MENDED> {
    /// An IP packet comes in: gives the packet that answers it.
    fn packet(&mut self, octets: &[u8]) -> Option<Vec<u8>> {
        let sliced = SlicedPacket::from_ip(octets).ok()?;
        let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Udp(udp))) = (sliced.net, sliced.transport) else {
            return None;
        };
        let header = ip.header().to_header();
        let (from, to) = (ip.header().source_addr(), ip.header().destination_addr());
        let sound = header.calc_header_checksum() == header.header_checksum
            && udp.to_header().calc_checksum_ipv4_raw(header.source, header.destination, udp.payload())
                == Ok(udp.checksum());
        if !sound || to != self.own || udp.destination_port() != PORT || udp.source_port() == 0 {
            return None;
        }
        let (kind, value) = self.message((from, udp.source_port()), udp.payload());
        let answer = message(kind, &value);
        let mut packet = Vec::new();
        let builder = PacketBuilder::ipv4(to.octets(), from.octets(), 64).udp(PORT, udp.source_port());
        builder.write(&mut packet, &answer).ok()?;
        Some(packet)
    }

    /// A message comes in: gives the kind and the value of the answer.
    fn message(&mut self, from: Peer, octets: &[u8]) -> (u8, Vec<u8>) {
        const REFUSED: (u8, Vec<u8>) = (0xff, Vec::new());
        if octets == message(1, &[1]) {
            self.sessions.entry(from).or_default();
            return (0x81, vec![1]);
        }
        let Some(store) = self.sessions.get_mut(&from) else { return REFUSED };
        match (value_of::<MENDED>(octets), octets.first()) {
            (Some(value), Some(2)) => {
                store.extend_from_slice(value);
                let held = u8::try_from(store.len()).unwrap_or(u8::MAX);
                (0x82, vec![held])
            }
            // As many as the smallest MTU has room for.
            (Some(_), Some(3)) => (0x83, store.iter().rev().take(32).copied().collect()),
            _ => REFUSED,
        }
    }
}

/// The value of a message, if it is one.
#[expect(clippy::indexing_slicing, reason = "that is the planted fault")]
fn value_of<const MENDED: bool>(octets: &[u8]) -> Option<&[u8]> {
    let end = 2 + usize::from(*octets.get(1)?);
    let ends_early = if MENDED { end >= octets.len() } else { end > octets.len() };
    if ends_early {
        return None;
    }
    // Planted: octets end where the check ought to be when `end == octets.len()`.
    let check = octets[end];
    (check == check_of(&octets[..end])).then(|| &octets[2..end])
}

fn check_of(octets: &[u8]) -> u8 {
    octets.iter().fold(0, |check, octet| check ^ octet)
}

/// A message of that kind with that value, of which there are 255 octets at most.
pub(crate) fn message(kind: u8, value: &[u8]) -> Vec<u8> {
    let mut octets = vec![kind, u8::try_from(value.len()).unwrap_or(u8::MAX)];
    octets.extend_from_slice(value);
    octets.push(check_of(&octets));
    octets
}
