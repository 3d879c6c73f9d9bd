//! Packets as templates: one vocabulary to build, match and explain frames.
//!
//! Layer: above [`device`](crate::device) and [`codec`](crate::codec); knows no operating system. Built on etherparse:
//! it says where headers end and adds checksums; each protocol's file describes its fields once, and everything here
//! reads that table.
//!
//! Layers stack with `/`. A field is unset, a value, a range, one of several, a mask, or a described predicate
//! ([`such_that`]). Building fills unset fields with defaults and computes lengths, checksums and protocol numbers,
//! unless they are set, so that wrong ones can be built on purpose. Matching ignores what is unset, and verifies
//! lengths and checksums unless the template is [`unverified`](IntoPacket::unverified).
//!
//! ```
//! use tuntap_test::device::{FrameRef, Mode};
//! use tuntap_test::packet::{Icmpv4, IntoPacket, Ipv4};
//!
//! let request = Ipv4::new().ttl(9) / Icmpv4::echo_request(7, 1) / b"hello";
//! let octets = request.build()?;
//! let frame = FrameRef::new(Mode::Tun, &octets);
//!
//! let wanted = Ipv4::new().ttl(1..=64) / Icmpv4::echo_request([7, 8], 1);
//! assert!(wanted.matches(frame));
//! assert_eq!(frame.summary().to_string(), "192.0.2.2 > 192.0.2.1 ICMPv4 echo request id 7 seq 1 5 octets");
//! # Ok::<(), tuntap_test::packet::BuildError>(())
//! ```
//!
//! With the features `dns` and `dhcp` the messages of those protocols are layers behind UDP; without them, payloads.
//!
//! Octets are in network byte order everywhere. Everything that reads octets is total: any octets give layers, a
//! comparison and a text, never a panic.

mod accessors;
mod arp;
pub(crate) mod build;
mod checksum;
mod compare;
mod constructors;
mod conversions;
#[cfg(test)]
mod coverage;
mod defaults;
#[cfg(feature = "dhcp")]
mod dhcp;
#[cfg(feature = "dhcp")]
mod dhcp_options;
mod dissect;
#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "dns")]
mod dns_convert;
#[cfg(feature = "dns")]
mod dns_name;
#[cfg(feature = "dns")]
mod dns_record;
#[cfg(feature = "dns")]
mod dns_sections;
#[cfg(feature = "dns")]
mod dns_type;
mod ethernet;
mod explain;
pub(crate) mod field;
mod from_frame;
mod group_records;
mod icmpv4;
mod icmpv6;
mod igmp;
mod ipv4;
mod ipv6;
mod ipv6_extensions;
pub(crate) mod layer;
pub(crate) mod mismatch_text;
mod mld;
mod ndp;
mod ndp_options;
pub(crate) mod options;
mod parts;
mod payload;
pub(crate) mod rust;
mod summary;
mod tcp;
mod tcp_options;
mod udp;
mod verify;
mod view;

use std::ops::Div;
use std::sync::Arc;

