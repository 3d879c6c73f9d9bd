//! etherparse's types in the place of layers, packets and frames, in both directions; and the accessors that give them.

use std::time::Instant;

use etherparse::{
    ArpEthIpv4Packet, ArpOperation, ArpPacket, DoubleVlanHeader, EtherType, Ethernet2Header, IcmpEchoHeader,
    Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type, IgmpHeader, IpFragOffset, IpHeaders, IpNumber, Ipv4Extensions,
    Ipv4Header, Ipv4Options, Ipv6Extensions, Ipv6FragmentHeader, Ipv6Header, Ipv6RawExtHeader, Ipv6RoutingExtensions,
    LinkHeader, NetHeaders, SingleVlanHeader, TcpHeader, TcpOptionElement, TransportHeader, UdpHeader, VlanId,
};
use tuntap_test::device::{Frame, FrameRef, Mode};
use tuntap_test::packet::{
    Arp, BuildError, ConversionError, Ethernet, Fragment, HopByHop, Icmpv4, Icmpv6, Igmp, IntoPacket, Ipv4, Ipv6,
    LayerKind, Packet, Routing, Tcp, Udp, Vlan,
};

fn built(packet: impl IntoPacket) -> Vec<u8> {
    packet.into_packet().build().unwrap()
}

fn shown(packet: impl IntoPacket) -> String {
    packet.into_packet().to_string()
}

fn tcp() -> TcpHeader {
    let mut tcp = TcpHeader { syn: true, ns: true, ..TcpHeader::new(40_000, 80, 100, 64_240) };
    tcp.set_options(&[TcpOptionElement::MaximumSegmentSize(1460), TcpOptionElement::WindowScale(7)]).unwrap();
    tcp
}

#[test]
fn a_header_sets_every_field_but_what_is_left_for_later() {
    assert_eq!(
        shown(UdpHeader { destination_port: 53, ..UdpHeader::default() }),
        "UDP (sport 0, dport 53)",
        "length and checksum are 0"
    );
    assert_eq!(
        shown(UdpHeader { length: 9, checksum: 1, ..UdpHeader::default() }),
        "UDP (sport 0, dport 0, length 9, checksum 0x0001)"
    );
    assert_eq!(
        shown(Ipv4Header { protocol: IpNumber::TCP, time_to_live: 9, total_len: 0, ..Ipv4Header::default() }),
        "IPv4 (dscp 0, ecn 0, id 0, reserved no, dont_fragment yes, more_fragments no, fragment_offset 0, ttl 9, \
         protocol 6, src 0.0.0.0, dst 0.0.0.0)"
    );
    assert_eq!(
        shown(tcp()),
        "TCP (sport 40000, dport 80, seq 100, acknowledgement 0, reserved 1, flags S, window 64240, urgent 0, \
         mss 1460, window_scale 7)"
    );
}

#[test]
fn headers_stack_with_layers_on_both_sides() {
    let ours = Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]).dont_fragment(true);
    let theirs = Ipv4Header::new(0, 64, IpNumber(0), [192, 0, 2, 1], [192, 0, 2, 2]).unwrap();
    let theirs = Ipv4Header { total_len: 0, ..theirs };
    let udp = UdpHeader { source_port: 9, destination_port: 53, ..UdpHeader::default() };
    let wanted = built(ours.clone() / Udp::new().sport(9).dport(53) / b"hi");
    assert_eq!(built(ours / udp.clone() / b"hi"), wanted);
    assert_eq!(built(theirs.clone() / Udp::new().sport(9).dport(53) / b"hi"), wanted);
    assert_eq!(built(theirs.clone().into_packet() / udp.clone() / b"hi"), wanted);
    let ip = IpHeaders::Ipv4(theirs, Ipv4Extensions::default());
    assert_eq!(built(ip / (TransportHeader::Udp(udp).into_packet() / b"hi")), wanted);

    let frame = FrameRef::new(Mode::Tun, &wanted);
    assert!(UdpHeader { source_port: 9, destination_port: 53, ..UdpHeader::default() }.into_packet().matches(frame));
    assert!(!UdpHeader { destination_port: 53, ..UdpHeader::default() }.into_packet().matches(frame));
    let merged = Udp::new().dport(54).with(UdpHeader { destination_port: 53, ..UdpHeader::default() });
    assert_eq!(merged.to_string(), "UDP (dport 53, sport 0)");
}

