//! Each protocol's messages: built, read by etherparse and by smoltcp's wire, matched, told in a line; and what is malformed.

#![expect(clippy::indexing_slicing, reason = "the test fails where the slice is too short")]

mod extensions;
mod icmpv4;
mod igmp;
#[cfg(target_os = "linux")]
mod kernel;
mod malformed;
mod mld;
mod ndp;
mod options;
#[cfg(target_os = "linux")]
mod wire;

use std::net::{Ipv4Addr, Ipv6Addr};

use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::{Dissection, IntoPacket, Packet};

/// The hardware address of a test.
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x2a];
/// The peer and the host of packets on no link.
const PEER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
const HOST: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
/// Groups.
const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 3);
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);

fn tun(octets: &[u8]) -> FrameRef<'_> {
    FrameRef::new(Mode::Tun, octets)
}

fn built(packet: impl IntoPacket) -> Vec<u8> {
    packet.into_packet().build().unwrap()
}

/// Builds a packet and holds the octets against its own template, against others that differ from it, and against the line
/// that is told of it. The message is the last of `octets`, and its checksum covers all of it.
fn check(packet: impl IntoPacket, others: &[Packet], line: &str) -> Vec<u8> {
    let packet = packet.into_packet();
    let octets = built(&packet);
    let frame = tun(&octets);
    let explained = frame.explain().to_string();
    assert!(Dissection::new(frame).is_sound(), "{explained}");
    assert!(packet.matches(frame), "{packet}\n{explained}");
    for other in others {
        assert!(!other.matches(frame), "{other}\n{explained}");
    }
    assert_eq!(frame.summary().to_string(), line);
    let message = octets.len() - 8..octets.len();
    for at in message {
        let mut octets = octets.clone();
        octets[at] ^= 0x10;
        assert!(!packet.matches(tun(&octets)), "octet {at} of {packet}");
    }
    octets
}
