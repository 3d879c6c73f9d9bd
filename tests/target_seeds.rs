//! The seeds of the fuzz targets `answering`, `checksum`, `differential`, `matcher` and `packet_info` are made from
//! frames that kernels sent (`fixtures/captures`, `fixtures/corpus/tun_pi`) and from templates. Where one differs, the right
//! one is in `target/tmp/target_seeds/`: copy that folder over `fixtures/corpus/`.
#![expect(clippy::indexing_slicing, reason = "the test fails where a capture or a frame is not there")]

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use tuntap_test::capture::Capture;
use tuntap_test::device::Mode;
use tuntap_test::packet::{
    DestinationOptions, Ethernet, Fragment, HopByHop, Icmpv4, Icmpv6, Igmp, IntoPacket, Ipv4, Ipv6, LayerKind, Packet,
    Routing, Tcp, Udp, Vlan,
};

/// Seeds by name, without prefix and extension.
type Seeds = BTreeMap<String, Vec<u8>>;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Frames that a kernel, or the test opposite it, sent: name, capture, number in it.
const CAPTURED: &[(&str, &str, usize)] = &[
    ("captured-tun-ipv4-echo-request", "ping", 1),
    ("captured-tun-ipv4-echo-reply", "ping", 2),
    ("captured-tun-ipv6-echo-request", "ping", 3),
    ("captured-tun-ipv6-echo-reply", "ping", 10),
    ("captured-tap-arp-request", "neighbours", 1),
    ("captured-tap-ipv6-neighbor-solicitation", "neighbours", 6),
    ("captured-tap-ipv6-neighbor-advertisement", "neighbours", 7),
    ("captured-tap-ipv4-echo-request", "neighbours", 8),
    ("captured-tun-ipv4-tcp-syn", "tcp_client", 1),
    ("captured-tun-ipv4-tcp-http", "tcp_client", 4),
    ("captured-tun-ipv6-tcp-reset", "closed_port", 4),
    ("captured-tun-ipv4-dns-query", "dns_forwarder", 1),
    ("captured-tun-ipv4-dns-response", "dns_forwarder", 3),
    ("captured-tun-ipv4-port-unreachable", "icmp_error", 4),
    ("captured-tun-ipv6-port-unreachable", "icmp_error", 6),
    ("captured-tun-ipv4-first-fragment", "fragments", 1),
    ("captured-tun-ipv4-later-fragment", "fragments", 2),
    ("captured-tun-ipv4-header-cut", "fragments", 4),
    ("captured-tun-ipv4-udp-length-4", "fragments", 8),
];

/// Each of those as its mode, 0 for TUN and 1 for TAP, and its octets.
fn captured() -> BTreeMap<&'static str, (u8, Vec<u8>)> {
    let read = |(name, capture, number): &(&'static str, &str, usize)| {
        let octets = fs::read(fixtures().join("captures").join(format!("{capture}.pcapng"))).unwrap();
        let capture = Capture::from_octets(&octets).unwrap();
        let frame = capture.frame(capture.frames.get(number - 1).unwrap()).unwrap();
        assert_eq!(frame.mode == Mode::Tap, name.contains("-tap-"), "{name}");
        (*name, (u8::from(frame.mode == Mode::Tap), frame.octets.to_vec()))
    };
    CAPTURED.iter().map(read).collect()
}

fn built(packet: impl IntoPacket) -> Vec<u8> {
    let packet: Packet = packet.into_packet();
    let tap = packet.layers().first().is_some_and(|layer| layer.kind() == LayerKind::Ethernet);
    let octets = packet.build().unwrap();
    [&[u8::from(tap)], &*octets].concat()
}

/// The mode, then what stands between it and the frame.
fn with(captured: &BTreeMap<&str, (u8, Vec<u8>)>, name: &str, between: &[u8]) -> Vec<u8> {
    let (mode, octets) = &captured[name];
    [&[*mode], between, octets].concat()
}

