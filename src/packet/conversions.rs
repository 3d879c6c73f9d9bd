//! etherparse's headers as layers, and layers as etherparse's headers.
//!
//! Layer: `packet`. A header of etherparse stands wherever a layer or a packet does: it stacks with `/` (on both sides,
//! except on octets alone: begin with [`into_packet`](IntoPacket::into_packet) there), builds and matches.
//!
//! **A header's fields are all set**, so as a template it is strict: a `TcpHeader` whose window is 0 matches a window of
//! 0 only. Left open are lengths and checksums that are 0 and protocol numbers that are 0 or 255, which is what
//! etherparse's defaults leave there for later: they are computed when built, and do not matter when matched. (A UDP
//! checksum of 0 that is meant: `Udp::from(header).checksum(0)`.) What etherparse computes itself from the header's size is left open, too. What has
//! no layer here, such as an authentication header, becomes octets.
//!
//! ```
//! use tuntap_test::etherparse::{TcpHeader, UdpHeader};
//! use tuntap_test::packet::{IntoPacket, Ipv4, Packet};
//!
//! let packet = Ipv4::new().ttl(9) / UdpHeader { destination_port: 53, ..UdpHeader::default() } / b"hi";
//! assert_eq!(packet.build()?.len(), 20 + 8 + 2);
//!
//! let built = UdpHeader::try_from(&packet)?;
//! assert_eq!((built.destination_port, built.length), (53, 10));
//! assert!(TcpHeader::try_from(&packet).unwrap_err().to_string().starts_with("the frame has no TCP layer"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::error::Error;
use std::fmt;
use std::ops::Div;

use etherparse::{
    ArpEthIpv4Packet, ArpPacket, ArpPacketSlice, DoubleVlanHeader, Ethernet2Header, Ethernet2HeaderSlice, Icmpv4Header,
    Icmpv4Slice, Icmpv6Header, Icmpv6Slice, IgmpHeader, IpAuthHeader, IpHeaders, Ipv4Extensions, Ipv4Header,
    Ipv4HeaderSlice, Ipv6Extensions, Ipv6FragmentHeader, Ipv6FragmentHeaderSlice, Ipv6Header, Ipv6HeaderSlice,
    Ipv6RawExtHeader, LinkExtHeader, LinkHeader, NetHeaders, NetSlice, PacketHeaders, SingleVlanHeader,
    SingleVlanHeaderSlice, SlicedPacket, TcpHeader, TcpHeaderSlice, TransportHeader, TransportSlice, UdpHeader,
    UdpHeaderSlice, VlanHeader,
};

use super::dissect::Dissection;
use super::layer::{At, Layer, LayerKind};
use super::view::View;
use super::{
    Arp, BuildError, Defaults, DestinationOptions, Ethernet, Fragment, HopByHop, Icmpv4, Icmpv6, Igmp, IntoPacket,
    Ipv4, Ipv6, NoLayer, Packet, Payload, Routing, Tcp, Udp, Vlan, from_frame, protocol,
};
use crate::device::{FrameRef, Mode};

/// Why a template is no header of etherparse.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConversionError {
    /// It does not build.
    Build(BuildError),
    /// What it builds has no such layer, or none that etherparse reads.
    NoLayer(NoLayer),
}

impl fmt::Display for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => fmt::Display::fmt(error, f),
            Self::NoLayer(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl Error for ConversionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Build(error) => Some(error),
            Self::NoLayer(error) => Some(error),
        }
    }
}

/// What etherparse writes from the size of what it has: never worth a constraint.
const STRUCTURAL: [&str; 3] = ["version", "ihl", "data_offset"];

/// IANA: reserved. etherparse's defaults have it where the protocol is not known yet.
const UNKNOWN: u128 = 255;

/// A header's octets as a layer with all fields set, and the octets behind the header.
fn split(kind: LayerKind, octets: &[u8]) -> (Layer, &[u8]) {
    let protocol = protocol(kind);
    // Headers of a variable length say so in themselves; of the others etherparse may hold more than the header.
    let end = if protocol.behaviour.align > 1 { octets.len() } else { (protocol.behaviour.fixed)(octets) };
    let (header, rest) = octets.split_at_checked(end).unwrap_or((octets, &[]));
    let view =
        View { protocol, frame: header, start: 0, header, content: &[], available: header.len(), ip: None, nesting: 0 };
    let mut layer = Layer::new(protocol);
    for (index, info) in protocol.fields.iter().enumerate() {
        let (At::Bits { .. }, Some(value)) = (info.at, view.value(index)) else { continue };
        let number = matches!(info.name, "protocol" | "next_header");
        let later = info.computed && (value == 0.into() || number && value == UNKNOWN.into());
        let extension = info.name == "length" && protocol.behaviour.align == 8;
        if !later && !extension && !STRUCTURAL.contains(&info.name) {
            from_frame::set(&mut layer, index, Some(value));
        }
    }
    (from_frame::with_options(layer.clone(), &view).unwrap_or(layer), rest)
}

