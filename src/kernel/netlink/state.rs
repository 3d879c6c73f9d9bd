//! What the kernel says about links, addresses, routes and neighbours, as plain values that display as `ip` prints.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteScope, RouteType, RouteVia};

use super::step::Mac;
use crate::device::Cidr;

/// One interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkState {
    /// The interface index.
    pub index: u32,
    /// The name, such as `tun0`.
    pub name: String,
    /// The MTU in octets.
    pub mtu: u32,
    /// The transmit queue's length in frames.
    pub queue_length: u32,
    /// Whether it was brought up.
    pub up: bool,
    /// Whether it carries frames: up, and somebody holds the other end.
    pub running: bool,
    /// The hardware address; TUN has none.
    pub mac: Option<[u8; 6]>,
    /// The operational state as `ip` prints it (RFC 2863 section 3.1.14): `UP`, `DOWN`, `UNKNOWN`, ….
    pub operstate: String,
    /// What went through since the link was made.
    pub statistics: LinkStatistics,
}

/// Counters of a link, seen from the host end: what a program writes to a TUN/TAP descriptor is received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkStatistics {
    /// Frames received.
    pub rx_packets: u64,
    /// Frames sent.
    pub tx_packets: u64,
    /// Octets received.
    pub rx_octets: u64,
    /// Octets sent.
    pub tx_octets: u64,
    /// Frames received and thrown away.
    pub rx_dropped: u64,
    /// Frames thrown away instead of being sent: on TUN/TAP, the reader's queue was full or a filter dropped them.
    pub tx_dropped: u64,
    /// Frames received with errors.
    pub rx_errors: u64,
    /// Frames that could not be sent.
    pub tx_errors: u64,
}

/// One address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressState {
    /// The interface index.
    pub index: u32,
    /// The address with its prefix length.
    pub address: Cidr,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// The broadcast address.
    pub broadcast: Option<Ipv4Addr>,
    /// Whether duplicate address detection still runs: until it is done, the address cannot be used.
    pub tentative: bool,
    /// Whether duplicate address detection found another owner.
    pub duplicate: bool,
}

/// One route of the main table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteState {
    /// Where to; the default routes are `0.0.0.0/0` and `::/0`.
    pub destination: Cidr,
    /// The gateway.
    pub via: Option<IpAddr>,
    /// Out of which interface; `None` for blackholes and for several next hops.
    pub index: Option<u32>,
    /// The source address that packets without one get.
    pub source: Option<IpAddr>,
    /// Among routes to one destination the lowest metric wins.
    pub metric: u32,
    /// Whether the destination is on the link.
    pub on_link: bool,
}

/// One neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeighbourState {
    /// The interface index.
    pub index: u32,
    /// Its IP address.
    pub address: IpAddr,
    /// Its hardware address, when known.
    pub mac: Option<[u8; 6]>,
    /// Whether it was set by hand and never expires.
    pub permanent: bool,
    /// The kernel's state (`NUD_…`).
    pub reachability: Reachability,
}

/// What the kernel knows about reaching a neighbour (RFC 4861 section 7.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reachability {
    /// Asked for and not answered yet.
    Incomplete,
    /// Confirmed of late.
    Reachable,
    /// Was reachable once.
    Stale,
    /// About to be asked again.
    Delay,
    /// Being asked again.
    Probe,
    /// Did not answer.
    Failed,
    /// Set by hand.
    Permanent,
    /// Something else.
    Other(u16),
}

impl LinkState {
    pub(super) fn read(message: LinkMessage) -> Self {
        let flags = message.header.flags;
        let mut link = Self {
            index: message.header.index,
            up: flags.contains(LinkFlags::Up),
            running: flags.contains(LinkFlags::Running),
            ..Self::default()
        };
        for attribute in message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name = name,
                LinkAttribute::Mtu(octets) => link.mtu = octets,
                LinkAttribute::TxQueueLen(frames) => link.queue_length = frames,
                LinkAttribute::Address(octets) => link.mac = octets.try_into().ok(),
                LinkAttribute::OperState(state) => link.operstate = state.to_string(),
                LinkAttribute::Stats64(counted) => {
                    link.statistics = LinkStatistics {
                        rx_packets: counted.rx_packets,
                        tx_packets: counted.tx_packets,
                        rx_octets: counted.rx_bytes,
                        tx_octets: counted.tx_bytes,
                        rx_dropped: counted.rx_dropped,
                        tx_dropped: counted.tx_dropped,
                        rx_errors: counted.rx_errors,
                        tx_errors: counted.tx_errors,
                    };
                }
                _ => {}
            }
        }
        link
    }
}

impl AddressState {
    /// `None` for what is neither IPv4 nor IPv6.
    pub(super) fn read(message: &AddressMessage) -> Option<Self> {
        let (mut local, mut far, mut broadcast) = (None, None, None);
        let mut flags = AddressFlags::from_bits_retain(u32::from(message.header.flags.bits()));
        for attribute in &message.attributes {
            match attribute {
                AddressAttribute::Local(address) => local = Some(*address),
                AddressAttribute::Address(address) => far = Some(*address),
                AddressAttribute::Broadcast(address) => broadcast = Some(*address),
                AddressAttribute::Flags(all) => flags = *all,
                _ => {}
            }
        }
        let address = local.or(far)?;
        Some(Self {
            index: message.header.index,
            address: Cidr::new(address, message.header.prefix_len).ok()?,
            peer: far.filter(|&far| far != address),
            broadcast,
            tentative: flags.contains(AddressFlags::Tentative),
            duplicate: flags.contains(AddressFlags::Dadfailed),
        })
    }
}

