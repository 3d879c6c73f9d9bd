//! The mock host against the kernel: the same frames, and octet by octet the same answers, but for what is random.
//!
//! Each stimulus is followed by an echo request of its own, whose reply tells that all answers are there.

use std::net::Ipv6Addr;
use std::time::Duration;

use tuntap_test::Link;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::mock::host::{HostConfig, HostLink, LinkConfig, MockHost};
use tuntap_test::packet::Defaults;
use tuntap_test::prelude::*;

use crate::world::{HOST, PEER};

/// What is sent, in one go, under a name.
struct Stimulus(&'static str, Vec<Vec<u8>>);

fn one(name: &'static str, packet: impl IntoPacket) -> Stimulus {
    Stimulus(name, vec![packet.into_packet().build().unwrap()])
}

fn v4() -> Ipv4 {
    Ipv4::new().src(PEER).dst(HOST)
}

fn v6() -> Ipv6 {
    Ipv6::new().src(peer6()).dst(host6())
}

fn host6() -> Ipv6Addr {
    "2001:db8::1".parse().unwrap()
}

fn peer6() -> Ipv6Addr {
    "2001:db8::2".parse().unwrap()
}

fn udp() -> Udp {
    Udp::new().sport(40_000).dport(9)
}

fn tcp() -> Tcp {
    Tcp::new().sport(40_000).dport(9).seq(1000)
}

/// The pieces of a packet's payload in packets of their own.
fn fragments_v4(id: u16, ranges: &[(usize, usize, bool)]) -> Vec<Vec<u8>> {
    let data: Vec<u8> = (0..3000).map(|n: u32| n.to_be_bytes()[3]).collect();
    let whole = (v4() / Icmpv4::echo_request(7, 1) / data).build().unwrap();
    let piece = |&(from, to, more): &(usize, usize, bool)| {
        let ip = v4().id(id).protocol(1).more_fragments(more).fragment_offset(u16::try_from(from / 8).unwrap());
        (ip / &whole[20 + from..20 + to]).build().unwrap()
    };
    ranges.iter().map(piece).collect()
}

fn fragments_v6(id: u32, ranges: &[(usize, usize, bool)]) -> Vec<Vec<u8>> {
    let data: Vec<u8> = (0..3000).map(|n: u32| n.to_be_bytes()[3]).collect();
    let whole = (v6() / Icmpv6::echo_request(7, 1) / data).build().unwrap();
    let piece = |&(from, to, more): &(usize, usize, bool)| {
        let offset = u16::try_from(from).unwrap() | u16::from(more);
        let header = [[58, 0].as_slice(), &offset.to_be_bytes(), &id.to_be_bytes()].concat();
        (v6().next_header(44) / [header.as_slice(), &whole[40 + from..40 + to]].concat()).build().unwrap()
    };
    ranges.iter().map(piece).collect()
}

fn behind(number: u8, octets: &[u8]) -> Packet {
    v6().next_header(number) / octets
}

fn stimuli() -> Vec<Stimulus> {
    let echo = || Icmpv4::echo_request(7, 1) / b"hi";
    let echo6 = || Icmpv6::echo_request(7, 1) / b"hi";
    let mut all = vec![
        one("echo", v4() / echo()),
        one("echo with every service bit and DF", v4().dscp(63).ecn(3).dont_fragment(true) / echo()),
        one("echo with code 9", v4() / Icmpv4::echo_request(7, 1).code(9)),
        one("echo with a wrong checksum", v4() / Icmpv4::echo_request(7, 1).checksum(1)),
        one("echo with a wrong header checksum", v4().checksum(1) / echo()),
        one("echo with TTL 0", v4().ttl(0) / echo()),
        one("echo with the reserved bit", v4().reserved(true) / echo()),
        one("echo with no-operations", v4().options([1, 1, 1, 0]) / echo()),
        one("echo with a router alert", v4().options([0x94, 4, 0, 0]) / echo()),
        one("echo with an unknown option", v4().options([0x99, 4, 0, 0]) / echo()),
        one("echo with a loose source route", v4().options([0x83, 7, 4, 192, 0, 2, 5, 0]) / echo()),
        one("echo with an option that is too long", v4().options([1, 7, 0x30, 4]) / echo()),
        one("echo from the broadcast address", v4().src([192, 0, 2, 255]) / echo()),
        one("echo from the network's address", v4().src([192, 0, 2, 0]) / echo()),
        one("echo from off the link", v4().src([10, 0, 0, 1]) / echo()),
        one("echo from the host's own address", v4().src(HOST) / echo()),
        one("echo from 127.0.0.1", v4().src([127, 0, 0, 1]) / echo()),
        one("echo from 0.0.0.0", v4().src([0; 4]) / echo()),
        one("echo from a group", v4().src([224, 0, 0, 1]) / echo()),
        one("echo from class E", v4().src([240, 0, 0, 1]) / echo()),
        one("echo to the broadcast address", v4().dst([192, 0, 2, 255]) / echo()),
        one("echo to 255.255.255.255", v4().dst([255; 4]) / echo()),
        one("echo to all systems", v4().dst([224, 0, 0, 1]) / echo()),
        one("echo to a neighbour", v4().dst([192, 0, 2, 7]) / echo()),
        one("echo to 127.0.0.1", v4().dst([127, 0, 0, 1]) / echo()),
        one("echo to 0.0.0.0", v4().dst([0; 4]) / echo()),
        one("echo reply that nobody asked for", v4() / Icmpv4::echo_reply(7, 1)),
        one("echo of 2000 octets", v4() / Icmpv4::echo_request(7, 1) / vec![0xab; 2000]),
        one("information request", v4() / Icmpv4::new().icmp_type(15)),
        one("UDP to a closed port", v4() / udp() / b"hello"),
        one("UDP to a closed port, with service bits", v4().dscp(0x17).ecn(2) / udp() / b"hello"),
        one("UDP to a closed port, 1400 octets", v4().dont_fragment(true) / udp() / vec![b'a'; 1400]),
        one("UDP to a closed port without a checksum", v4() / udp().checksum(0) / b"hello"),
        one("UDP to a closed port with a wrong checksum", v4() / udp().checksum(1) / b"hello"),
        one("UDP to a closed port with a shorter length", v4() / udp().checksum(0).length(10) / b"hello"),
        one("UDP to a closed port with a longer length", v4() / udp().checksum(0).length(99) / b"hello"),
        one("UDP shorter than its header", v4().protocol(17) / b"short"),
        one("UDP to port 0", v4() / udp().dport(0) / b"hello"),
        one("UDP from port 0", v4() / udp().sport(0) / b"hello"),
        one("UDP with TTL 1", v4().ttl(1) / udp() / b"hello"),
        one("UDP to the broadcast address", v4().dst([192, 0, 2, 255]) / udp() / b"hello"),
        one("UDP to all systems", v4().dst([224, 0, 0, 1]) / udp() / b"hello"),
        one("UDP to a closed port, with no-operations", v4().options([1, 1, 1, 0]) / udp() / b"hello"),
        one("an unknown protocol", v4().protocol(253) / b"abcdefgh"),
        one("an unknown protocol without payload", v4().protocol(253)),
        one("protocol 0", v4().protocol(0) / b"abcd"),
        one("protocol 255", v4().protocol(255) / b"abcd"),
        one("SCTP", v4().protocol(132) / b"abcdefgh"),
        one("UDP-Lite", v4().protocol(136) / b"abcdefghabcd"),
        one("IPv4 in IPv4", v4().protocol(4) / (v4() / echo()).build().unwrap()),
        one("an ICMP error about something unknown", v4() / Icmpv4::port_unreachable() / (v4() / udp())),
        one("a SYN to a closed port", v4() / tcp().syn()),
        one("a SYN to a closed port with service bits", v4().dscp(8).ecn(1) / tcp().syn()),
        one("a SYN with data to a closed port", v4() / tcp().syn() / b"abc"),
        one("a SYN with a FIN to a closed port", v4() / tcp().syn().fin() / b"abc"),
        one("a SYN-ACK to a closed port", v4() / tcp().syn().ack(77)),
        one("an ACK to a closed port", v4() / tcp().ack(77)),
        one("a FIN to a closed port", v4() / tcp().fin()),
        one("no flags to a closed port", v4() / tcp().flags(TcpFlags(0))),
        one("all flags to a closed port", v4() / tcp().syn().fin().psh().urg(3).ack(5)),
        one("a reset to a closed port", v4() / tcp().rst()),
        one("a reset with an ACK to a closed port", v4() / tcp().rst().ack(5)),
        one("a SYN with a wrong checksum", v4() / tcp().syn().checksum(1)),
        one("a SYN with time stamps to a closed port", v4() / tcp().syn().timestamps(5, 0)),
        one("a SYN to port 0", v4() / tcp().syn().dport(0)),
        one("a SYN to the broadcast address", v4().dst([192, 0, 2, 255]) / tcp().syn()),
        one("a segment shorter than its header", v4().protocol(6) / b"short"),
        one("ICMPv6 echo", v6() / echo6()),
        one("ICMPv6 echo with class and label", v6().dscp(63).ecn(3).flow_label(0x12345) / echo6()),
        one("ICMPv6 echo with a wrong checksum", v6() / Icmpv6::echo_request(7, 1).checksum(1)),
        one("ICMPv6 echo to all nodes", v6().dst(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)) / echo6()),
        one("ICMPv6 echo to all routers", v6().dst(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2)) / echo6()),
        one("ICMPv6 echo to a neighbour", v6().dst(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7)) / echo6()),
        one("ICMPv6 echo from off the link", v6().src(Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 7)) / echo6()),
        one("ICMPv6 echo from a group", v6().src(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)) / echo6()),
        one("ICMPv6 echo from ::1", v6().src(Ipv6Addr::LOCALHOST) / echo6()),
        one("ICMPv6 echo from ::", v6().src(Ipv6Addr::UNSPECIFIED) / echo6()),
        one("ICMPv6 echo of 2000 octets", v6() / Icmpv6::echo_request(7, 1) / vec![0xab; 2000]),
        one("ICMPv6 type 100", v6() / Icmpv6::new().icmp_type(100)),
        one("ICMPv6 type 200", v6() / Icmpv6::new().icmp_type(200)),
        one("UDP over IPv6 to a closed port", v6().dscp(46).flow_label(9) / udp() / b"hello"),
        one("UDP over IPv6 to a closed port, 1400 octets", v6() / udp() / vec![b'a'; 1400]),
        one("UDP over IPv6 without a checksum", v6() / udp().checksum(0) / b"hello"),
        one("UDP over IPv6 with hop limit 1", v6().hop_limit(1) / udp() / b"hello"),
        one("UDP to all nodes", v6().dst(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)) / udp() / b"hello"),
        one("a SYN over IPv6 to a closed port", v6().dscp(8) / tcp().syn()),
        one("an ACK over IPv6 to a closed port", v6() / tcp().ack(9)),
        one("an unknown next header", behind(253, b"abcdefgh")),
        one("next header 4", behind(4, b"abcdefgh")),
        one("no next header", behind(59, b"abc")),
        one("payload length 0", behind(17, b"")),
        one("padded hop-by-hop options", v6() / HopByHop::new().pad(4) / udp()),
        one("a router alert", v6() / HopByHop::router_alert(0) / udp()),
        one("padded destination options", v6() / DestinationOptions::new().pad(4) / echo6()),
        one("destination options before nothing known", behind(60, &[253, 0, 1, 4, 0, 0, 0, 0, 1, 2, 3])),
        one("hop-by-hop options in the second place", behind(60, &[0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0])),
        one("options that run out", behind(60, &[17, 0, 1, 9, 0, 0, 0, 0, 1, 2])),
        one("a routing header that is used up", behind(43, &[59, 0, 0, 0, 0, 0, 0, 0])),
        one("a routing header that is not", behind(43, &[59, 0, 99, 1, 0, 0, 0, 0])),
        one(
            "a fragment of odd length",
            v6().next_header(44) / [&[58, 0, 0, 1, 0, 0, 0, 3], [7; 99].as_slice()].concat(),
        ),
        one(
            "a fragment that ends too far",
            v6().next_header(44) / [&[58, 0, 0xff, 0xf8, 0, 0, 0, 4], [7; 99].as_slice()].concat(),
        ),
        one("a solicitation", v6().hop_limit(255) / Icmpv6::neighbor_solicitation(host6()).without_options()),
        one("a solicitation from afar", v6().hop_limit(64) / Icmpv6::neighbor_solicitation(host6()).without_options()),
        Stimulus("three fragments", fragments_v4(5, &[(0, 1000, true), (1000, 2000, true), (2000, 3008, false)])),
        Stimulus("reversed fragments", fragments_v4(6, &[(2000, 3008, false), (1000, 2000, true), (0, 1000, true)])),
        Stimulus(
            "fragments that overlap",
            fragments_v4(7, &[(0, 1000, true), (504, 1504, true), (1000, 2000, true), (2000, 3008, false)]),
        ),
        Stimulus(
            "a fragment twice",
            fragments_v4(8, &[(0, 1000, true), (0, 1000, true), (1000, 2000, true), (2000, 3008, false)]),
        ),
        Stimulus(
            "a fragment within what is there",
            fragments_v4(9, &[(0, 1000, true), (1000, 2000, true), (800, 1600, true), (2000, 3008, false)]),
        ),
        Stimulus(
            "a fragment of odd length that is not the last",
            fragments_v4(10, &[(0, 1001, true), (1000, 2000, true), (2000, 3008, false)]),
        ),
        Stimulus(
            "three fragments over IPv6",
            fragments_v6(5, &[(0, 1000, true), (1000, 2000, true), (2000, 3008, false)]),
        ),
        Stimulus(
            "reversed fragments over IPv6",
            fragments_v6(6, &[(2000, 3008, false), (1000, 2000, true), (0, 1000, true)]),
        ),
        Stimulus(
            "fragments that overlap over IPv6",
            fragments_v6(7, &[(0, 1000, true), (504, 1504, true), (1000, 2000, true), (2000, 3008, false)]),
        ),
        Stimulus(
            "an atomic fragment",
            vec![
                (v6().next_header(44)
                    / [&[17, 0, 0, 0, 0, 0, 0, 3], (v6() / udp() / b"hello").build().unwrap()[40..].as_ref()].concat())
                .build()
                .unwrap(),
            ],
        ),
        Stimulus(
            "a trailer behind the packet",
            vec![[(v4() / udp() / b"hello").build().unwrap().as_slice(), b"XXXX"].concat()],
        ),
        Stimulus("a packet cut short", vec![(v4() / udp() / b"hello").build().unwrap()[..25].to_vec()]),
        Stimulus("a lone version", vec![vec![0x45], vec![0x60]]),
    ];
    for (name, kind) in [
        ("an option to be skipped", 0x1e),
        ("an option that drops", 0x5e),
        ("an option that reports", 0x9e),
        ("an option that reports to one", 0xde),
    ] {
        let header = [17, 0, kind, 4, 0, 0, 0, 0];
        let datagram = (v6() / udp() / b"hello").build().unwrap();
        all.push(one(name, behind(0, &[header.as_slice(), &datagram[40..]].concat())));
        all.push(one(name, behind(60, &[header.as_slice(), &datagram[40..]].concat())));
    }
    all
}

