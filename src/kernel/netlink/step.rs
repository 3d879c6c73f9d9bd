//! One change to a link, an address, a route or a neighbour, as a value that says what it does.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use crate::device::Cidr;

/// One change of a network namespace, for [`Netlink::apply`](super::Netlink::apply).
///
/// `index` is an interface index, as `if_nametoindex(3)` gives it. Displays as what completes "failed to …":
///
/// ```
/// use tuntap_test::kernel::netlink::Step;
///
/// assert_eq!(Step::Mtu { index: 3, octets: 20 }.to_string(), "set the MTU of interface 3 to 20");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Makes a link that is neither TUN nor TAP.
    AddLink {
        /// The new interface's name, up to 15 octets.
        name: String,
        /// What it is.
        kind: LinkKind,
    },
    /// Removes a link.
    DeleteLink {
        /// Which interface.
        index: u32,
    },
    /// Gives a link another name.
    Rename {
        /// Which interface.
        index: u32,
        /// Its new name, up to 15 octets.
        name: String,
    },
    /// Brings `lo` up. It has index 1 in every network namespace.
    LoopbackUp,
    /// Brings a link up.
    Up {
        /// Which interface.
        index: u32,
    },
    /// Takes a link down. Its IPv6 addresses and its routes go.
    Down {
        /// Which interface.
        index: u32,
    },
    /// Sets the MTU: the largest IP packet, without an Ethernet header.
    Mtu {
        /// Which interface.
        index: u32,
        /// 68 to 65,535 on TUN, 68 to 65,521 on TAP; IPv6 needs at least 1,280.
        octets: u32,
    },
    /// Sets the transmit queue's length: on TUN/TAP, how many frames the device holds for its reader.
    QueueLength {
        /// Which interface.
        index: u32,
        /// How many frames.
        frames: u32,
    },
    /// Sets the hardware address (TAP; TUN has none).
    MacAddress {
        /// Which interface.
        index: u32,
        /// A unicast address: the lowest bit of its first octet is 0.
        mac: [u8; 6],
    },
    /// Says whether the kernel gives the link an IPv6 link-local address of its own when it comes up.
    AddressGeneration {
        /// Which interface.
        index: u32,
        /// Whether, and from what.
        mode: AddressGeneration,
    },
    /// Sets one of the link's IPv4 settings (`/proc/sys/net/ipv4/conf/<name>/…`), also where /proc/sys is read-only.
    Ipv4Setting {
        /// Which interface.
        index: u32,
        /// Which setting.
        setting: Ipv4Setting,
        /// As written to the file under /proc/sys.
        value: u32,
    },
    /// Assigns an address.
    Address {
        /// Which interface.
        index: u32,
        /// The address. With a peer, the prefix length is that of the peer's side.
        address: Cidr,
        /// The other end of a point-to-point link.
        peer: Option<IpAddr>,
        /// The broadcast address. The one of the prefix works without it.
        broadcast: Option<Ipv4Addr>,
        /// Whether duplicate address detection runs (IPv6). Without, the address is usable at once.
        dad: bool,
    },
    /// Takes an address away.
    RemoveAddress {
        /// Which interface.
        index: u32,
        /// The address as it was assigned.
        address: Cidr,
    },
    /// Adds a route to the main table.
    Route {
        /// Where to; `None` is the default route, of the gateway's address family, without a gateway IPv4's.
        destination: Option<Cidr>,
        /// The gateway; `None` when the destination is on the link.
        via: Option<IpAddr>,
        /// Out of which interface.
        index: u32,
    },
    /// Removes a route from the main table.
    RemoveRoute {
        /// Where to, as in [`Route`](Self::Route).
        destination: Option<Cidr>,
        /// The gateway.
        via: Option<IpAddr>,
        /// Out of which interface.
        index: u32,
    },
    /// Adds or replaces a permanent neighbour, so that nothing asks for its hardware address.
    Neighbour {
        /// On which interface.
        index: u32,
        /// Its IP address.
        address: IpAddr,
        /// Its hardware address.
        mac: [u8; 6],
    },
    /// Removes a neighbour.
    RemoveNeighbour {
        /// On which interface.
        index: u32,
        /// Its IP address.
        address: IpAddr,
    },
}

/// A kind of link that [`Step::AddLink`] makes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkKind {
    /// Drops what is sent through it.
    Dummy,
    /// One end of a cable.
    Veth {
        /// The name of the other end.
        peer: String,
    },
}

/// How the kernel makes an IPv6 link-local address (`IFLA_INET6_ADDR_GEN_MODE`, linux/if_link.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressGeneration {
    /// Not at all: with it, a link also solicits no routers.
    None,
    /// From the hardware address (RFC 4291 appendix A), the default.
    Eui64,
}

