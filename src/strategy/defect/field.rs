//! Defects of one field: a checksum, a length, a version, an address.

use proptest::bool;
use proptest::prelude::*;

use super::{DefectName, Frames};
use crate::device::{FrameRef, Mode};
use crate::packet::field::Constraint;
use crate::packet::{
    Arp, DestinationOptions, Dissection, Ethernet, FieldValue, HopByHop, Icmpv6, Igmp, IntoPacket, Ipv4, Ipv6,
    LayerKind, Packet, Tcp,
};
use crate::strategy::simpler::{alternatives, shrinking, smaller};
use crate::strategy::{address, plain};

/// The packets, each with a number from which the wrong value is made.
type Packets = BoxedStrategy<(Packet, u128)>;

/// The same packet in which that field of the layer is set.
fn set(packet: &Packet, kind: LayerKind, field: &str, value: u128) -> Packet {
    let mut packet = packet.clone();
    if let Some(layer) = packet.layers.iter_mut().find(|layer| layer.kind() == kind) {
        layer.set(field, Constraint::Exact(value));
    }
    packet
}

/// The number that stands in that field when the packet is built.
fn built(packet: &Packet, kind: LayerKind, field: &str) -> u128 {
    let octets = packet.build().unwrap_or_default();
    let dissection = Dissection::new(FrameRef::new(Mode::Tun, &octets));
    dissection.find(kind).map_or(0, |view| view.number(field))
}

/// A checksum that is neither the right one nor one that says that there is none.
fn wrong_sum(packet: &Packet, kind: LayerKind, flip: u128) -> Packet {
    let right = built(packet, kind, "checksum");
    let flips = [flip & 0xffff, 1, 2, 4];
    let wrong = flips.into_iter().map(|flip| right ^ flip).find(|sum| ![right, 0, 0xffff].contains(sum));
    set(packet, kind, "checksum", wrong.unwrap_or(1))
}

/// Sound packets with a number in that range.
fn numbered(packets: impl Strategy<Value = Packet> + 'static, least: u128, most: u128) -> Packets {
    let numbers = shrinking(least..=most, move |number| smaller(*number, least));
    (packets, numbers).boxed()
}

fn v4(upper: impl Strategy<Value = Packet> + 'static) -> BoxedStrategy<Packet> {
    (plain::ipv4(), upper).prop_map(|(ip, upper)| ip / upper).boxed()
}

fn v6(upper: impl Strategy<Value = Packet> + 'static) -> BoxedStrategy<Packet> {
    (plain::ipv6(), upper).prop_map(|(ip, upper)| ip / upper).boxed()
}

fn either(upper: &BoxedStrategy<Packet>) -> BoxedStrategy<Packet> {
    alternatives([v4(upper.clone()), v6(upper.clone())])
}

fn udp(least: usize) -> BoxedStrategy<Packet> {
    (plain::udp(), plain::octets(least..=64)).prop_map(|(udp, octets)| udp / octets).boxed()
}

fn tcp(most: usize) -> BoxedStrategy<Packet> {
    (plain::tcp(), plain::octets(0..=most)).prop_map(|(tcp, octets)| tcp / octets).boxed()
}

fn igmp() -> BoxedStrategy<Packet> {
    let groups = address::multicast_v4();
    let messages = (0_u8..4, groups).prop_map(|(kind, group)| match kind {
        0 => Igmp::membership_report_v2(group),
        1 => Igmp::membership_query(group),
        2 => Igmp::leave_group(group),
        _ => Igmp::membership_report_v3().record(4, group, []),
    });
    messages.prop_map(|igmp| Ipv4::new().router_alert() / igmp).boxed()
}

/// A neighbor solicitation with the sender's hardware address in its option.
fn solicitation() -> BoxedStrategy<Packet> {
    address::documentation_v6()
        .prop_map(|target| Ipv6::new() / Icmpv6::neighbor_solicitation(target).ndp_options(hardware_address(1)))
        .boxed()
}

/// Option 1 of neighbour discovery, which tells that length in units of 8 octets.
const fn hardware_address(length: u8) -> [u8; 8] {
    [1, length, 2, 0, 0, 0, 0, 2]
}

/// What one change makes of sound packets.
fn changed(packets: Packets, change: fn(&Packet, u128) -> Packet) -> BoxedStrategy<Frames> {
    (packets, bool::weighted(0.25))
        .prop_map(move |((packet, number), tap)| frames(&packet, number, tap, change))
        .boxed()
}

/// The same where the defect needs Ethernet around it.
fn framed(packets: Packets, change: fn(&Packet, u128) -> Packet) -> BoxedStrategy<Frames> {
    packets.prop_map(move |(packet, number)| frames(&packet, number, true, change)).boxed()
}

