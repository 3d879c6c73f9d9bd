//! One change to an interface, its addresses, its routes or its neighbours, and the message that asks for it.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{AfSpecInet6, AfSpecUnspec, In6AddrGenMode, LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::device::Cidr;
use crate::kernel::KernelError;

/// How the kernel makes IPv6 link-local addresses (`IFLA_INET6_ADDR_GEN_MODE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressGeneration {
    /// It makes none, so the interface sends no router solicitation either.
    None,
    /// From the hardware address (RFC 4291 appendix A).
    Eui64,
}

/// One change. Interfaces are named by index ([`KernelDevice::index`](crate::kernel::KernelDevice::index)).
///
/// Displays as what it does, fit to follow "failed to": `set the MTU of interface 3 to 1280 octets`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Brings `lo` up.
    LoopbackUp,
    /// Brings an interface up.
    Up {
        /// Which.
        index: u32,
    },
    /// Takes an interface down.
    Down {
        /// Which.
        index: u32,
    },
    /// Sets the MTU.
    Mtu {
        /// Of which interface.
        index: u32,
        /// In octets, without Ethernet header.
        octets: u32,
    },
    /// Sets how many frames the device queues for its reader (`txqueuelen`).
    QueueLength {
        /// Of which interface.
        index: u32,
        /// In frames.
        frames: u32,
    },
    /// Sets the hardware address of a TAP.
    MacAddress {
        /// Of which interface.
        index: u32,
        /// In transmission order.
        mac: [u8; 6],
    },
    /// Chooses how link-local addresses are made. Before the interface comes up.
    AddressGeneration {
        /// On which interface.
        index: u32,
        /// How.
        mode: AddressGeneration,
    },
    /// Adds an address.
    Address {
        /// To which interface.
        index: u32,
        /// With its prefix length.
        address: Cidr,
        /// The address at the other end, for a point-to-point address (`ip addr add A peer B`). The prefix is then
        /// the peer's.
        peer: Option<IpAddr>,
        /// IPv4: the broadcast address.
        broadcast: Option<Ipv4Addr>,
        /// IPv6: whether to look for duplicates first (RFC 4862 section 5.4), which keeps the address tentative for
        /// a second or two.
        dad: bool,
    },
    /// Removes an address.
    RemoveAddress {
        /// From which interface.
        index: u32,
        /// With its prefix length.
        address: Cidr,
    },
    /// Adds a route to the main table.
    Route {
        /// Out of which interface.
        index: u32,
        /// Where to. `0.0.0.0/0` and `::/0` are the default routes.
        destination: Cidr,
        /// Through which gateway, of the destination's family.
        via: Option<IpAddr>,
    },
    /// Removes a route from the main table.
    RemoveRoute {
        /// Out of which interface.
        index: u32,
        /// Where to.
        destination: Cidr,
    },
    /// Adds or replaces a permanent neighbour, which the host never asks for.
    Neighbour {
        /// On which interface.
        index: u32,
        /// Its address.
        address: IpAddr,
        /// Its hardware address.
        mac: [u8; 6],
    },
    /// Removes a neighbour.
    RemoveNeighbour {
        /// From which interface.
        index: u32,
        /// Its address.
        address: IpAddr,
    },
    /// Renames an interface; it must be down on kernels before 6.2.
    Rename {
        /// Which.
        index: u32,
        /// To what, at most 15 octets.
        name: String,
    },
    /// Removes an interface.
    Delete {
        /// Which.
        index: u32,
    },
}