fn answering() -> Seeds {
    let captured = captured();
    let mut seeds: Seeds =
        ["captured-tun-ipv4-echo-request", "captured-tun-ipv4-echo-reply", "captured-tun-ipv6-echo-request"]
            .into_iter()
            .chain(["captured-tun-ipv6-echo-reply", "captured-tap-arp-request", "captured-tap-ipv4-echo-request"])
            .chain(["captured-tap-ipv6-neighbor-solicitation", "captured-tun-ipv4-first-fragment"])
            .map(|name| (name.to_owned(), with(&captured, name, &[])))
            .collect();
    let echo = || Icmpv4::echo_request(7, 1);
    let echo_v6 = || Icmpv6::echo_request(7, 1);
    let made = [
        ("tun-ipv4-no-data", built(echo().into_packet())),
        ("tun-ipv4-code-and-zeros", built(Icmpv4::echo_request(0, 0).code(1) / [0; 4])),
        ("tun-ipv4-nothing-but-zeros-back", built(Icmpv4::echo_request(0, 0) / [0; 4])),
        ("tun-ipv4-options", built(Ipv4::new().router_alert() / echo() / b"hello")),
        ("tun-ipv4-source-route", built(Ipv4::new().options([131, 7, 4, 192, 0, 2, 9, 0]) / echo())),
        ("tun-ipv4-wrong-checksum", built(Ipv4::new() / echo().checksum(1))),
        ("tun-ipv4-to-broadcast", built(Ipv4::new().dst([255; 4]) / echo())),
        ("tun-ipv4-padded", built((Ipv4::new() / echo() / b"odd").trailer([0; 5]))),
        ("tun-ipv6-options", built(Ipv6::new() / HopByHop::new().option(5, [0, 0]) / echo_v6() / b"hello")),
        ("tun-ipv6-atomic-fragment", built(Ipv6::new() / Fragment::new().id(7) / echo_v6())),
        ("tun-ipv6-spent-route", built(Ipv6::new() / Routing::new().data([0; 4]) / echo_v6())),
        ("tun-ipv6-to-a-group", built(Ipv6::new().dst([0xff02, 0, 0, 0, 0, 0, 0, 1]) / echo_v6())),
        ("tap-to-broadcast", built(Ethernet::new().dst([0xff; 6]) / Ipv4::new() / echo() / b"hello")),
        ("tap-from-a-group", built(Ethernet::new().src([1; 6]) / Ipv4::new() / echo())),
        (
            "tap-two-tags",
            built(Ethernet::new().ether_type(0x88a8) / Vlan::new().id(7) / Vlan::new().id(8) / Ipv4::new() / echo()),
        ),
        ("tap-ipv6-tagged", built(Ethernet::new() / Vlan::new().id(7) / Ipv6::new() / echo_v6() / b"hello")),
        ("tap-ipv4-padded", built((Ethernet::new() / Ipv4::new() / echo()).trailer([0; 18]))),
        ("tap-ipv6-by-the-type-of-ipv4", built(Ethernet::new().ether_type(0x0800) / Ipv6::new() / echo_v6())),
    ];
    seeds.extend(made.map(|(name, octets)| (name.to_owned(), octets)));
    seeds
}

