//! Which way a packet leaves, and from which address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::link::LinkState;
use super::stack::Stack;
use crate::device::Cidr;
use crate::errno::Errno;

/// Where a packet goes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// To the host itself.
    Loopback,
    /// Over that link, straight to its destination: there are no gateways.
    Link(usize),
}

/// What Linux has below 1280 octets: no IPv6 (RFC 8200 section 5).
pub(super) const LEAST_IPV6_MTU: usize = 1280;

impl LinkState {
    pub(super) fn carries(&self, address: IpAddr) -> bool {
        address.is_ipv4() || (self.mtu >= LEAST_IPV6_MTU && !self.ipv6_ended)
    }

    /// The addresses in use.
    pub(super) fn own(&self) -> impl Iterator<Item = Cidr> + '_ {
        self.addresses.iter().copied().filter(|own| self.carries(own.address()))
    }

    /// The length of the longest prefix on the link that holds an address.
    fn reaches(&self, address: IpAddr) -> Option<u8> {
        let prefixes = self.own().chain(self.routes.iter().copied().filter(|route| self.carries(route.address())));
        prefixes.filter(|prefix| prefix.contains(address)).map(Cidr::prefix_length).max()
    }

    /// Whether an address is the broadcast address, or that of a prefix of the link's.
    pub(super) fn is_broadcast(&self, address: IpAddr) -> bool {
        let IpAddr::V4(address) = address else { return false };
        address.is_broadcast() || self.addresses.iter().any(|own| broadcast(*own) == Some(address))
    }

    /// The address of the link's that speaks to that destination.
    pub(super) fn source_for(&self, destination: IpAddr) -> Option<IpAddr> {
        let family = || self.own().filter(|own| own.address().is_ipv4() == destination.is_ipv4());
        let near = family().filter(|own| own.contains(destination)).max_by_key(|own| own.prefix_length());
        near.or_else(|| family().next()).map(Cidr::address)
    }
}

/// The broadcast address of a prefix; those of 31 and 32 bits have none.
fn broadcast(own: Cidr) -> Option<Ipv4Addr> {
    let IpAddr::V4(address) = own.address() else { return None };
    let hosts = u32::MAX.checked_shr(u32::from(own.prefix_length())).unwrap_or(0);
    (own.prefix_length() < 31).then(|| Ipv4Addr::from_bits(address.to_bits() | hosts))
}

impl Stack {
    /// Whether the host has that address, 127.0.0.0/8 and ::1 included.
    pub(super) fn owns(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.links.iter().any(|link| link.own().any(|own| own.address() == address))
    }

    /// Whether an address is a broadcast address on any link.
    pub(super) fn is_broadcast(&self, address: IpAddr) -> bool {
        self.links.iter().any(|link| link.is_broadcast(address))
    }

    /// The way to a destination, for a socket that is bound to `from`, if it is.
    pub(super) fn way_to(&self, destination: IpAddr, from: Option<IpAddr>) -> Result<Way, Errno> {
        if self.owns(destination) {
            return Ok(Way::Loopback);
        }
        if from.is_some_and(|from| from.is_loopback()) {
            return Err(Errno::Invalid);
        }
        let is_everywhere = destination.is_multicast() || destination == IpAddr::V4(Ipv4Addr::BROADCAST);
        let links = || self.links.iter().enumerate().filter(|(_, link)| link.up && link.carries(destination));
        if is_everywhere {
            let owner = links().find(|(_, link)| from.is_some_and(|from| link.own().any(|own| own.address() == from)));
            let first = || links().next().filter(|_| destination.is_ipv6());
            return owner.or_else(first).map(|(index, _)| Way::Link(index)).ok_or(Errno::NetworkUnreachable);
        }
        // Of equal prefixes the link that was made first.
        let mut best = None;
        for (index, link) in links() {
            let length = link.reaches(destination);
            if length.is_some() && length > best.map(|(length, _)| length) {
                best = length.map(|length| (length, index));
            }
        }
        best.map(|(_, index)| Way::Link(index)).ok_or(Errno::NetworkUnreachable)
    }

    /// The address that speaks to a destination where no socket says it.
    pub(super) fn source_for(&self, destination: IpAddr, way: Way) -> Option<IpAddr> {
        match way {
            Way::Loopback if destination.is_loopback() && destination.is_ipv4() => Some(Ipv4Addr::LOCALHOST.into()),
            Way::Loopback => Some(destination),
            Way::Link(index) => {
                let other = || self.links.iter().find_map(|link| link.source_for(destination));
                self.links.get(index)?.source_for(destination).or_else(other)
            }
        }
    }
}

/// An IPv4-mapped address as the IPv4 address it is.
pub(super) fn unmapped(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The address as a socket of that family shows it.
pub(super) const fn mapped(address: IpAddr, socket_is_v6: bool) -> IpAddr {
    match address {
        IpAddr::V4(v4) if socket_is_v6 => IpAddr::V6(v4.to_ipv6_mapped()),
        _ => address,
    }
}

/// The solicited-node group of an address (RFC 4291 section 2.7.1).
pub(super) fn solicited_node(target: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = target.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

/// An address to send to: none in particular means the host itself.
pub(super) const fn not_unspecified(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) if v4.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(v6) if v6.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        _ => address,
    }
}
