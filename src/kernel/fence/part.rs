//! Which frames are part of a fence, whoever of the harness sees them: the device end's reader, or a packet socket at
//! the host end.

use etherparse::icmpv4::TYPE_ECHO_REQUEST;
use etherparse::{EtherType, Ethernet2Slice, IpNumber, icmpv6};

use super::{IDENTIFIER, is_fence_v4, is_fence_v6};
use crate::device::{FrameRef, Mode};

/// See [`Fence::is_part`](super::Fence::is_part).
pub(super) fn is_part(frame: FrameRef<'_>) -> bool {
    let part = match frame.mode {
        Mode::Tun => ip_is_part(frame.octets),
        Mode::Tap => {
            Ethernet2Slice::from_slice_without_fcs(frame.octets).ok().and_then(|ethernet| match ethernet.ether_type() {
                EtherType::ARP => arp_is_part(ethernet.payload_slice()),
                EtherType::IPV4 | EtherType::IPV6 => ip_is_part(ethernet.payload_slice()),
                _ => None,
            })
        }
    };
    part.unwrap_or(false)
}

fn octets<const N: usize>(packet: &[u8], at: usize) -> Option<[u8; N]> {
    packet.get(at..)?.first_chunk().copied()
}

/// An ARP packet for IPv4 over Ethernet (RFC 826): the addresses asked about stand at 14 and 24.
fn arp_is_part(packet: &[u8]) -> Option<bool> {
    let sizes_and_types = octets::<6>(packet, 0)?;
    if sizes_and_types != [0, 1, 8, 0, 6, 4] {
        return None;
    }
    Some(is_fence_v4(octets(packet, 14)?) || is_fence_v4(octets(packet, 24)?))
}

fn ip_is_part(packet: &[u8]) -> Option<bool> {
    let &first = packet.first()?;
    match first >> 4 {
        4 => {
            let icmp = packet.get(usize::from(first & 0xf) * 4..).filter(|_| packet.get(9) == Some(&IpNumber::ICMP.0));
            let request = || icmp.is_some_and(|icmp| is_request(icmp, TYPE_ECHO_REQUEST));
            let (from, to) = (octets(packet, 12)?, octets(packet, 16)?);
            Some(is_fence_v4(to) || (is_fence_v4(from) && request()))
        }
        6 => {
            let icmp = packet.get(40..).filter(|_| packet.get(6) == Some(&IpNumber::IPV6_ICMP.0));
            let request = || icmp.is_some_and(|icmp| is_request(icmp, icmpv6::TYPE_ECHO_REQUEST));
            let (from, to) = (octets(packet, 8)?, octets(packet, 24)?);
            Some(is_fence_v6(to) || (is_fence_v6(from) && request()) || icmp.is_some_and(asks_for_it))
        }
        _ => None,
    }
}

/// Whether an ICMP message is an echo request with the identifier of a fence (RFC 792, RFC 4443 section 4.1).
fn is_request(icmp: &[u8], kind: u8) -> bool {
    icmp.first() == Some(&kind) && octets(icmp, 4) == Some(IDENTIFIER.to_be_bytes())
}

/// Whether it is a neighbour solicitation or advertisement for a fence (RFC 4861 sections 4.3, 4.4).
fn asks_for_it(icmp: &[u8]) -> bool {
    matches!(icmp.first(), Some(&icmpv6::TYPE_NEIGHBOR_SOLICITATION | &icmpv6::TYPE_NEIGHBOR_ADVERTISEMENT))
        && octets(icmp, 8).is_some_and(is_fence_v6)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use etherparse::PacketBuilder;

    use super::super::{Ends, Fence, MOST};
    use super::*;

    const HOST_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

    /// A TUN frame that carries UDP, whose ports and payload nobody looks at.
    fn udp(from: &str, to: &str) -> Vec<u8> {
        let mut packet = Vec::new();
        match (from.parse().unwrap(), to.parse().unwrap()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), 64),
            (IpAddr::V6(from), IpAddr::V6(to)) => PacketBuilder::ipv6(from.octets(), to.octets(), 64),
            _ => panic!("one family"),
        }
        .udp(1, 2)
        .write(&mut packet, &[8; 12])
        .unwrap();
        packet
    }

    #[test]
    fn only_what_concerns_a_fence_is_part_of_one() {
        let part = |packet: &[u8]| Fence::is_part(FrameRef::new(Mode::Tun, packet));
        for (from, to, expected) in [
            ("192.0.2.1", "192.0.0.8", true),
            ("192.0.2.1", "192.0.0.64", true),
            ("192.0.2.1", "192.0.0.127", true),
            ("192.0.2.1", "192.0.0.63", false),
            ("192.0.2.1", "192.0.0.128", false),
            ("192.0.2.1", "192.0.0.9", false),
            // The kernel's own use of the dummy address.
            ("192.0.0.8", "192.0.2.2", false),
            ("2001:db8::1", "100:0:0:1::1", true),
            ("2001:db8::1", "100::1", false),
            ("2001:db8::1", "100:0:0:2::1", false),
            ("100:0:0:1::1", "2001:db8::1", false),
        ] {
            assert_eq!(part(&udp(from, to)), expected, "{from} to {to}");
        }
        // An echo request from that address that somebody else made.
        let v4 = Fence { ends: Ends::new("192.0.2.1".parse().unwrap(), 0), host_mac: None };
        let mut foreign = v4.request(1);
        assert!(part(&foreign));
        foreign[24] = 0;
        assert!(!part(&foreign));
    }

    #[test]
    fn a_question_about_a_fence_is_part_of_it() {
        let tap = |frame: &[u8]| Fence::is_part(FrameRef::new(Mode::Tap, frame));
        let arp = |target: [u8; 4]| {
            let mut frame = [[0xff; 6].as_slice(), &HOST_MAC, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &HOST_MAC].concat();
            frame.extend([192, 0, 2, 1, 0, 0, 0, 0, 0, 0]);
            frame.extend(target);
            frame
        };
        assert!(tap(&arp([192, 0, 0, 8])));
        assert!(!tap(&arp([192, 0, 2, 2])));
        let whole = arp([192, 0, 0, 8]);
        assert!((0..whole.len()).all(|length| !tap(&whole[..length])));

        let solicitation = |target: &str| {
            let target: Ipv6Addr = target.parse().unwrap();
            let mut packet = vec![0x60, 0, 0, 0, 0, 24, 58, 255];
            packet.extend("2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
            packet.extend("ff02::1:ff00:1".parse::<Ipv6Addr>().unwrap().octets());
            packet.extend([135, 0, 0, 0, 0, 0, 0, 0]);
            packet.extend(target.octets());
            packet
        };
        let ethernet = |packet: Vec<u8>| [[0x33; 6].as_slice(), &HOST_MAC, &[0x86, 0xdd], &packet].concat();
        assert!(tap(&ethernet(solicitation("100:0:0:1::1"))));
        assert!(!tap(&ethernet(solicitation("2001:db8::2"))));
        let mut advertisement = solicitation("100:0:0:1::1");
        advertisement[40] = 136;
        assert!(Fence::is_part(FrameRef::new(Mode::Tun, &advertisement)));
    }

    #[test]
    fn every_link_of_a_namespace_has_an_address_that_is_known() {
        let hosts: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        for host in hosts {
            let all: std::collections::BTreeSet<IpAddr> =
                (0..MOST).map(|number| Ends::new(host, number).address()).collect();
            assert_eq!(all.len(), usize::from(MOST));
            for address in all {
                assert!(Fence::is_part(FrameRef::new(Mode::Tun, &udp(&host.to_string(), &address.to_string()))));
            }
        }
    }
}