impl RouteState {
    /// `None` for what is not a unicast route of that family in the main table.
    pub(super) fn read(message: &RouteMessage, family: AddressFamily) -> Option<Self> {
        let header = &message.header;
        let mut table = u32::from(header.table);
        let (mut destination, mut via, mut index, mut source, mut metric) = (None, None, None, None, 0);
        for attribute in &message.attributes {
            match attribute {
                RouteAttribute::Table(all) => table = *all,
                RouteAttribute::Destination(address) => destination = ip(address),
                RouteAttribute::Gateway(address) => via = ip(address),
                RouteAttribute::Via(RouteVia::Inet(address)) => via = Some((*address).into()),
                RouteAttribute::Via(RouteVia::Inet6(address)) => via = Some((*address).into()),
                RouteAttribute::PrefSource(address) => source = ip(address),
                RouteAttribute::Oif(interface) => index = Some(*interface),
                RouteAttribute::Priority(priority) => metric = *priority,
                _ => {}
            }
        }
        let any = match family {
            AddressFamily::Inet => Ipv4Addr::UNSPECIFIED.into(),
            _ => Ipv6Addr::UNSPECIFIED.into(),
        };
        let main = u32::from(netlink_packet_route::route::RouteHeader::RT_TABLE_MAIN);
        if header.address_family != family || header.kind != RouteType::Unicast || table != main {
            return None;
        }
        let destination = Cidr::new(destination.unwrap_or(any), header.destination_prefix_length).ok()?;
        Some(Self { destination, via, index, source, metric, on_link: header.scope == RouteScope::Link })
    }
}

impl NeighbourState {
    /// `None` for what is not an IP neighbour, and for the entries that `ip` hides (multicast and the like).
    pub(super) fn read(message: &NeighbourMessage) -> Option<Self> {
        use netlink_packet_route::neighbour::NeighbourState as Kernel;
        let (mut address, mut mac) = (None, None);
        for attribute in &message.attributes {
            match attribute {
                NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => address = Some((*ip).into()),
                NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => address = Some((*ip).into()),
                NeighbourAttribute::LinkLayerAddress(octets) => mac = octets.as_slice().try_into().ok(),
                _ => {}
            }
        }
        let reachability = match message.header.state {
            Kernel::Noarp => return None,
            Kernel::Incomplete => Reachability::Incomplete,
            Kernel::Reachable => Reachability::Reachable,
            Kernel::Stale => Reachability::Stale,
            Kernel::Delay => Reachability::Delay,
            Kernel::Probe => Reachability::Probe,
            Kernel::Failed => Reachability::Failed,
            Kernel::Permanent => Reachability::Permanent,
            other => Reachability::Other(other.into()),
        };
        let permanent = reachability == Reachability::Permanent;
        Some(Self { index: message.header.ifindex, address: address?, mac, permanent, reachability })
    }
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, name, mtu, queue_length, operstate, .. } = self;
        let flags = match (self.up, self.running) {
            (true, true) => "UP,LOWER_UP",
            (true, false) => "NO-CARRIER,UP",
            (false, _) => "",
        };
        write!(f, "{index}: {name}: <{flags}> mtu {mtu} state {operstate} qlen {queue_length}")?;
        self.mac.map_or(Ok(()), |mac| write!(f, " link/ether {}", Mac(mac)))
    }
}

impl fmt::Display for LinkStatistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rx_packets, tx_packets, rx_octets, tx_octets, rx_dropped, tx_dropped, rx_errors, tx_errors } = self;
        write!(f, "RX: {rx_octets} octets {rx_packets} packets {rx_errors} errors {rx_dropped} dropped, ")?;
        write!(f, "TX: {tx_octets} octets {tx_packets} packets {tx_errors} errors {tx_dropped} dropped")
    }
}

impl fmt::Display for AddressState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.address();
        f.write_str(if address.is_ipv4() { "inet " } else { "inet6 " })?;
        match self.peer {
            Some(peer) => write!(f, "{address} peer {peer}/{}", self.address.prefix_length())?,
            None => write!(f, "{}", self.address)?,
        }
        if let Some(broadcast) = self.broadcast {
            write!(f, " brd {broadcast}")?;
        }
        f.write_str(if self.duplicate { " dadfailed" } else { "" })?;
        f.write_str(if self.tentative { " tentative" } else { "" })
    }
}

impl fmt::Display for RouteState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.destination.prefix_length() {
            0 => f.write_str("default")?,
            _ => write!(f, "{}", self.destination)?,
        }
        if let Some(via) = self.via {
            write!(f, " via {via}")?;
        }
        if let Some(index) = self.index {
            write!(f, " dev {index}")?;
        }
        if self.on_link {
            f.write_str(" scope link")?;
        }
        if let Some(source) = self.source {
            write!(f, " src {source}")?;
        }
        if self.metric != 0 {
            write!(f, " metric {}", self.metric)?;
        }
        Ok(())
    }
}

impl fmt::Display for NeighbourState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} dev {}", self.address, self.index)?;
        if let Some(mac) = self.mac {
            write!(f, " lladdr {}", Mac(mac))?;
        }
        write!(f, " {}", self.reachability)
    }
}

impl fmt::Display for Reachability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete => f.write_str("INCOMPLETE"),
            Self::Reachable => f.write_str("REACHABLE"),
            Self::Stale => f.write_str("STALE"),
            Self::Delay => f.write_str("DELAY"),
            Self::Probe => f.write_str("PROBE"),
            Self::Failed => f.write_str("FAILED"),
            Self::Permanent => f.write_str("PERMANENT"),
            Self::Other(state) => write!(f, "{state:#x}"),
        }
    }
}
