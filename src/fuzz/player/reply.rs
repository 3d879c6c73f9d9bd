//! Frames that answer frames.

use std::net::IpAddr;

use super::flows::{Flows, Seen, addresses};
use crate::device::FrameRef;
use crate::fuzz::script::{Answer, Reply};
use crate::packet::{
    Arp, Defaults, Dissection, Ethernet, Icmpv4, Icmpv6, IntoPacket, Ipv4, Ipv6, LayerKind, Packet, Tcp, TcpFlags, Udp,
};

/// An IPv4 error quotes so much that it has 576 octets at most (RFC 1812 section 4.3.2.3).
const QUOTED_V4: usize = 576 - 20 - 8;
/// A peer that takes what it is sent.
const WINDOW: u16 = 65_535;
/// An IPv6 error is no longer than the smallest MTU (RFC 4443 section 2.4 (c)).
const QUOTED_V6: usize = 1280 - 40 - 8;

/// The reply to that frame, with the link's own hardware address; `None` where there is none to make.
pub(super) fn reply(answer: &Answer, frame: FrameRef<'_>, flows: &Flows, mac: [u8; 6]) -> Option<Vec<u8>> {
    let mut packet = match answer.reply() {
        Reply::Peer => peer(frame, flows, mac)?,
        Reply::Mirror => Packet::from_frame(FrameRef::new(frame.mode, &mirrored(frame))),
        Reply::Segment { flags, sequence, acknowledgement, payload } => {
            let seen = Seen::of(frame)?;
            let (next, all) = flows.continues(&seen);
            let tcp = segment(&seen, *flags)
                .seq(next.wrapping_add_signed(*sequence))
                .acknowledgement(all.wrapping_add_signed(*acknowledgement));
            back(frame, mac, with_payload(tcp, payload))?
        }
        Reply::Datagram { payload } => datagram(frame, flows, payload, mac)?,
        Reply::Error { icmp_type, code } => error(frame, *icmp_type, *code, mac)?,
    };
    for edit in answer.edits() {
        edit.apply(&mut packet.layers);
    }
    let defaults = Defaults { mode: Some(frame.mode), ..Defaults::documentation() };
    packet.build_with(&defaults).ok()
}

fn with_payload(layer: impl IntoPacket, payload: &[u8]) -> Packet {
    if payload.is_empty() { layer.into_packet() } else { layer.into_packet() / payload }
}

/// A segment of the other direction, without numbers.
fn segment(seen: &Seen, flags: TcpFlags) -> Tcp {
    let (_, from_port, _, to_port) = seen.way;
    Tcp::new().sport(to_port).dport(from_port).flags(flags).window(WINDOW)
}

/// Puts that in front of which the frame came: Ethernet on TAP, and IP, in the other direction.
fn back(frame: FrameRef<'_>, mac: [u8; 6], upper: Packet) -> Option<Packet> {
    let packet = match addresses(frame)? {
        (IpAddr::V4(from), IpAddr::V4(to)) => Ipv4::new().src(to).dst(from) / upper,
        (IpAddr::V6(from), IpAddr::V6(to)) => Ipv6::new().src(to).dst(from) / upper,
        _ => return None,
    };
    Some(behind_ethernet(frame, mac, packet))
}

fn behind_ethernet(frame: FrameRef<'_>, mac: [u8; 6], packet: Packet) -> Packet {
    let Some(from) = sender(frame) else { return packet };
    Ethernet::new().src(mac).dst(from) / packet
}

/// The hardware address that the frame came from.
fn sender(frame: FrameRef<'_>) -> Option<[u8; 6]> {
    let header = Dissection::new(frame).header(LayerKind::Ethernet)?;
    header.get(6..)?.first_chunk().copied()
}

/// What a well-behaved peer says.
fn peer(frame: FrameRef<'_>, flows: &Flows, mac: [u8; 6]) -> Option<Packet> {
    if let Some(seen) = Seen::of(frame) {
        return tcp_peer(frame, &seen, flows, mac);
    }
    if let Ok(udp) = frame.udp() {
        return datagram(frame, flows, udp.payload(), mac);
    }
    let dissection = Dissection::new(frame);
    if let Some([8, _, _, _, id_high, id_low, high, low]) = dissection.header(LayerKind::Icmpv4) {
        let (id, sequence) = (u16::from_be_bytes([*id_high, *id_low]), u16::from_be_bytes([*high, *low]));
        return back(frame, mac, with_payload(Icmpv4::echo_reply(id, sequence), dissection.payload()));
    }
    match dissection.header(LayerKind::Icmpv6) {
        Some([128, _, _, _, id_high, id_low, high, low]) => {
            let (id, sequence) = (u16::from_be_bytes([*id_high, *id_low]), u16::from_be_bytes([*high, *low]));
            return back(frame, mac, with_payload(Icmpv6::echo_reply(id, sequence), dissection.payload()));
        }
        Some([135, _, _, _, _, _, _, _, target @ ..]) => return advertisement(frame, target, mac),
        _ => {}
    }
    arp(frame, mac)
}