/// The same as a packet.
fn packet(kind: LayerKind, octets: &[u8]) -> Packet {
    let (layer, rest) = split(kind, octets);
    let packet = Packet::from_layer(layer);
    if rest.is_empty() { packet } else { packet / rest }
}

/// Builds the packet and reads the first layer of that kind. Layers that only Ethernet carries get an Ethernet header.
fn read<Header, Reason: fmt::Display>(
    packet: &Packet,
    kind: LayerKind,
    header: impl Fn(&View<'_>) -> Result<Header, Reason>,
) -> Result<Header, ConversionError> {
    let first = packet.layers().first().map(Layer::kind);
    let framed = matches!(first, Some(LayerKind::Ethernet | LayerKind::Vlan | LayerKind::Arp));
    let mut defaults = Defaults::documentation();
    defaults.mode = framed.then_some(Mode::Tap);
    let octets = packet.build_with(&defaults).map_err(ConversionError::Build)?;
    let frame = FrameRef::new(if framed { Mode::Tap } else { Mode::Tun }, &octets);
    let no_layer = |reason| ConversionError::NoLayer(NoLayer::new(kind, frame, reason));
    let dissection = Dissection::new(frame);
    let view = dissection.find(kind).ok_or_else(|| no_layer(None))?;
    header(&view).map_err(|reason| no_layer(Some(reason.to_string())))
}

macro_rules! headers {
    ($($header:ident <=> $layer:ident, |$value:ident| $octets:expr, |$view:ident| $read:expr;)*) => {$(
        /// All fields are set but lengths, checksums and protocol numbers that etherparse's defaults leave for later.
        impl From<$header> for $layer {
            fn from($value: $header) -> Self {
                Self(split(LayerKind::$layer, &$octets).0)
            }
        }

        impl From<$header> for Layer {
            fn from(header: $header) -> Self {
                $layer::from(header).0
            }
        }

        impl IntoPacket for $header {
            fn into_packet(self) -> Packet {
                let $value = self;
                packet(LayerKind::$layer, &$octets)
            }
        }

        /// Built with documentation addresses, and read again.
        impl TryFrom<&Packet> for $header {
            type Error = ConversionError;

            fn try_from(packet: &Packet) -> Result<Self, ConversionError> {
                read(packet, LayerKind::$layer, |$view| $read)
            }
        }

        /// Built with documentation addresses, and read again.
        impl TryFrom<Packet> for $header {
            type Error = ConversionError;

            fn try_from(packet: Packet) -> Result<Self, ConversionError> {
                Self::try_from(&packet)
            }
        }

        /// Built with documentation addresses, and read again.
        impl TryFrom<$layer> for $header {
            type Error = ConversionError;

            fn try_from(layer: $layer) -> Result<Self, ConversionError> {
                Self::try_from(&layer.into_packet())
            }
        }
    )*};
}

headers! {
    Ethernet2Header <=> Ethernet, |header| header.to_bytes(),
        |view| Ethernet2HeaderSlice::from_slice(view.header).map(|slice| slice.to_header());
    SingleVlanHeader <=> Vlan, |header| header.to_bytes(),
        |view| SingleVlanHeaderSlice::from_slice(view.header).map(|slice| slice.to_header());
    ArpEthIpv4Packet <=> Arp, |packet| packet.to_bytes(),
        |view| ArpPacketSlice::from_slice(view.header)
            .map_err(|error| error.to_string())
            .and_then(|slice| slice.to_packet().try_eth_ipv4().map_err(|error| error.to_string()));
    Ipv4Header <=> Ipv4, |header| header.to_bytes(),
        |view| Ipv4HeaderSlice::from_slice(view.header).map(|slice| slice.to_header());
    Ipv6Header <=> Ipv6, |header| header.to_bytes(),
        |view| Ipv6HeaderSlice::from_slice(view.header).map(|slice| slice.to_header());
    Ipv6FragmentHeader <=> Fragment, |header| header.to_bytes(),
        |view| Ipv6FragmentHeaderSlice::from_slice(view.header).map(|slice| slice.to_header());
    Icmpv4Header <=> Icmpv4, |header| header.to_bytes(),
        |view| Icmpv4Slice::from_slice(view.message()).map(|slice| slice.header());
    Icmpv6Header <=> Icmpv6, |header| header.to_bytes(),
        |view| Icmpv6Slice::from_slice(view.message()).map(|slice| slice.header());
    IgmpHeader <=> Igmp, |header| header.to_bytes(),
        |view| IgmpHeader::from_slice(view.message()).map(|(header, _)| header);
    UdpHeader <=> Udp, |header| header.to_bytes(),
        |view| UdpHeaderSlice::from_slice(view.header).map(|slice| slice.to_header());
    TcpHeader <=> Tcp, |header| header.to_bytes(),
        |view| TcpHeaderSlice::from_slice(view.header).map(|slice| slice.to_header());
}

macro_rules! extensions {
    ($($layer:ident),*) => {$(
        /// All fields are set, the next header only where it is known. (etherparse has one type for three headers.)
        impl From<Ipv6RawExtHeader> for $layer {
            fn from(header: Ipv6RawExtHeader) -> Self {
                Self(split(LayerKind::$layer, &header.to_bytes()).0)
            }
        }
    )*};
}
extensions!(HopByHop, DestinationOptions, Routing);

/// A packet of what is there.
fn stack<const N: usize>(layers: [Option<Packet>; N]) -> Packet {
    layers.into_iter().flatten().fold(Packet::any(), Div::div)
}

impl IntoPacket for DoubleVlanHeader {
    fn into_packet(self) -> Packet {
        self.outer.into_packet() / self.inner
    }
}

impl IntoPacket for VlanHeader {
    fn into_packet(self) -> Packet {
        match self {
            Self::Single(tag) => tag.into_packet(),
            Self::Double(tags) => tags.into_packet(),
        }
    }
}

impl IntoPacket for LinkHeader {
    fn into_packet(self) -> Packet {
        match self {
            Self::Ethernet2(header) => header.into_packet(),
            Self::LinuxSll(header) => header.to_bytes().into_packet(),
        }
    }
}

impl IntoPacket for LinkExtHeader {
    fn into_packet(self) -> Packet {
        match self {
            Self::Vlan(tag) => tag.into_packet(),
            Self::Macsec(header) => header.to_bytes().as_slice().into_packet(),
        }
    }
}

/// ARP for Ethernet and IPv4; others are octets.
impl IntoPacket for ArpPacket {
    fn into_packet(self) -> Packet {
        let octets = self.to_bytes();
        match (self.hw_addr_size(), self.protocol_addr_size()) {
            (6, 4) => packet(LayerKind::Arp, &octets),
            _ => octets.as_slice().into_packet(),
        }
    }
}

impl IntoPacket for IpAuthHeader {
    fn into_packet(self) -> Packet {
        self.to_bytes().as_slice().into_packet()
    }
}

impl IntoPacket for Ipv4Extensions {
    fn into_packet(self) -> Packet {
        stack([self.auth.map(IntoPacket::into_packet)])
    }
}

/// In the order of RFC 8200 section 4.1.
impl IntoPacket for Ipv6Extensions {
    fn into_packet(self) -> Packet {
        let (routing, last) =
            self.routing.map_or((None, None), |routing| (Some(routing.routing), routing.final_destination_options));
        stack([
            self.hop_by_hop_options.map(|header| HopByHop::from(header).into_packet()),
            self.destination_options.map(|header| DestinationOptions::from(header).into_packet()),
            routing.map(|header| Routing::from(header).into_packet()),
            self.fragment.map(IntoPacket::into_packet),
            self.auth.map(IntoPacket::into_packet),
            last.map(|header| DestinationOptions::from(header).into_packet()),
        ])
    }
}

impl IntoPacket for IpHeaders {
    fn into_packet(self) -> Packet {
        match self {
            Self::Ipv4(header, extensions) => header.into_packet() / extensions,
            Self::Ipv6(header, extensions) => header.into_packet() / extensions,
        }
    }
}

impl IntoPacket for NetHeaders {
    fn into_packet(self) -> Packet {
        match self {
            Self::Ipv4(header, extensions) => header.into_packet() / extensions,
            Self::Ipv6(header, extensions) => header.into_packet() / extensions,
            Self::Arp(packet) => packet.into_packet(),
        }
    }
}

impl IntoPacket for TransportHeader {
    fn into_packet(self) -> Packet {
        match self {
            Self::Udp(header) => header.into_packet(),
            Self::Tcp(header) => header.into_packet(),
            Self::Icmpv4(header) => header.into_packet(),
            Self::Icmpv6(header) => header.into_packet(),
            Self::Igmp(header) => header.into_packet(),
        }
    }
}

/// All headers and the payload. Padding behind the packet is not in it.
impl IntoPacket for PacketHeaders<'_> {
    fn into_packet(self) -> Packet {
        let extensions = self.link_exts.into_iter().map(IntoPacket::into_packet);
        let headers = [
            self.link.map(IntoPacket::into_packet),
            Some(extensions.fold(Packet::any(), Div::div)),
            self.net.map(IntoPacket::into_packet),
            self.transport.map(IntoPacket::into_packet),
            Some(self.payload.slice()).filter(|octets| !octets.is_empty()).map(IntoPacket::into_packet),
        ];
        stack(headers)
    }
}