fn matcher() -> Seeds {
    let captured = captured();
    // Which layer, which of its fields, which bit of that.
    let choices: [(&str, &str, [u8; 3]); 16] = [
        ("captured-tun-ipv4-echo-request", "time-to-live", [0, 10, 0]),
        ("captured-tun-ipv4-echo-reply", "type", [1, 0, 3]),
        ("captured-tun-ipv6-echo-request", "source", [0, 7, 127]),
        ("captured-tun-ipv4-tcp-syn", "destination-port", [1, 1, 0]),
        ("captured-tun-ipv4-tcp-http", "header-length", [0, 1, 0]),
        ("captured-tun-ipv6-tcp-reset", "flags", [1, 7, 2]),
        ("captured-tun-ipv4-dns-query", "first-of-dns", [2, 0, 15]),
        ("captured-tun-ipv4-dns-response", "response", [2, 1, 0]),
        ("captured-tun-ipv4-port-unreachable", "code", [1, 1, 1]),
        ("captured-tun-ipv4-first-fragment", "more-fragments", [0, 8, 0]),
        ("captured-tun-ipv4-later-fragment", "fragment-offset", [0, 9, 1]),
        ("captured-tap-arp-request", "operation", [1, 4, 1]),
        ("captured-tap-arp-request", "ether-type", [0, 2, 3]),
        ("captured-tap-ipv6-neighbor-advertisement", "type", [2, 0, 0]),
        ("captured-tap-ipv4-echo-request", "destination", [0, 0, 40]),
        ("captured-tun-ipv4-udp-length-4", "length", [1, 2, 2]),
    ];
    let mut seeds: Seeds = choices
        .into_iter()
        .map(|(frame, field, choice)| (format!("{frame}-{field}"), with(&captured, frame, &choice)))
        .collect();
    let made = |choice: [u8; 3], octets: Vec<u8>| [&octets[..1], &choice, &octets[1..]].concat();
    let tags = Ethernet::new() / Vlan::new().id(7) / Vlan::new().id(7) / Vlan::new().id(8) / Ipv4::new() / Udp::new();
    let route =
        Ipv6::new() / HopByHop::router_alert(0) / Routing::type2([0x2001, 0xdb8, 0, 0, 0, 0, 0, 9]) / Udp::new();
    seeds.extend([
        ("tap-three-tags-second-id".to_owned(), made([2, 2, 0], built(tags))),
        ("tun-ipv6-route-segments-left".to_owned(), made([2, 3, 0], built(route))),
        ("tun-ipv4-wrong-checksum".to_owned(), made([1, 2, 0], built(Ipv4::new() / Udp::new().checksum(1) / b"hi"))),
        ("tun-ipv4-tcp-options".to_owned(), made([1, 2, 9], built(Ipv4::new() / Tcp::new().timestamps(1, 2).mss(9)))),
        ("tun-no-ip".to_owned(), vec![0, 0, 0, 0, 0, 1, 2]),
    ]);
    seeds
}

fn checksum() -> Seeds {
    let captured = captured();
    let mut seeds: Seeds = [
        ("captured-tun-ipv4-echo-request", [0, 20, 0, 5, 0x2a, 0x11]),
        ("captured-tun-ipv6-echo-request", [0, 41, 0, 3, 0x00, 0x00]),
        ("captured-tun-ipv4-dns-query", [0, 9, 0, 6, 0xff, 0xff]),
        ("captured-tun-ipv4-udp-length-4", [0, 33, 0, 16, 0x11, 0x06]),
    ]
    .into_iter()
    .map(|(name, choice)| (name.to_owned(), [&choice[..], &captured[name].1].concat()))
    .collect();
    let rfc_1071 = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    seeds.extend([
        ("nothing".to_owned(), vec![0; 6]),
        ("one-octet".to_owned(), vec![0, 1, 0, 0, 0, 0, 0xab]),
        ("three-octets-split-odd".to_owned(), vec![0, 1, 0, 0, 0x12, 0x34, 0xff, 0xff, 0x01]),
        ("example-of-rfc-1071".to_owned(), [&[0, 4, 0, 1, 0xff, 0xfe][..], &rfc_1071].concat()),
        ("nothing-but-zeros".to_owned(), vec![0; 6 + 16]),
        ("one-word-becomes-zero".to_owned(), vec![0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0]),
        ("nothing-but-ones".to_owned(), vec![0xff; 6 + 31]),
        ("carry-out-of-the-last-word".to_owned(), vec![0, 2, 0, 1, 0, 2, 0xff, 0xff, 0x00, 0x01]),
    ]);
    seeds
}