fn frames(packet: &Packet, number: u128, tap: bool, change: fn(&Packet, u128) -> Packet) -> Frames {
    let octets = |packet: Packet| {
        let packet = if tap { Ethernet::new() / packet } else { packet };
        vec![packet.build().unwrap_or_default()]
    };
    let mode = if tap { Mode::Tap } else { Mode::Tun };
    Frames { mode, frames: octets(change(packet, number)), sound: octets(packet.clone()) }
}

/// The value behind which the field is wrong: so much more than what it is.
fn more(packet: &Packet, kind: LayerKind, field: &str, by: u128) -> Packet {
    set(packet, kind, field, built(packet, kind, field) + by)
}

/// The length octet of the first option of a list whose options are framed as IPv4's: 0, 1, or beyond the list.
const fn bad_option_length(number: u128) -> u8 {
    match number {
        0 => 0,
        1 => 1,
        _ => 255,
    }
}

/// How such packets are made; `None` for the defects of other files.
#[expect(clippy::too_many_lines, reason = "a table: each defect is a packet and its change")]
pub(super) fn recipe(defect: DefectName) -> Option<BoxedStrategy<Frames>> {
    use LayerKind as Kind;
    let any_v4 = || v4(plain::over_v4(0..=64));
    let any_v6 = || v6(plain::over_v6(0..=64));
    let sums = |packets: BoxedStrategy<Packet>| numbered(packets, 1, 0xffff);
    Some(match defect {
        DefectName::Ipv4Checksum => changed(sums(any_v4()), |packet, flip| wrong_sum(packet, Kind::Ipv4, flip)),
        DefectName::Icmpv4Checksum => {
            changed(sums(v4(plain::echo_v4(0..=64))), |packet, flip| wrong_sum(packet, Kind::Icmpv4, flip))
        }
        DefectName::Icmpv6Checksum => {
            changed(sums(v6(plain::echo_v6(0..=64))), |packet, flip| wrong_sum(packet, Kind::Icmpv6, flip))
        }
        DefectName::IgmpChecksum => changed(sums(igmp()), |packet, flip| wrong_sum(packet, Kind::Igmp, flip)),
        DefectName::UdpChecksum => changed(sums(either(&udp(0))), |packet, flip| wrong_sum(packet, Kind::Udp, flip)),
        DefectName::UdpChecksumMissing => {
            changed(numbered(v6(udp(0)), 0, 0), |packet, zero| set(packet, Kind::Udp, "checksum", zero))
        }
        DefectName::TcpChecksum => changed(sums(either(&tcp(64))), |packet, flip| wrong_sum(packet, Kind::Tcp, flip)),
        DefectName::Ipv4Version => framed(numbered(any_v4(), 0, 14), |packet, number| {
            set(packet, Kind::Ipv4, "version", if number < 4 { number } else { number + 1 })
        }),
        DefectName::Ipv6Version => framed(numbered(any_v6(), 0, 14), |packet, number| {
            set(packet, Kind::Ipv6, "version", if number < 6 { number } else { number + 1 })
        }),
        DefectName::Ipv4HeaderLengthShort => {
            changed(numbered(any_v4(), 0, 4), |packet, words| set(packet, Kind::Ipv4, "ihl", words))
        }
        DefectName::Ipv4HeaderLengthLong => {
            // Packets of at most 48 octets, of which 13 words and more are too many.
            changed(numbered(v4(plain::over_v4(0..=8)), 13, 15), |packet, words| set(packet, Kind::Ipv4, "ihl", words))
        }
        DefectName::Ipv4TotalLengthShort => {
            // Nobody looks for a header in what is not there.
            let opaque = v4(plain::octets(1..=64).prop_map(IntoPacket::into_packet));
            changed(numbered(opaque, 0, 19), |packet, octets| set(packet, Kind::Ipv4, "total_length", octets))
        }
        DefectName::Ipv4TotalLengthLong => {
            changed(numbered(any_v4(), 1, 1000), |packet, by| more(packet, Kind::Ipv4, "total_length", by))
        }
        DefectName::Ipv6PayloadLengthShort => {
            changed(numbered(any_v6(), 0, 7), |packet, octets| set(packet, Kind::Ipv6, "payload_length", octets))
        }
        DefectName::Ipv6PayloadLengthLong => {
            changed(numbered(any_v6(), 1, 1000), |packet, by| more(packet, Kind::Ipv6, "payload_length", by))
        }
        DefectName::UdpLengthShort => {
            // Over IPv4 a datagram may have no checksum: none is wrong.
            let without = v4(udp(0)).prop_map(|packet| set(&packet, Kind::Udp, "checksum", 0));
            changed(numbered(without, 1, 7), |packet, octets| set(packet, Kind::Udp, "length", octets))
        }
        DefectName::UdpLengthLong => {
            changed(numbered(either(&udp(0)), 1, 1000), |packet, by| more(packet, Kind::Udp, "length", by))
        }
        DefectName::TcpDataOffsetShort => {
            changed(numbered(either(&tcp(64)), 0, 4), |packet, words| set(packet, Kind::Tcp, "data_offset", words))
        }
        DefectName::TcpDataOffsetLong => {
            changed(numbered(either(&tcp(19)), 10, 15), |packet, words| set(packet, Kind::Tcp, "data_offset", words))
        }
        DefectName::ArpAddressLength => {
            let requests = address::documentation_v4().prop_map(|target| Arp::who_has(target).into_packet());
            framed(numbered(requests, 0, 3), |packet, number| match number {
                0 => set(packet, Kind::Arp, "protocol_length", 0),
                1 => set(packet, Kind::Arp, "hardware_length", 0),
                2 => set(packet, Kind::Arp, "protocol_length", 3),
                _ => set(packet, Kind::Arp, "hardware_length", 5),
            })
        }
        DefectName::IgmpRecordsMissing => {
            let reports = address::multicast_v4()
                .prop_map(|group| Ipv4::new().router_alert() / Igmp::membership_report_v3().record(4, group, []));
            changed(numbered(reports, 2, 1000), |packet, number| set(packet, Kind::Igmp, "number_of_records", number))
        }
        DefectName::MldRecordsMissing => {
            let reports = address::multicast_v6().prop_map(|group| {
                HopByHop::router_alert(0) / Icmpv6::multicast_listener_report_v2().record(4, group, [])
            });
            let reports = reports.prop_map(|report| Ipv6::new() / report);
            changed(numbered(reports, 2, 1000), |packet, number| set(packet, Kind::Icmpv6, "number_of_records", number))
        }
        DefectName::Ipv4OptionLength => {
            // Record route with room for one address.
            let packets = any_v4().prop_map(|packet| packet.with(Ipv4::new().options([7, 7, 4, 0, 0, 0, 0])));
            changed(numbered(packets, 0, 2), |packet, number| {
                packet.with(Ipv4::new().options([7, bad_option_length(number), 4, 0, 0, 0, 0]))
            })
        }
        DefectName::TcpOptionLength => {
            let segments = plain::tcp().prop_map(|tcp| tcp.options([2, 4, 5, 180]).into_packet()).boxed();
            changed(numbered(either(&segments), 0, 2), |packet, number| {
                packet.with(Tcp::new().options([2, bad_option_length(number), 5, 180]))
            })
        }
        DefectName::HopByHopOptionLength => {
            let upper = udp(0).prop_map(|udp| HopByHop::new().options([0x1e, 4, 0, 0, 0, 0]) / udp);
            changed(numbered(v6(upper), 5, 255), |packet, length| {
                packet.with(HopByHop::new().options([0x1e, u8::from_bits(length), 0, 0, 0, 0]))
            })
        }
        DefectName::DestinationOptionLength => {
            let upper = udp(0).prop_map(|udp| DestinationOptions::new().options([0x1e, 4, 0, 0, 0, 0]) / udp);
            changed(numbered(v6(upper), 5, 255), |packet, length| {
                packet.with(DestinationOptions::new().options([0x1e, u8::from_bits(length), 0, 0, 0, 0]))
            })
        }
        DefectName::NdpOptionLength => changed(numbered(solicitation(), 0, 0), |packet, _| {
            packet.with(Icmpv6::new().ndp_options(hardware_address(0)))
        }),
        DefectName::NdpHopLimit => {
            changed(numbered(solicitation(), 1, 254), |packet, hops| set(packet, Kind::Ipv6, "hop_limit", hops))
        }
        DefectName::Ipv4SourceMulticast => {
            let groups = address::multicast_v4().prop_map(FieldValue::to_bits);
            changed((any_v4(), groups).boxed(), |packet, group| set(packet, Kind::Ipv4, "src", group))
        }
        DefectName::Ipv4SourceBroadcast => {
            changed(numbered(any_v4(), 0, 0), |packet, _| set(packet, Kind::Ipv4, "src", 0xffff_ffff))
        }
        DefectName::Ipv6SourceMulticast => {
            let groups = address::multicast_v6().prop_map(FieldValue::to_bits);
            changed((any_v6(), groups).boxed(), |packet, group| set(packet, Kind::Ipv6, "src", group))
        }
        DefectName::Ipv4TtlZero => {
            changed(numbered(any_v4(), 0, 0), |packet, zero| set(packet, Kind::Ipv4, "ttl", zero))
        }
        DefectName::Ipv6HopLimitZero => {
            changed(numbered(any_v6(), 0, 0), |packet, zero| set(packet, Kind::Ipv6, "hop_limit", zero))
        }
        _ => return None,
    })
}
