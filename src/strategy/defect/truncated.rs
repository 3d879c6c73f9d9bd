//! Frames that end within a header. The lengths of the layers around it are those of what is left, so that the header's is
//! all that is wrong.

use proptest::prelude::*;
use proptest::sample::Index;

use super::{DefectName, Frames};
use crate::device::{FrameRef, Mode};
use crate::packet::field::Constraint;
use crate::packet::{
    Arp, DestinationOptions, Dissection, Ethernet, Fragment, HopByHop, Igmp, IntoPacket, Ipv4, LayerKind, Packet,
    Routing, Vlan,
};
use crate::strategy::simpler::{alternatives, choose, shrinking, smaller};
use crate::strategy::{address, plain};

/// The frame cut after so many octets of that layer's header, with lengths that fit; 0 is the whole header without its
/// last octet, so that this is the simplest.
fn cut(packet: &Packet, kind: LayerKind, lacking: usize) -> Option<Vec<u8>> {
    let octets = packet.build().ok()?;
    let at = packet.layers.iter().position(|layer| layer.kind() == kind)?;
    let mode = mode(packet);
    let dissection = Dissection::new(FrameRef::new(mode, &octets));
    let view = dissection.view(at)?;
    let left = view.header.get(..view.header.len().checked_sub(1 + lacking)?)?;
    let Some(around) = at.checked_sub(1) else { return Some(left.to_vec()) };
    // What says what the next layer is does so still, where the octets do not.
    let mut layers = packet.layers.get(..at)?.to_vec();
    let field = match layers.last()?.kind() {
        LayerKind::Ethernet | LayerKind::Vlan => "ether_type",
        LayerKind::Ipv4 => "protocol",
        _ => "next_header",
    };
    let number = dissection.view(around)?.number(field);
    layers.last_mut()?.set(field, Constraint::Exact(number));
    let mut cut = Packet { layers, ..Packet::any() };
    if !left.is_empty() {
        cut = cut / left;
    }
    cut.build().ok()
}

fn mode(packet: &Packet) -> Mode {
    match packet.layers.first().map(|layer| layer.kind()) {
        Some(LayerKind::Ethernet) => Mode::Tap,
        _ => Mode::Tun,
    }
}

/// Those packets cut within that layer's header, which has at least so many octets.
fn truncated(packets: impl Strategy<Value = Packet> + 'static, kind: LayerKind, least: usize) -> BoxedStrategy<Frames> {
    // The first octet of a frame is always there: a frame has some, and on a TUN it tells the version.
    let lacking = any::<Index>().prop_map(move |index| index.index(least - 1) as u128);
    let lacking = shrinking(lacking, |lacking| smaller(*lacking, 0));
    (packets, lacking)
        .prop_map(move |(packet, lacking)| {
            let lacking = usize::try_from(lacking).unwrap_or(0);
            Frames {
                mode: mode(&packet),
                frames: cut(&packet, kind, lacking).into_iter().collect(),
                sound: packet.build().into_iter().collect(),
            }
        })
        .boxed()
}

fn v4(upper: impl Strategy<Value = Packet> + 'static) -> BoxedStrategy<Packet> {
    (plain::ipv4(), upper).prop_map(|(ip, upper)| ip / upper).boxed()
}

fn v6(upper: impl Strategy<Value = Packet> + 'static) -> BoxedStrategy<Packet> {
    (plain::ipv6(), upper).prop_map(|(ip, upper)| ip / upper).boxed()
}

fn either(upper: BoxedStrategy<Packet>) -> BoxedStrategy<Packet> {
    alternatives([v4(upper.clone()), v6(upper)])
}

/// A UDP datagram behind an extension header of IPv6.
fn behind(extension: impl Strategy<Value = Packet> + 'static) -> BoxedStrategy<Packet> {
    v6((extension, udp()).prop_map(|(extension, udp)| extension / udp))
}

fn udp() -> BoxedStrategy<Packet> {
    (plain::udp(), plain::octets(0..=64)).prop_map(|(udp, octets)| udp / octets).boxed()
}

/// How such packets are made; `None` for the defects of other files.
pub(super) fn recipe(defect: DefectName) -> Option<BoxedStrategy<Frames>> {
    let in_ethernet = |packets: BoxedStrategy<Packet>| packets.prop_map(|packet| Ethernet::new() / packet);
    let options = || [0x1e, 4, 0, 0, 0, 0];
    Some(match defect {
        DefectName::EthernetTruncated => truncated(in_ethernet(either(udp())), LayerKind::Ethernet, 14),
        DefectName::VlanTruncated => {
            let tagged =
                (0_u16..4095, either(udp())).prop_map(|(id, packet)| Ethernet::new() / Vlan::new().id(id) / packet);
            truncated(tagged, LayerKind::Vlan, 4)
        }
        DefectName::ArpTruncated => {
            let requests = address::documentation_v4().prop_map(|target| Ethernet::new() / Arp::who_has(target));
            truncated(requests, LayerKind::Arp, 28)
        }
        DefectName::Ipv4Truncated => {
            let packets = v4(plain::over_v4(0..=64));
            truncated(prop_oneof![3 => packets.clone(), 1 => in_ethernet(packets)], LayerKind::Ipv4, 20)
        }
        DefectName::Ipv6Truncated => {
            let packets = v6(plain::over_v6(0..=64));
            truncated(prop_oneof![3 => packets.clone(), 1 => in_ethernet(packets)], LayerKind::Ipv6, 40)
        }
        DefectName::HopByHopTruncated => {
            let extension = Just(()).prop_map(move |()| HopByHop::new().options(options()).into_packet());
            truncated(behind(extension), LayerKind::HopByHop, 8)
        }
        DefectName::RoutingTruncated => {
            let extension = address::documentation_v6().prop_map(|home| Routing::type2(home).into_packet());
            truncated(behind(extension), LayerKind::Routing, 24)
        }
        DefectName::DestinationOptionsTruncated => {
            let extension = Just(()).prop_map(move |()| DestinationOptions::new().options(options()).into_packet());
            truncated(behind(extension), LayerKind::DestinationOptions, 8)
        }
        DefectName::FragmentTruncated => {
            // Of a packet that is whole (RFC 6946).
            let extension = (1_u32..).prop_map(|id| Fragment::new().id(id).into_packet());
            truncated(behind(extension), LayerKind::Fragment, 8)
        }
        DefectName::Icmpv4Truncated => truncated(v4(plain::echo_v4(0..=64)), LayerKind::Icmpv4, 8),
        DefectName::Icmpv6Truncated => truncated(v6(plain::echo_v6(0..=64)), LayerKind::Icmpv6, 8),
        DefectName::IgmpTruncated => {
            let reports = address::multicast_v4().prop_map(|group| Ipv4::new() / Igmp::membership_report_v2(group));
            truncated(reports, LayerKind::Igmp, 8)
        }
        DefectName::UdpTruncated => truncated(either(udp()), LayerKind::Udp, 8),
        DefectName::TcpTruncated => {
            let segments = choose![
                3 => plain::tcp(),
                1 => plain::tcp().prop_map(|tcp| tcp.mss(1460).sack_permitted()),
            ];
            let segments = (segments, plain::octets(0..=64)).prop_map(|(tcp, octets)| tcp / octets).boxed();
            truncated(either(segments), LayerKind::Tcp, 20)
        }
        _ => return None,
    })
}