#[test]
fn every_header_comes_back_as_it_went() {
    let ethernet = Ethernet2Header { source: [2; 6], destination: [4; 6], ether_type: EtherType(0x1234) };
    assert_eq!(Ethernet2Header::try_from(Ethernet::from(ethernet.clone())).unwrap(), ethernet);
    let tag = SingleVlanHeader {
        drop_eligible_indicator: true,
        vlan_id: VlanId::try_new(7).unwrap(),
        ether_type: EtherType(0x1234),
        ..SingleVlanHeader::default()
    };
    assert_eq!(SingleVlanHeader::try_from(Vlan::from(tag.clone())).unwrap(), tag);
    let arp = ArpEthIpv4Packet {
        operation: ArpOperation::REPLY,
        sender_mac: [2; 6],
        sender_ipv4: [192, 0, 2, 1],
        target_mac: [4; 6],
        target_ipv4: [192, 0, 2, 2],
    };
    assert_eq!(ArpEthIpv4Packet::try_from(Arp::from(arp.clone())).unwrap(), arp);
    let mut ipv4 = Ipv4Header::new(0, 9, IpNumber::UDP, [192, 0, 2, 1], [192, 0, 2, 2]).unwrap();
    ipv4.options = Ipv4Options::try_from(&[0x94, 4, 0, 0][..]).unwrap();
    ipv4.total_len = 24;
    ipv4.header_checksum = ipv4.calc_header_checksum();
    assert_eq!(Ipv4Header::try_from(Ipv4::from(ipv4.clone())).unwrap(), ipv4);
    let ipv6 = Ipv6Header { traffic_class: 0x2a, payload_length: 3, hop_limit: 4, ..Ipv6Header::default() };
    let ipv6 = Ipv6Header { next_header: IpNumber::UDP, source: [1; 16], destination: [2; 16], ..ipv6 };
    assert_eq!(Ipv6Header::try_from(Ipv6::from(ipv6.clone())).unwrap(), ipv6);
    let part = Ipv6FragmentHeader::new(IpNumber::UDP, IpFragOffset::ZERO, true, 7);
    assert_eq!(Ipv6FragmentHeader::try_from(Fragment::from(part.clone())).unwrap(), part);
    let echo = Icmpv4Type::EchoRequest(IcmpEchoHeader { id: 7, seq: 1 });
    let icmp = Icmpv4Header { checksum: 0xbeef, icmp_type: echo };
    assert_eq!(Icmpv4Header::try_from(Icmpv4::from(icmp.clone())).unwrap(), icmp);
    let icmp = Icmpv6Header { checksum: 0xbeef, icmp_type: Icmpv6Type::PacketTooBig { mtu: 1280 } };
    assert_eq!(Icmpv6Header::try_from(Icmpv6::from(icmp.clone())).unwrap(), icmp);
    let (igmp, _) = IgmpHeader::from_slice(&[0x16, 0, 0xbe, 0xef, 224, 0, 0, 9]).unwrap();
    assert_eq!(IgmpHeader::try_from(Igmp::from(igmp.clone())).unwrap(), igmp);
    let udp = UdpHeader { source_port: 1, destination_port: 2, length: 8, checksum: 3 };
    assert_eq!(UdpHeader::try_from(Udp::from(udp.clone())).unwrap(), udp);
    let tcp = TcpHeader { checksum: 1, ..tcp() };
    assert_eq!(TcpHeader::try_from(Tcp::from(tcp.clone())).unwrap(), tcp);
    // From within a packet, with what was computed.
    let packet = Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]) / Udp::new().dport(53) / b"hi";
    assert_eq!(UdpHeader::try_from(&packet).unwrap().length, 10);
    assert_eq!(Ipv4Header::try_from(packet).unwrap().total_len, 30);
}

#[test]
fn what_is_no_header_says_why() {
    let error = TcpHeader::try_from(Ipv4::new() / Udp::new().sport(9).dport(53)).unwrap_err();
    let wanted = "the frame has no TCP layer: 192.0.2.2:9 > 192.0.2.1:53 UDP 0 octets";
    assert_eq!(error.to_string(), wanted);
    assert!(matches!(error, ConversionError::NoLayer(error) if error.layer() == LayerKind::Tcp));
    let error = UdpHeader::try_from(Udp::new().dport([53, 54])).unwrap_err();
    assert!(matches!(error, ConversionError::Build(BuildError::Inexact { field: "dport", .. })), "{error}");
}

#[test]
fn groups_of_headers_become_stacks() {
    let vlan = DoubleVlanHeader::default().into_packet();
    assert_eq!(vlan.layers().iter().map(|layer| layer.kind()).collect::<Vec<_>>(), [LayerKind::Vlan; 2]);
    let arp = ArpEthIpv4Packet {
        operation: ArpOperation::REQUEST,
        sender_mac: [2; 6],
        sender_ipv4: [192, 0, 2, 1],
        target_mac: [0; 6],
        target_ipv4: [192, 0, 2, 2],
    };
    let framed = LinkHeader::Ethernet2(Ethernet2Header { source: [2; 6], destination: [255; 6], ..Default::default() });
    let octets = built(framed / NetHeaders::Arp(ArpPacket::from(arp)).into_packet());
    assert_eq!(octets[..16], [255, 255, 255, 255, 255, 255, 2, 2, 2, 2, 2, 2, 8, 6, 0, 1]);
    assert_eq!(octets.len(), 14 + 28);

    let raw = |octet| Ipv6RawExtHeader::new_raw(IpNumber(0), &[octet; 6]).unwrap();
    let extensions = Ipv6Extensions {
        hop_by_hop_options: Some(raw(1)),
        destination_options: Some(raw(2)),
        routing: Some(Ipv6RoutingExtensions { routing: raw(0), final_destination_options: Some(raw(4)) }),
        fragment: None,
        auth: None,
    };
    let ip = NetHeaders::Ipv6(Ipv6Header { hop_limit: 9, ..Ipv6Header::default() }, extensions);
    let packet = ip / Udp::new();
    let octets = built(&packet);
    let numbers = [octets[6], octets[40], octets[48], octets[56], octets[64]];
    assert_eq!(numbers, [0, 60, 43, 60, 17], "the numbers that were 0 are computed");
    assert_eq!(octets[41..48], [0, 1, 1, 1, 1, 1, 1]);
    assert!(packet.matches(FrameRef::new(Mode::Tun, &octets)));
    assert_eq!(shown(HopByHop::from(raw(1))), "hop-by-hop (options 01010101 0101)");
    assert_eq!(shown(Routing::from(raw(7))), "routing (routing_type 7, segments_left 7, data 07070707)");
}

