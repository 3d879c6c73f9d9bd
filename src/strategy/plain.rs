//! Plain datagrams, of which others are made: an address or none, no options, a message of one of the usual protocols.

use std::ops::RangeInclusive;

use proptest::prelude::*;
use proptest::{collection, option};

use super::simpler::{plainer, shrinking};
use super::{address, port};
use crate::packet::{Defaults, Icmpv4, Icmpv6, Ipv4, Ipv6, Packet, Tcp, TcpFlags, Udp};

/// So many octets. Shrinks to the fewest, each of them `a`.
pub(super) fn octets(length: RangeInclusive<usize>) -> BoxedStrategy<Vec<u8>> {
    let least = *length.start();
    shrinking(collection::vec(any::<u8>(), length), move |octets| plainer(octets, least))
}

/// Two ends, of which either may be left open, that are not the same: else both are left open.
pub(super) fn ends<A: Copy + PartialEq>(
    (from, to): (Option<A>, Option<A>),
    open: Option<(A, A)>,
) -> (Option<A>, Option<A>) {
    let (open_from, open_to) = open.unzip();
    if from.or(open_from) == to.or(open_to) { (None, None) } else { (from, to) }
}

/// An IPv4 header without options, from a host to another.
pub(super) fn ipv4() -> BoxedStrategy<Ipv4> {
    let host = || option::of(address::source_v4());
    ((host(), host()), option::of(1_u8..))
        .prop_map(|(both, ttl)| {
            let (from, to) = ends(both, Defaults::documentation().v4);
            let ip = from.into_iter().fold(Ipv4::new(), Ipv4::src);
            let ip = to.into_iter().fold(ip, Ipv4::dst);
            ttl.into_iter().fold(ip, Ipv4::ttl)
        })
        .boxed()
}

/// An IPv6 header, from a host to another.
pub(super) fn ipv6() -> BoxedStrategy<Ipv6> {
    let host = || option::of(address::source_v6());
    ((host(), host()), option::of(1_u8..))
        .prop_map(|(both, hops)| {
            let (from, to) = ends(both, Defaults::documentation().v6);
            let ip = from.into_iter().fold(Ipv6::new(), Ipv6::src);
            let ip = to.into_iter().fold(ip, Ipv6::dst);
            hops.into_iter().fold(ip, Ipv6::hop_limit)
        })
        .boxed()
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
    let octets = || octets(length.clone());
    prop_oneof![
        (udp(), octets()).prop_map(|(udp, octets)| udp / octets),
        (tcp(), octets()).prop_map(|(tcp, octets)| tcp / octets),
        echo_v4(length.clone()),
    ]
    .boxed()
}

/// A message that IPv6 carries, with so many octets behind its header.
pub(super) fn over_v6(length: RangeInclusive<usize>) -> BoxedStrategy<Packet> {
    let octets = || octets(length.clone());
    prop_oneof![
        (udp(), octets()).prop_map(|(udp, octets)| udp / octets),
        (tcp(), octets()).prop_map(|(tcp, octets)| tcp / octets),
        echo_v6(length.clone()),
    ]
    .boxed()
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
