//! A strategy for each layer.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use proptest::{collection, option, sample};

use super::fields::{between_ports, plainer_layers, some, typed};
use crate::packet::{
    Arp, DestinationOptions, Ethernet, Fragment, HopByHop, Icmpv4, Icmpv6, Igmp, Ipv4, Ipv6, Layer, LayerKind, Payload,
    Routing, Tcp, Udp, Vlan,
};
use crate::strategy::address::{any_v6, multicast_v4, multicast_v6, source_mac, source_v4, source_v6};
use crate::strategy::simpler::{choose, noise, plainer, shrinking};

/// An Ethernet header.
pub fn ethernet() -> BoxedStrategy<Ethernet> {
    some(LayerKind::Ethernet, &[]).prop_map(Ethernet).boxed()
}

/// A VLAN tag.
pub fn vlan() -> BoxedStrategy<Vlan> {
    some(LayerKind::Vlan, &[]).prop_map(Vlan).boxed()
}

/// An ARP message for Ethernet and IPv4.
pub fn arp() -> BoxedStrategy<Arp> {
    some(LayerKind::Arp, &["hardware_type", "protocol_type", "hardware_length", "protocol_length"])
        .prop_map(Arp)
        .boxed()
}

/// An IPv4 header of no fragment, without or with options.
pub fn ipv4() -> BoxedStrategy<Ipv4> {
    with_options(some(LayerKind::Ipv4, &["version", "reserved", "more_fragments", "fragment_offset"]))
}

/// The same without what a message of a link's own protocols says itself: where it goes, and how far.
pub(super) fn ipv4_of_link() -> BoxedStrategy<Ipv4> {
    with_options(some(LayerKind::Ipv4, &["version", "reserved", "more_fragments", "fragment_offset", "ttl", "dst"]))
}

fn with_options(fields: BoxedStrategy<Layer>) -> BoxedStrategy<Ipv4> {
    // RFC 791: no operation, record route; RFC 2113: router alert.
    let option = sample::select(vec![vec![1], vec![0x94, 4, 0, 0], vec![7, 7, 4, 0, 0, 0, 0]]);
    let options = choose![3 => Just(Vec::new()), 1 => collection::vec(option, 1..=5)];
    let layers = (fields, options).prop_map(|(layer, options)| {
        let octets = options.concat();
        if octets.is_empty() { layer } else { Ipv4(layer).options(octets).0 }
    });
    plainer_layers(layers).prop_map(Ipv4).boxed()
}

/// An IPv6 header.
pub fn ipv6() -> BoxedStrategy<Ipv6> {
    some(LayerKind::Ipv6, &["version"]).prop_map(Ipv6).boxed()
}

/// The same without what a message of a link's own protocols says itself: where it goes, and how far.
pub(super) fn ipv6_of_link() -> BoxedStrategy<Ipv6> {
    some(LayerKind::Ipv6, &["version", "hop_limit", "dst"]).prop_map(Ipv6).boxed()
}

/// Options of an IPv6 extension header, each with its length (RFC 8200 section 4.2): padding, and unknown ones that are
/// to be skipped.
fn options() -> BoxedStrategy<Vec<u8>> {
    let padding = (0_u8..=5).prop_map(|length| [&[1, length][..], &vec![0; length.into()]].concat());
    let unknown = (0x10_u8..=0x1f, collection::vec(any::<u8>(), 0..=6))
        .prop_map(|(kind, value)| [&[kind, u8::try_from(value.len()).unwrap_or(0)][..], &value].concat());
    collection::vec(prop_oneof![padding, unknown], 0..=4).prop_map(|options| options.concat()).boxed()
}

/// A hop-by-hop options header.
pub fn hop_by_hop() -> BoxedStrategy<HopByHop> {
    options().prop_map(|options| HopByHop::new().options(options)).boxed()
}

/// A destination options header.
pub fn destination_options() -> BoxedStrategy<DestinationOptions> {
    options().prop_map(|options| DestinationOptions::new().options(options)).boxed()
}