pub use accessors::NoLayer;
pub use arp::Arp;
pub use build::BuildError;
pub(crate) use build::ip_number;
pub(crate) use checksum::{checksum as internet_checksum, pseudo_header_sum, transport_checksum, updated_checksum};
pub(crate) use compare::Distance;
pub use conversions::ConversionError;
pub use defaults::Defaults;
#[cfg(feature = "dhcp")]
pub use dhcp::Dhcp;
#[cfg(feature = "dhcp")]
pub use dhcp_options::{Addresses, DhcpOption};
pub(crate) use dissect::MOST_LAYERS;
pub use dissect::{DissectError, Dissection};
#[cfg(feature = "dns")]
pub use dns::Dns;
#[cfg(feature = "dns")]
pub use dns_name::{DomainName, DomainNameError};
#[cfg(feature = "dns")]
pub use dns_record::DnsRecord;
#[cfg(feature = "dns")]
pub use dns_type::RecordType;
pub use ethernet::{Ethernet, Vlan};
pub use explain::{Explanation, Hexdump};
pub(crate) use field::Value;
pub use field::{Field, FieldValue, IntoField, Octets, octets_such_that, such_that};
pub use group_records::group_record;
pub use icmpv4::Icmpv4;
pub use icmpv6::Icmpv6;
pub use igmp::Igmp;
pub use ipv4::Ipv4;
pub(crate) use ipv4::is_fragment;
pub use ipv6::Ipv6;
pub(crate) use ipv6_extensions::final_destination;
pub(crate) use ipv6_extensions::is_fragment as is_ipv6_fragment;
pub use ipv6_extensions::{DestinationOptions, Fragment, HopByHop, Routing};
pub use layer::{Layer, LayerKind};
pub use payload::Payload;
pub use summary::Summary;
pub use tcp::{Tcp, TcpFlagMask, TcpFlags, tcp_flags};
pub use udp::Udp;
pub use verify::{Defect, DefectKind};
pub(crate) use view::{IpAround, View};

use arp::ARP;
use ethernet::{ETHERNET, VLAN};
use icmpv4::ICMPV4;
use icmpv6::ICMPV6;
use igmp::IGMP;
use ipv4::IPV4;
use ipv6::IPV6;
use ipv6_extensions::{DESTINATION_OPTIONS, FRAGMENT, HOP_BY_HOP, ROUTING};
use layer::Protocol;
use payload::PAYLOAD;
use tcp::TCP;
use udp::UDP;

use crate::device::FrameRef;

/// The description of a protocol. Without its feature an application's message is a payload.
pub(crate) fn protocol(kind: LayerKind) -> &'static Protocol {
    match kind {
        LayerKind::Ethernet => &ETHERNET,
        LayerKind::Vlan => &VLAN,
        LayerKind::Arp => &ARP,
        LayerKind::Ipv4 => &IPV4,
        LayerKind::Ipv6 => &IPV6,
        LayerKind::HopByHop => &HOP_BY_HOP,
        LayerKind::Routing => &ROUTING,
        LayerKind::DestinationOptions => &DESTINATION_OPTIONS,
        LayerKind::Fragment => &FRAGMENT,
        LayerKind::Icmpv4 => &ICMPV4,
        LayerKind::Icmpv6 => &ICMPV6,
        LayerKind::Igmp => &IGMP,
        LayerKind::Udp => &UDP,
        LayerKind::Tcp => &TCP,
        #[cfg(feature = "dns")]
        LayerKind::Dns => &dns::DNS,
        #[cfg(not(feature = "dns"))]
        LayerKind::Dns => &PAYLOAD,
        #[cfg(feature = "dhcp")]
        LayerKind::Dhcp => &dhcp::DHCP,
        #[cfg(not(feature = "dhcp"))]
        LayerKind::Dhcp => &PAYLOAD,
        LayerKind::Payload => &PAYLOAD,
    }
}

/// The application's message that a datagram between those ports holds, where a feature takes it apart. What cannot be
/// one stays a payload.
pub(crate) fn application(from: u16, to: u16, octets: &[u8]) -> Option<LayerKind> {
    // IANA "Service Name and Transport Protocol Port Number Registry": domain, mdns, llmnr; bootps, bootpc.
    let ports = |known: &[u16]| known.contains(&from) || known.contains(&to);
    #[cfg(feature = "dns")]
    if ports(&[53, 5353, 5355]) && dns_sections::is_plausible(octets) {
        return Some(LayerKind::Dns);
    }
    #[cfg(feature = "dhcp")]
    if ports(&[67, 68]) && dhcp::is_plausible(octets) {
        return Some(LayerKind::Dhcp);
    }
    let _ = (ports, octets);
    None
}