fn packet_info() -> Seeds {
    // The framing, and how much room a write has: less than is needed, where there is one.
    let read = |framing: u8, from: &str, room: u8| {
        let octets = fs::read(fixtures().join("corpus/tun_pi").join(format!("{from}.bin"))).unwrap();
        let mode = if from.starts_with("tap-") { 0x80 } else { 0 };
        [&[framing | mode, room], &*octets].concat()
    };
    let mut seeds: Seeds = [
        ("tun-ipv4-udp", 5),
        ("tun-ipv6-udp", 4),
        ("tun-ipv4-tcp-syn", 255),
        ("tun-ipv4-udp-strip", 0),
        ("tap-arp-request", 45),
        ("tap-ipv4-udp", 3),
        ("octets-0-nothing", 0),
        ("octets-3-half-the-protocol", 2),
        ("octets-4-header-without-frame", 3),
    ]
    .into_iter()
    .map(|(from, room)| (format!("tun_pi-{from}"), read(1, from, room)))
    .collect();
    let captured = captured();
    let bare = |choice: u8, room: u8, name: &str| [&[choice, room], &*captured[name].1].concat();
    seeds.extend([
        ("none-tun-ipv4-udp".to_owned(), bare(0, 9, "captured-tun-ipv4-dns-query")),
        ("none-tap-arp-request".to_owned(), bare(0x80, 41, "captured-tap-arp-request")),
        ("none-nothing".to_owned(), vec![0, 0]),
        ("for-tun-ipv4-tcp-syn".to_owned(), bare(1, 7, "captured-tun-ipv4-tcp-syn")),
        ("for-tun-ipv6-echo-request".to_owned(), bare(1, 7, "captured-tun-ipv6-echo-request")),
        ("for-tap-ipv4-echo-request".to_owned(), bare(0x81, 20, "captured-tap-ipv4-echo-request")),
        ("for-tap-ipv6-neighbor-solicitation".to_owned(), bare(0x81, 1, "captured-tap-ipv6-neighbor-solicitation")),
        ("for-tap-cut".to_owned(), [&[0x81, 0][..], &captured["captured-tap-arp-request"].1[..13]].concat()),
    ]);
    seeds
}

fn differential() -> Seeds {
    let captured = captured();
    let mut seeds: Seeds =
        captured.iter().map(|(name, (mode, octets))| ((*name).to_owned(), [&[*mode], &**octets].concat())).collect();
    let udp = Udp::new().sport(9).dport(7);
    seeds.extend([
        ("tap-ipv4-udp-padded".to_owned(), built((Ethernet::new() / Ipv4::new() / udp).trailer([0; 18]))),
        ("tun-ipv4-udp-wrong-checksum".to_owned(), built(Ipv4::new() / Udp::new().checksum(1))),
        ("tun-ipv6-atomic-fragment".to_owned(), built(Ipv6::new() / Fragment::new().id(7) / Udp::new().checksum(1))),
    ]);
    seeds.extend(disagreements().into_iter().map(|(name, octets)| (format!("differs-{name}"), octets)));
    seeds
}

