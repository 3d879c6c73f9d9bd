//! Ports: which are free, and which addresses a socket may have.

use std::net::{IpAddr, SocketAddr};

use super::stack::Stack;
use crate::errno::Errno;

/// `net.ipv4.ip_local_port_range`.
const EPHEMERAL: std::ops::RangeInclusive<u16> = 32_768..=60_999;

/// A free port: the first from that (random) place in the range on. `None` when all are taken.
pub(super) fn ephemeral(place: u16, is_taken: impl Fn(u16) -> bool) -> Option<u16> {
    let (first, count) = (*EPHEMERAL.start(), EPHEMERAL.end() - EPHEMERAL.start() + 1);
    (0..count).map(|step| first + (place % count + step) % count).find(|port| !is_taken(*port))
}

/// Whether two sockets of a protocol cannot both have these addresses: the port is the same, and so is the address, or
/// one of them stands for all. A socket on `::` has the IPv4 addresses, too.
pub(super) fn conflict(a: SocketAddr, b: SocketAddr) -> bool {
    let covers = |wide: IpAddr, narrow: IpAddr| {
        wide == narrow || (wide.is_unspecified() && (wide.is_ipv6() || narrow.is_ipv4()))
    };
    a.port() == b.port() && (covers(a.ip(), b.ip()) || covers(b.ip(), a.ip()))
}

impl Stack {
    /// Whether a socket may be bound to that address.
    ///
    /// # Errors
    /// EADDRNOTAVAIL unless it is an address of the host's, or, for datagrams, one of a group.
    pub(super) fn check_bindable(&self, address: IpAddr, groups: bool) -> Result<(), Errno> {
        let group = address.is_multicast() || self.is_broadcast(address);
        if address.is_unspecified() || self.owns(address) || (groups && group) {
            Ok(())
        } else {
            Err(Errno::AddressNotAvailable)
        }
    }
}