/// A stack of layers: a template that builds a frame, and that matches frames.
#[derive(Clone)]
#[must_use]
pub struct Packet {
    pub(crate) layers: Vec<Layer>,
    pub(crate) trailer: Vec<u8>,
    pub(crate) verified: bool,
    pub(crate) on_match: Vec<OnMatch>,
}

/// Called with a frame that an exchange took for a template.
pub(crate) type OnMatch = Arc<dyn Fn(FrameRef<'_>) + Send + Sync>;

impl Packet {
    pub(crate) fn from_layer(layer: Layer) -> Self {
        Self { layers: vec![layer], ..Self::any() }
    }

    /// No layer: as a template it matches any frame whose lengths and checksums are right.
    pub const fn any() -> Self {
        Self { layers: Vec::new(), trailer: Vec::new(), verified: true, on_match: Vec::new() }
    }

    /// The layers, outermost first.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Calls `learn` with each frame that an exchange took for this template: what a later packet needs of it is
    /// captured there. Not called by [`matches`](Self::matches).
    pub fn on_match(mut self, learn: impl Fn(FrameRef<'_>) + Send + Sync + 'static) -> Self {
        self.on_match.push(Arc::new(learn));
        self
    }

    /// Octets behind the packet's end, such as an Ethernet frame's padding. Building appends them; matching ignores
    /// them.
    pub fn trailer(mut self, octets: impl Into<Vec<u8>>) -> Self {
        self.trailer = octets.into();
        self
    }
}

impl<Upper: IntoPacket> Div<Upper> for Packet {
    type Output = Self;

    /// Stacks what is inside, or behind, the last layer.
    fn div(mut self, upper: Upper) -> Self {
        let upper = upper.into_packet();
        self.layers.extend(upper.layers);
        self.trailer.extend(upper.trailer);
        self.verified = self.verified && upper.verified;
        self.on_match.extend(upper.on_match);
        self
    }
}

/// What a packet can be made of: a layer, a packet, octets (a payload), an etherparse header.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a layer nor a packet nor octets",
    note = "stack layers with `/`: `Ipv4::new() / Udp::new().dport(53) / b\"octets\"`"
)]
pub trait IntoPacket: Sized {
    /// The packet.
    fn into_packet(self) -> Packet;

    /// The same with what that layer sets, in the first layer of its kind; where there is none it is stacked behind.
    ///
    /// ```
    /// use tuntap_test::packet::{IntoPacket, Ipv4, Tcp};
    ///
    /// let syn = Ipv4::new() / Tcp::new().dport(80).syn().mss(1460);
    /// let small = syn.with(Tcp::new().mss(536));
    /// assert_eq!(format!("{small}"), "IPv4 / TCP (dport 80, flags S, mss 536)");
    /// ```
    fn with(self, layer: impl Into<Layer>) -> Packet {
        let mut packet = self.into_packet();
        let layer = layer.into();
        match packet.layers.iter_mut().find(|present| present.kind() == layer.kind()) {
            Some(present) => present.merge(&layer),
            None => packet.layers.push(layer),
        }
        packet
    }

    /// As a template, do not verify lengths and checksums.
    fn unverified(self) -> Packet {
        let mut packet = self.into_packet();
        packet.verified = false;
        packet
    }
}

impl IntoPacket for Packet {
    fn into_packet(self) -> Packet {
        self
    }
}

impl IntoPacket for &Packet {
    fn into_packet(self) -> Packet {
        self.clone()
    }
}

impl IntoPacket for Layer {
    fn into_packet(self) -> Packet {
        Packet::from_layer(self)
    }
}

macro_rules! payloads {
    ($([$(const $n:ident)?] $type:ty),* $(,)?) => {$(
        impl $(<const $n: usize>)? IntoPacket for $type {
            fn into_packet(self) -> Packet {
                Payload::new().octets(self).into_packet()
            }
        }
    )*};
}
payloads!([] &[u8], [] Vec<u8>, [] &Vec<u8>, [const N] [u8; N], [const N] &[u8; N], [] &str, [] String);
