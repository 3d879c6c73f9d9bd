//! A few hundred packets that this crate builds, as tshark reads them: what it read, written down as a template, matches
//! the frame, and every checksum is good.
//!
//! All packets go through one run of tshark, as a capture of Ethernet frames on its standard input.

mod tshark;

use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::{
    Arp, Defaults, Ethernet, Icmpv4, Icmpv6, Igmp, Ipv4, Ipv6, LayerKind, Packet, Payload, Tcp, TcpFlags, Udp, Vlan,
};
use tuntap_test::strategy::packet::sound_packet;

const PACKETS: usize = 400;
/// LINKTYPE_ETHERNET.
const ETHERNET: usize = 1;

fn tshark(frames: &[Vec<u8>]) -> String {
    const SETTINGS: [&str; 9] = [
        "ip.check_checksum:TRUE",
        "tcp.check_checksum:TRUE",
        "udp.check_checksum:TRUE",
        "ip.defragment:FALSE",
        "ipv6.defragment:FALSE",
        "tcp.desegment_tcp_streams:FALSE",
        "tcp.analyze_sequence_numbers:FALSE",
        "tcp.relative_sequence_numbers:FALSE",
        "tcp.try_heuristic_first:FALSE",
    ];
    let format = ["-T", "json", "-J", "frame eth vlan arp ip ipv6 tcp udp icmp icmpv6 igmp"];
    let settings = SETTINGS.into_iter().flat_map(|setting| ["-o", setting]);
    tshark::run(ETHERNET, frames, format.into_iter().chain(settings))
}

/// What tshark tells of one packet: the first value of each field, which is the outermost layer's.
#[derive(Debug, Default)]
struct Fields(BTreeMap<String, String>);

impl Fields {
    fn text(&self, field: &str) -> &str {
        self.0.get(field).unwrap_or_else(|| panic!("tshark tells no {field}: {self:?}"))
    }

    /// Decimal, or hexadecimal with 0x.
    fn number<T: TryFrom<u64, Error: Debug>>(&self, field: &str) -> T {
        let text = self.text(field);
        let number = match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        number.map(T::try_from).unwrap_or_else(|error| panic!("{field} {text}: {error}")).unwrap()
    }

    fn octets(&self, field: &str) -> Vec<u8> {
        self.text(field).split(':').map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect()
    }

    fn mac(&self, field: &str) -> [u8; 6] {
        self.octets(field).try_into().unwrap()
    }

    fn flag(&self, field: &str) -> bool {
        self.number::<u8>(field) == 1
    }

    fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }
}

