//! What smoltcp's wire has of a frame, read header by header.

use smoltcp::wire::{
    Icmpv4Packet, Icmpv6Packet, IgmpPacket, IpAddress, IpProtocol, Ipv4Packet, Ipv6ExtHeader, Ipv6Packet, TcpPacket,
    UdpPacket,
};

use super::{End, Layer, Reading};
use crate::device::{FrameRef, Mode};
use crate::packet::LayerKind;

type Layers<'a> = Vec<Layer<'a>>;

/// `None` where smoltcp has nothing to say: on Ethernet without the feature `smoltcp`.
pub(super) fn read(frame: FrameRef<'_>) -> Option<Reading<'_>> {
    let mut layers = Vec::new();
    let end = match (frame.mode, frame.octets) {
        (Mode::Tun, [0x40..=0x4f, ..]) => v4(frame.octets, &mut layers),
        (Mode::Tun, [0x60..=0x6f, ..]) => v6(frame.octets, &mut layers),
        (Mode::Tun, _) => End::Payload,
        #[cfg(feature = "smoltcp")]
        (Mode::Tap, octets) => ethernet::read(octets, &mut layers),
        #[cfg(not(feature = "smoltcp"))]
        (Mode::Tap, _) => return None,
    };
    if !verifies() {
        layers.iter_mut().for_each(|layer| layer.checksum = None);
    }
    Some(Reading { layers, end })
}

/// Built with `cfg(fuzzing)`, smoltcp takes every checksum for right: it says nothing then.
fn verifies() -> bool {
    let mut wrong = [0; 20];
    wrong[0] = 0x45;
    !Ipv4Packet::new_unchecked(&wrong).verify_checksum()
}

#[cfg(feature = "smoltcp")]
mod ethernet {
    use smoltcp::wire::{ArpOperation, ArpPacket, EthernetFrame, EthernetProtocol};

    use super::{End, Layer, LayerKind, Layers, v4, v6};
    use crate::packet::FieldValue;

    pub(super) fn read<'a>(octets: &'a [u8], layers: &mut Layers<'a>) -> End {
        let Ok(frame) = EthernetFrame::new_checked(octets) else { return End::Refused };
        let mut layer = Layer::new(LayerKind::Ethernet, octets)
            .field("dst", frame.dst_addr().0.to_bits())
            .field("src", frame.src_addr().0.to_bits())
            .field("ether_type", u16::from(frame.ethertype()));
        layer.content = Some(frame.payload());
        layers.push(layer);
        match frame.ethertype() {
            EthernetProtocol::Ipv4 => v4(frame.payload(), layers),
            EthernetProtocol::Ipv6 => v6(frame.payload(), layers),
            EthernetProtocol::Arp => arp(frame.payload(), layers),
            EthernetProtocol::Unknown(_) => End::Payload,
        }
    }

    fn arp<'a>(octets: &'a [u8], layers: &mut Layers<'a>) -> End {
        let Ok(arp) = ArpPacket::new_checked(octets) else { return End::Refused };
        let operation = match arp.operation() {
            ArpOperation::Request => 1,
            ArpOperation::Reply => 2,
            ArpOperation::Unknown(other) => other,
        };
        layers.push(
            Layer::new(LayerKind::Arp, octets)
                .field("hardware_length", arp.hardware_len())
                .field("protocol_length", arp.protocol_len())
                .field("operation", operation)
                .field("sender_mac", number(arp.source_hardware_addr()))
                .field("sender", number(arp.source_protocol_addr()))
                .field("target_mac", number(arp.target_hardware_addr()))
                .field("target", number(arp.target_protocol_addr())),
        );
        End::Payload
    }

    fn number(octets: &[u8]) -> u128 {
        octets.iter().fold(0, |number, octet| number << 8 | u128::from(*octet))
    }
}

fn v4<'a>(octets: &'a [u8], layers: &mut Layers<'a>) -> End {
    let Ok(ip) = Ipv4Packet::new_checked(octets) else { return End::Refused };
    let mut layer = Layer::new(LayerKind::Ipv4, octets)
        .field("version", ip.version())
        .field("ihl", ip.header_len() / 4)
        .field("dscp", ip.dscp())
        .field("ecn", ip.ecn())
        .field("total_length", ip.total_len())
        .field("id", ip.ident())
        .field("dont_fragment", ip.dont_frag())
        .field("more_fragments", ip.more_frags())
        .field("fragment_offset", ip.frag_offset() / 8)
        .field("ttl", ip.hop_limit())
        .field("protocol", u8::from(ip.next_header()))
        .field("checksum", ip.checksum())
        .field("src", ip.src_addr().to_bits())
        .field("dst", ip.dst_addr().to_bits());
    layer.content = Some(ip.payload());
    layer.checksum = Some(ip.verify_checksum());
    layers.push(layer);
    if ip.frag_offset() > 0 {
        return End::Payload;
    }
    let from = layers.len();
    let end = above(ip.next_header(), ip.payload(), (ip.src_addr().into(), ip.dst_addr().into()), layers);
    if ip.more_frags() {
        // Of a part nobody can say it.
        layers.iter_mut().skip(from).for_each(|layer| layer.checksum = None);
    }
    end
}