impl Step {
    /// The message that asks for it, and its flags beside NLM_F_REQUEST and NLM_F_ACK.
    pub(super) fn message(&self) -> (RouteNetlinkMessage, u16) {
        match self {
            // The kernel gives the loopback interface of every namespace this index (LOOPBACK_IFINDEX).
            Self::LoopbackUp => link(1, LinkFlags::Up, LinkFlags::Up, Vec::new()),
            &Self::Up { index } => link(index, LinkFlags::Up, LinkFlags::Up, Vec::new()),
            &Self::Down { index } => link(index, LinkFlags::empty(), LinkFlags::Up, Vec::new()),
            &Self::Mtu { index, octets } => set(index, LinkAttribute::Mtu(octets)),
            &Self::QueueLength { index, frames } => set(index, LinkAttribute::TxQueueLen(frames)),
            &Self::MacAddress { index, mac } => set(index, LinkAttribute::Address(mac.to_vec())),
            &Self::AddressGeneration { index, mode } => {
                let mode = match mode {
                    AddressGeneration::None => In6AddrGenMode::None,
                    AddressGeneration::Eui64 => In6AddrGenMode::Eui64,
                };
                let inet6 = AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(mode)]);
                set(index, LinkAttribute::AfSpecUnspec(vec![inet6]))
            }
            &Self::Address { index, address, peer, broadcast, dad } => {
                let mut message = address_message(index, address, peer);
                if let Some(broadcast) = broadcast {
                    message.attributes.push(AddressAttribute::Broadcast(broadcast));
                }
                if !dad && address.address().is_ipv6() {
                    message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
                }
                (RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_EXCL)
            }
            &Self::RemoveAddress { index, address } => {
                (RouteNetlinkMessage::DelAddress(address_message(index, address, None)), 0)
            }
            &Self::Route { index, destination, via } => {
                (RouteNetlinkMessage::NewRoute(route(index, destination, via)), NLM_F_CREATE | NLM_F_EXCL)
            }
            &Self::RemoveRoute { index, destination } => {
                let mut message = route(index, destination, None);
                message.header.scope = RouteScope::NoWhere;
                (RouteNetlinkMessage::DelRoute(message), 0)
            }
            &Self::Neighbour { index, address, mac } => {
                let mut message = neighbour(index, address);
                message.header.state = NeighbourState::Permanent;
                message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.to_vec()));
                (RouteNetlinkMessage::NewNeighbour(message), NLM_F_CREATE | NLM_F_REPLACE)
            }
            &Self::RemoveNeighbour { index, address } => {
                (RouteNetlinkMessage::DelNeighbour(neighbour(index, address)), 0)
            }
            Self::Rename { index, name } => set(*index, LinkAttribute::IfName(name.clone())),
            &Self::Delete { index } => {
                let mut message = LinkMessage::default();
                message.header.index = index;
                (RouteNetlinkMessage::DelLink(message), 0)
            }
        }
    }

    /// The refusal of this step, with the likely cause, or the kernel's own words for it.
    pub(super) fn error(&self, error: io::Error, own_words: Option<String>) -> KernelError {
        let errno = error.raw_os_error();
        let cause = match (self, errno) {
            (_, Some(libc::EPERM)) => {
                Some("It needs CAP_NET_ADMIN in the user namespace that owns the network namespace".to_owned())
            }
            (Self::Mtu { .. }, Some(libc::EINVAL)) => {
                Some("A TUN takes an MTU of 68 to 65535 octets, a TAP of 68 to 65521".to_owned())
            }
            (Self::Address { .. }, Some(libc::EEXIST)) => Some("The interface has that address already".to_owned()),
            (Self::Address { address, .. }, Some(libc::EOPNOTSUPP | libc::EAFNOSUPPORT | libc::EACCES))
                if address.address().is_ipv6() =>
            {
                Some("IPv6 is switched off in this kernel or namespace (disable_ipv6)".to_owned())
            }
            (Self::RemoveAddress { .. }, Some(libc::EADDRNOTAVAIL)) => {
                Some("The interface has no such address".to_owned())
            }
            (Self::Route { .. }, Some(libc::ENETDOWN)) => Some("The interface is down".to_owned()),
            (Self::Route { .. }, Some(libc::ENETUNREACH | libc::EHOSTUNREACH)) => {
                Some("The gateway is not in a network that the interface is connected to".to_owned())
            }
            (Self::Route { .. }, Some(libc::EEXIST)) => Some("There is such a route already".to_owned()),
            (Self::RemoveRoute { .. }, Some(libc::ESRCH)) => Some("There is no such route".to_owned()),
            (Self::MacAddress { .. }, Some(libc::EOPNOTSUPP)) => {
                Some("A TUN device has no hardware address".to_owned())
            }
            (Self::MacAddress { .. }, Some(libc::EADDRNOTAVAIL)) => {
                Some("A multicast address cannot be an interface's own".to_owned())
            }
            (_, Some(libc::ENODEV)) => Some("There is no such interface in this namespace".to_owned()),
            _ => None,
        };
        let told = own_words.map(|words| format!("The kernel says: {words}"));
        let refused = KernelError::new(self.to_string(), error);
        match (cause, told) {
            (Some(cause), Some(told)) => refused.with_cure(format!("{cause}. {told}")),
            (Some(only), None) | (None, Some(only)) => refused.with_cure(only),
            (None, None) => refused,
        }
    }
}