/// A routing header: of type 2 with its one address (RFC 6275 section 6.4), or with all segments visited.
pub fn routing() -> BoxedStrategy<Routing> {
    let mobile = any::<[u8; 16]>()
        .prop_map(|home| Routing::new().routing_type(2).segments_left(1).data([&[0; 4][..], &home].concat()));
    let visited = (any::<u8>(), collection::vec(any::<u8>(), 4..=28))
        .prop_map(|(kind, data)| Routing::new().routing_type(kind).segments_left(0).data(data));
    prop_oneof![mobile, visited].boxed()
}

/// A fragment header: of a packet that is whole (RFC 6946) or of a part.
pub fn fragment() -> BoxedStrategy<Fragment> {
    let whole = some(LayerKind::Fragment, &["fragment_offset", "more_fragments"]);
    prop_oneof![whole, some(LayerKind::Fragment, &[])].prop_map(Fragment).boxed()
}

/// An ICMP message; echo and errors more often than others.
pub fn icmpv4() -> BoxedStrategy<Icmpv4> {
    let known = sample::select(vec![0, 3, 3, 5, 8, 8, 11, 12]);
    typed(LayerKind::Icmpv4, "icmp_type", prop_oneof![4 => known, 1 => any::<u8>()].boxed()).prop_map(Icmpv4).boxed()
}

/// An ICMPv6 message of RFC 4443, or of a type that nobody knows (200 and above).
pub fn icmpv6() -> BoxedStrategy<Icmpv6> {
    let known = sample::select(vec![1, 2, 3, 4, 128, 128, 129, 129]);
    typed(LayerKind::Icmpv6, "icmp_type", prop_oneof![4 => known, 1 => 200_u8..].boxed()).prop_map(Icmpv6).boxed()
}

/// An IGMP message of version 1 or 2.
pub fn igmp() -> BoxedStrategy<Igmp> {
    typed(LayerKind::Igmp, "igmp_type", sample::select(vec![0x11, 0x12, 0x16, 0x17]).boxed()).prop_map(Igmp).boxed()
}

/// An IGMP message of version 3: a query with sources, or a report with records.
pub fn igmp_v3() -> BoxedStrategy<Igmp> {
    let records = collection::vec((1_u8..=6, multicast_v4(), option::of(source_v4())), 0..4);
    prop_oneof![
        (multicast_v4(), any::<u8>(), option::of(source_v4())).prop_map(|(group, response, source)| {
            let query = Igmp::membership_query_v3(group).max_response(response);
            source.map_or(query.clone(), |source| query.sources([source, Ipv4Addr::new(192, 0, 2, 1)]))
        }),
        records.prop_map(|records| {
            records.into_iter().fold(Igmp::membership_report_v3(), |report, (kind, group, source)| match source {
                Some(source) => report.record(kind, group, [source]),
                None => report.record(kind, group, []),
            })
        }),
    ]
    .boxed()
}

/// A message of neighbour discovery, without or with options: each of the known ones at most once, in any order.
pub fn neighbor_discovery() -> BoxedStrategy<Icmpv6> {
    type Setter = fn(Icmpv6, [u8; 6], u128) -> Icmpv6;
    let setters: Vec<Setter> = vec![
        |message, mac, _| message.source_link_layer_address(mac),
        |message, mac, _| message.target_link_layer_address(mac),
        |message, _, bits| message.link_mtu(u32::from(bits.to_be_bytes()[0])),
        |message, _, bits| message.prefix_information(Ipv6Addr::from_bits(bits), 64, 86_400, 14_400),
        |message, mac, bits| message.option(14, [&mac[..], &bits.to_be_bytes()].concat()),
    ];
    let fields = typed(LayerKind::Icmpv6, "icmp_type", sample::select(vec![133_u8, 134, 135, 136, 137]).boxed());
    let options = sample::subsequence(setters, 0..=5).prop_shuffle();
    (fields, options, source_mac(), any_v6().prop_map(Ipv6Addr::to_bits))
        .prop_map(|(layer, options, mac, bits)| {
            options.into_iter().fold(Icmpv6(layer), |message, set| set(message, mac, bits))
        })
        .boxed()
}