/// For each row of the table of disagreements a frame that needs it; two rows have theirs among the captured frames.
fn disagreements() -> Vec<(&'static str, Vec<u8>)> {
    let udp = || Udp::new().sport(9).dport(7);
    let tag = || Vlan::new().id(7);
    let address = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 9];
    // The checksum over the rest is 0, the other zero stands there.
    let both_zeros = {
        let right = built(Ipv4::new() / udp());
        let checksum = u16::from_be_bytes([right[11], right[12]]);
        built(Ipv4::new().id(checksum).checksum(0xffff) / udp())
    };
    vec![
        ("etherparse-ignores-a-short-total-length", built(Ipv4::new().total_length(19) / udp())),
        ("etherparse-takes-payload-length-0-for-unknown", built(Ipv6::new().payload_length(0) / udp())),
        ("smoltcp-knows-no-jumbograms", built(Ipv6::new() / HopByHop::new().jumbo_payload(16) / udp())),
        ("smoltcp-refuses-wrong-lengths", built(Ipv4::new().total_length(99) / udp() / b"hello")),
        (
            "smoltcp-refuses-a-datagram-in-parts",
            built(Ipv4::new().id(7).more_fragments(true) / udp().length(999) / [0; 8]),
        ),
        ("etherparse-reads-three-tags", built(Ethernet::new() / tag() / tag() / tag() / tag() / Ipv4::new() / udp())),
        (
            "etherparse-reads-on-in-later-fragments",
            built(Ipv6::new() / Fragment::new().id(7).fragment_offset(1).next_header(60) / [17, 0, 1, 4, 0, 0, 0, 0]),
        ),
        (
            "etherparse-refuses-queries-without-their-sources",
            built(Igmp::membership_query_v3([0; 4]).number_of_sources(2).sources([Ipv4Addr::LOCALHOST]).into_packet()),
        ),
        ("smoltcp-knows-no-tags", built(Ethernet::new() / tag() / Ipv4::new() / udp())),
        ("etherparse-reads-macsec", built(Ethernet::new().ether_type(0x88e5) / [0x0c, 0, 0, 0, 0, 1, 8, 0])),
        (
            "etherparse-reads-authentication-headers",
            built(Ipv4::new().protocol(51) / [17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]),
        ),
        ("etherparse-goes-by-the-version", built(Ethernet::new().ether_type(0x0800) / Ipv6::new() / udp())),
        ("smoltcp-does-not-look-at-the-version", built(Ethernet::new() / Ipv4::new().version(5) / udp())),
        (
            "etherparse-wants-hop-by-hop-options-first",
            built(Ipv6::new() / HopByHop::router_alert(0) / HopByHop::router_alert(0) / udp()),
        ),
        (
            "etherparse-has-extension-headers-behind-ipv6-only",
            built(Ipv4::new().protocol(60) / [17, 0, 1, 4, 0, 0, 0, 0, 0, 9, 0, 7, 0, 8, 0, 0]),
        ),
        ("etherparse-wants-timestamps-of-20-octets", built(Icmpv4::timestamp_request(7, 1, 1000) / b"more")),
        ("messages-are-read-without-their-fixed-part", built(Ipv4::new().protocol(1) / [13, 1, 0, 0, 0, 7, 0, 1])),
        ("smoltcp-refuses-unknown-icmpv6-types", built(Ipv6::new() / Icmpv6::new().icmp_type(200))),
        (
            "smoltcp-knows-multicast-listener-discovery-2-only",
            built(Ipv6::new().next_header(58) / [&[130, 0, 0, 0, 0, 1, 0, 0][..], &[0; 16]].concat()),
        ),
        (
            "arp-for-other-addresses",
            built(Ethernet::new().ether_type(0x0806) / [&[0, 6, 8, 0, 8, 4, 0, 1][..], &[7; 24]].concat()),
        ),
        (
            "sixteen-layers",
            built((0..16).fold(Ipv6::new().into_packet(), |packet, _| packet / DestinationOptions::new()) / udp()),
        ),
        ("the-destination-of-a-route", built(Ipv6::new() / Routing::type2(address) / udp())),
        ("etherparse-forgets-the-reserved-flag", built(Ipv4::new().reserved(true) / udp())),
        (
            "etherparse-forgets-unused-octets-of-messages",
            built(Ipv4::new() / Icmpv4::new().icmp_type(3).code(3).unused(7)),
        ),
        ("two-zeros", both_zeros),
        ("smoltcp-accepts-udp-without-checksum-over-ipv6", built(Ipv6::new() / udp().checksum(0))),
    ]
}

#[test]
fn seeds_are_what_is_made_of_captures_and_templates() {
    let targets = [
        ("answering", answering()),
        ("checksum", checksum()),
        ("differential", differential()),
        ("matcher", matcher()),
        ("packet_info", packet_info()),
    ];
    let mut unlike = Vec::new();
    for (target, wanted) in targets {
        let right = Path::new(env!("CARGO_TARGET_TMPDIR")).join("target_seeds").join(target);
        fs::create_dir_all(&right).unwrap();
        let wanted: Seeds = wanted.into_iter().map(|(name, octets)| (format!("{name}.bin"), octets)).collect();
        for (name, octets) in &wanted {
            fs::write(right.join(name), octets).unwrap();
        }
        let present: Seeds = fs::read_dir(fixtures().join("corpus").join(target))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
            // What a fuzzer found is nobody's template.
            .filter(|(name, _)| !name.starts_with("crash-") && !name.starts_with("grown-"))
            .collect();
        if present != wanted {
            unlike.push(right.display().to_string());
        }
    }
    assert!(unlike.is_empty(), "fixtures/corpus is not what is made; what is: {unlike:?}");
}
