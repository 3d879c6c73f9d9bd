//! 10,000 packets that this crate builds are read alike by etherparse and by smoltcp's wire: what they read, written
//! down as a template, matches the frame, and they accept every checksum.
#![cfg(target_os = "linux")] // smoltcp is a dependency of the tests there only
#![expect(clippy::indexing_slicing, reason = "the test fails where the slice is too short")]

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::{
    Arp, DestinationOptions, Dissection, Ethernet, Fragment, HopByHop, Icmpv4, Icmpv6, Igmp, IntoPacket, Ipv4, Ipv6,
    LayerKind, Packet, Payload, Routing, Tcp, TcpFlags, Udp, Vlan,
};
use tuntap_test::strategy::packet::sound_packet;

const PACKETS: u32 = 10_000;

/// What a reader makes of a frame: a template of all that it read, and how many checksums it found right.
struct Reading {
    packet: Packet,
    checksums: u32,
}

impl Reading {
    fn add(&mut self, layer: impl IntoPacket) {
        self.packet = std::mem::replace(&mut self.packet, Packet::any()) / layer;
    }

    fn accepted(&mut self, holds: bool, what: &str) {
        assert!(holds, "the {what} checksum is refused");
        self.checksums += 1;
    }
}

/// Reads each packet and holds the reading against the frame; tells how many readings and checksums there were.
fn read_alike(read: impl Fn(FrameRef<'_>) -> Option<Reading>) -> (u32, u32) {
    let count = std::cell::Cell::new((0, 0));
    let result = TestRunner::new(Config { cases: PACKETS, failure_persistence: None, ..Config::default() }).run(
        &sound_packet(),
        |packet| {
            let octets = packet.build().unwrap();
            let tap = packet.layers().first().is_some_and(|layer| layer.kind() == LayerKind::Ethernet);
            let frame = FrameRef::new(if tap { Mode::Tap } else { Mode::Tun }, &octets);
            if let Some(reading) = read(frame) {
                prop_assert!(reading.packet.matches(frame), "read: {}\n{}", reading.packet, frame.explain());
                let (readings, checksums) = count.get();
                count.set((readings + 1, checksums + reading.checksums));
            }
            Ok(())
        },
    );
    if let Err(error) = result {
        panic!("{error}");
    }
    count.get()
}

fn flags(bits: [bool; 8]) -> TcpFlags {
    bits.iter().enumerate().fold(TcpFlags(0), |flags, (bit, set)| flags | TcpFlags(u8::from(*set) << bit))
}

mod etherparse_alone {
    use etherparse::{
        EtherType, Icmpv4Type, Icmpv6Type, Ipv6ExtensionSlice, LinkExtSlice, LinkSlice, NetSlice, SlicedPacket,
        TransportSlice,
    };

    use super::*;

    fn ether_type(value: EtherType) -> u16 {
        value.0
    }

    /// `None` where etherparse is known to refuse: timestamps that are not 20 octets.
    pub(crate) fn read(frame: FrameRef<'_>) -> Option<Reading> {
        let timestamp = frame.icmpv4().is_err_and(|error| error.to_string().contains("cannot be read"));
        let sliced = match frame.mode {
            Mode::Tap => SlicedPacket::from_ethernet(frame.octets),
            Mode::Tun => SlicedPacket::from_ip(frame.octets),
        };
        let sliced = match sliced {
            Ok(sliced) => sliced,
            Err(_) if timestamp => return None,
            Err(error) => panic!("etherparse refuses the frame: {error}"),
        };
        let mut reading = Reading { packet: Packet::any(), checksums: 0 };
        if let Some(LinkSlice::Ethernet2(ethernet)) = &sliced.link {
            reading.add(
                Ethernet::new()
                    .src(ethernet.source())
                    .dst(ethernet.destination())
                    .ether_type(ether_type(ethernet.ether_type())),
            );
        }
        for extension in &sliced.link_exts {
            let LinkExtSlice::Vlan(tag) = extension else { panic!("no MACsec was built") };
            reading.add(
                Vlan::new()
                    .priority(tag.priority_code_point().value())
                    .drop_eligible(tag.drop_eligible_indicator())
                    .id(tag.vlan_identifier().value())
                    .ether_type(ether_type(tag.ether_type())),
            );
        }
        let mut carried = sliced.ether_payload().map(|payload| payload.payload.to_vec());
        match &sliced.net {
            Some(NetSlice::Ipv4(ip)) => {
                let header = ip.header();
                reading.accepted(header.to_header().calc_header_checksum() == header.header_checksum(), "IPv4");
                let mut layer = Ipv4::new()
                    .ihl(header.ihl())
                    .dscp(header.dcp().value())
                    .ecn(header.ecn().value())
                    .total_length(header.total_len())
                    .id(header.identification())
                    .dont_fragment(header.dont_fragment())
                    .more_fragments(header.more_fragments())
                    .fragment_offset(header.fragments_offset().value())
                    .ttl(header.ttl())
                    .protocol(header.protocol().0)
                    .checksum(header.header_checksum())
                    .src(header.source())
                    .dst(header.destination());
                if !header.options().is_empty() {
                    layer = layer.options(header.options());
                }
                reading.add(layer);
                carried = Some(ip.payload().payload.to_vec());
            }
            Some(NetSlice::Ipv6(ip)) => {
                let header = ip.header();
                reading.add(
                    Ipv6::new()
                        .dscp(header.traffic_class() >> 2)
                        .ecn(header.traffic_class() & 3)
                        .flow_label(header.flow_label().value())
                        .payload_length(header.payload_length())
                        .next_header(header.next_header().0)
                        .hop_limit(header.hop_limit())
                        .src(header.source_addr())
                        .dst(header.destination_addr()),
                );
                for extension in ip.extensions().clone() {
                    match extension {
                        Ipv6ExtensionSlice::HopByHop(raw) => reading.add(HopByHop::new().options(raw.payload())),
                        Ipv6ExtensionSlice::DestinationOptions(raw) => {
                            reading.add(DestinationOptions::new().options(raw.payload()));
                        }
                        Ipv6ExtensionSlice::Routing(raw) => reading.add(Routing::new().data(&raw.payload()[2..])),
                        Ipv6ExtensionSlice::Fragment(part) => reading.add(
                            Fragment::new()
                                .next_header(part.next_header().0)
                                .fragment_offset(part.fragment_offset().value())
                                .more_fragments(part.more_fragments())
                                .id(part.identification()),
                        ),
                        Ipv6ExtensionSlice::Authentication(_) => panic!("none was built"),
                    }
                }
                carried = Some(ip.payload().payload.to_vec());
            }
            Some(NetSlice::Arp(arp)) => {
                let packet = arp.to_packet().try_eth_ipv4().unwrap();
                reading.add(
                    Arp::new()
                        .operation(packet.operation.0)
                        .sender_mac(packet.sender_mac)
                        .sender(packet.sender_ipv4)
                        .target_mac(packet.target_mac)
                        .target(packet.target_ipv4),
                );
                return Some(reading);
            }
            None => {}
        }
        // The destination of a packet that is not yet at its last one is the last one.
        let routed = frame.layers().any(|kind| kind == LayerKind::Routing);
        let v4 = sliced
            .net
            .as_ref()
            .and_then(NetSlice::ipv4_ref)
            .map(|ip| (ip.header().source(), ip.header().destination()));
        let v6 = sliced
            .net
            .as_ref()
            .and_then(NetSlice::ipv6_ref)
            .map(|ip| (ip.header().source(), ip.header().destination()));
        match &sliced.transport {
            Some(TransportSlice::Tcp(tcp)) => {
                let sum = match (v4, v6) {
                    (Some((from, to)), _) => tcp.calc_checksum_ipv4(from, to),
                    (_, Some((from, to))) => tcp.calc_checksum_ipv6(from, to),
                    _ => panic!("TCP over nothing"),
                };
                reading.accepted(routed || sum == Ok(tcp.checksum()), "TCP");
                let mut layer = Tcp::new()
                    .sport(tcp.source_port())
                    .dport(tcp.destination_port())
                    .seq(tcp.sequence_number())
                    .acknowledgement(tcp.acknowledgment_number())
                    .data_offset(tcp.data_offset())
                    .flags(flags([
                        tcp.fin(),
                        tcp.syn(),
                        tcp.rst(),
                        tcp.psh(),
                        tcp.ack(),
                        tcp.urg(),
                        tcp.ece(),
                        tcp.cwr(),
                    ]))
                    .window(tcp.window_size())
                    .checksum(tcp.checksum())
                    .urgent(tcp.urgent_pointer());
                for option in tcp.options_iterator() {
                    use etherparse::TcpOptionElement::{
                        MaximumSegmentSize, Noop, SelectiveAcknowledgement, SelectiveAcknowledgementPermitted,
                        Timestamp, WindowScale,
                    };
                    layer = match option.unwrap() {
                        Noop => layer,
                        MaximumSegmentSize(mss) => layer.mss(mss),
                        WindowScale(shift) => layer.window_scale(shift),
                        SelectiveAcknowledgementPermitted => layer.sack_permitted(),
                        SelectiveAcknowledgement(first, _) => layer.sack([first]),
                        Timestamp(value, echo) => layer.timestamps(value, echo),
                    };
                }
                reading.add(layer);
                carried = Some(tcp.payload().to_vec());
            }
            Some(TransportSlice::Udp(udp)) => {
                let header = udp.to_header();
                let sum = match (v4, v6) {
                    (Some((from, to)), _) => header.calc_checksum_ipv4_raw(from, to, udp.payload()),
                    (_, Some((from, to))) => header.calc_checksum_ipv6_raw(from, to, udp.payload()),
                    _ => panic!("UDP over nothing"),
                };
                reading.accepted(routed || sum == Ok(udp.checksum()), "UDP");
                reading.add(
                    Udp::new()
                        .sport(udp.source_port())
                        .dport(udp.destination_port())
                        .length(udp.length())
                        .checksum(udp.checksum()),
                );
                carried = Some(udp.payload().to_vec());
            }
            Some(TransportSlice::Icmpv4(icmp)) => {
                let header = icmp.header();
                // What etherparse sums is what its header holds: not the octets that a type leaves unused.
                let whole = icmp.slice().starts_with(&header.to_bytes());
                reading.accepted(!whole || header.icmp_type.calc_checksum(icmp.payload()) == icmp.checksum(), "ICMP");
                let layer = Icmpv4::new().icmp_type(icmp.type_u8()).code(icmp.code_u8()).checksum(icmp.checksum());
                reading.add(match header.icmp_type {
                    Icmpv4Type::EchoRequest(echo) | Icmpv4Type::EchoReply(echo) => layer.id(echo.id).seq(echo.seq),
                    _ => layer,
                });
                carried = (icmp.header_len() == 8).then(|| icmp.payload().to_vec());
            }
            Some(TransportSlice::Icmpv6(icmp)) => {
                let (from, to) = v6.unwrap();
                reading.accepted(routed || icmp.is_checksum_valid(from, to), "ICMPv6");
                let layer = Icmpv6::new().icmp_type(icmp.type_u8()).code(icmp.code_u8()).checksum(icmp.checksum());
                reading.add(match icmp.icmp_type() {
                    Icmpv6Type::EchoRequest(echo) | Icmpv6Type::EchoReply(echo) => layer.id(echo.id).seq(echo.seq),
                    Icmpv6Type::PacketTooBig { mtu } => layer.mtu(mtu),
                    _ => layer,
                });
                carried = Some(icmp.payload().to_vec());
            }
            Some(TransportSlice::Igmp(igmp)) => {
                reading.accepted(igmp.is_checksum_valid(), "IGMP");
                reading.add(Igmp::new().igmp_type(igmp.type_u8()).checksum(igmp.checksum()).group(igmp.bytes4to7()));
                carried = None;
            }
            // A fragment, a tunnelled packet, or nothing that is known.
            None => {}
        }
        if let Some(octets) = carried {
            reading.add(Payload::new().octets(octets));
        }
        Some(reading)
    }
}

mod smoltcp_alone {
    use smoltcp::wire::{
        ArpOperation, ArpPacket, EthernetFrame, EthernetProtocol, Icmpv4Packet, Icmpv6Packet, IgmpPacket, IpAddress,
        IpProtocol, Ipv4Packet, Ipv6Packet, TcpOption, TcpPacket, UdpPacket,
    };

    use super::*;

    pub(crate) fn read(frame: FrameRef<'_>) -> Option<Reading> {
        let mut reading = Reading { packet: Packet::any(), checksums: 0 };
        let Mode::Tap = frame.mode else {
            match frame.octets[0] >> 4 {
                4 => v4(frame.octets, &mut reading),
                _ => v6(frame.octets, &mut reading),
            }
            return Some(reading);
        };
        let ethernet = EthernetFrame::new_checked(frame.octets).unwrap();
        reading.add(Ethernet::new().src(ethernet.src_addr().0).dst(ethernet.dst_addr().0));
        // smoltcp knows no VLAN tags: it is shown what is behind them.
        let tags = frame.layers().filter(|kind| *kind == LayerKind::Vlan).count();
        (0..tags).for_each(|_| reading.add(Vlan::new()));
        let ethernet = EthernetFrame::new_checked(&frame.octets[tags * 4..]).unwrap();
        match ethernet.ethertype() {
            EthernetProtocol::Ipv4 => v4(ethernet.payload(), &mut reading),
            EthernetProtocol::Ipv6 => v6(ethernet.payload(), &mut reading),
            EthernetProtocol::Arp => arp(ethernet.payload(), &mut reading),
            EthernetProtocol::Unknown(0x88b5) => reading.add(Payload::new().octets(ethernet.payload())),
            other => panic!("{other}"),
        }
        Some(reading)
    }

    fn v4(octets: &[u8], reading: &mut Reading) {
        let ip = Ipv4Packet::new_checked(octets).unwrap();
        reading.accepted(ip.verify_checksum(), "IPv4");
        reading.add(
            Ipv4::new()
                .dscp(ip.dscp())
                .ecn(ip.ecn())
                .total_length(ip.total_len())
                .id(ip.ident())
                .dont_fragment(ip.dont_frag())
                .more_fragments(ip.more_frags())
                .fragment_offset(ip.frag_offset() / 8)
                .ttl(ip.hop_limit())
                .protocol(u8::from(ip.next_header()))
                .checksum(ip.checksum())
                .src(ip.src_addr())
                .dst(ip.dst_addr()),
        );
        let addresses = (IpAddress::from(ip.src_addr()), IpAddress::from(ip.dst_addr()));
        if ip.frag_offset() > 0 {
            reading.add(Payload::new().octets(ip.payload()));
        } else {
            above(ip.next_header(), ip.payload(), addresses, reading);
        }
    }

    fn v6(octets: &[u8], reading: &mut Reading) {
        let ip = Ipv6Packet::new_checked(octets).unwrap();
        reading.add(
            Ipv6::new()
                .dscp(ip.traffic_class() >> 2)
                .ecn(ip.traffic_class() & 3)
                .flow_label(ip.flow_label())
                .payload_length(ip.payload_len())
                .next_header(u8::from(ip.next_header()))
                .hop_limit(ip.hop_limit())
                .src(ip.src_addr())
                .dst(ip.dst_addr()),
        );
        above(ip.next_header(), ip.payload(), (ip.src_addr().into(), ip.dst_addr().into()), reading);
    }

    /// Behind extension headers and in tunnels it is not followed.
    fn above(protocol: IpProtocol, octets: &[u8], (from, to): (IpAddress, IpAddress), reading: &mut Reading) {
        match protocol {
            IpProtocol::Tcp => {
                let tcp = TcpPacket::new_checked(octets).unwrap();
                reading.accepted(tcp.verify_checksum(&from, &to), "TCP");
                let mut layer = Tcp::new()
                    .sport(tcp.src_port())
                    .dport(tcp.dst_port())
                    .seq(tcp.seq_number().0.cast_unsigned())
                    .acknowledgement(tcp.ack_number().0.cast_unsigned())
                    .data_offset(tcp.header_len() / 4)
                    .flags(flags([
                        tcp.fin(),
                        tcp.syn(),
                        tcp.rst(),
                        tcp.psh(),
                        tcp.ack(),
                        tcp.urg(),
                        tcp.ece(),
                        tcp.cwr(),
                    ]))
                    .window(tcp.window_len())
                    .checksum(tcp.checksum())
                    .urgent(tcp.urgent_at());
                let mut rest = tcp.options();
                while !rest.is_empty() {
                    let (behind, option) = TcpOption::parse(rest).unwrap();
                    rest = behind;
                    layer = match option {
                        TcpOption::MaxSegmentSize(mss) => layer.mss(mss),
                        TcpOption::WindowScale(shift) => layer.window_scale(shift),
                        TcpOption::SackPermitted => layer.sack_permitted(),
                        TcpOption::TimeStamp { tsval, tsecr } => layer.timestamps(tsval, tsecr),
                        TcpOption::SackRange([Some(first), ..]) => layer.sack([first]),
                        _ => layer,
                    };
                }
                reading.add(layer);
                reading.add(Payload::new().octets(tcp.payload()));
            }
            IpProtocol::Udp => {
                let udp = UdpPacket::new_checked(octets).unwrap();
                reading.accepted(udp.verify_checksum(&from, &to), "UDP");
                let layer = Udp::new().sport(udp.src_port()).dport(udp.dst_port());
                reading.add(layer.length(udp.len()).checksum(udp.checksum()));
                reading.add(Payload::new().octets(udp.payload()));
            }
            IpProtocol::Icmp => {
                let icmp = Icmpv4Packet::new_checked(octets).unwrap();
                reading.accepted(icmp.verify_checksum(), "ICMP");
                let number = u8::from(icmp.msg_type());
                let layer = Icmpv4::new().icmp_type(number).code(icmp.msg_code()).checksum(icmp.checksum());
                let echo = matches!(number, 0 | 8);
                reading.add(if echo { layer.id(icmp.echo_ident()).seq(icmp.echo_seq_no()) } else { layer });
                if echo {
                    reading.add(Payload::new().octets(icmp.data()));
                }
            }
            // smoltcp refuses types that it does not know.
            IpProtocol::Icmpv6 if octets[0] >= 200 => {}
            IpProtocol::Icmpv6 => {
                let icmp = Icmpv6Packet::new_checked(octets).unwrap();
                let (IpAddress::Ipv6(from), IpAddress::Ipv6(to)) = (from, to) else { panic!("ICMPv6 over IPv4") };
                reading.accepted(icmp.verify_checksum(&from, &to), "ICMPv6");
                let number = u8::from(icmp.msg_type());
                let layer = Icmpv6::new().icmp_type(number).code(icmp.msg_code()).checksum(icmp.checksum());
                reading.add(match number {
                    128 | 129 => layer.id(icmp.echo_ident()).seq(icmp.echo_seq_no()),
                    2 => layer.mtu(icmp.pkt_too_big_mtu()),
                    4 => layer.pointer(icmp.param_problem_ptr()),
                    _ => layer,
                });
                if matches!(number, 1..=4 | 128 | 129) {
                    reading.add(Payload::new().octets(icmp.payload()));
                }
            }
            IpProtocol::Igmp => {
                let igmp = IgmpPacket::new_checked(octets).unwrap();
                reading.accepted(igmp.verify_checksum(), "IGMP");
                let layer = Igmp::new().igmp_type(u8::from(igmp.msg_type())).max_response(igmp.max_resp_code());
                reading.add(layer.checksum(igmp.checksum()).group(igmp.group_addr()));
            }
            _ => {}
        }
    }

    fn arp(octets: &[u8], reading: &mut Reading) {
        let arp = ArpPacket::new_checked(octets).unwrap();
        let operation = match arp.operation() {
            ArpOperation::Request => 1,
            ArpOperation::Reply => 2,
            ArpOperation::Unknown(other) => other,
        };
        reading.add(
            Arp::new()
                .operation(operation)
                .sender_mac(<[u8; 6]>::try_from(arp.source_hardware_addr()).unwrap())
                .sender(<[u8; 4]>::try_from(arp.source_protocol_addr()).unwrap())
                .target_mac(<[u8; 6]>::try_from(arp.target_hardware_addr()).unwrap())
                .target(<[u8; 4]>::try_from(arp.target_protocol_addr()).unwrap()),
        );
    }
}

#[test]
fn etherparse_reads_what_was_built() {
    let (readings, checksums) = read_alike(etherparse_alone::read);
    assert!(readings > PACKETS * 99 / 100, "only {readings} of {PACKETS} were read");
    assert!(checksums > PACKETS, "only {checksums} checksums were seen");
}

#[test]
fn smoltcp_reads_what_was_built() {
    let (readings, checksums) = read_alike(smoltcp_alone::read);
    assert_eq!(readings, PACKETS);
    assert!(checksums > PACKETS, "only {checksums} checksums were seen");
}

/// The comparison sees what it is to see: one bit of one field.
#[test]
fn a_reading_of_another_frame_is_told() {
    let octets = (Ipv4::new().id(7) / Udp::new().dport(53) / b"hi").build().unwrap();
    let other = (Ipv4::new().id(7) / Udp::new().dport(52) / b"hi").build().unwrap();
    let (frame, other) = (FrameRef::new(Mode::Tun, &octets), FrameRef::new(Mode::Tun, &other));
    for read in [etherparse_alone::read, smoltcp_alone::read] {
        let reading = read(frame).unwrap();
        assert_eq!(reading.checksums, 2);
        assert!(reading.packet.matches(frame) && !reading.packet.unverified().matches(other));
    }
    assert_eq!(Dissection::new(frame).len(), 3);
}
