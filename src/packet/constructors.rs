//! The functions that make a layer of a certain type, for [`as_rust`](super::Packet::as_rust): which fields each sets.
//!
//! ```text
//!  Icmpv4::new().icmp_type(8).code(0).id(7).seq(1)   is written   Icmpv4::echo_request(7, 1)
//! ```

use super::field::Constraint;
use super::from_frame;
use super::layer::{At, Layer, LayerKind};

/// A function that makes a layer with some fields set: what it is called, which it sets to what, and which it takes.
pub(crate) struct Constructor {
    layer: LayerKind,
    pub(crate) name: &'static str,
    fixed: &'static [(&'static str, u128)],
    pub(crate) arguments: &'static [&'static str],
    /// Octets that it says must be absent.
    absent: Option<&'static str>,
    /// Octets that it sets to none; a setter may follow.
    empty: Option<&'static str>,
}

const fn of(
    layer: LayerKind,
    name: &'static str,
    fixed: &'static [(&'static str, u128)],
    arguments: &'static [&'static str],
) -> Constructor {
    Constructor { layer, name, fixed, arguments, absent: None, empty: None }
}

/// ICMP and ICMPv6.
const fn typed(
    layer: LayerKind,
    name: &'static str,
    type_and_code: &'static [(&'static str, u128); 2],
    arguments: &'static [&'static str],
) -> Constructor {
    of(layer, name, type_and_code, arguments)
}

macro_rules! icmp {
    ($number:literal $code:literal) => {
        &[("icmp_type", $number), ("code", $code)]
    };
}

/// The first that fits is taken.
static CONSTRUCTORS: &[Constructor] = {
    use LayerKind::{Arp, Icmpv4, Icmpv6, Igmp};
    &[
        of(Arp, "who_has", &[("operation", 1)], &["target"]),
        of(Arp, "is_at", &[("operation", 2)], &["sender", "sender_mac"]),
        typed(Icmpv4, "echo_request", icmp!(8 0), &["id", "seq"]),
        typed(Icmpv4, "echo_reply", icmp!(0 0), &["id", "seq"]),
        typed(Icmpv4, "port_unreachable", icmp!(3 3), &[]),
        typed(Icmpv4, "fragmentation_needed", icmp!(3 4), &["mtu"]),
        of(Icmpv4, "unreachable", &[("icmp_type", 3)], &["code"]),
        typed(Icmpv4, "time_exceeded", icmp!(11 0), &[]),
        typed(Icmpv4, "parameter_problem", icmp!(12 0), &["pointer"]),
        typed(Icmpv4, "redirect", icmp!(5 1), &["gateway"]),
        typed(Icmpv4, "timestamp_request", icmp!(13 0), &["id", "seq", "originate_timestamp"]),
        typed(Icmpv4, "timestamp_reply", icmp!(14 0), &["id", "seq", "originate_timestamp"]),
        Constructor { absent: Some("source_list"), ..of(Igmp, "membership_query", &[("igmp_type", 0x11)], &["group"]) },
        Constructor {
            empty: Some("source_list"),
            ..of(Igmp, "membership_query_v3", &[("igmp_type", 0x11)], &["group"])
        },
        of(Igmp, "membership_report_v1", &[("igmp_type", 0x12)], &["group"]),
        of(Igmp, "membership_report_v2", &[("igmp_type", 0x16)], &["group"]),
        of(Igmp, "leave_group", &[("igmp_type", 0x17)], &["group"]),
        of(Igmp, "membership_report_v3", &[("igmp_type", 0x22)], &[]),
        typed(Icmpv6, "echo_request", icmp!(128 0), &["id", "seq"]),
        typed(Icmpv6, "echo_reply", icmp!(129 0), &["id", "seq"]),
        typed(Icmpv6, "port_unreachable", icmp!(1 4), &[]),
        of(Icmpv6, "unreachable", &[("icmp_type", 1)], &["code"]),
        typed(Icmpv6, "packet_too_big", icmp!(2 0), &["mtu"]),
        typed(Icmpv6, "time_exceeded", icmp!(3 0), &[]),
        of(Icmpv6, "parameter_problem", &[("icmp_type", 4)], &["code", "pointer"]),
        Constructor {
            absent: Some("source_list"),
            ..typed(Icmpv6, "multicast_listener_query", icmp!(130 0), &["group"])
        },
        Constructor {
            empty: Some("source_list"),
            ..typed(Icmpv6, "multicast_listener_query_v2", icmp!(130 0), &["group"])
        },
        typed(Icmpv6, "multicast_listener_report", icmp!(131 0), &["group"]),
        typed(Icmpv6, "multicast_listener_done", icmp!(132 0), &["group"]),
        typed(Icmpv6, "multicast_listener_report_v2", icmp!(143 0), &[]),
        typed(Icmpv6, "router_solicitation", icmp!(133 0), &[]),
        typed(Icmpv6, "router_advertisement", icmp!(134 0), &[]),
        typed(Icmpv6, "neighbor_solicitation", icmp!(135 0), &["target"]),
        typed(Icmpv6, "neighbor_advertisement", icmp!(136 0), &["target"]),
        typed(Icmpv6, "redirect", icmp!(137 0), &["target", "destination"]),
        of(LayerKind::Dns, "query", &[("qr", 0), ("opcode", 0)], &["question", "question_type"]),
        of(LayerKind::Dhcp, "discover", &[("op", 1), ("message_type", 1)], &[]),
        of(LayerKind::Dhcp, "offer", &[("op", 2), ("message_type", 2)], &[]),
        of(LayerKind::Dhcp, "request", &[("op", 1), ("message_type", 3)], &[]),
        of(LayerKind::Dhcp, "decline", &[("op", 1), ("message_type", 4)], &[]),
        of(LayerKind::Dhcp, "ack", &[("op", 2), ("message_type", 5)], &[]),
        of(LayerKind::Dhcp, "nak", &[("op", 2), ("message_type", 6)], &[]),
        of(LayerKind::Dhcp, "release", &[("op", 1), ("message_type", 7)], &[]),
        of(LayerKind::Dhcp, "inform", &[("op", 1), ("message_type", 8)], &[]),
    ]
};

