//! What etherparse's slicer, the one that does not mind lengths, has of a frame.

use etherparse::{
    IpNumber, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6RawExtHeaderSlice, LaxIpPayloadSlice, LaxIpv6Slice,
    LaxLinkExtSlice, LaxNetSlice, LaxSlicedPacket, LinkSlice, TcpSlice, TransportSlice, UdpSlice,
};

use super::{End, Layer, Reading};
use crate::device::{FrameRef, Mode};
use crate::packet::{FieldValue, LayerKind};

/// The addresses of a packet.
#[derive(Clone, Copy)]
enum Addresses {
    V4([u8; 4], [u8; 4]),
    V6([u8; 16], [u8; 16]),
}

pub(super) fn read(frame: FrameRef<'_>) -> Reading<'_> {
    let mut reading = Reading { layers: Vec::new(), end: End::Payload };
    let sliced = match frame.mode {
        Mode::Tap => LaxSlicedPacket::from_ethernet(frame.octets).ok(),
        // Else it is none of a TUN's frames that are taken apart.
        Mode::Tun if !matches!(frame.octets, [0x40..=0x4f | 0x60..=0x6f, ..]) => return reading,
        Mode::Tun => LaxSlicedPacket::from_ip(frame.octets).ok(),
    };
    let Some(sliced) = sliced else {
        reading.end = End::Refused;
        return reading;
    };
    reading.end = layers(&sliced, &mut reading.layers);
    if sliced.stop_err.is_some() {
        reading.end = End::Refused;
    }
    reading
}

fn layers<'a>(sliced: &LaxSlicedPacket<'a>, layers: &mut Vec<Layer<'a>>) -> End {
    if let Some(LinkSlice::Ethernet2(ethernet)) = &sliced.link {
        let mut layer = Layer::new(LayerKind::Ethernet, ethernet.slice())
            .field("dst", ethernet.destination().to_bits())
            .field("src", ethernet.source().to_bits())
            .field("ether_type", ethernet.ether_type().0);
        layer.content = Some(ethernet.payload_slice());
        layers.push(layer);
    }
    for extension in &sliced.link_exts {
        let LaxLinkExtSlice::Vlan(tag) = extension else { return End::Foreign };
        let mut layer = Layer::new(LayerKind::Vlan, tag.slice())
            .field("priority", tag.priority_code_point().value())
            .field("drop_eligible", tag.drop_eligible_indicator())
            .field("id", tag.vlan_identifier().value())
            .field("ether_type", tag.ether_type().0);
        layer.content = Some(tag.payload_slice());
        layers.push(layer);
    }
    let (payload, addresses) = match &sliced.net {
        None => return End::Payload,
        Some(LaxNetSlice::Arp(arp)) => {
            layers.push(
                Layer::new(LayerKind::Arp, arp.slice())
                    .field("hardware_type", arp.hw_addr_type().0)
                    .field("protocol_type", arp.proto_addr_type().0)
                    .field("hardware_length", arp.hw_addr_size())
                    .field("protocol_length", arp.proto_addr_size())
                    .field("operation", arp.operation().0),
            );
            return End::Payload;
        }
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            let mut layer = v4(&header);
            // With the authentication header, where there is one.
            layer.content = ip.extensions().auth.is_none().then_some(ip.payload().payload);
            layers.push(layer);
            if ip.extensions().auth.is_some() {
                return End::Foreign;
            }
            (ip.payload(), Addresses::V4(header.source(), header.destination()))
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            if let Some(end) = v6(ip, layers) {
                return end;
            }
            (ip.payload(), Addresses::V6(ip.header().source(), ip.header().destination()))
        }
    };
    match &sliced.transport {
        None if payload.ip_number == IpNumber::AUTHENTICATION_HEADER => End::Foreign,
        None => End::Payload,
        Some(transport) => {
            layers.push(of_transport(transport, payload, addresses));
            End::Payload
        }
    }
}

