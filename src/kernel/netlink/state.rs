//! What the kernel tells of an interface, its addresses, its routes and its neighbours, as values to assert on.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_route::address::{AddressAttribute, AddressFlags};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, State};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourState};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::device::Cidr;

/// A hardware address as people write it.
pub(super) struct Mac(pub(super) [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// An interface. "rx" is what the host received, so what was written at the device end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkState {
    /// Its number in its namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// In octets, without Ethernet header.
    pub mtu: u32,
    /// How many frames the device queues for its reader.
    pub queue_length: u32,
    /// `IFF_UP`: somebody brought it up.
    pub up: bool,
    /// `IFF_RUNNING`: it is up and has carrier, so frames can pass.
    pub running: bool,
    /// `IFLA_OPERSTATE` as `ip` names it, such as `UP`, `DOWN`, `UNKNOWN`.
    pub operstate: &'static str,
    /// Its hardware address; `None` on a TUN.
    pub mac: Option<[u8; 6]>,
    /// Its counters.
    pub statistics: LinkStatistics,
}

/// The counters of an interface, from the host's point of view (`struct rtnl_link_stats64`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkStatistics {
    /// Frames written at the device end and taken.
    pub rx_packets: u64,
    /// Frames sent to the device end and queued.
    pub tx_packets: u64,
    /// Their octets.
    pub rx_octets: u64,
    /// Their octets.
    pub tx_octets: u64,
    /// Frames written at the device end and refused, or taken and of no use to the host.
    pub rx_dropped: u64,
    /// Frames dropped because nobody read the device end in time.
    pub tx_dropped: u64,
    /// Frames written at the device end with something wrong.
    pub rx_errors: u64,
    /// Frames that could not be sent.
    pub tx_errors: u64,
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkAddress {
    /// The interface.
    pub index: u32,
    /// The address with its prefix length.
    pub address: Cidr,
    /// The other end of a point-to-point address.
    pub peer: Option<IpAddr>,
    /// IPv4: the broadcast address.
    pub broadcast: Option<Ipv4Addr>,
    /// IPv6: still looking for duplicates, so it cannot be used yet.
    pub tentative: bool,
}

/// A route of the main table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// Where to.
    pub destination: Cidr,
    /// Through which gateway.
    pub via: Option<IpAddr>,
    /// Out of which interface.
    pub index: Option<u32>,
}

/// A neighbour: an address on a link and the hardware address behind it (`ip neigh`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Neighbour {
    /// The interface.
    pub index: u32,
    /// Its address.
    pub address: IpAddr,
    /// Its hardware address, once resolved.
    pub mac: Option<[u8; 6]>,
    /// As `ip` names it: `REACHABLE`, `STALE`, `FAILED`, `PERMANENT`, …
    pub state: &'static str,
}

impl LinkState {
    pub(super) fn from_message(message: RouteNetlinkMessage) -> Option<Self> {
        let RouteNetlinkMessage::NewLink(message) = message else { return None };
        let mut state = Self {
            index: message.header.index,
            name: String::new(),
            mtu: 0,
            queue_length: 0,
            up: message.header.flags.contains(LinkFlags::Up),
            running: message.header.flags.contains(LinkFlags::Running),
            operstate: "UNKNOWN",
            mac: None,
            statistics: LinkStatistics::default(),
        };
        for attribute in message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => state.name = name,
                LinkAttribute::Mtu(mtu) => state.mtu = mtu,
                LinkAttribute::TxQueueLen(frames) => state.queue_length = frames,
                LinkAttribute::Address(mac) => state.mac = mac.try_into().ok(),
                LinkAttribute::OperState(operstate) => state.operstate = operstate_name(operstate),
                LinkAttribute::Stats64(stats) => {
                    state.statistics = LinkStatistics {
                        rx_packets: stats.rx_packets,
                        tx_packets: stats.tx_packets,
                        rx_octets: stats.rx_bytes,
                        tx_octets: stats.tx_bytes,
                        rx_dropped: stats.rx_dropped,
                        tx_dropped: stats.tx_dropped,
                        rx_errors: stats.rx_errors,
                        tx_errors: stats.tx_errors,
                    };
                }
                _ => {}
            }
        }
        Some(state)
    }
}

