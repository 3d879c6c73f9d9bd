//! `IcmpEcho` against captured pings, against etherparse, and against what must not be answered.
#![expect(clippy::indexing_slicing, reason = "a test that slices wrongly fails, as it should")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::mpsc;

use etherparse::{
    Icmpv4Type, Icmpv6Type, NetSlice, PacketBuilder, PacketBuilderStep, SlicedPacket, TransportSlice, VlanId, icmpv4,
    icmpv6, ip_number,
};
use proptest::prelude::*;
use tuntap_test::answer::{AnsweringMachine, IcmpEcho};
use tuntap_test::device::dispatch::{Replies, Verdict};
use tuntap_test::device::{FrameRef, Mode};

// Read from the device end of a TUN and a TAP on Linux 6 in a namespace of its own: what the kernel sent for a raw
// socket's echo request, identifier 7, sequence 1, data "hello".
const TUN_V4: &str = "45000021a2b4400040011424c0000201c00002020800b4250007000168656c6c6f";
const TUN_V6: &str =
    "600e9541000d3a4020010db800000000000000000000000120010db80000000000000000000000028000e0680007000168656c6c6f";
const TAP_V4: &str = "0200000000bb0200000000aa080045000021fd9d40004001e8d3c6336401c63364020800b4250007000168656c6c6f";
const TAP_V6: &str = "0200000000bb0200000000aa86dd60016eb3000d3a4020010db800010000000000000000000120010db80001000000000000000000028000e0660007000168656c6c6f";

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The one reply of a machine, or none; `matches`, `reply` and `answer` must agree about it.
fn answer_of(machine: &mut IcmpEcho, mode: Mode, request: &[u8]) -> Option<Vec<u8>> {
    let request = FrameRef::new(mode, request);
    let mut replies = Replies::new();
    let matches = machine.matches(request);
    assert_eq!(machine.answer(request, &mut replies) == Verdict::Taken, matches);
    let all: Vec<_> = replies.iter().map(<[u8]>::to_vec).collect();
    replies.clear();
    machine.reply(request, &mut replies);
    assert_eq!(replies.iter().collect::<Vec<_>>(), all);
    assert_eq!(all.len(), usize::from(matches));
    all.into_iter().next()
}

fn echo(mode: Mode, request: &[u8]) -> Option<Vec<u8>> {
    answer_of(&mut IcmpEcho::any_address(), mode, request)
}

/// The sum that every receiver makes: right when it is 0xffff (RFC 1071). Slow and obvious on purpose.
fn sum(parts: &[&[u8]]) -> u64 {
    let all = parts.concat();
    let words = all.chunks(2).map(|word| u64::from(word[0]) << 8 | u64::from(word.get(1).copied().unwrap_or(0)));
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}

fn set_checksum(octets: &mut [u8], at: usize, pseudo: &[u8]) {
    octets[at..at + 2].fill(0);
    let checksum = !u16::try_from(sum(&[pseudo, octets])).unwrap();
    octets[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
}

fn ping_v4(data: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 3).icmpv4_echo_request(7, 1).write(&mut packet, data).unwrap();
    packet
}

/// A ping with `change` applied before the IPv4 header's checksum is made right again.
fn changed_v4(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut packet = ping_v4(b"hello");
    change(&mut packet);
    let header = usize::from(packet[0] & 15) * 4;
    set_checksum(&mut packet[..header], 10, &[]);
    packet
}

/// A ping with IPv4 options, padded to words by the caller.
fn with_options(options: &[u8]) -> Vec<u8> {
    changed_v4(|packet| {
        packet.splice(20..20, options.iter().copied());
        packet[0] += u8::try_from(options.len() / 4).unwrap();
        packet[3] += u8::try_from(options.len()).unwrap();
    })
}

const HOST_V6: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const PEER_V6: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

/// An ICMPv6 echo request behind `extensions`, whose first header is `first`.
fn ping_v6(source: [u8; 16], destination: [u8; 16], first: u8, extensions: &[u8]) -> Vec<u8> {
    let mut message = *b"\x80\0\0\0\0\x07\0\x01hello";
    let length = [0, 0, 0, 13, 0, 0, 0, 58];
    set_checksum(&mut message, 2, &[&source[..], &destination, &length].concat());
    let payload = [extensions, &message].concat();
    let mut packet = vec![0x60, 0, 0, 0, 0, u8::try_from(payload.len()).unwrap(), first, 5];
    packet.extend([source, destination].concat());
    packet.extend(payload);
    packet
}