/// etherparse's header of a timestamp message is longer than the layer: what is over is payload.
#[test]
fn octets_over_the_layer_are_payload() {
    let octets = [13, 0, 0, 0, 0, 7, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    let (header, _) = Icmpv4Header::from_slice(&octets).unwrap();
    assert_eq!(header.header_len(), 20);
    let built = built(header);
    assert_eq!(built.len(), 20 + 20);
    assert_eq!(built[24..], octets[4..]);
    assert!(FrameRef::new(Mode::Tun, &built).icmpv4().is_ok());
}

#[test]
fn a_frame_gives_its_layers() -> Result<(), Box<dyn std::error::Error>> {
    let packet = Ethernet::new() / Vlan::new().id(42) / Ipv4::new().ttl(9) / Tcp::new().dport(80).seq(7) / b"hello";
    let frame = Frame::new(Mode::Tap, packet.clone().trailer([0; 3]).build()?, Instant::now());
    assert_eq!(frame.ethernet()?.destination(), [2, 0, 0, 0, 0, 1]);
    assert_eq!(frame.vlan()?.vlan_identifier().value(), 42);
    assert_eq!(frame.ipv4()?.ttl(), 9);
    assert_eq!((frame.tcp()?.sequence_number(), frame.tcp()?.payload()), (7, &b"hello"[..]));
    assert_eq!(frame.payload(), b"hello");
    let kinds = [LayerKind::Ethernet, LayerKind::Vlan, LayerKind::Ipv4, LayerKind::Tcp, LayerKind::Payload];
    assert_eq!(frame.layers().collect::<Vec<_>>(), kinds);
    assert_eq!(frame.summary().to_string(), frame.as_ref().summary().to_string());
    assert!(frame.as_rust().contains("Vlan::new().id(42) / "), "{}", frame.as_rust());
    assert!(frame.explain().to_string().contains("ttl"));
    assert!(frame.hexdump().to_string().starts_with("0000  02 00"));

    let error = frame.udp().unwrap_err();
    let wanted = "the frame has no UDP layer: vlan 42 192.0.2.2:0 > 192.0.2.1:80 TCP [none] seq 7 win 0 5 octets";
    assert_eq!((error.to_string(), format!("{error:?}")), (wanted.to_owned(), wanted.to_owned()));
    assert!(frame.ipv6().is_err() && frame.arp().is_err() && frame.icmpv4().is_err() && frame.icmpv6().is_err());
    assert!(frame.quoted().is_none());
    Ok(())
}

#[test]
fn a_layer_that_etherparse_does_not_read_says_so() {
    let octets = built(Icmpv4::new().icmp_type(13));
    let error = FrameRef::new(Mode::Tun, &octets).icmpv4().unwrap_err().to_string();
    assert!(error.starts_with("the frame's ICMPv4 layer cannot be read ("), "{error}");
    assert!(error.ends_with("): 192.0.2.2 > 192.0.2.1 ICMPv4 timestamp request"), "{error}");
}

#[test]
fn an_error_gives_what_it_quotes() -> Result<(), Box<dyn std::error::Error>> {
    let quoted = built(Ipv6::new() / Udp::new().sport(9).dport(53) / b"whatever was sent");
    let octets = built(Icmpv6::port_unreachable().quoting(&quoted[..50]));
    let frame = FrameRef::new(Mode::Tun, &octets);
    assert!(frame.udp().is_err(), "what is quoted is not searched");
    let inner = frame.quoted().ok_or("nothing quoted")?;
    assert_eq!(inner.octets, &quoted[..50]);
    assert_eq!((inner.udp()?.destination_port(), inner.udp()?.payload()), (53, &b"wh"[..]));
    let echo = built(Icmpv4::echo_request(7, 1) / &quoted[..]);
    assert!(FrameRef::new(Mode::Tun, &echo).quoted().is_none(), "an echo quotes nothing");
    assert!(FrameRef::new(Mode::Tun, &built(Packet::any())).quoted().is_none());
    Ok(())
}
