//! Numbers of datagrams that the code under test chooses anew each time: an ephemeral port, the identifier of its pings
//! and of its DNS queries. They are captured from the first frame that has them, and used in what pairs with it.
//!
//! Layer: `to_test`. Numbers that the test chooses stay as they are, since what answers them has the same.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::constants::Constants;
use super::script::{Binding, Number, Script};
use super::template::Words;
use crate::device::FrameRef;
use crate::packet::field::{Constraint, FieldValue};
use crate::packet::{Dissection, Layer, LayerKind, Packet, Payload};

/// Below are the ports of services (RFC 6335 section 6).
const FIRST_EPHEMERAL: u16 = 1024;
/// DNS, mDNS, LLMNR: a message begins with an identifier of two octets (RFC 1035 section 4.1.1).
const DNS: [u16; 3] = [53, 5353, 5355];

/// What is known of one end's datagrams so far.
#[derive(Default)]
pub(super) struct Datagrams {
    /// Ports that the code under test chose, with the first frame that has them.
    ports: Vec<((IpAddr, u16), Binding)>,
    /// Ports that the test has named.
    named: BTreeSet<(IpAddr, u16)>,
    /// Identifiers of pings that the code under test chose: whether ICMPv6, the number.
    ids: Vec<((bool, u16), Binding)>,
    /// Payloads that hold a time: of which ping.
    timed: Vec<((bool, u16, u16), Binding)>,
    /// DNS queries of the code under test: from where, the identifier.
    queries: Vec<((IpAddr, u16), [u8; 2], Binding)>,
    /// What came, for what quotes it: the IP packet, where it begins in its frame.
    came: Vec<(Vec<u8>, usize, Binding)>,
    /// Ports at which the code under test answered datagrams.
    pub(super) services: BTreeSet<u16>,
}

/// What has to be remembered once the frame's binding is known.
#[derive(Default)]
pub(super) struct Learned {
    port: Option<(IpAddr, u16)>,
    id: Option<(bool, u16)>,
    timed: Option<(bool, u16, u16)>,
    query: Option<((IpAddr, u16), [u8; 2])>,
    service: Option<u16>,
    /// What the frame is called, and what a line above it says.
    pub(super) called: Option<&'static str>,
    pub(super) comment: Option<&'static str>,
}

impl Datagrams {
    /// Words for a packet that is expected; numbers that nobody knows before are left open.
    pub(super) fn expect(
        &self,
        packet: &mut Packet,
        time: Duration,
        script: &mut Script,
        constants: &Constants,
    ) -> (Words, Learned) {
        let mut learned = Learned::default();
        let (from, to) = outer_ends(packet);
        let mut words = self.port_words(packet, script);
        let outer = packet.layers.iter().position(|layer| !is_below(layer.kind()));
        let Some(at) = outer else { return (words, learned) };
        let kind = packet.layers.get(at).map(Layer::kind);
        let number = |packet: &Packet, field| packet.layers.get(at)?.number(field);
        match kind {
            Some(LayerKind::Udp) => {
                let (sport, dport) = (number(packet, "sport"), number(packet, "dport"));
                let (sport, dport) = (u16::from_bits(sport.unwrap_or(0)), u16::from_bits(dport.unwrap_or(0)));
                let Some((from, _)) = from.zip(to) else { return (words, learned) };
                let end = (from, sport);
                learned.called = Some("datagram");
                learned.service = Some(sport).filter(|_| self.named.contains(&end));
                let is_known = self.named.contains(&end) || self.ports.iter().any(|(known, _)| *known == end);
                if !is_known && sport >= FIRST_EPHEMERAL && sport != dport {
                    if let Some(layer) = packet.layers.get_mut(at) {
                        layer.unset("sport");
                    }
                    learned.port = Some(end);
                }
                if let Some((id, rest)) = query(packet, at).filter(|_| DNS.contains(&dport)) {
                    learned.called = Some("query");
                    learned.comment = Some("The first two octets are the query's identifier, which changes.");
                    let rest = constants.octets(&rest, "PAYLOAD");
                    words.push((0, "octets", format!("Payload::containing({rest})")));
                    learned.query = Some((end, id));
                }
            }
            Some(kind @ (LayerKind::Icmpv4 | LayerKind::Icmpv6)) => {
                let v6 = kind == LayerKind::Icmpv6;
                let is_request = number(packet, "icmp_type") == Some(if v6 { 128 } else { 8 });
                let (Some(id), Some(seq), true) = (number(packet, "id"), number(packet, "seq"), is_request) else {
                    return (words, learned);
                };
                let (id, seq) = (u16::from_bits(id), u16::from_bits(seq));
                learned.called = Some("request");
                let behind = packet.layers.len() - at - 1;
                match self.ids.iter().find(|(known, _)| *known == (v6, id)) {
                    Some((_, binding)) => words.push((behind, "id", script.number(*binding, Number::EchoId { v6 }))),
                    None => {
                        words.push((behind, "id", "0..".to_owned()));
                        learned.id = Some((v6, id));
                    }
                }
                if holds_time(payload(packet, at), time) {
                    packet.layers.truncate(at + 1);
                    words = words
                        .into_iter()
                        .map(|(behind, field, word)| (behind.saturating_sub(1), field, word))
                        .collect();
                    learned.timed = Some((v6, id, seq));
                    learned.comment = Some("Its payload holds the time.");
                }
            }
            _ => {}
        }
        (words, learned)
    }

