//! Fragments: which are put together, and in which pieces the host sends what is too long.

use tuntap_test::Link;
use tuntap_test::prelude::*;

use crate::behaviour::group;
use crate::seen::{arrived, line, list};

group! {
    "Fragments";
    in_order: "an echo request in three fragments, in order";
    reversed: "an echo request in three fragments, the last first";
    twice: "an echo request in three fragments, one of them twice";
    overlapping: "an echo request in fragments that overlap";
    within: "an echo request in three fragments, and a fragment within what is there already";
    odd: "an echo request whose first fragment is no multiple of 8 octets long";
    missing: "an echo request whose second fragment is missing";
    two_at_once: "two echo requests whose fragments are mixed";
    of_another_protocol: "two fragments of one identification, of two protocols";
    small_first: "an echo request whose first fragment has 8 octets";
    too_long: "fragments of more than 65,535 octets together";
    in_order_v6: "an ICMPv6 echo request in three fragments, in order";
    reversed_v6: "an ICMPv6 echo request in three fragments, the last first";
    overlapping_v6: "an ICMPv6 echo request in fragments that overlap";
    atomic: "an ICMPv6 echo request in one fragment (RFC 6946): the reply";
    odd_v6: "an ICMPv6 fragment that is no multiple of 8 octets long and not the last";
    leaving: "the fragments of an echo reply of 4,000 octets of data: octets of IPv4 each";
    leaving_v6: "the fragments of an ICMPv6 echo reply of 4,000 octets of data: octets of IPv6 each";
}

/// From and to in the packet's payload, and whether more follow.
type Piece = (usize, usize, bool);

const FIRST: Piece = (0, 1000, true);
const SECOND: Piece = (1000, 2000, true);
const THIRD: Piece = (2000, 3008, false);

fn v4(link: &Link) -> Ipv4 {
    Ipv4::new().src(link.peer_v4()).dst(link.host_v4())
}

fn v6(link: &Link) -> Ipv6 {
    Ipv6::new().src(link.peer_v6()).dst(link.host_v6())
}

/// The ICMP message of an echo request with 3,000 octets of data.
fn message(link: &Link) -> Vec<u8> {
    let packet = (v4(link) / Icmpv4::echo_request(7, 1) / vec![7; 3000]).build().unwrap();
    packet.get(20..).unwrap().to_vec()
}

fn message_v6(link: &Link) -> Vec<u8> {
    let packet = (v6(link) / Icmpv6::echo_request(7, 1) / vec![7; 3000]).build().unwrap();
    packet.get(40..).unwrap().to_vec()
}

fn piece(link: &Link, id: u16, (from, to, more): Piece) -> Packet {
    let ip = v4(link).id(id).protocol(1).more_fragments(more).fragment_offset(u16::try_from(from / 8).unwrap());
    ip / message(link).get(from..to).unwrap()
}

fn piece_v6(link: &Link, (from, to, more): Piece) -> Packet {
    let offset = u16::try_from(from / 8).unwrap();
    let header = Fragment::new().next_header(58).id(5).more_fragments(more).fragment_offset(offset);
    v6(link) / header / Payload::new().octets(message_v6(link).get(from..to).unwrap())
}

/// What is no fragment in a line; the fragments' lengths, octets of IP.
fn told(link: &Link) -> String {
    let is_fragment = |frame: &Frame| {
        frame.ipv4().is_ok_and(|ip| ip.is_fragmenting_payload())
            || frame.ipv6().is_ok_and(|ip| ip.next_header().0 == 44)
    };
    list(arrived(link).iter().map(|frame| {
        if is_fragment(frame) { format!("a fragment of {}", frame.len()) } else { line(link, frame.as_ref()) }
    }))
}

fn of(tun: &Tun, pieces: &[Piece]) -> String {
    for each in pieces {
        tun.send(piece(tun, 5, *each));
    }
    told(tun)
}

fn of_v6(tun: &Tun, pieces: &[Piece]) -> String {
    for each in pieces {
        tun.send(piece_v6(tun, *each));
    }
    told(tun)
}

fn in_order(tun: Tun) -> String {
    of(&tun, &[FIRST, SECOND, THIRD])
}

fn reversed(tun: Tun) -> String {
    of(&tun, &[THIRD, SECOND, FIRST])
}

fn twice(tun: Tun) -> String {
    of(&tun, &[FIRST, FIRST, SECOND, THIRD])
}

fn overlapping(tun: Tun) -> String {
    of(&tun, &[FIRST, (504, 1504, true), SECOND, THIRD])
}

fn within(tun: Tun) -> String {
    of(&tun, &[FIRST, SECOND, (800, 1600, true), THIRD])
}

fn odd(tun: Tun) -> String {
    of(&tun, &[(0, 1001, true), SECOND, THIRD])
}

fn missing(tun: Tun) -> String {
    of(&tun, &[FIRST, THIRD])
}

fn two_at_once(tun: Tun) -> String {
    for each in [FIRST, SECOND, THIRD] {
        tun.send(piece(&tun, 5, each));
        tun.send(piece(&tun, 6, each));
    }
    told(&tun)
}

fn of_another_protocol(tun: Tun) -> String {
    tun.send(piece(&tun, 5, (0, 1000, true)));
    tun.send(v4(&tun).id(5).protocol(17).fragment_offset(125) / message(&tun).get(1000..).unwrap());
    told(&tun)
}

fn small_first(tun: Tun) -> String {
    of(&tun, &[(0, 8, true), (8, 1000, true), SECOND, THIRD])
}

fn too_long(tun: Tun) -> String {
    tun.send(piece(&tun, 5, FIRST));
    tun.send(v4(&tun).id(5).protocol(1).fragment_offset(8189) / [7; 100]);
    told(&tun)
}

fn in_order_v6(tun: Tun) -> String {
    of_v6(&tun, &[FIRST, SECOND, THIRD])
}

fn reversed_v6(tun: Tun) -> String {
    of_v6(&tun, &[THIRD, SECOND, FIRST])
}

fn overlapping_v6(tun: Tun) -> String {
    of_v6(&tun, &[FIRST, (504, 1504, true), SECOND, THIRD])
}

fn atomic(tun: Tun) -> String {
    let request = (v6(&tun) / Icmpv6::echo_request(7, 1) / b"hi").build().unwrap();
    let header = Fragment::new().next_header(58).id(5);
    tun.send(v6(&tun) / header / Payload::new().octets(request.get(40..).unwrap()));
    told(&tun)
}

fn odd_v6(tun: Tun) -> String {
    of_v6(&tun, &[(0, 99, true)])
}

/// The host answers with as much data; what is sent to it is over the MTU, which no device minds.
fn leaving(tun: Tun) -> String {
    tun.send(Icmpv4::echo_request(7, 1) / vec![7; 4000]);
    told(&tun)
}

fn leaving_v6(tun: Tun) -> String {
    tun.send(Icmpv6::echo_request(7, 1) / vec![7; 4000]);
    told(&tun)
}
