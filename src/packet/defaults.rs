//! What a template leaves open and its link knows: the layers below, and their addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::build::BuildError;
use super::field::{Constraint, FieldValue};
use super::layer::{Layer, LayerKind};
use super::{ETHERNET, IPV4, IPV6};
use crate::device::Mode;

/// The addresses that packets get which name none, and what the link carries.
///
/// What the test sends goes from the peer, which it plays, to the host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Defaults {
    /// What a frame of the link is; `None` for packets that belong to no link, which get no Ethernet header.
    pub mode: Option<Mode>,
    /// IPv4 source and destination.
    pub v4: Option<(Ipv4Addr, Ipv4Addr)>,
    /// IPv6 source and destination.
    pub v6: Option<(Ipv6Addr, Ipv6Addr)>,
    /// Ethernet source and destination.
    pub mac: ([u8; 6], [u8; 6]),
}

impl Defaults {
    /// The hardware address of the peer that a test plays: locally administered.
    pub const PEER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
    /// The hardware address of the mock's host.
    pub const HOST_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];

    /// The documentation addresses (RFC 5737, RFC 3849), from the peer `.2` to the host `.1`, on no link.
    #[must_use]
    pub const fn documentation() -> Self {
        Self {
            mode: None,
            v4: Some((Ipv4Addr::new(192, 0, 2, 2), Ipv4Addr::new(192, 0, 2, 1))),
            v6: Some((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))),
            mac: (Self::PEER_MAC, Self::HOST_MAC),
        }
    }

    /// The same in the other direction: from the host to the peer.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self {
            mode: self.mode,
            v4: self.v4.map(|(from, to)| (to, from)),
            v6: self.v6.map(|(from, to)| (to, from)),
            mac: (self.mac.1, self.mac.0),
        }
    }

    /// The layers with those below them that are missing, and the addresses that they leave open.
    pub(crate) fn fill(&self, layers: &[Layer]) -> Result<Vec<Layer>, BuildError> {
        let mut filled = Vec::with_capacity(layers.len() + 3);
        let Some(first) = layers.first().map(Layer::kind) else { return Ok(filled) };
        if first == LayerKind::Payload {
            // Octets alone are the frame.
            filled.extend_from_slice(layers);
            return Ok(filled);
        }
        let has_ethernet = first == LayerKind::Ethernet;
        if has_ethernet && self.mode == Some(Mode::Tun) {
            return Err(BuildError::EthernetOnTun);
        }
        if !has_ethernet && self.mode == Some(Mode::Tap) {
            filled.push(Layer::new(&ETHERNET));
        }
        if let Some(ip) = self.ip_below(first) {
            let ip = Layer::new(ip);
            #[cfg(feature = "dhcp")]
            let ip = match layers.first() {
                Some(first) => super::dhcp::addressed(first, ip),
                None => ip,
            };
            filled.push(ip);
        }
        filled.extend(layers.first().and_then(super::udp::below));
        filled.extend_from_slice(layers);
        self.address(&mut filled)?;
        Ok(filled)
    }

    /// The IP layer that a packet needs which begins with that layer.
    fn ip_below(&self, first: LayerKind) -> Option<&'static super::layer::Protocol> {
        match first {
            LayerKind::Icmpv4 | LayerKind::Igmp => Some(&IPV4),
            LayerKind::Icmpv6
            | LayerKind::HopByHop
            | LayerKind::Routing
            | LayerKind::DestinationOptions
            | LayerKind::Fragment => Some(&IPV6),
            LayerKind::Udp | LayerKind::Tcp | LayerKind::Dns if self.v4.is_none() && self.v6.is_some() => Some(&IPV6),
            LayerKind::Udp | LayerKind::Tcp | LayerKind::Dns | LayerKind::Dhcp => Some(&IPV4),
            _ => None,
        }
    }

    /// Gives addresses to the outermost Ethernet and IP layers that name none; those inside are the test's own affair.
    fn address(&self, layers: &mut [Layer]) -> Result<(), BuildError> {
        let mut multicast = None;
        if let Some(at) = layers.iter().position(|layer| layer.kind().is_ip()) {
            let inside = layers.get(at + 1..).unwrap_or_default().iter().find(|layer| !layer.kind().may_lie_between());
            let (hops, group) = inside.map(hops_and_group).unwrap_or_default();
            let Some(layer) = layers.get_mut(at) else { return Ok(()) };
            let kind = layer.kind();
            let (from, to) = match kind {
                LayerKind::Ipv4 => self.v4.map(|(from, to)| (from.to_bits().into(), to.to_bits().into())),
                _ => self.v6.map(|(from, to)| (from.to_bits(), to.to_bits())),
            }
            .unzip();
            for (field, value) in [("src", from), ("dst", group.or(to))] {
                if layer.get(field).is_none() {
                    layer.set(field, Constraint::Exact(value.ok_or(BuildError::NoAddress { layer: kind })?));
                }
            }
            let field = if kind == LayerKind::Ipv4 { "ttl" } else { "hop_limit" };
            if let (Some(hops), None) = (hops, layer.get(field)) {
                layer.set(field, Constraint::Exact(hops.into()));
            }
            multicast = layer.get("dst").and_then(|dst| group_mac(kind, dst));
        }
        for layer in layers.iter_mut().filter(|layer| layer.kind() == LayerKind::Ethernet).take(1) {
            for (field, mac) in [("src", self.mac.0), ("dst", multicast.unwrap_or(self.mac.1))] {
                if layer.get(field).is_none() {
                    layer.set(field, Constraint::Exact(mac.to_bits()));
                }
            }
        }
        Ok(())
    }
}

/// The hops that a message may go, and the group that it goes to, where its protocol says so.
fn hops_and_group(message: &Layer) -> (Option<u8>, Option<u128>) {
    match message.kind() {
        LayerKind::Icmpv6 => {
            (super::icmpv6::hop_limit(message), super::icmpv6::destination(message).map(FieldValue::to_bits))
        }
        // RFC 2236 section 2, RFC 3376 section 4.
        LayerKind::Igmp => (Some(1), super::igmp::destination(message).map(FieldValue::to_bits)),
        _ => (None, None),
    }
}

/// Where a packet to a group goes on Ethernet (RFC 1112 section 6.4, RFC 2464 section 7), and to everybody (RFC 894).
fn group_mac(kind: LayerKind, destination: &Constraint) -> Option<[u8; 6]> {
    let Constraint::Exact(bits) = destination else { return None };
    if kind == LayerKind::Ipv4 {
        let address = Ipv4Addr::from_bits(FieldValue::from_bits(*bits));
        let [_, b, c, d] = address.octets();
        return match () {
            () if address.is_broadcast() => Some([0xff; 6]),
            () if address.is_multicast() => Some([0x01, 0x00, 0x5e, b & 0x7f, c, d]),
            () => None,
        };
    }
    let address = Ipv6Addr::from_bits(*bits);
    let [.., a, b, c, d] = address.octets();
    address.is_multicast().then_some([0x33, 0x33, a, b, c, d])
}
