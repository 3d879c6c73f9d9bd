//! Packets and frames: layers that belong on each other, layers that do not, and octets.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::{collection, sample};

use super::fields::tamper;
use super::layers::{
    any_layer, arp, destination_options, ethernet, fragment, hop_by_hop, icmpv4, icmpv6, igmp, igmp_v3, ipv4,
    ipv4_of_link, ipv6, ipv6_of_link, listener_discovery, neighbor_discovery, payload, routing, tcp, udp, vlan,
};
use crate::device::Mode;
use crate::packet::{Icmpv4, Icmpv6, Ipv6, Layer, LayerKind, Packet};
use crate::strategy::simpler::{choose, maybe, shrinking};

use super::shrink::simpler;

/// IPv4 and what it carries: TCP, UDP, ICMP, IGMP.
fn v4() -> BoxedStrategy<Packet> {
    let upper = choose![
        3 => (tcp(), payload()).prop_map(|(tcp, payload)| tcp / payload),
        3 => (udp(), payload()).prop_map(|(udp, payload)| udp / payload),
        2 => (icmpv4(), payload()).prop_map(|(icmp, payload)| icmp / payload),
        1 => error_v4(),
    ];
    let groups = choose![1 => igmp(), 1 => igmp_v3()];
    choose![
        9 => (ipv4(), upper).prop_map(|(ip, upper)| ip / upper),
        2 => (ipv4_of_link(), groups).prop_map(|(ip, igmp)| ip / igmp),
    ]
}

/// An error with the datagram it is about: its layers, or as many of its octets as there was room for.
fn error_v4() -> BoxedStrategy<Packet> {
    let error = sample::select(vec![
        Icmpv4::port_unreachable(),
        Icmpv4::fragmentation_needed(1400),
        Icmpv4::time_exceeded(),
        Icmpv4::parameter_problem(20),
        Icmpv4::redirect([192, 0, 2, 9]),
    ]);
    let quoted = (ipv4(), udp(), payload()).prop_map(|(ip, udp, payload)| ip / udp / payload).boxed();
    (error, quoted, maybe(any::<Index>().boxed()))
        .prop_map(|(error, quoted, cut)| error.quoting(cut_at(quoted, cut)))
        .boxed()
}

fn error_v6() -> BoxedStrategy<Packet> {
    let error = sample::select(vec![
        Icmpv6::port_unreachable(),
        Icmpv6::packet_too_big(1280),
        Icmpv6::time_exceeded(),
        Icmpv6::parameter_problem(1, 6),
    ]);
    let quoted = (ipv6(), udp(), payload()).prop_map(|(ip, udp, payload)| ip / udp / payload).boxed();
    (error, quoted, maybe(any::<Index>().boxed()))
        .prop_map(|(error, quoted, cut)| error.quoting(cut_at(quoted, cut)))
        .boxed()
}

fn cut_at(quoted: Packet, cut: Option<Index>) -> Packet {
    match (cut, quoted.build()) {
        (Some(cut), Ok(octets)) => {
            let end = cut.index(octets.len() + 1);
            crate::packet::IntoPacket::into_packet(octets.get(..end).unwrap_or_default())
        }
        _ => quoted,
    }
}

/// IPv6 and what it carries: TCP, UDP, ICMPv6 with neighbour and listener discovery.
fn v6() -> BoxedStrategy<(Ipv6, Packet)> {
    let upper = choose![
        3 => (tcp(), payload()).prop_map(|(tcp, payload)| tcp / payload),
        3 => (udp(), payload()).prop_map(|(udp, payload)| udp / payload),
        2 => (icmpv6(), payload()).prop_map(|(icmp, payload)| icmp / payload),
        1 => error_v6(),
    ];
    let discovery = choose![2 => neighbor_discovery(), 1 => listener_discovery()].prop_map(Packet::from);
    choose![3 => (ipv6(), upper), 1 => (ipv6_of_link(), discovery)]
}

/// The content of a fragment: whole units of 8 octets, as all but the last have, so that it ends within a packet.
fn part() -> BoxedStrategy<(u16, Vec<u8>)> {
    (1_u16..8000, collection::vec(any::<[u8; 8]>(), 1..100).prop_map(|units| units.concat())).boxed()
}