fn v6<'a>(octets: &'a [u8], layers: &mut Layers<'a>) -> End {
    let Ok(ip) = Ipv6Packet::new_checked(octets) else { return End::Refused };
    let mut layer = Layer::new(LayerKind::Ipv6, octets)
        .field("version", ip.version())
        .field("dscp", ip.traffic_class() >> 2)
        .field("ecn", ip.traffic_class() & 3)
        .field("flow_label", ip.flow_label())
        .field("payload_length", ip.payload_len())
        .field("next_header", u8::from(ip.next_header()))
        .field("hop_limit", ip.hop_limit())
        .field("src", ip.src_addr().to_bits())
        .field("dst", ip.dst_addr().to_bits());
    layer.content = Some(ip.payload());
    layers.push(layer);
    above(ip.next_header(), ip.payload(), (ip.src_addr().into(), ip.dst_addr().into()), layers)
}

fn above<'a>(protocol: IpProtocol, octets: &'a [u8], ends: (IpAddress, IpAddress), layers: &mut Layers<'a>) -> End {
    let (from, to) = ends;
    let layer = match protocol {
        IpProtocol::Tcp => {
            let Ok(tcp) = TcpPacket::new_checked(octets) else { return End::Refused };
            let flags = [tcp.fin(), tcp.syn(), tcp.rst(), tcp.psh(), tcp.ack(), tcp.urg(), tcp.ece(), tcp.cwr()];
            let flags = flags.iter().rev().fold(0_u8, |flags, set| flags << 1 | u8::from(*set));
            let mut layer = Layer::new(LayerKind::Tcp, octets)
                .field("sport", tcp.src_port())
                .field("dport", tcp.dst_port())
                .field("seq", tcp.seq_number().0.cast_unsigned())
                .field("acknowledgement", tcp.ack_number().0.cast_unsigned())
                .field("data_offset", tcp.header_len() / 4)
                .field("flags", flags)
                .field("window", tcp.window_len())
                .field("checksum", tcp.checksum())
                .field("urgent", tcp.urgent_at());
            layer.content = Some(tcp.payload());
            layer.checksum = Some(tcp.verify_checksum(&from, &to));
            layer
        }
        IpProtocol::Udp => {
            let Ok(udp) = UdpPacket::new_checked(octets) else { return End::Refused };
            let mut layer = Layer::new(LayerKind::Udp, octets)
                .field("sport", udp.src_port())
                .field("dport", udp.dst_port())
                .field("length", udp.len())
                .field("checksum", udp.checksum());
            layer.content = Some(udp.payload());
            layer.checksum = Some(udp.verify_checksum(&from, &to));
            layer
        }
        IpProtocol::Icmp => {
            let Ok(icmp) = Icmpv4Packet::new_checked(octets) else { return End::Refused };
            let number = u8::from(icmp.msg_type());
            let mut layer = Layer::new(LayerKind::Icmpv4, octets)
                .field("icmp_type", number)
                .field("code", icmp.msg_code())
                .field("checksum", icmp.checksum());
            if matches!(number, 0 | 8) {
                layer = layer.field("id", icmp.echo_ident()).field("seq", icmp.echo_seq_no());
                layer.content = Some(icmp.data());
            }
            layer.checksum = Some(icmp.verify_checksum());
            layer
        }
        IpProtocol::Icmpv6 => {
            let Ok(icmp) = Icmpv6Packet::new_checked(octets) else { return End::Refused };
            let number = u8::from(icmp.msg_type());
            let layer = Layer::new(LayerKind::Icmpv6, octets)
                .field("icmp_type", number)
                .field("code", icmp.msg_code())
                .field("checksum", icmp.checksum());
            let mut layer = match number {
                128 | 129 => layer.field("id", icmp.echo_ident()).field("seq", icmp.echo_seq_no()),
                2 => layer.field("mtu", icmp.pkt_too_big_mtu()),
                4 => layer.field("pointer", icmp.param_problem_ptr()),
                _ => layer,
            };
            if matches!(number, 1..=4 | 128 | 129) {
                layer.content = Some(icmp.payload());
            }
            if let (IpAddress::Ipv6(from), IpAddress::Ipv6(to)) = ends {
                layer.checksum = Some(icmp.verify_checksum(&from, &to));
            }
            layer
        }
        IpProtocol::Igmp => {
            let Ok(igmp) = IgmpPacket::new_checked(octets) else { return End::Refused };
            let mut layer = Layer::new(LayerKind::Igmp, octets)
                .field("igmp_type", u8::from(igmp.msg_type()))
                .field("max_response", igmp.max_resp_code())
                .field("checksum", igmp.checksum());
            if octets.first() != Some(&0x22) {
                layer = layer.field("group", igmp.group_addr().to_bits());
            }
            layer.checksum = Some(igmp.verify_checksum());
            layer
        }
        IpProtocol::HopByHop => return extension(LayerKind::HopByHop, octets, ends, layers),
        IpProtocol::Ipv6Route => return extension(LayerKind::Routing, octets, ends, layers),
        IpProtocol::Ipv6Opts => return extension(LayerKind::DestinationOptions, octets, ends, layers),
        // Its fragment header is part of the stack's reassembly.
        IpProtocol::Ipv6Frag => return End::Silent,
        _ => return End::Payload,
    };
    layers.push(layer);
    End::Payload
}

fn extension<'a>(kind: LayerKind, octets: &'a [u8], ends: (IpAddress, IpAddress), layers: &mut Layers<'a>) -> End {
    let Ok(header) = Ipv6ExtHeader::new_checked(octets) else { return End::Refused };
    let next = header.next_header();
    layers.push(Layer::new(kind, octets).field("next_header", u8::from(next)).field("length", header.header_len()));
    // Its payload is what the header holds, without what follows it.
    let behind = octets.get((usize::from(header.header_len()) + 1) * 8..).unwrap_or_default();
    above(next, behind, ends, layers)
}