/// All headers and the payload. Padding behind the packet is not in it. (A lax one is for cut frames:
/// [`Packet::from_frame`] takes those.)
impl IntoPacket for SlicedPacket<'_> {
    fn into_packet(self) -> Packet {
        let payload = match (&self.transport, self.ip_payload(), self.ether_payload()) {
            (Some(TransportSlice::Udp(udp)), ..) => udp.payload(),
            (Some(TransportSlice::Tcp(tcp)), ..) => tcp.payload(),
            (Some(TransportSlice::Icmpv4(icmp)), ..) => icmp.payload(),
            (Some(TransportSlice::Icmpv6(icmp)), ..) => icmp.payload(),
            (Some(TransportSlice::Igmp(igmp)), ..) => igmp.payload(),
            (None, Some(ip), _) => ip.payload,
            (None, None, Some(ether)) if self.net.is_none() => ether.payload,
            _ => &[],
        };
        let net = self.net.map(|net| match net {
            NetSlice::Ipv4(ip) => ip.header().to_header().into_packet() / ip.extensions().to_header(),
            NetSlice::Ipv6(ip) => {
                let header = ip.header().to_header();
                match Ipv6Extensions::from_slice(header.next_header, ip.extensions().slice()) {
                    Ok((extensions, ..)) => header.into_packet() / extensions,
                    Err(_) => header.into_packet() / ip.extensions().slice(),
                }
            }
            NetSlice::Arp(arp) => arp.to_packet().into_packet(),
        });
        let transport = self.transport.map(|transport| match transport {
            TransportSlice::Udp(udp) => udp.to_header().into_packet(),
            TransportSlice::Tcp(tcp) => tcp.to_header().into_packet(),
            TransportSlice::Icmpv4(icmp) => icmp.header().into_packet(),
            TransportSlice::Icmpv6(icmp) => icmp.header().into_packet(),
            TransportSlice::Igmp(igmp) => igmp.header().into_packet(),
        });
        let extensions = self.link_exts.iter().map(|extension| extension.to_header().into_packet());
        stack([
            self.link.and_then(|link| link.to_header()).map(IntoPacket::into_packet),
            Some(extensions.fold(Packet::any(), Div::div)),
            net,
            transport,
            Some(payload).filter(|octets| !octets.is_empty()).map(IntoPacket::into_packet),
        ])
    }
}