fn link(index: u32, flags: LinkFlags, change: LinkFlags, attributes: Vec<LinkAttribute>) -> (RouteNetlinkMessage, u16) {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = flags;
    message.header.change_mask = change;
    message.attributes = attributes;
    (RouteNetlinkMessage::SetLink(message), 0)
}

fn set(index: u32, attribute: LinkAttribute) -> (RouteNetlinkMessage, u16) {
    link(index, LinkFlags::empty(), LinkFlags::empty(), vec![attribute])
}

const fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

fn address_message(index: u32, address: Cidr, peer: Option<IpAddr>) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family(address.address());
    message.header.prefix_len = address.prefix_length();
    message.header.index = index;
    // IFA_ADDRESS is the peer's on a point-to-point address and the same as IFA_LOCAL on any other.
    message.attributes.push(AddressAttribute::Local(address.address()));
    message.attributes.push(AddressAttribute::Address(peer.unwrap_or(address.address())));
    message
}

fn route(index: u32, destination: Cidr, via: Option<IpAddr>) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family(destination.address());
    message.header.destination_prefix_length = destination.prefix_length();
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Static;
    message.header.scope = if via.is_some() { RouteScope::Universe } else { RouteScope::Link };
    message.header.kind = RouteType::Unicast;
    if destination.prefix_length() > 0 {
        message.attributes.push(RouteAttribute::Destination(RouteAddress::from(destination.address())));
    }
    if let Some(via) = via {
        message.attributes.push(RouteAttribute::Gateway(RouteAddress::from(via)));
    }
    message.attributes.push(RouteAttribute::Oif(index));
    message
}

fn neighbour(index: u32, address: IpAddr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family(address);
    message.header.ifindex = index;
    message.attributes.push(NeighbourAttribute::Destination(match address {
        IpAddr::V4(address) => NeighbourAddress::Inet(address),
        IpAddr::V6(address) => NeighbourAddress::Inet6(address),
    }));
    message
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoopbackUp => f.write_str("bring lo up"),
            Self::Up { index } => write!(f, "bring interface {index} up"),
            Self::Down { index } => write!(f, "take interface {index} down"),
            Self::Mtu { index, octets } => write!(f, "set the MTU of interface {index} to {octets} octets"),
            Self::QueueLength { index, frames } => {
                write!(f, "set the queue length of interface {index} to {frames} frames")
            }
            Self::MacAddress { index, mac } => {
                write!(f, "set the hardware address of interface {index} to {}", super::state::Mac(*mac))
            }
            Self::AddressGeneration { index, .. } => {
                write!(f, "choose how interface {index} makes IPv6 link-local addresses")
            }
            Self::Address { index, address, .. } => write!(f, "add the address {address} to interface {index}"),
            Self::RemoveAddress { index, address } => {
                write!(f, "remove the address {address} from interface {index}")
            }
            Self::Route { index, destination, via: Some(via) } => {
                write!(f, "add a route to {destination} via {via} on interface {index}")
            }
            Self::Route { index, destination, via: None } => {
                write!(f, "add a route to {destination} on interface {index}")
            }
            Self::RemoveRoute { index, destination } => {
                write!(f, "remove the route to {destination} on interface {index}")
            }
            Self::Neighbour { index, address, mac } => {
                write!(f, "make {address} on interface {index} a neighbour at {}", super::state::Mac(*mac))
            }
            Self::RemoveNeighbour { index, address } => {
                write!(f, "remove the neighbour {address} on interface {index}")
            }
            Self::Rename { index, name } => write!(f, "rename interface {index} to `{name}`"),
            Self::Delete { index } => write!(f, "remove interface {index}"),
        }
    }
}