/// An IPv4 setting of one link, with its number in linux/ip.h (`IPV4_DEVCONF_…`); see the kernel's ip-sysctl.rst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u16)]
pub enum Ipv4Setting {
    /// `forwarding`
    Forwarding = 1,
    /// `accept_redirects`
    AcceptRedirects = 4,
    /// `secure_redirects`
    SecureRedirects = 5,
    /// `send_redirects`
    SendRedirects = 6,
    /// `rp_filter`: the kernel uses the larger of this and `all`'s.
    RpFilter = 8,
    /// `accept_source_route`
    AcceptSourceRoute = 9,
    /// `log_martians`
    LogMartians = 11,
    /// `arp_filter`
    ArpFilter = 13,
    /// `force_igmp_version`
    ForceIgmpVersion = 17,
    /// `arp_announce`
    ArpAnnounce = 18,
    /// `arp_ignore`
    ArpIgnore = 19,
    /// `arp_accept`
    ArpAccept = 21,
    /// `arp_notify`
    ArpNotify = 22,
    /// `accept_local`
    AcceptLocal = 23,
    /// `route_localnet`
    RouteLocalnet = 26,
}

impl fmt::Display for Ipv4Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forwarding => "forwarding",
            Self::AcceptRedirects => "accept_redirects",
            Self::SecureRedirects => "secure_redirects",
            Self::SendRedirects => "send_redirects",
            Self::RpFilter => "rp_filter",
            Self::AcceptSourceRoute => "accept_source_route",
            Self::LogMartians => "log_martians",
            Self::ArpFilter => "arp_filter",
            Self::ForceIgmpVersion => "force_igmp_version",
            Self::ArpAnnounce => "arp_announce",
            Self::ArpIgnore => "arp_ignore",
            Self::ArpAccept => "arp_accept",
            Self::ArpNotify => "arp_notify",
            Self::AcceptLocal => "accept_local",
            Self::RouteLocalnet => "route_localnet",
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddLink { name, kind: LinkKind::Dummy } => write!(f, "make the dummy link {name}"),
            Self::AddLink { name, kind: LinkKind::Veth { peer } } => write!(f, "make the cable from {name} to {peer}"),
            Self::DeleteLink { index } => write!(f, "delete interface {index}"),
            Self::Rename { index, name } => write!(f, "rename interface {index} to {name}"),
            Self::LoopbackUp => f.write_str("bring lo up"),
            Self::Up { index } => write!(f, "bring interface {index} up"),
            Self::Down { index } => write!(f, "take interface {index} down"),
            Self::Mtu { index, octets } => write!(f, "set the MTU of interface {index} to {octets}"),
            Self::QueueLength { index, frames } => {
                write!(f, "set the queue length of interface {index} to {frames}")
            }
            Self::MacAddress { index, mac } => {
                write!(f, "set the hardware address of interface {index} to {}", Mac(*mac))
            }
            Self::AddressGeneration { index, mode } => {
                let mode = match mode {
                    AddressGeneration::None => "none",
                    AddressGeneration::Eui64 => "eui64",
                };
                write!(f, "set the IPv6 address generation of interface {index} to {mode}")
            }
            Self::Ipv4Setting { index, setting, value } => {
                write!(f, "set {setting} of interface {index} to {value}")
            }
            Self::Address { index, address, peer, .. } => {
                write!(f, "assign {address} to interface {index}")?;
                peer.map_or(Ok(()), |peer| write!(f, " with the peer {peer}"))
            }
            Self::RemoveAddress { index, address } => write!(f, "remove {address} from interface {index}"),
            Self::Route { destination, via, index } => {
                f.write_str("add ")?;
                write_route(f, *destination, *via, *index)
            }
            Self::RemoveRoute { destination, via, index } => {
                f.write_str("remove ")?;
                write_route(f, *destination, *via, *index)
            }
            Self::Neighbour { index, address, mac } => {
                write!(f, "set the neighbour {address} on interface {index} to {}", Mac(*mac))
            }
            Self::RemoveNeighbour { index, address } => {
                write!(f, "remove the neighbour {address} from interface {index}")
            }
        }
    }
}

fn write_route(f: &mut fmt::Formatter<'_>, destination: Option<Cidr>, via: Option<IpAddr>, index: u32) -> fmt::Result {
    match destination {
        Some(destination) => write!(f, "the route to {destination}")?,
        None => f.write_str("the default route")?,
    }
    if let Some(via) = via {
        write!(f, " via {via}")?;
    }
    write!(f, " through interface {index}")
}

/// A hardware address in its usual notation.
pub(super) struct Mac(pub(super) [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