#[test]
fn captured_pings_are_answered_octet_by_octet() {
    // The IPv4 header's checksum is the request's, because nothing but the order of its words changed.
    let reply = "45000021a2b4400040011424c0000202c00002010000bc250007000168656c6c6f";
    assert_eq!(echo(Mode::Tun, &octets(TUN_V4)), Some(octets(reply)));
    let reply =
        "60000000000d3a4020010db800000000000000000000000220010db80000000000000000000000018100df680007000168656c6c6f";
    assert_eq!(echo(Mode::Tun, &octets(TUN_V6)), Some(octets(reply)));
    let reply = "0200000000aa0200000000bb080045000021fd9d40004001e8d3c6336402c63364010000bc250007000168656c6c6f";
    assert_eq!(echo(Mode::Tap, &octets(TAP_V4)), Some(octets(reply)));
    let reply = "0200000000aa0200000000bb86dd60000000000d3a4020010db800010000000000000000000220010db80001000000000000000000018100df660007000168656c6c6f";
    assert_eq!(echo(Mode::Tap, &octets(TAP_V6)), Some(octets(reply)));
}

#[test]
fn only_the_addresses_asked_for_are_answered() {
    let mine = |address: [u8; 4]| IcmpEcho::for_addresses([address]);
    assert!(answer_of(&mut mine([192, 0, 2, 2]), Mode::Tun, &octets(TUN_V4)).is_some());
    assert!(answer_of(&mut mine([192, 0, 2, 1]), Mode::Tun, &octets(TUN_V4)).is_none());
    let mut both = IcmpEcho::for_addresses([IpAddr::from([192, 0, 2, 2]), IpAddr::from(PEER_V6)]);
    assert!(answer_of(&mut both, Mode::Tun, &octets(TUN_V6)).is_some());
}

#[test]
fn the_hook_tells_who_asked_whom() {
    let (tell, told) = mpsc::channel();
    let mut machine = IcmpEcho::any_address().on_reply(move |reply| tell.send(*reply).unwrap());
    machine.answer(FrameRef::new(Mode::Tun, &octets(TUN_V4)), &mut Replies::new());
    machine.answer(FrameRef::new(Mode::Tun, &[]), &mut Replies::new());
    drop(machine);
    let replies: Vec<_> = told.iter().collect();
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0].to_string(), "Replying 192.0.2.1 to 192.0.2.2");
    assert_eq!((replies[0].identifier, replies[0].sequence, replies[0].data_len), (7, 1, 5));
}