/// tshark writes one key and value a line; each packet has one "_index".
fn packets(json: &str) -> Vec<Fields> {
    let mut packets: Vec<Fields> = Vec::new();
    for line in json.lines() {
        let Some((key, value)) = line.trim().trim_end_matches(',').split_once(": ") else { continue };
        let (key, value) = (key.trim_matches('"'), value.trim_matches('"'));
        if key == "_index" {
            packets.push(Fields::default());
        } else if let Some(packet) = packets.last_mut() {
            packet.0.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    packets
}

/// A template of all that tshark read, up to what is quoted or tunnelled, and how many checksums it found good.
fn reading(fields: &Fields) -> (Packet, usize) {
    let mut packet = Packet::any();
    let mut checksums = 0;
    let mut good = |protocol: &str| {
        // 1 good; 2 unverified, of fragments and of nothing else; 0 bad.
        let status = fields.text(&format!("{protocol}.checksum.status"));
        assert_eq!(status, "1", "{protocol}: {fields:?}");
        checksums += 1;
    };
    let mut internet = false;
    for protocol in fields.text("frame.protocols").split(':') {
        if matches!(protocol, "ip" | "ipv6") && std::mem::replace(&mut internet, true) {
            break;
        }
        // tshark takes the payload of a later fragment for a header; nobody else does.
        let later = fields.0.get("ipv6.fraghdr.offset").is_some_and(|offset| offset != "0");
        if later && matches!(protocol, "tcp" | "udp" | "icmp" | "icmpv6") {
            break;
        }
        packet = match protocol {
            "eth" => packet / Ethernet::new().src(fields.mac("eth.src")).dst(fields.mac("eth.dst")),
            // Of two tags the first value is the outer one's.
            "vlan" if !packet.layers().iter().any(|layer| layer.kind() == LayerKind::Vlan) => {
                packet
                    / Vlan::new()
                        .priority(fields.number::<u8>("vlan.priority"))
                        .drop_eligible(fields.flag("vlan.dei"))
                        .id(fields.number::<u16>("vlan.id"))
                        .ether_type(fields.number::<u16>("vlan.etype"))
            }
            "arp" => {
                packet
                    / Arp::new()
                        .operation(fields.number::<u16>("arp.opcode"))
                        .sender_mac(fields.mac("arp.src.hw_mac"))
                        .sender(fields.text("arp.src.proto_ipv4").parse::<std::net::Ipv4Addr>().unwrap())
                        .target_mac(fields.mac("arp.dst.hw_mac"))
                        .target(fields.text("arp.dst.proto_ipv4").parse::<std::net::Ipv4Addr>().unwrap())
            }
            "ip" => {
                good("ip");
                packet
                    / Ipv4::new()
                        .ihl(fields.number::<u8>("ip.hdr_len") / 4)
                        .dscp(fields.number::<u8>("ip.dsfield.dscp"))
                        .ecn(fields.number::<u8>("ip.dsfield.ecn"))
                        .total_length(fields.number::<u16>("ip.len"))
                        .id(fields.number::<u16>("ip.id"))
                        .dont_fragment(fields.flag("ip.flags.df"))
                        .more_fragments(fields.flag("ip.flags.mf"))
                        .fragment_offset(fields.number::<u16>("ip.frag_offset"))
                        .ttl(fields.number::<u8>("ip.ttl"))
                        .protocol(fields.number::<u8>("ip.proto"))
                        .checksum(fields.number::<u16>("ip.checksum"))
                        .src(fields.text("ip.src").parse::<std::net::Ipv4Addr>().unwrap())
                        .dst(fields.text("ip.dst").parse::<std::net::Ipv4Addr>().unwrap())
            }
            "ipv6" => {
                packet
                    / Ipv6::new()
                        .dscp(fields.number::<u8>("ipv6.tclass.dscp"))
                        .ecn(fields.number::<u8>("ipv6.tclass.ecn"))
                        .flow_label(fields.number::<u32>("ipv6.flow"))
                        .payload_length(fields.number::<u16>("ipv6.plen"))
                        .next_header(fields.number::<u8>("ipv6.nxt"))
                        .hop_limit(fields.number::<u8>("ipv6.hlim"))
                        .src(fields.text("ipv6.src").parse::<std::net::Ipv6Addr>().unwrap())
                        .dst(fields.text("ipv6.dst").parse::<std::net::Ipv6Addr>().unwrap())
            }
            "tcp" => {
                good("tcp");
                // What a reset carries is no payload to it, but counted.
                let length = Payload::of_length(fields.number::<u64>("tcp.len"));
                let payload = if fields.flag("tcp.flags.reset") { length } else { payload(fields, "tcp.payload") };
                return (packet / tcp(fields) / payload, checksums);
            }
            "udp" => {
                good("udp");
                let layer = Udp::new()
                    .sport(fields.number::<u16>("udp.srcport"))
                    .dport(fields.number::<u16>("udp.dstport"))
                    .length(fields.number::<u16>("udp.length"))
                    .checksum(fields.number::<u16>("udp.checksum"));
                return (packet / layer / payload(fields, "udp.payload"), checksums);
            }
            "icmp" => {
                good("icmp");
                let mut layer = Icmpv4::new()
                    .icmp_type(fields.number::<u8>("icmp.type"))
                    .code(fields.number::<u8>("icmp.code"))
                    .checksum(fields.number::<u16>("icmp.checksum"));
                if fields.has("icmp.ident") {
                    layer = layer.id(fields.number::<u16>("icmp.ident")).seq(fields.number::<u16>("icmp.seq"));
                }
                if fields.has("icmp.mtu") {
                    layer = layer.mtu(fields.number::<u16>("icmp.mtu"));
                }
                return (packet / layer, checksums);
            }
            "icmpv6" => {
                good("icmpv6");
                let mut layer = Icmpv6::new()
                    .icmp_type(fields.number::<u8>("icmpv6.type"))
                    .code(fields.number::<u8>("icmpv6.code"))
                    .checksum(fields.number::<u16>("icmpv6.checksum"));
                if fields.has("icmpv6.echo.identifier") {
                    layer = layer
                        .id(fields.number::<u16>("icmpv6.echo.identifier"))
                        .seq(fields.number::<u16>("icmpv6.echo.sequence_number"));
                }
                if fields.has("icmpv6.mtu") {
                    layer = layer.mtu(fields.number::<u32>("icmpv6.mtu"));
                }
                return (packet / layer, checksums);
            }
            "igmp" => {
                good("igmp");
                let layer = Igmp::new()
                    .igmp_type(fields.number::<u8>("igmp.type"))
                    .checksum(fields.number::<u16>("igmp.checksum"));
                // Of a report of version 3 it would be the first record's.
                if fields.text("igmp.type") == "0x22" {
                    return (packet / layer, checksums);
                }
                let group = fields.text("igmp.maddr").parse::<std::net::Ipv4Addr>().unwrap();
                return (packet / layer.group(group), checksums);
            }
            _ => packet,
        };
    }
    (packet, checksums)
}

fn tcp(fields: &Fields) -> Tcp {
    let flags = fields.number::<u16>("tcp.flags");
    let mut layer = Tcp::new()
        .sport(fields.number::<u16>("tcp.srcport"))
        .dport(fields.number::<u16>("tcp.dstport"))
        .seq(fields.number::<u32>("tcp.seq_raw"))
        .acknowledgement(fields.number::<u32>("tcp.ack_raw"))
        .data_offset(fields.number::<u8>("tcp.hdr_len") / 4)
        .reserved(flags.to_be_bytes()[0])
        .flags(TcpFlags(flags.to_be_bytes()[1]))
        .window(fields.number::<u16>("tcp.window_size_value"))
        .checksum(fields.number::<u16>("tcp.checksum"))
        .urgent(fields.number::<u16>("tcp.urgent_pointer"));
    if fields.has("tcp.options.mss_val") {
        layer = layer.mss(fields.number::<u16>("tcp.options.mss_val"));
    }
    if fields.has("tcp.options.wscale.shift") {
        layer = layer.window_scale(fields.number::<u8>("tcp.options.wscale.shift"));
    }
    if fields.has("tcp.options.sack_perm") {
        layer = layer.sack_permitted();
    }
    if fields.has("tcp.options.timestamp.tsval") {
        let value = fields.number::<u32>("tcp.options.timestamp.tsval");
        layer = layer.timestamps(value, fields.number::<u32>("tcp.options.timestamp.tsecr"));
    }
    if fields.has("tcp.options.sack_le") {
        let edges = (fields.number::<u32>("tcp.options.sack_le"), fields.number::<u32>("tcp.options.sack_re"));
        layer = layer.sack([edges]);
    }
    layer
}

fn payload(fields: &Fields, field: &str) -> Payload {
    if fields.has(field) { Payload::new().octets(fields.octets(field)) } else { Payload::empty() }
}

#[test]
#[ignore = "needs tshark (apt-get install tshark)"]
fn tshark_reads_what_was_built() {
    let mut runner = TestRunner::deterministic();
    let strategy = sound_packet();
    let mut defaults = Defaults::documentation();
    defaults.mode = Some(Mode::Tap);
    let frames: Vec<Vec<u8>> = (0..PACKETS)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current().build_with(&defaults).unwrap())
        .collect();
    let read = packets(&tshark(&frames));
    assert_eq!(read.len(), frames.len());
    let mut checksums = 0;
    for (octets, fields) in frames.iter().zip(&read) {
        let frame = FrameRef::new(Mode::Tap, octets);
        let (packet, good) = reading(fields);
        assert!(packet.matches(frame), "read: {packet}\n{}\n{fields:?}", frame.explain());
        checksums += good;
    }
    assert!(checksums > PACKETS, "only {checksums} checksums were seen");
}