fn v4<'a>(header: &Ipv4HeaderSlice<'_>) -> Layer<'a> {
    let mut layer = Layer::new(LayerKind::Ipv4, header.slice())
        .field("version", header.version())
        .field("ihl", header.ihl())
        .field("dscp", header.dcp().value())
        .field("ecn", header.ecn().value())
        .field("total_length", header.total_len())
        .field("id", header.identification())
        .field("dont_fragment", header.dont_fragment())
        .field("more_fragments", header.more_fragments())
        .field("fragment_offset", header.fragments_offset().value())
        .field("ttl", header.ttl())
        .field("protocol", header.protocol().0)
        .field("checksum", header.header_checksum())
        .field("src", header.source_addr().to_bits())
        .field("dst", header.destination_addr().to_bits());
    layer.checksum = Some(header.to_header().calc_header_checksum() == header.header_checksum());
    layer
}

fn v6<'a>(ip: &LaxIpv6Slice<'a>, layers: &mut Vec<Layer<'a>>) -> Option<End> {
    let header = ip.header();
    let first = ip.extensions().slice();
    let mut layer = Layer::new(LayerKind::Ipv6, header.slice())
        .field("version", header.version())
        .field("dscp", header.traffic_class() >> 2)
        .field("ecn", header.traffic_class() & 3)
        .field("flow_label", header.flow_label().value())
        .field("payload_length", header.payload_length())
        .field("next_header", header.next_header().0)
        .field("hop_limit", header.hop_limit())
        .field("src", header.source_addr().to_bits())
        .field("dst", header.destination_addr().to_bits());
    // The extension headers and what follows them lie side by side, so both together are what the header carries.
    layer.content = first.is_empty().then_some(ip.payload().payload);
    layers.push(layer);
    extensions(header.next_header(), first, layers)
}

/// Its own iterator over the extension headers of a packet that it stopped reading takes no heed of where they end
/// (0.21: `Ipv6ExtensionSliceIter::next` reads behind the slice), so they are read one by one.
fn extensions(mut next: IpNumber, mut rest: &[u8], layers: &mut Vec<Layer<'_>>) -> Option<End> {
    while !rest.is_empty() {
        let length = match next {
            IpNumber::IPV6_FRAGMENTATION_HEADER => {
                let part = Ipv6FragmentHeaderSlice::from_slice(rest).ok()?;
                layers.push(
                    Layer::new(LayerKind::Fragment, rest)
                        .field("next_header", part.next_header().0)
                        .field("fragment_offset", part.fragment_offset().value())
                        .field("more_fragments", part.more_fragments())
                        .field("id", part.identification()),
                );
                next = part.next_header();
                part.slice().len()
            }
            IpNumber::AUTHENTICATION_HEADER => return Some(End::Foreign),
            other => {
                let kind = match other {
                    IpNumber::IPV6_HEADER_HOP_BY_HOP => LayerKind::HopByHop,
                    IpNumber::IPV6_ROUTE_HEADER => LayerKind::Routing,
                    _ => LayerKind::DestinationOptions,
                };
                let raw = Ipv6RawExtHeaderSlice::from_slice(rest).ok()?;
                layers.push(Layer::new(kind, rest).field("next_header", raw.next_header().0));
                next = raw.next_header();
                raw.slice().len()
            }
        };
        rest = rest.get(length..)?;
    }
    None
}