fn tcp_peer(frame: FrameRef<'_>, seen: &Seen, flows: &Flows, mac: [u8; 6]) -> Option<Packet> {
    let has = |flag| seen.flags.contains(flag);
    if has(TcpFlags::RST) || !seen.takes {
        return None;
    }
    let (next, all) = flows.continues(seen);
    let opens = has(TcpFlags::SYN) && !has(TcpFlags::ACK);
    let flags = if opens { TcpFlags::SYN | TcpFlags::ACK } else { TcpFlags::ACK };
    let tcp = segment(seen, flags).seq(next).acknowledgement(all);
    back(frame, mac, if opens { tcp.mss(1_220) } else { tcp }.into_packet())
}

/// A neighbour advertisement for the target that was solicited, to who solicited it (RFC 4861 section 7.2.4).
fn advertisement(frame: FrameRef<'_>, rest: &[u8], mac: [u8; 6]) -> Option<Packet> {
    let target = std::net::Ipv6Addr::from(*rest.first_chunk::<16>()?);
    let (IpAddr::V6(from), _) = addresses(frame)? else { return None };
    // Who has no address yet asks whether it may have this one: that is told to all nodes.
    let to = if from.is_unspecified() { std::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1) } else { from };
    let message = Icmpv6::neighbor_advertisement(target).target_link_layer_address(mac);
    Some(behind_ethernet(frame, mac, Ipv6::new().src(target).dst(to).hop_limit(255) / message))
}

/// The answer to who has that address.
fn arp(frame: FrameRef<'_>, mac: [u8; 6]) -> Option<Packet> {
    let header = Dissection::new(frame).header(LayerKind::Arp)?;
    let address = |at: usize| Some(std::net::Ipv4Addr::from(*header.get(at..)?.first_chunk::<4>()?));
    if header.get(6..8)? != [0, 1] {
        return None;
    }
    let asker: [u8; 6] = *header.get(8..)?.first_chunk()?;
    let reply = Arp::is_at(address(24)?, mac).target_mac(asker).target(address(14)?);
    Some(Ethernet::new().src(mac).dst(asker) / reply)
}

/// A datagram or segment of the same flow with that payload.
fn datagram(frame: FrameRef<'_>, flows: &Flows, payload: &[u8], mac: [u8; 6]) -> Option<Packet> {
    if let Some(seen) = Seen::of(frame) {
        let (next, all) = flows.continues(&seen);
        let tcp = segment(&seen, TcpFlags::PSH | TcpFlags::ACK).seq(next).acknowledgement(all);
        return back(frame, mac, with_payload(tcp, payload));
    }
    let udp = frame.udp().ok()?;
    back(frame, mac, with_payload(Udp::new().sport(udp.destination_port()).dport(udp.source_port()), payload))
}

/// An ICMP error about the frame.
fn error(frame: FrameRef<'_>, icmp_type: u8, code: u8, mac: [u8; 6]) -> Option<Packet> {
    let dissection = Dissection::new(frame);
    let of = |kind| dissection.find(kind).map(|view| view.message());
    let first = |octets: &[u8], most: usize| octets.get(..most).unwrap_or(octets).to_vec();
    if let Some(datagram) = of(LayerKind::Ipv4) {
        return back(frame, mac, Icmpv4::new().icmp_type(icmp_type).code(code) / first(datagram, QUOTED_V4));
    }
    let datagram = of(LayerKind::Ipv6)?;
    back(frame, mac, Icmpv6::new().icmp_type(icmp_type).code(code) / first(datagram, QUOTED_V6))
}