impl LinkAddress {
    pub(super) fn from_message(message: RouteNetlinkMessage) -> Option<Self> {
        let RouteNetlinkMessage::NewAddress(message) = message else { return None };
        let (mut local, mut other, mut broadcast, mut tentative) = (None, None, None, false);
        for attribute in &message.attributes {
            match attribute {
                AddressAttribute::Local(address) => local = Some(*address),
                AddressAttribute::Address(address) => other = Some(*address),
                AddressAttribute::Broadcast(address) => broadcast = Some(*address),
                AddressAttribute::Flags(flags) => tentative = flags.contains(AddressFlags::Tentative),
                _ => {}
            }
        }
        // IPv6 without a peer has IFA_ADDRESS only.
        let own = local.or(other)?;
        Some(Self {
            index: message.header.index,
            address: Cidr::new(own, message.header.prefix_len).ok()?,
            peer: other.filter(|other| *other != own),
            broadcast,
            tentative,
        })
    }
}

impl Route {
    pub(super) fn from_message(message: RouteNetlinkMessage) -> Option<Self> {
        let RouteNetlinkMessage::NewRoute(message) = message else { return None };
        if message.header.table != RouteHeader::RT_TABLE_MAIN || message.header.kind != RouteType::Unicast {
            return None;
        }
        let any = match message.header.address_family {
            AddressFamily::Inet => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
            _ => return None,
        };
        let (mut destination, mut via, mut index) = (any, None, None);
        for attribute in &message.attributes {
            match attribute {
                RouteAttribute::Destination(address) => destination = route_address(address)?,
                RouteAttribute::Gateway(address) => via = route_address(address),
                RouteAttribute::Oif(oif) => index = Some(*oif),
                _ => {}
            }
        }
        let destination = Cidr::new(destination, message.header.destination_prefix_length).ok()?;
        Some(Self { destination, via, index })
    }
}

impl Neighbour {
    pub(super) fn from_message(message: RouteNetlinkMessage) -> Option<Self> {
        let RouteNetlinkMessage::NewNeighbour(message) = message else { return None };
        let (mut address, mut mac) = (None, None);
        for attribute in message.attributes {
            match attribute {
                NeighbourAttribute::Destination(NeighbourAddress::Inet(found)) => address = Some(IpAddr::from(found)),
                NeighbourAttribute::Destination(NeighbourAddress::Inet6(found)) => address = Some(found.into()),
                NeighbourAttribute::LinkLayerAddress(found) => mac = found.try_into().ok(),
                _ => {}
            }
        }
        let state = match message.header.state {
            NeighbourState::Incomplete => "INCOMPLETE",
            NeighbourState::Reachable => "REACHABLE",
            NeighbourState::Stale => "STALE",
            NeighbourState::Delay => "DELAY",
            NeighbourState::Probe => "PROBE",
            NeighbourState::Failed => "FAILED",
            NeighbourState::Noarp => "NOARP",
            NeighbourState::Permanent => "PERMANENT",
            _ => "NONE",
        };
        Some(Self { index: message.header.ifindex, address: address?, mac, state })
    }
}

const fn route_address(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some(IpAddr::V4(*address)),
        RouteAddress::Inet6(address) => Some(IpAddr::V6(*address)),
        _ => None,
    }
}

const fn operstate_name(state: State) -> &'static str {
    match state {
        State::NotPresent => "NOTPRESENT",
        State::Down => "DOWN",
        State::LowerLayerDown => "LOWERLAYERDOWN",
        State::Testing => "TESTING",
        State::Dormant => "DORMANT",
        State::Up => "UP",
        _ => "UNKNOWN",
    }
}