impl Constructor {
    /// The one that makes this layer, or from what it makes setters make it.
    pub(crate) fn of(layer: &Layer) -> Option<&'static Self> {
        CONSTRUCTORS.iter().find(|constructor| constructor.makes(layer))
    }

    fn makes(&self, layer: &Layer) -> bool {
        let exactly = |(field, wanted): &(&str, u128)| {
            let got = layer.get(field);
            matches!(got, Some(Constraint::Exact(bits)) if bits == wanted)
        };
        self.layer == layer.kind()
            && self.fixed.iter().all(exactly)
            && self.arguments.iter().all(|field| layer.get(field).is_some())
            && self.absent.is_none_or(|field| matches!(layer.get(field), Some(Constraint::Absent)))
            && self.empty.is_none_or(|field| matches!(layer.get(field), Some(Constraint::Octets(_))))
            && self.appends_first(layer)
    }

    /// What is appended in the order of the calls: what it sets has to be the first of that.
    fn appends_first(&self, layer: &Layer) -> bool {
        let appended = |field: &&str| {
            let fields = layer.protocol().fields;
            fields.iter().any(|info| info.name == *field && !matches!(info.at, At::Bits { .. }))
        };
        let own = self.fixed.iter().map(|(field, _)| *field).chain(self.arguments.iter().copied()).filter(appended);
        let mut all = layer.constraints().filter(|(_, info, _)| !matches!(info.at, At::Bits { .. }));
        own.into_iter().all(|field| all.next().is_some_and(|(_, info, _)| info.name == field))
    }

    /// Whether it sets that field, for good.
    pub(crate) fn sets(&self, field: &str, wanted: &Constraint) -> bool {
        self.arguments.contains(&field)
            || self.fixed.iter().any(|(fixed, _)| *fixed == field)
            || self.absent == Some(field)
            || self.empty == Some(field) && matches!(wanted, Constraint::Octets(octets) if octets.is_empty())
    }
}

/// The layer with what the constructor sets that fits this header, if one does.
pub(super) fn named(layer: &Layer, header: &[u8]) -> Option<Layer> {
    let fields = layer.protocol().fields;
    let read = |field: &str| {
        let index = layer.protocol().index(field)?;
        Some((index, fields.get(index)?.read(header)?))
    };
    let fits = |constructor: &&Constructor| {
        let is = |(field, wanted): &(&str, u128)| read(field).is_some_and(|(_, value)| value == (*wanted).into());
        constructor.layer == layer.kind()
            && constructor.fixed.iter().all(is)
            && constructor.arguments.iter().chain(&constructor.empty).all(|field| read(field).is_some())
            && constructor.absent.is_none_or(|field| read(field).is_none())
    };
    let constructor = CONSTRUCTORS.iter().find(fits)?;
    let fixed = constructor.fixed.iter().map(|(field, _)| *field);
    let mut layer = layer.clone();
    for (index, value) in fixed.chain(constructor.arguments.iter().copied()).filter_map(read) {
        from_frame::set(&mut layer, index, Some(value));
    }
    if let Some(field) = constructor.absent {
        layer.set(field, Constraint::Absent);
    }
    if let Some(field) = constructor.empty {
        layer.set(field, Constraint::Octets([].into()));
    }
    Some(layer)
}