/// The same octets with addresses and ports exchanged: no checksum changes with that.
fn mirrored(frame: FrameRef<'_>) -> Vec<u8> {
    let mut octets = frame.octets.to_vec();
    let dissection = Dissection::new(frame);
    for view in dissection.views().take_while(|view| view.nesting == 0) {
        let (one, other, length) = match view.protocol.kind {
            LayerKind::Ethernet => (0, 6, 6),
            LayerKind::Ipv4 => (12, 16, 4),
            LayerKind::Ipv6 => (8, 24, 16),
            LayerKind::Udp | LayerKind::Tcp => (0, 2, 2),
            LayerKind::Arp => (8, 18, 10),
            _ => continue,
        };
        for at in view.start..view.start + length {
            if at + other < octets.len() && at + one < octets.len() {
                octets.swap(at + one, at + other);
            }
        }
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Mode;
    use crate::fuzz::script::Answer;

    fn tun(packet: impl IntoPacket) -> Vec<u8> {
        packet.into_packet().build().unwrap()
    }

    fn answered(answer: &Answer, octets: &[u8]) -> Option<Packet> {
        let frame = FrameRef::new(Mode::Tun, octets);
        let mut flows = Flows::default();
        flows.note(frame);
        let reply = reply(answer, frame, &flows, Defaults::PEER_MAC)?;
        assert!(Dissection::new(FrameRef::new(Mode::Tun, &reply)).is_sound());
        Some(Packet::from_frame(FrameRef::new(Mode::Tun, &reply)))
    }

    fn rust(answer: &Answer, octets: &[u8]) -> String {
        answered(answer, octets).unwrap().as_rust().unwrap()
    }

    const BACK: &str = "Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2])";

    #[test]
    fn a_syn_is_answered_with_its_number() {
        let syn = tun(Tcp::new().sport(5).dport(80).syn().seq(77));
        let peer = rust(&Answer::peer(), &syn);
        let wanted = "Tcp::new().sport(80).dport(5).seq(1000).acknowledgement(78)\
                      .flags(TcpFlags::SYN | TcpFlags::ACK).window(65535).mss(1220)";
        assert_eq!(peer, format!("{BACK} / {wanted}"));
        let reset = rust(&Answer::segment(TcpFlags::RST, []).off_by(-3, 2), &syn);
        let wanted = "Tcp::new().sport(80).dport(5).seq(997).acknowledgement(80).flags(TcpFlags::RST)\
                      .window(65535)";
        assert_eq!(reset, format!("{BACK} / {wanted}"));
    }

    #[test]
    fn who_says_nothing_is_not_answered() {
        assert!(answered(&Answer::peer(), &tun(Tcp::new().ack(7))).is_none());
        assert!(answered(&Answer::peer(), &tun(Tcp::new().rst())).is_none());
        assert!(answered(&Answer::peer(), &tun(Icmpv4::echo_reply(1, 1))).is_none());
        assert!(answered(&Answer::peer(), &[0xff; 40]).is_none());
        assert!(answered(&Answer::datagram(b"x"), &tun(Icmpv4::echo_request(1, 1))).is_none());
    }

    #[test]
    fn requests_are_answered_as_their_protocol_has_it() {
        let echo = tun(Icmpv4::echo_request(7, 9) / b"hi");
        assert_eq!(rust(&Answer::peer(), &echo), format!("{BACK} / Icmpv4::echo_reply(7, 9) / b\"hi\""));
        let query = tun(Udp::new().sport(9).dport(53) / b"hi");
        let wanted = format!("{BACK} / Udp::new().sport(53).dport(9) / b\"ho\"");
        assert_eq!(rust(&Answer::datagram(b"ho"), &query), wanted);
        let error = answered(&Answer::error(3, 3), &query).unwrap().as_rust().unwrap();
        assert!(error.starts_with(&format!("{BACK} / Icmpv4::port_unreachable() / Ipv4::new()")), "{error}");
    }

    #[test]
    fn a_mirror_keeps_all_but_the_ends() {
        let query = tun(Ipv6::new() / Udp::new().sport(9).dport(53) / b"hi");
        let mirrored = answered(&Answer::mirror(), &query).unwrap();
        let wanted = (Ipv6::new().src([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]).dst([0x2001, 0xdb8, 0, 0, 0, 0, 0, 2])
            / Udp::new().sport(53).dport(9)
            / b"hi")
            .build()
            .unwrap();
        assert_eq!(mirrored.build().unwrap(), wanted);
    }

    #[test]
    fn edits_are_in_the_reply() {
        let query = tun(Udp::new().sport(9).dport(53) / b"hi");
        let answer = Answer::datagram(b"ho").with(Ipv4::new().ttl(1) / Udp::new().sport(99) / Tcp::new().window(7));
        let wanted = format!("{BACK}.ttl(1) / Udp::new().sport(99).dport(9) / b\"ho\"");
        assert_eq!(rust(&answer, &query), wanted);
    }

    #[test]
    fn neighbours_are_told_the_hardware_address() {
        let asked = (Ethernet::new().src(Defaults::HOST_MAC) / Arp::who_has([192, 0, 2, 2]).sender([192, 0, 2, 1]))
            .build()
            .unwrap();
        let frame = FrameRef::new(Mode::Tap, &asked);
        let reply = reply(&Answer::peer(), frame, &Flows::default(), Defaults::PEER_MAC).unwrap();
        let arp = FrameRef::new(Mode::Tap, &reply);
        assert_eq!(arp.summary().to_string(), "ARP 192.0.2.2 is-at 02:00:00:00:00:02");
    }
}