/// An IP packet as a host would send it: TCP, UDP, ICMP or IGMP; over IPv6 also behind extension headers in the order
/// of RFC 8200 section 4.1. Now and then a fragment, whose payload nobody takes apart, or a tunnelled packet.
///
/// Lengths and checksums are right, and it matches what it builds on a TUN. Shrinks to an IPv4 or IPv6 header with
/// nothing set, or to the packet that a person would write of what matters.
pub fn ip_packet() -> BoxedStrategy<Packet> {
    let extensions = (
        maybe(hop_by_hop()),
        maybe(destination_options()),
        maybe(routing()),
        choose![4 => Just(None), 1 => destination_options().prop_map(Some)],
    )
        .prop_map(|(hop_by_hop, first, routing, last)| {
            let extensions: [Option<Layer>; 4] =
                [hop_by_hop.map(Layer::from), first.map(Layer::from), routing.map(Layer::from), last.map(Layer::from)];
            extensions.into_iter().flatten().collect::<Vec<_>>()
        });
    let extended = (v6(), extensions)
        .prop_map(|((ip, upper), extensions)| {
            extensions.into_iter().fold(Packet::from(ip), |packet, layer| packet / layer) / upper
        })
        .boxed();
    let protocol = || sample::select(vec![1_u8, 6, 17, 253]);
    let part_v4 = (ipv4(), part(), any::<bool>(), protocol())
        .prop_map(|(ip, (offset, content), more, protocol)| {
            ip.fragment_offset(offset).more_fragments(more).protocol(protocol) / content
        })
        .boxed();
    let part_v6 = (ipv6(), fragment(), part(), protocol()).prop_map(|(ip, part, (offset, content), protocol)| {
        ip / part.fragment_offset(offset).next_header(protocol) / content
    });
    let tunnel = (ipv4(), v6()).prop_map(|(outer, (ip, upper))| outer / ip / upper).boxed();
    let over_v6 = v6().prop_map(|(ip, upper)| ip / upper);
    let all = choose![8 => v4(), 6 => over_v6, 2 => extended, 1 => part_v4, 1 => part_v6, 1 => tunnel];
    shrinking(all, simpler)
}

/// A packet whose layers belong on each other and whose lengths and checksums are right: an IP packet alone, or that,
/// ARP or something unknown behind Ethernet, at times tagged or padded. Shrinks to an IPv4 or IPv6 header with nothing
/// set, or to the packet that a person would write of what matters.
pub fn sound_packet() -> BoxedStrategy<Packet> {
    let carried = choose![
        6 => (ip_packet(), padding()).prop_map(|(packet, padding)| packet.trailer(padding)),
        2 => (arp(), padding()).prop_map(|(arp, padding)| Packet::from(arp).trailer(padding)),
        1 => payload().prop_map(Packet::from),
    ];
    let tags = choose![4 => Just(Vec::new()), 1 => collection::vec(vlan(), 1..=2)];
    let framed = (ethernet(), tags, carried)
        .prop_map(|(ethernet, tags, carried)| {
            tags.into_iter().fold(Packet::from(ethernet), |packet, tag| packet / tag) / carried
        })
        .boxed();
    shrinking(choose![1 => ip_packet(), 1 => framed], simpler)
}

fn padding() -> BoxedStrategy<Vec<u8>> {
    choose![3 => Just(Vec::new()), 1 => (1_usize..40).prop_map(|octets| vec![0; octets])]
}

/// A packet that builds, however odd: a sound one, one with some fields set to anything by hand, or any layers on each
/// other.
pub fn packet() -> BoxedStrategy<Packet> {
    let changes = collection::vec((any::<Index>(), any::<Index>(), any::<u128>()), 1..4);
    let tampered = (sound_packet(), changes)
        .prop_map(|(mut packet, changes)| {
            for (layer, field, value) in changes {
                let at = layer.index(packet.layers.len().max(1));
                if let Some(layer) = packet.layers.get_mut(at) {
                    tamper(layer, field, value);
                }
            }
            packet
        })
        .boxed();
    let odd = (collection::vec(any_layer(), 0..9), padding())
        .prop_map(|(layers, padding)| {
            layers.into_iter().fold(Packet::any(), |packet, layer| packet / layer).trailer(padding)
        })
        .boxed();
    prop_oneof![3 => sound_packet(), 1 => tampered, 1 => odd].boxed()
}

/// A frame: a packet's octets, the same with some octets changed, inserted, repeated or cut off, or any octets.
pub fn frame() -> BoxedStrategy<(Mode, Vec<u8>)> {
    let built = packet()
        .prop_map(|packet| {
            let tap = packet.layers().first().is_some_and(|layer| layer.kind() == LayerKind::Ethernet);
            (if tap { Mode::Tap } else { Mode::Tun }, packet.build().unwrap_or_default())
        })
        .boxed();
    let mode = || sample::select(vec![Mode::Tun, Mode::Tap]);
    let changes = collection::vec((any::<Index>(), any::<u8>(), 0_u8..5), 1..5);
    let changed =
        (built.clone(), changes).prop_map(|((mode, octets), changes)| (mode, change(octets, &changes))).boxed();
    let first = prop_oneof![1 => Just(None), 2 => sample::select(vec![0x45_u8, 0x46, 0x4f, 0x60]).prop_map(Some)];
    let random = (mode(), first, collection::vec(any::<u8>(), 0..128))
        .prop_map(|(mode, first, mut octets)| {
            if let (Some(place), Some(first)) = (octets.first_mut(), first) {
                *place = first;
            }
            (mode, octets)
        })
        .boxed();
    prop_oneof![3 => built, 3 => changed, 1 => random].boxed()
}

fn change(mut octets: Vec<u8>, changes: &[(Index, u8, u8)]) -> Vec<u8> {
    for (place, value, what) in changes {
        if octets.is_empty() {
            return octets;
        }
        // Headers are where it matters.
        let at = place.index(octets.len().min(80));
        match (what, octets.get_mut(at)) {
            (0, Some(octet)) => *octet = *value,
            (1, Some(octet)) => *octet ^= 1 << (value % 8),
            (2, _) => octets.truncate(at),
            (3, _) => octets.insert(at, *value),
            _ => octets.extend_from_within(at..),
        }
    }
    octets
}
