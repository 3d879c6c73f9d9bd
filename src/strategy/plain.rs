//! Plain datagrams, of which others are made: an address or none, no options, a message of one of the usual protocols.

use std::ops::RangeInclusive;

use proptest::prelude::*;

use super::packet::simpler_fields;
use super::simpler::{alternatives, maybe, noise, plainer, shrinking};
use super::{address, port};
use crate::packet::layer::Layer;
use crate::packet::{Defaults, FieldValue, Icmpv4, Icmpv6, Ipv4, Ipv6, Packet, Tcp, TcpFlags, Udp};

/// So many octets. Shrinks to the fewest, each of them `a`.
pub(super) fn octets(length: RangeInclusive<usize>) -> BoxedStrategy<Vec<u8>> {
    let least = *length.start();
    shrinking(noise(length), move |octets| plainer(octets, least))
}

/// Those layers from one end to another, shrunk by what they set; of two ends that are the same, both are left open.
fn between(layers: impl Strategy<Value = Layer> + 'static, open: (u128, u128)) -> BoxedStrategy<Layer> {
    let differ = move |layer: &Layer| layer.number("src").unwrap_or(open.0) != layer.number("dst").unwrap_or(open.1);
    let layers = layers.prop_map(move |mut layer| {
        if !differ(&layer) {
            layer.unset("src");
            layer.unset("dst");
        }
        layer
    });
    shrinking(layers, move |layer| {
        let mut simpler = simpler_fields(layer);
        simpler.retain(differ);
        simpler
    })
}

/// The documentation addresses, which stand where none is set.
fn open<A: FieldValue>(ends: Option<(A, A)>) -> (u128, u128) {
    ends.map_or((0, 0), |(from, to)| (from.to_bits(), to.to_bits()))
}

/// An IPv4 header without options, from a host to another.
pub(super) fn ipv4() -> BoxedStrategy<Ipv4> {
    let host = || maybe(address::source_v4());
    let layers = (host(), host(), maybe((1_u8..).boxed())).prop_map(|(from, to, ttl)| {
        let ip = from.into_iter().fold(Ipv4::new(), Ipv4::src);
        let ip = to.into_iter().fold(ip, Ipv4::dst);
        ttl.into_iter().fold(ip, Ipv4::ttl).0
    });
    between(layers, open(Defaults::documentation().v4)).prop_map(Ipv4).boxed()
}

/// An IPv6 header, from a host to another.
pub(super) fn ipv6() -> BoxedStrategy<Ipv6> {
    let host = || maybe(address::source_v6());
    let layers = (host(), host(), maybe((1_u8..).boxed())).prop_map(|(from, to, hops)| {
        let ip = from.into_iter().fold(Ipv6::new(), Ipv6::src);
        let ip = to.into_iter().fold(ip, Ipv6::dst);
        hops.into_iter().fold(ip, Ipv6::hop_limit).0
    });
    between(layers, open(Defaults::documentation().v6)).prop_map(Ipv6).boxed()
}

/// A UDP header, from a client to a server.
pub(super) fn udp() -> BoxedStrategy<Udp> {
    (port::source(), port::service()).prop_map(|(from, to)| Udp::new().sport(from).dport(to)).boxed()
}

/// A TCP header without options, from a client to a server.
pub(super) fn tcp() -> BoxedStrategy<Tcp> {
    let flags = prop::sample::select(vec![TcpFlags::SYN, TcpFlags::ACK, TcpFlags::PSH | TcpFlags::ACK]);
    (port::source(), port::service(), flags, any::<u32>())
        .prop_map(|(from, to, flags, seq)| Tcp::new().sport(from).dport(to).seq(seq).flags(flags).window(65_535))
        .boxed()
}

/// A message that IPv4 carries, with so many octets behind its header.
pub(super) fn over_v4(length: RangeInclusive<usize>) -> BoxedStrategy<Packet> {
    let udp = (udp(), octets(length.clone())).prop_map(|(udp, octets)| udp / octets).boxed();
    let tcp = (tcp(), octets(length.clone())).prop_map(|(tcp, octets)| tcp / octets).boxed();
    alternatives([udp, tcp, echo_v4(length)])
}

/// A message that IPv6 carries, with so many octets behind its header.
pub(super) fn over_v6(length: RangeInclusive<usize>) -> BoxedStrategy<Packet> {
    let udp = (udp(), octets(length.clone())).prop_map(|(udp, octets)| udp / octets).boxed();
    let tcp = (tcp(), octets(length.clone())).prop_map(|(tcp, octets)| tcp / octets).boxed();
    alternatives([udp, tcp, echo_v6(length)])
}

/// An echo request or reply.
pub(super) fn echo_v4(length: RangeInclusive<usize>) -> BoxedStrategy<Packet> {
    (any::<bool>(), 1_u16.., 1_u16.., octets(length))
        .prop_map(|(reply, id, seq, octets)| {
            let echo = if reply { Icmpv4::echo_reply(id, seq) } else { Icmpv4::echo_request(id, seq) };
            echo / octets
        })
        .boxed()
}

/// The same over IPv6.
pub(super) fn echo_v6(length: RangeInclusive<usize>) -> BoxedStrategy<Packet> {
    (any::<bool>(), 1_u16.., 1_u16.., octets(length))
        .prop_map(|(reply, id, seq, octets)| {
            let echo = if reply { Icmpv6::echo_reply(id, seq) } else { Icmpv6::echo_request(id, seq) };
            echo / octets
        })
        .boxed()
}