/// What is drawn at random, made 0: identifications with their checksum, flow labels, fragments' identifications.
fn plain(mut frame: Vec<u8>, at: usize) -> Vec<u8> {
    match frame.get(at).map(|octet| octet >> 4) {
        Some(4) => {
            let numbered = frame[at + 4..at + 6] != [0, 0];
            frame[at + 4..at + 6].fill(u8::from(numbered));
            frame[at + 10..at + 12].fill(0);
        }
        Some(6) => {
            let labelled = frame[at + 1] & 15 != 0 || frame[at + 2..at + 4] != [0, 0];
            frame[at + 1] &= 0xf0;
            frame[at + 2..at + 4].fill(u8::from(labelled));
            if frame[at + 6] == 44 {
                frame[at + 44..at + 48].fill(0);
            }
        }
        _ => {}
    }
    frame
}

fn mock(mode: Mode, mac: [u8; 6]) -> HostLink {
    let config = LinkConfig::new(mode).mac(mac);
    let config = config.address("192.0.2.1/24".parse().unwrap()).address("2001:db8::1/64".parse().unwrap());
    MockHost::new(HostConfig::new().seed(3)).add_link(config)
}

fn answers_of_mock(host: &HostLink, mode: Mode, frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut answers = Vec::new();
    for frame in frames {
        host.receive(FrameRef::new(mode, frame), Duration::ZERO, &mut |answer| answers.push(answer.to_vec()));
    }
    answers
}