#[test]
fn a_reply_of_nothing_but_zeros_has_the_checksum_ffff() {
    let mut packet = Vec::new();
    let builder = PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64).icmpv4_echo_request(0, 0);
    builder.write(&mut packet, &[0; 6]).unwrap();
    let reply = echo(Mode::Tun, &packet).unwrap();
    assert_eq!(reply[20..], [0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn ethernet_padding_is_not_echoed() {
    let mut request = octets(TAP_V4);
    let length = request.len();
    request.resize(60, 0xee);
    assert_eq!(echo(Mode::Tap, &request).unwrap().len(), length);
    let mut request = octets(TUN_V6);
    let length = request.len();
    request.extend([0xee; 9]);
    assert_eq!(echo(Mode::Tun, &request).unwrap().len(), length);
}

#[test]
fn a_reply_to_an_ethernet_group_comes_from_a_unicast_address() {
    for destination in ["ffffffffffff", "01005e000002"] {
        let mut request = octets(TAP_V4);
        request[..6].copy_from_slice(&octets(destination));
        let reply = echo(Mode::Tap, &request).unwrap();
        assert_eq!(reply[..6], octets("0200000000aa"));
        assert_eq!(reply[6..12], IcmpEcho::ETHERNET_ADDRESS);
        assert_eq!(IcmpEcho::ETHERNET_ADDRESS[0] & 3, 2, "unicast and locally administered");
    }
    let mut request = octets(TAP_V4);
    request[6] |= 1;
    assert_eq!(echo(Mode::Tap, &request), None, "a group cannot have asked");
}

#[test]
fn an_ether_type_of_the_other_family_is_not_answered() {
    let mut request = octets(TAP_V4);
    request[12..14].copy_from_slice(&[0x86, 0xdd]);
    assert_eq!(echo(Mode::Tap, &request), None);
}

#[test]
fn a_wrong_checksum_is_not_answered() {
    for (mode, hex, from) in [(Mode::Tun, TUN_V4, 0), (Mode::Tap, TAP_V4, 14), (Mode::Tun, TUN_V6, 40)] {
        for at in from..hex.len() / 2 {
            let mut request = octets(hex);
            request[at] ^= 0x10;
            assert_eq!(echo(mode, &request), None, "octet {at} of {hex}");
        }
    }
    // The IPv6 pseudo-header: an address that is not the one the sender summed.
    for at in 8..40 {
        let mut request = octets(TUN_V6);
        request[at] ^= 0x10;
        assert_eq!(echo(Mode::Tun, &request), None, "octet {at}");
    }
}

#[test]
fn every_truncation_is_left_alone() {
    for (mode, hex) in [(Mode::Tun, TUN_V4), (Mode::Tun, TUN_V6), (Mode::Tap, TAP_V4), (Mode::Tap, TAP_V6)] {
        let request = octets(hex);
        for length in 0..request.len() {
            assert_eq!(echo(mode, &request[..length]), None, "{length} of {hex}");
        }
    }
}

#[test]
fn ipv4_fragments_are_left_alone() {
    assert!(echo(Mode::Tun, &changed_v4(|_| {})).is_some());
    assert_eq!(echo(Mode::Tun, &changed_v4(|packet| packet[6] = 0x20)), None, "more fragments");
    assert_eq!(echo(Mode::Tun, &changed_v4(|packet| packet[7] = 1)), None, "an offset");
}

#[test]
fn ipv4_addresses_that_are_no_hosts_are_left_alone() {
    for address in [[0, 0, 0, 0], [224, 0, 0, 1], [255, 255, 255, 255]] {
        for at in [12, 16] {
            let request = changed_v4(|packet| packet[at..at + 4].copy_from_slice(&address));
            assert_eq!(echo(Mode::Tun, &request), None, "{address:?} at {at}");
            let mut named = IcmpEcho::for_addresses([address, [192, 0, 2, 2]]);
            assert_eq!(answer_of(&mut named, Mode::Tun, &request), None);
        }
    }
}

#[test]
fn ipv4_options_are_left_out_and_a_source_route_is_not_answered() {
    let record_route = [1, 7, 7, 4, 0, 0, 0, 0];
    let reply = echo(Mode::Tun, &with_options(&record_route)).unwrap();
    assert_eq!((reply[0], reply.len()), (0x45, ping_v4(b"hello").len()));
    assert!(echo(Mode::Tun, &with_options(&[0x94, 4, 0, 0])).is_some(), "router alert");
    for (why, options) in [
        ("loose source route", [131, 7, 4, 192, 0, 2, 9, 0]),
        ("strict source route", [1, 137, 7, 4, 192, 0, 2, 9]),
        ("longer than the header", [7, 9, 4, 0, 0, 0, 0, 0]),
        ("shorter than itself", [7, 1, 0, 0, 0, 0, 0, 0]),
        ("no length", [1, 1, 1, 1, 1, 1, 1, 7]),
    ] {
        assert_eq!(echo(Mode::Tun, &with_options(&options)), None, "{why}");
    }
}

#[test]
fn ipv6_addresses_that_are_no_hosts_are_left_alone() {
    let all_nodes = {
        let mut a = [0; 16];
        a[0] = 0xff;
        a[1] = 2;
        a[15] = 1;
        a
    };
    for address in [all_nodes, [0; 16]] {
        assert_eq!(echo(Mode::Tun, &ping_v6(HOST_V6, address, 58, &[])), None);
        assert_eq!(echo(Mode::Tun, &ping_v6(address, PEER_V6, 58, &[])), None);
    }
}

#[test]
fn ipv6_extension_headers_are_read_over_and_not_echoed() {
    let plain = echo(Mode::Tun, &ping_v6(HOST_V6, PEER_V6, 58, &[])).unwrap();
    let read_over: [(&str, u8, &[u8]); 5] = [
        ("hop-by-hop with router alert", 0, &[58, 0, 5, 2, 0, 0, 1, 0]),
        ("destination options", 60, &[58, 0, 1, 4, 0, 0, 0, 0]),
        ("both", 0, &[60, 0, 1, 4, 0, 0, 0, 0, 58, 0, 0, 0, 0, 0, 0, 0]),
        ("a spent routing header", 43, &[58, 0, 0, 0, 0, 0, 0, 0]),
        ("an atomic fragment", 44, &[58, 0, 0, 0, 0, 0, 0, 9]),
    ];
    for (why, first, extensions) in read_over {
        let reply = echo(Mode::Tun, &ping_v6(HOST_V6, PEER_V6, first, extensions));
        assert_eq!(reply.as_ref(), Some(&plain), "{why}");
    }
    let left_alone: [(&str, u8, &[u8]); 8] = [
        ("the first fragment", 44, &[58, 0, 0, 1, 0, 0, 0, 9]),
        ("a later fragment", 44, &[58, 0, 0, 8, 0, 0, 0, 9]),
        ("a route that goes on", 43, &[58, 0, 0, 1, 0, 0, 0, 0]),
        ("an authentication header", 51, &[58, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("an option to discard", 60, &[58, 0, 0x40, 4, 0, 0, 0, 0]),
        ("an option beyond its header", 60, &[58, 0, 5, 9, 0, 0, 0, 0]),
        ("hop-by-hop not at the start", 60, &[0, 0, 1, 4, 0, 0, 0, 0, 58, 0, 1, 4, 0, 0, 0, 0]),
        ("a header beyond the packet", 60, &[58, 9, 1, 4, 0, 0, 0, 0]),
    ];
    for (why, first, extensions) in left_alone {
        assert_eq!(echo(Mode::Tun, &ping_v6(HOST_V6, PEER_V6, first, extensions)), None, "{why}");
    }
}

#[test]
fn an_ipv6_payload_length_of_zero_is_no_echo() {
    let mut request = octets(TUN_V6);
    request[5] = 0;
    assert_eq!(echo(Mode::Tun, &request), None);
}

/// A request of any kind, with the mode it is for.
fn request() -> impl Strategy<Value = (Mode, Vec<u8>)> {
    let unicast_v4 = any::<[u8; 4]>().prop_map(|mut a| {
        a[0] = a[0] % 223 + 1;
        a
    });
    let unicast_v6 = any::<[u8; 16]>().prop_map(|mut a| {
        a[0] = 0x20;
        a
    });
    let data = prop::collection::vec(any::<u8>(), 0..1500);
    (
        (any::<bool>(), prop::option::of(0_usize..3), any::<[u8; 5]>(), any::<u8>()),
        (unicast_v4.clone(), unicast_v4, unicast_v6.clone(), unicast_v6),
        (any::<u16>(), any::<u16>(), data),
    )
        .prop_map(|((v6, tags, mac, ttl), (s4, d4, s6, d6), (id, seq, data))| {
            let mut frame = Vec::new();
            let (a, b, c) = (
                VlanId::try_new(17).unwrap(),
                VlanId::try_new(4000).unwrap(),
                [2, mac[0], mac[1], mac[2], mac[3], mac[4]],
            );
            let ethernet = || PacketBuilder::ethernet2(c, [2, 0, 0, 0, 0, 1]);
            macro_rules! finish {
                ($builder:expr) => {
                    if v6 {
                        $builder.ipv6(s6, d6, ttl).icmpv6_echo_request(id, seq).write(&mut frame, &data).unwrap()
                    } else {
                        $builder.ipv4(s4, d4, ttl).icmpv4_echo_request(id, seq).write(&mut frame, &data).unwrap()
                    }
                };
            }
            match tags {
                Some(0) => finish!(ethernet()),
                Some(1) => finish!(ethernet().single_vlan(a)),
                Some(_) => finish!(ethernet().double_vlan(a, b)),
                None if v6 => {
                    let step: PacketBuilderStep<etherparse::IpHeaders> = PacketBuilder::ipv6(s6, d6, ttl);
                    step.icmpv6_echo_request(id, seq).write(&mut frame, &data).unwrap();
                }
                None => PacketBuilder::ipv4(s4, d4, ttl).icmpv4_echo_request(id, seq).write(&mut frame, &data).unwrap(),
            }
            (if tags.is_some() { Mode::Tap } else { Mode::Tun }, frame)
        })
}

fn slice(mode: Mode, frame: &[u8]) -> SlicedPacket<'_> {
    match mode {
        Mode::Tun => SlicedPacket::from_ip(frame).unwrap(),
        Mode::Tap => SlicedPacket::from_ethernet(frame).unwrap(),
    }
}

/// Source, destination, identifier, sequence, whether it is a request, data; and that the checksums are right.
fn facts(packet: &SlicedPacket<'_>) -> (IpAddr, IpAddr, u16, u16, bool, Vec<u8>) {
    match (packet.net.as_ref().unwrap(), packet.transport.as_ref().unwrap()) {
        (NetSlice::Ipv4(ip), TransportSlice::Icmpv4(icmp)) => {
            assert_eq!(sum(&[ip.header().slice()]), 0xffff);
            assert_eq!(sum(&[icmp.slice()]), 0xffff);
            let (echo, request) = match icmp.icmp_type() {
                Icmpv4Type::EchoRequest(echo) => (echo, true),
                Icmpv4Type::EchoReply(echo) => (echo, false),
                other => panic!("{other:?}"),
            };
            assert_eq!(icmp.type_u8(), if request { icmpv4::TYPE_ECHO_REQUEST } else { icmpv4::TYPE_ECHO_REPLY });
            let (source, destination) =
                (Ipv4Addr::from(ip.header().source()), Ipv4Addr::from(ip.header().destination()));
            (source.into(), destination.into(), echo.id, echo.seq, request, icmp.payload().to_vec())
        }
        (NetSlice::Ipv6(ip), TransportSlice::Icmpv6(icmp)) => {
            let (source, destination) = (ip.header().source(), ip.header().destination());
            let length = u32::try_from(icmp.slice().len()).unwrap().to_be_bytes();
            let next = [0, 0, 0, ip_number::IPV6_ICMP.0];
            assert_eq!(sum(&[&source, &destination, &length, &next, icmp.slice()]), 0xffff);
            let (echo, request) = match icmp.icmp_type() {
                Icmpv6Type::EchoRequest(echo) => (echo, true),
                Icmpv6Type::EchoReply(echo) => (echo, false),
                other => panic!("{other:?}"),
            };
            assert_eq!(icmp.type_u8(), if request { icmpv6::TYPE_ECHO_REQUEST } else { icmpv6::TYPE_ECHO_REPLY });
            let (source, destination) = (Ipv6Addr::from(source), Ipv6Addr::from(destination));
            (source.into(), destination.into(), echo.id, echo.seq, request, icmp.payload().to_vec())
        }
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn any_request_gets_a_right_reply_and_that_gets_none((mode, request) in request()) {
        let reply = echo(mode, &request).expect("a reply");
        let (source, destination, id, seq, is_request, data) = facts(&slice(mode, &request));
        prop_assert!(is_request);
        prop_assert_eq!(facts(&slice(mode, &reply)), (destination, source, id, seq, false, data));
        prop_assert_eq!(reply.len(), request.len());
        if mode == Mode::Tap {
            prop_assert_eq!(&reply[..6], &request[6..12]);
            prop_assert_eq!(&reply[6..12], &request[..6]);
            let tags = slice(mode, &request).link_exts.len() * 4;
            prop_assert_eq!(&reply[12..14 + tags], &request[12..14 + tags]);
        }
        prop_assert_eq!(echo(mode, &reply), None);
    }

    #[test]
    fn any_octets_are_no_panic(tap in any::<bool>(), octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = echo(if tap { Mode::Tap } else { Mode::Tun }, &octets);
    }

    #[test]
    fn a_changed_request_is_no_panic_and_no_reply_of_another_length(
        (mode, mut request) in request(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for (at, octet) in changes {
            let length = request.len().min(80);
            request[at.index(length)] = octet;
        }
        if let Some(reply) = echo(mode, &request) {
            prop_assert!(reply.len() <= request.len());
        }
    }
}