    /// Remembers an expected frame, whose octets those are.
    pub(super) fn came(&mut self, learned: &Learned, frame: FrameRef<'_>, binding: Binding) {
        self.services.extend(learned.service);
        self.ports.extend(learned.port.map(|port| (port, binding)));
        self.ids.extend(learned.id.map(|id| (id, binding)));
        self.timed.extend(learned.timed.map(|ping| (ping, binding)));
        self.queries.extend(learned.query.map(|(end, id)| (end, id, binding)));
        let dissection = Dissection::new(frame);
        if let Some(ip) = dissection.find(LayerKind::Ipv4).or_else(|| dissection.find(LayerKind::Ipv6)) {
            self.came.push((ip.message().to_vec(), ip.start, binding));
        }
    }

    /// Words for a packet that the test sends.
    pub(super) fn send(&mut self, packet: &mut Packet, script: &mut Script, constants: &Constants) -> Words {
        let (_, to) = outer_ends(packet);
        let Some(at) = packet.layers.iter().position(|layer| !is_below(layer.kind())) else { return Words::new() };
        let kind = packet.layers.get(at).map(Layer::kind);
        let number = |packet: &Packet, field| packet.layers.get(at)?.number(field);
        match kind {
            Some(LayerKind::Udp) => {
                let Some((to, dport)) = to.zip(number(packet, "dport").map(u16::from_bits)) else {
                    return Words::new();
                };
                let end = (to, dport);
                if !self.ports.iter().any(|(known, _)| *known == end) {
                    self.named.insert(end);
                }
                let mut words = self.port_words(packet, script);
                let octets = payload(packet, at);
                let asked = self.queries.iter().rev().find(|(from, id, _)| *from == end && octets.starts_with(id));
                if let (Some((.., binding)), Some(rest)) = (asked, octets.get(2..)) {
                    let id = script.number(*binding, Number::DnsId);
                    let rest = constants.octets(rest, "PAYLOAD");
                    words.push((0, "octets", format!("[{id}, {rest}].concat()")));
                }
                words
            }
            Some(kind @ (LayerKind::Icmpv4 | LayerKind::Icmpv6)) => {
                let v6 = kind == LayerKind::Icmpv6;
                if let Some(words) = self.quote(packet, at, script) {
                    return words;
                }
                let mut words = self.port_words(packet, script);
                let is_reply = number(packet, "icmp_type") == Some(if v6 { 129 } else { 0 });
                let (Some(id), Some(seq), true) = (number(packet, "id"), number(packet, "seq"), is_reply) else {
                    return words;
                };
                let (id, seq) = (u16::from_bits(id), u16::from_bits(seq));
                let behind = packet.layers.len() - at - 1;
                if let Some((_, binding)) = self.ids.iter().find(|(known, _)| *known == (v6, id)) {
                    words.push((behind, "id", script.number(*binding, Number::EchoId { v6 })));
                }
                let timed = self.timed.iter().rev().find(|(ping, _)| *ping == (v6, id, seq));
                if let (Some((_, binding)), 1) = (timed, behind) {
                    words.push((0, "octets", format!("{}.payload()", script.frame(*binding))));
                }
                words
            }
            _ => self.port_words(packet, script),
        }
    }