fn compare(differences: &mut Vec<String>, name: &str, at: usize, kernel: Vec<Vec<u8>>, mock: Vec<Vec<u8>>) {
    let plain = |frames: Vec<Vec<u8>>| frames.into_iter().map(|frame| plain(frame, at)).collect::<Vec<_>>();
    let (kernel, mock) = (plain(kernel), plain(mock));
    if kernel != mock {
        let show = |frames: &[Vec<u8>]| {
            let hex = |frame: &Vec<u8>| frame.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
            frames.iter().map(|frame| format!("\n    {}", hex(frame))).collect::<String>()
        };
        differences.push(format!("{name}\n  kernel:{}\n  mock:{}", show(&kernel), show(&mock)));
    }
}

/// Sends a stimulus to the kernel; gives what comes back until the fence is answered.
fn answers_of_kernel(link: &Link, frames: &[Vec<u8>], number: u16, around: impl Fn(Packet) -> Packet) -> Vec<Vec<u8>> {
    for frame in frames {
        link.send_raw(frame);
    }
    link.send(around(v4() / Icmpv4::echo_request(0xfefe, number)));
    let wanted = Ipv4::new() / Icmpv4::echo_reply(0xfefe, number);
    let mut answers = Vec::new();
    loop {
        let frame = link.receive();
        if wanted.matches(frame.as_ref()) {
            return answers;
        }
        answers.push(frame.to_vec());
    }
}