/// `Ipv4Header { … } / Tcp::new()`: theirs around ours, where one goes on the other.
macro_rules! around {
    ([$($header:ident),* $(,)?] / $layers:tt) => {$(
        around!($header / $layers);
    )*};
    ($header:ident / [$($layer:ident),* $(,)?]) => {$(
        #[doc(hidden)]
        impl Div<$layer> for $header {
            type Output = Packet;

            fn div(self, upper: $layer) -> Packet {
                self.into_packet() / upper
            }
        }
    )*};
}
around!(
    [Ethernet2Header, SingleVlanHeader, DoubleVlanHeader, VlanHeader, LinkHeader]
        / [Vlan, Arp, Ipv4, Ipv6, Payload, Layer, Packet]
);
around!(
    [Ipv4Header, Ipv6Header, Ipv6FragmentHeader, Ipv6Extensions, IpHeaders, NetHeaders]
        / [
            Ipv4,
            Ipv6,
            HopByHop,
            DestinationOptions,
            Routing,
            Fragment,
            Icmpv4,
            Icmpv6,
            Igmp,
            Udp,
            Tcp,
            Payload,
            Layer,
            Packet
        ]
);
around!(
    [UdpHeader, TcpHeader, Icmpv4Header, Icmpv6Header, IgmpHeader, TransportHeader]
        / [Ipv4, Ipv6, Payload, Layer, Packet]
);
