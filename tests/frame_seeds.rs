//! The seeds of the fuzz target `frame` are what these templates build. Where one differs, the right one is in
//! `target/tmp/frame_seeds/`: copy it to `fixtures/corpus/frame/`.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use tuntap_test::packet::{
    Arp, DestinationOptions, Ethernet, Fragment, HopByHop, Icmpv4, Icmpv6, Igmp, IntoPacket, Ipv4, Ipv6, LayerKind,
    Packet, Payload, Routing, Tcp, Udp, Vlan,
};

/// As Linux sends them: MSS, SACK permitted, timestamps, a filler, window scale.
const LINUX_SYN: &[u8] = b"\x02\x04\x05\xb4\x04\x02\x08\x0a\x12\x34\x56\x78\0\0\0\0\x01\x03\x03\x07";

const DNS_QUERY: &[u8] = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x07example\x04test\0\0\x01\0\x01";
/// With a name that points to the question's.
const DNS_RESPONSE: &[u8] = b"\0\x07\x81\x80\0\x01\0\x01\0\0\0\0\x07example\x04test\0\0\x01\0\x01\
      \xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01";

fn templates() -> Vec<(&'static str, Packet)> {
    let datagram = Ipv4::new().id(7) / Udp::new().sport(40_000).dport(53) / b"hello";
    let datagram_v6 = Ipv6::new() / Udp::new().sport(40_000).dport(53) / b"hello";
    let cut = |packet: &Packet, octets: usize| packet.build().unwrap_or_default().get(..octets).map(<[u8]>::to_vec);
    let quoted = cut(&datagram, 28).unwrap_or_default();
    let quoted_v6 = cut(&datagram_v6, 50).unwrap_or_default();
    let address = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1];
    let solicitation = Icmpv6::neighbor_solicitation(address).source_link_layer_address([2; 6]).into_packet();
    let advertisement = Icmpv6::neighbor_advertisement(address).solicited(true).target_link_layer_address([2; 6]);
    let router = Icmpv6::router_advertisement().prefix_information(address, 64, 86_400, 14_400).link_mtu(1280).into();
    let listener = Icmpv6::multicast_listener_report_v2().record(4, [0xff02, 0, 0, 0, 0, 0, 0, 0xfb], []);
    let member = Igmp::membership_report_v3().record(4, [224, 0, 0, 251], []);
    let dhcp =
        [&[1, 1, 6, 0, 0, 0, 0, 7][..], &[0; 228], b"\x63\x82\x53\x63\x35\x01\x01\x37\x03\x01\x03\x06\xff"].concat();
    vec![
        ("tun-ipv4-udp", datagram.clone()),
        ("tun-ipv6-udp", datagram_v6.clone()),
        ("tun-ipv4-tcp-syn", Ipv4::new().dont_fragment(true) / Tcp::new().dport(80).seq(100).syn().options(LINUX_SYN)),
        ("tun-ipv4-tcp-reset", Ipv4::new() / Tcp::new().sport(81).dport(40_000).rst().ack(101)),
        ("tun-ipv6-tcp-sack", Ipv6::new() / Tcp::new().ack(7).timestamps(1, 2).sack([(10, 20), (30, 40)]) / b"data"),
        ("tun-ipv4-echo-request", Icmpv4::echo_request(7, 1) / b"hello"),
        ("tun-ipv6-echo-reply", Icmpv6::echo_reply(7, 1) / b"hello"),
        ("tun-ipv4-options-igmp", Ipv4::new().ttl(1).options([0x94, 4, 0, 0]) / Igmp::new().igmp_type(0x16)),
        ("tun-ipv4-unreachable", Icmpv4::port_unreachable().quoting(&datagram)),
        ("tun-ipv4-fragmentation-needed-cut", Icmpv4::fragmentation_needed(1400).quoting(quoted)),
        ("tun-ipv6-packet-too-big-cut", Icmpv6::packet_too_big(1280).quoting(quoted_v6)),
        ("tun-ipv4-redirect", Icmpv4::redirect([192, 0, 2, 9]).quoting(&datagram)),
        ("tun-ipv4-timestamp", Icmpv4::timestamp_request(7, 1, 1000).into_packet()),
        ("tun-ipv6-neighbor-solicitation", solicitation.clone()),
        ("tap-ipv6-neighbor-advertisement", Ethernet::new() / Ipv6::new() / advertisement),
        ("tun-ipv6-router-advertisement", router),
        ("tun-ipv6-listener-report", HopByHop::router_alert(0) / listener),
        ("tun-ipv4-membership-report", Ipv4::new().router_alert() / member),
        ("tun-ipv4-membership-query", Igmp::membership_query_v3([0; 4]).sources([Ipv4Addr::LOCALHOST]).into_packet()),
        ("tun-ipv4-first-fragment", Ipv4::new().id(7).more_fragments(true) / Udp::new().dport(53) / [0; 8]),
        ("tun-ipv4-later-fragment", Ipv4::new().id(7).fragment_offset(2).protocol(17) / [0; 8]),
        ("tun-ipv6-fragment", Ipv6::new() / Fragment::new().fragment_offset(2).next_header(17).id(7) / [0; 8]),
        (
            "tun-ipv6-extension-headers",
            Ipv6::new()
                / HopByHop::new().options([5, 2, 0, 0])
                / DestinationOptions::new()
                / Routing::new().routing_type(2).segments_left(1).data([0; 20])
                / Fragment::new().id(7)
                / Udp::new().dport(53),
        ),
        // As octets, since their layers are features.
        ("tun-ipv4-dns-query", Udp::new().sport(53_000).dport(53) / DNS_QUERY),
        ("tun-ipv6-dns-response", Ipv6::new() / Udp::new().sport(53).dport(53_000) / DNS_RESPONSE),
        ("tun-ipv4-dhcp-discover", Udp::new().sport(68).dport(67) / dhcp),
        ("tun-ipv4-in-ipv4", Ipv4::new() / Ipv4::new().src([10, 0, 0, 1]).dst([10, 0, 0, 2]) / Udp::new().dport(53)),
        ("tun-ipv6-in-ipv4", Ipv4::new() / Ipv6::new() / Icmpv6::echo_request(7, 1)),
        ("tun-ipv4-wrong-checksums", Ipv4::new().checksum(1) / Udp::new().checksum(2) / b"hello"),
        ("tun-ipv4-no-udp-checksum", Ipv4::new() / Udp::new().dport(53).checksum(0) / b"hello"),
        ("tun-ipv4-short-udp-length", Ipv4::new() / Udp::new().length(9) / b"hello"),
        ("tun-ipv4-long-total-length", Ipv4::new().total_length(99) / Udp::new() / b"hello"),
        ("tun-ipv4-padded", datagram.clone().trailer([0; 7])),
        ("tun-ipv4-bad-header-length", Ipv4::new().ihl(15) / Udp::new()),
        ("tun-no-ip", Payload::new().octets(b"\x00\x01whatever").into_packet()),
        ("tap-arp-request", Ethernet::new() / Arp::who_has([192, 0, 2, 1]).sender([192, 0, 2, 2])),
        ("tap-arp-padded", (Ethernet::new() / Arp::is_at([192, 0, 2, 1], [2; 6])).trailer([0; 18])),
        (
            "tap-two-tags-ipv4-udp",
            Ethernet::new().ether_type(0x88a8) / Vlan::new().id(1) / Vlan::new().id(2) / datagram,
        ),
        ("tap-ipv6-udp", Ethernet::new() / datagram_v6),
        ("tap-unknown-type", Ethernet::new().ether_type(0x88cc) / b"\x02\x07"),
        ("tap-cut", Payload::new().octets(b"\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00").into_packet()),
    ]
}

#[test]
fn seeds_are_what_their_templates_build() {
    let mut wanted = BTreeMap::new();
    for (name, packet) in templates() {
        let mut octets = packet.build().unwrap();
        let tap = name.starts_with("tap-");
        let ethernet = packet.layers().first().is_some_and(|layer| layer.kind() == LayerKind::Ethernet);
        assert!(tap || !ethernet, "{name} is no frame of a TUN");
        octets.insert(0, u8::from(tap));
        wanted.insert(format!("{name}.bin"), octets);
    }
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/corpus/frame"));
    let present: BTreeMap<String, Vec<u8>> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        // What a fuzzer found is nobody's template.
        .filter(|(name, _)| !name.starts_with("crash-") && !name.starts_with("grown-"))
        .collect();
    let right = Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/frame_seeds"));
    fs::create_dir_all(right).unwrap();
    for (name, octets) in &wanted {
        fs::write(right.join(name), octets).unwrap();
    }
    assert!(present == wanted, "fixtures/corpus/frame is not what the templates build: {} is", right.display());
}