fn of_transport<'a>(
    transport: &TransportSlice<'a>,
    payload: &LaxIpPayloadSlice<'a>,
    addresses: Addresses,
) -> Layer<'a> {
    match transport {
        TransportSlice::Tcp(tcp) => of_tcp(tcp, addresses),
        TransportSlice::Udp(udp) => of_udp(udp, payload.payload, addresses),
        TransportSlice::Icmpv4(icmp) => {
            let header = icmp.header();
            let mut layer = Layer::new(LayerKind::Icmpv4, icmp.slice())
                .field("icmp_type", icmp.type_u8())
                .field("code", icmp.code_u8())
                .field("checksum", icmp.checksum());
            if let etherparse::Icmpv4Type::EchoRequest(echo) | etherparse::Icmpv4Type::EchoReply(echo) =
                header.icmp_type
            {
                layer = layer.field("id", echo.id).field("seq", echo.seq);
                layer.content = Some(icmp.payload());
            }
            layer.checksum = Some(header.icmp_type.calc_checksum(icmp.payload()) == icmp.checksum());
            layer
        }
        TransportSlice::Icmpv6(icmp) => {
            let mut layer = Layer::new(LayerKind::Icmpv6, icmp.slice())
                .field("icmp_type", icmp.type_u8())
                .field("code", icmp.code_u8())
                .field("checksum", icmp.checksum());
            match icmp.icmp_type() {
                etherparse::Icmpv6Type::EchoRequest(echo) | etherparse::Icmpv6Type::EchoReply(echo) => {
                    layer = layer.field("id", echo.id).field("seq", echo.seq);
                    layer.content = Some(icmp.payload());
                }
                etherparse::Icmpv6Type::PacketTooBig { mtu } => layer = layer.field("mtu", mtu),
                _ => {}
            }
            if let Addresses::V6(from, to) = addresses {
                layer.checksum = Some(icmp.is_checksum_valid(from, to));
            }
            layer
        }
        TransportSlice::Igmp(igmp) => {
            let mut layer = Layer::new(LayerKind::Igmp, igmp.slice())
                .field("igmp_type", igmp.type_u8())
                .field("checksum", igmp.checksum());
            layer.checksum = Some(igmp.is_checksum_valid());
            layer
        }
    }
}

fn of_tcp<'a>(tcp: &TcpSlice<'a>, addresses: Addresses) -> Layer<'a> {
    let flags = [tcp.fin(), tcp.syn(), tcp.rst(), tcp.psh(), tcp.ack(), tcp.urg(), tcp.ece(), tcp.cwr()];
    let flags = flags.iter().rev().fold(0_u8, |flags, set| flags << 1 | u8::from(*set));
    let mut layer = Layer::new(LayerKind::Tcp, tcp.slice())
        .field("sport", tcp.source_port())
        .field("dport", tcp.destination_port())
        .field("seq", tcp.sequence_number())
        .field("acknowledgement", tcp.acknowledgment_number())
        .field("data_offset", tcp.data_offset())
        .field("flags", flags)
        .field("window", tcp.window_size())
        .field("checksum", tcp.checksum())
        .field("urgent", tcp.urgent_pointer());
    layer.content = Some(tcp.payload());
    let sum = match addresses {
        Addresses::V4(from, to) => tcp.calc_checksum_ipv4(from, to),
        Addresses::V6(from, to) => tcp.calc_checksum_ipv6(from, to),
    };
    layer.checksum = sum.ok().map(|sum| sum == tcp.checksum());
    layer
}

fn of_udp<'a>(udp: &UdpSlice<'a>, carried: &[u8], addresses: Addresses) -> Layer<'a> {
    let mut layer = Layer::new(LayerKind::Udp, udp.slice())
        .field("sport", udp.source_port())
        .field("dport", udp.destination_port())
        .field("length", udp.length())
        .field("checksum", udp.checksum());
    layer.content = Some(udp.payload());
    let header = udp.to_header();
    let sum = match addresses {
        Addresses::V4(from, to) => header.calc_checksum_ipv4_raw(from, to, udp.payload()),
        Addresses::V6(from, to) => header.calc_checksum_ipv6_raw(from, to, udp.payload()),
    };
    // It says nothing of datagrams without a checksum, and sums the length as it stands.
    let says = usize::from(udp.length()) == carried.len();
    let none = udp.checksum() == 0 && matches!(addresses, Addresses::V4(..));
    layer.checksum = sum.ok().map(|sum| sum == udp.checksum()).filter(|_| says && !none);
    layer
}
