//! The layers of a flow's packets: its own IP layer, and its layers below what a test gives.

use std::net::{IpAddr, Ipv6Addr};

use crate::packet::{Ipv4, Ipv6, Layer, LayerKind};

/// The address as IPv6 writes it (RFC 4291 section 2.5.5.2).
pub(super) fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// The IP layer from one to the other.
pub(super) fn ip(from: IpAddr, to: IpAddr) -> Layer {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => Ipv4::new().src(from).dst(to).into(),
        (from, to) => Ipv6::new().src(mapped(from)).dst(mapped(to)).into(),
    }
}

/// Puts those two below what is given, and tells where the TCP layer is then. A layer that is given keeps what it sets.
pub(super) fn underlay(layers: &mut Vec<Layer>, ip: Layer, tcp: Layer) -> usize {
    let below_ip = |layer: &Layer| matches!(layer.kind(), LayerKind::Ethernet | LayerKind::Vlan);
    let at = layers.iter().take_while(|layer| below_ip(layer)).count();
    put(layers, at, ip, LayerKind::is_ip);
    let at = at + 1 + layers.iter().skip(at + 1).take_while(|layer| layer.kind().may_lie_between()).count();
    put(layers, at, tcp, |kind| kind == LayerKind::Tcp);
    at
}

fn put(layers: &mut Vec<Layer>, at: usize, mut below: Layer, takes_its_place: impl Fn(LayerKind) -> bool) {
    match layers.get_mut(at).filter(|given| takes_its_place(given.kind())) {
        Some(given) if given.kind() == below.kind() => {
            below.merge(given);
            *given = below;
        }
        // IP of the other family: all of it is the caller's.
        Some(_) => {}
        None => layers.insert(at, below),
    }
}