#[tuntap_test(kernel)]
fn every_stimulus_is_answered_alike_on_tun(tun: Tun) {
    let host = mock(Mode::Tun, Defaults::HOST_MAC);
    let mut differences = Vec::new();
    for (number, Stimulus(name, frames)) in (0..).zip(stimuli()) {
        let kernel = answers_of_kernel(&tun, &frames, number, |packet| packet);
        compare(&mut differences, name, 0, kernel, answers_of_mock(&host, Mode::Tun, &frames));
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

/// What goes to the host in a frame of its peer's.
fn framed(mac: [u8; 6], packet: impl IntoPacket) -> Packet {
    Ethernet::new().src(Defaults::PEER_MAC).dst(mac) / packet.into_packet()
}

fn to_all(packet: impl IntoPacket) -> Packet {
    Ethernet::new().src(Defaults::PEER_MAC).dst([0xff; 6]) / packet.into_packet()
}

/// The first two make the peer known on both families: only then are echo requests answered at once.
fn stimuli_on_tap(mac: [u8; 6]) -> Vec<Stimulus> {
    let ask = |sender: [u8; 4]| Arp::who_has(HOST).sender(sender).sender_mac(Defaults::PEER_MAC);
    let echo = || v4() / Icmpv4::echo_request(7, 1) / b"hi";
    let others = [2, 0, 0, 0, 0, 0x77];
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 1);
    let solicit = || Icmpv6::neighbor_solicitation(host6());
    let ours = || solicit().source_link_layer_address(Defaults::PEER_MAC);
    let in_group = |packet: Packet| Ethernet::new().src(Defaults::PEER_MAC).dst([0x33, 0x33, 0xff, 0, 0, 1]) / packet;
    let v6 = || v6().hop_limit(255);
    vec![
        one("who has", to_all(ask(PEER))),
        one("a solicitation", in_group(v6().dst(group) / ours())),
        one("who has, to the host alone", framed(mac, ask(PEER))),
        one("who has somebody else", to_all(Arp::who_has([192, 0, 2, 9]).sender(PEER).sender_mac(Defaults::PEER_MAC))),
        one("a probe", to_all(ask([0; 4]))),
        one("who has, from an impostor", to_all(ask(HOST))),
        one("who has, from off the link", to_all(ask([10, 0, 0, 1]))),
        one("who has, from class E", to_all(ask([250, 0, 0, 1]))),
        one("an answer that nobody asked for", framed(mac, Arp::is_at([192, 0, 2, 5], others).target(HOST))),
        one("ARP operation 3", framed(mac, ask(PEER).operation(3))),
        one("echo", framed(mac, echo())),
        Stimulus("echo, padded", vec![[framed(mac, echo()).build().unwrap(), vec![0; 16]].concat()]),
        one("echo in a frame for all", to_all(echo())),
        one("echo in a frame for somebody else", Ethernet::new().src(Defaults::PEER_MAC).dst(others) / echo()),
        one("echo from the host's own MAC", Ethernet::new().src(mac).dst(mac) / echo()),
        one("echo from a group's MAC", Ethernet::new().src([0xff; 6]).dst(mac) / echo()),
        one("echo with a priority tag", framed(mac, Vlan::new().id(0).priority(5) / echo())),
        one("echo in a VLAN", framed(mac, Vlan::new().id(7) / echo())),
        one(
            "IPv6 called IPv4",
            framed(mac, echo())
                .build()
                .map(|mut frame| {
                    frame[12..14].copy_from_slice(&[0x86, 0xdd]);
                    frame
                })
                .unwrap(),
        ),
        one("a datagram in a frame for all", to_all(v4() / udp())),
        one("an unknown protocol in a frame for all", to_all(v4().protocol(253))),
        one("a SYN in a frame for all", to_all(v4() / tcp().syn())),
        one("a datagram to a closed port", framed(mac, v4() / udp() / b"hello")),
        one("a SYN to a closed port", framed(mac, v4() / tcp().syn())),
        one("a solicitation to the host alone", framed(mac, v6() / solicit())),
        one("a solicitation to the host alone, with a MAC", framed(mac, v6() / ours())),
        one("a solicitation with hop limit 64", in_group(v6().dst(group).hop_limit(64) / ours())),
        one("a solicitation with code 1", in_group(v6().dst(group) / ours().code(1))),
        one("a solicitation with a wrong checksum", in_group(v6().dst(group) / ours().checksum(1))),
        one("a solicitation for a neighbour", in_group(v6().dst(group) / Icmpv6::neighbor_solicitation(peer6()))),
        one("a solicitation for a group", in_group(v6().dst(group) / Icmpv6::neighbor_solicitation(group))),
        one("duplicate address detection", in_group(v6().src(Ipv6Addr::UNSPECIFIED).dst(group) / solicit())),
        one("the same with a MAC", in_group(v6().src(Ipv6Addr::UNSPECIFIED).dst(group) / ours())),
        one("the same to the host alone", framed(mac, v6().src(Ipv6Addr::UNSPECIFIED) / solicit())),
        one("a solicitation with an option of length 0", framed(mac, v6() / solicit() / [1, 0, 0, 0, 0, 0, 0, 0])),
        one("an advertisement that nobody asked for", framed(mac, v6() / Icmpv6::neighbor_advertisement(peer6()))),
        one("ICMPv6 echo", framed(mac, v6() / Icmpv6::echo_request(7, 1) / b"hi")),
        one("UDP over IPv6 to a closed port", framed(mac, v6() / udp() / b"hello")),
    ]
}

#[tuntap_test(kernel)]
fn every_stimulus_is_answered_alike_on_tap(tap: Tap) {
    let mac = tap.host_mac().unwrap();
    let host = mock(Mode::Tap, mac);
    let mut differences = Vec::new();
    for (number, Stimulus(name, frames)) in (0..).zip(stimuli_on_tap(mac)) {
        let kernel = answers_of_kernel(&tap, &frames, number, |packet| framed(mac, packet));
        compare(&mut differences, name, 14, kernel, answers_of_mock(&host, Mode::Tap, &frames));
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}