    /// An ICMP error about a frame that came quotes the variable: `/ &query[..]`.
    fn quote(&self, packet: &mut Packet, at: usize, script: &mut Script) -> Option<Words> {
        let inside = packet.layers.get(at + 1..).filter(|inside| inside.iter().any(|layer| layer.kind().is_ip()))?;
        let quoted =
            Packet { layers: inside.to_vec(), trailer: packet.trailer.clone(), ..Packet::any() }.build().ok()?;
        let (whole, begin, binding) =
            self.came.iter().rev().find(|(came, ..)| quoted.len() >= 28 && is_quote(&quoted, came))?;
        let frame = script.frame(*binding);
        let begin_text = if *begin == 0 { String::new() } else { begin.to_string() };
        let end = if quoted.len() == whole.len() { String::new() } else { (begin + quoted.len()).to_string() };
        let range = format!("&{frame}[{begin_text}..{end}]");
        packet.layers.truncate(at + 1);
        packet.layers.push(Payload::new().octets(quoted).into());
        packet.trailer.clear();
        Some(vec![(0, "octets", range)])
    }

    /// Variables for ports that the code under test chose, in datagrams that are quoted, too.
    fn port_words(&self, packet: &Packet, script: &mut Script) -> Words {
        let (mut words, mut ends) = (Words::new(), (None, None));
        for (at, layer) in packet.layers.iter().enumerate() {
            if layer.kind().is_ip() {
                ends = ends_of(layer);
            } else if layer.kind() == LayerKind::Udp {
                let behind = packet.layers.len() - at - 1;
                for (field, address) in [("sport", ends.0), ("dport", ends.1)] {
                    let end = address.zip(layer.number(field).map(u16::from_bits));
                    let known = self.ports.iter().find(|(known, _)| Some(*known) == end);
                    words.extend(known.map(|(_, binding)| (behind, field, script.number(*binding, Number::UdpSource))));
                }
            }
        }
        words
    }
}

/// What stands below a message.
fn is_below(kind: LayerKind) -> bool {
    kind == LayerKind::Ethernet || kind.is_ip() || kind.may_lie_between()
}

fn ends_of(ip: &Layer) -> (Option<IpAddr>, Option<IpAddr>) {
    let address = |field| {
        let bits = ip.number(field)?;
        Some(match ip.kind() {
            LayerKind::Ipv4 => IpAddr::from(Ipv4Addr::from_bits(FieldValue::from_bits(bits))),
            _ => Ipv6Addr::from_bits(bits).into(),
        })
    };
    (address("src"), address("dst"))
}

fn outer_ends(packet: &Packet) -> (Option<IpAddr>, Option<IpAddr>) {
    packet.layers.iter().find(|layer| layer.kind().is_ip()).map(ends_of).unwrap_or_default()
}

/// The payload right behind that layer.
fn payload(packet: &Packet, at: usize) -> &[u8] {
    let layer = packet.layers.get(at + 1).filter(|layer| layer.kind() == LayerKind::Payload);
    match layer.and_then(|layer| layer.get("octets")) {
        Some(Constraint::Octets(octets)) => octets,
        _ => &[],
    }
}

/// The identifier of a DNS query and what stands behind it. Where it is 0 nobody chose it (RFC 6762 section 18.1).
fn query(packet: &Packet, at: usize) -> Option<([u8; 2], Vec<u8>)> {
    let (id, rest) = payload(packet, at).split_first_chunk()?;
    let is_query = rest.len() >= 10 && rest.first().is_some_and(|flags| flags & 0x80 == 0);
    (is_query && *id != [0; 2]).then(|| (*id, rest.to_vec()))
}

/// Whether a ping's payload begins with the time, as iputils puts it there (`struct timeval`, little-endian).
fn holds_time(octets: &[u8], time: Duration) -> bool {
    let day = 24 * 60 * 60;
    let is_near = |seconds: u64| seconds != 0 && seconds.abs_diff(time.as_secs()) < day;
    let long = octets.first_chunk().map(|octets| u64::from_le_bytes(*octets));
    let short = octets.first_chunk().map(|octets| u64::from(u32::from_le_bytes(*octets)));
    octets.len() >= 8 && (long.is_some_and(is_near) || short.is_some_and(is_near))
}

/// Whether the octets begin the packet, but for what routers change: time to live, checksum.
fn is_quote(quoted: &[u8], came: &[u8]) -> bool {
    let changes = |at: usize| match came.first().map(|first| first >> 4) {
        Some(4) => matches!(at, 8 | 10 | 11),
        _ => at == 7,
    };
    quoted.len() <= came.len()
        && quoted.iter().zip(came).enumerate().all(|(at, (quoted, came))| quoted == came || changes(at))
}