/// A message of multicast listener discovery, of both versions.
pub fn listener_discovery() -> BoxedStrategy<Icmpv6> {
    let records = collection::vec((1_u8..=6, multicast_v6(), option::of(source_v6())), 0..4);
    let first = typed(LayerKind::Icmpv6, "icmp_type", sample::select(vec![130_u8, 131, 132]).boxed());
    prop_oneof![
        first.prop_map(Icmpv6),
        (multicast_v6(), any::<u16>(), source_v6()).prop_map(|(group, response, source)| {
            Icmpv6::multicast_listener_query_v2(group).max_response(response).sources([source])
        }),
        records.prop_map(|records| {
            let report = Icmpv6::multicast_listener_report_v2();
            records.into_iter().fold(report, |report, (kind, group, source)| match source {
                Some(source) => report.record(kind, group, [source]),
                None => report.record(kind, group, []),
            })
        }),
    ]
    .boxed()
}

/// A UDP header.
pub fn udp() -> BoxedStrategy<Udp> {
    between_ports(LayerKind::Udp).prop_map(Udp).boxed()
}

/// A TCP header, without or with options: each of the known ones at most once, in any order.
pub fn tcp() -> BoxedStrategy<Tcp> {
    type Setter = fn(Tcp, u16, u32, u32) -> Tcp;
    let setters: Vec<Setter> = vec![
        |tcp, mss, _, _| tcp.mss(mss),
        |tcp, shift, _, _| tcp.window_scale(shift.to_be_bytes()[1] % 15),
        |tcp, _, _, _| tcp.sack_permitted(),
        |tcp, _, value, echo| tcp.timestamps(value, echo),
        |tcp, _, left, right| tcp.sack([(left, right)]),
    ];
    let options = sample::subsequence(setters, 0..=5).prop_shuffle();
    let options = choose![1 => Just(Vec::new()), 1 => options];
    let layers = (between_ports(LayerKind::Tcp), options, any::<u16>(), any::<u32>(), any::<u32>()).prop_map(
        |(layer, options, short, left, right)| {
            options.into_iter().fold(Tcp(layer), |tcp, set| set(tcp, short, left, right)).0
        },
    );
    plainer_layers(layers).prop_map(Tcp).boxed()
}

/// Octets: none, few, at times as many as a link carries. Shrinks to as few as need be, each of them `a`.
pub fn payload() -> BoxedStrategy<Payload> {
    let octets = choose![
        2 => Just(Vec::new()),
        6 => noise(0..=63),
        1 => noise(0..=1399),
    ];
    shrinking(octets, |octets| plainer(octets, 0)).prop_map(|octets| Payload::new().octets(octets)).boxed()
}

/// Any of the layers above.
pub fn any_layer() -> BoxedStrategy<Layer> {
    prop_oneof![
        1 => ethernet().prop_map(Layer::from),
        1 => vlan().prop_map(Layer::from),
        1 => arp().prop_map(Layer::from),
        2 => ipv4().prop_map(Layer::from),
        2 => ipv6().prop_map(Layer::from),
        1 => hop_by_hop().prop_map(Layer::from),
        1 => destination_options().prop_map(Layer::from),
        1 => routing().prop_map(Layer::from),
        1 => fragment().prop_map(Layer::from),
        1 => icmpv4().prop_map(Layer::from),
        1 => icmpv6().prop_map(Layer::from),
        1 => igmp().prop_map(Layer::from),
        1 => neighbor_discovery().prop_map(Layer::from),
        1 => udp().prop_map(Layer::from),
        1 => tcp().prop_map(Layer::from),
        2 => payload().prop_map(Layer::from),
    ]
    .boxed()
}
