//! [`Step`]s as rtnetlink messages (linux/rtnetlink.h).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{DefaultNla, NLA_F_NESTED, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{
    AfSpecInet, AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags,
    LinkInfo, LinkMessage,
};
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourMessage, NeighbourState};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType, RouteVia,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::step::{AddressGeneration, Ipv4Setting, LinkKind, Step};
use crate::device::Cidr;

/// `lo`'s index in every network namespace (`LOOPBACK_IFINDEX`, net/net_namespace.h).
const LOOPBACK: u32 = 1;
/// `IFLA_INET_CONF` (linux/if_link.h).
const INET_CONF: u16 = 1;
const NEW: u16 = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;

/// The message for a step, with its flags.
pub(super) fn message(step: &Step) -> (u16, RouteNetlinkMessage) {
    match step {
        Step::AddLink { name, kind } => (NEW, RouteNetlinkMessage::NewLink(new_link(name, kind))),
        Step::DeleteLink { index } => (NLM_F_REQUEST, RouteNetlinkMessage::DelLink(link(*index, []))),
        Step::Rename { index, name } => set(*index, LinkAttribute::IfName(name.clone())),
        Step::LoopbackUp => switch(LOOPBACK, LinkFlags::Up),
        Step::Up { index } => switch(*index, LinkFlags::Up),
        Step::Down { index } => switch(*index, LinkFlags::empty()),
        Step::Mtu { index, octets } => set(*index, LinkAttribute::Mtu(*octets)),
        Step::QueueLength { index, frames } => set(*index, LinkAttribute::TxQueueLen(*frames)),
        Step::MacAddress { index, mac } => set(*index, LinkAttribute::Address(mac.to_vec())),
        Step::AddressGeneration { index, mode } => {
            let mode = match mode {
                AddressGeneration::None => In6AddrGenMode::None,
                AddressGeneration::Eui64 => In6AddrGenMode::Eui64,
            };
            let inet6 = AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(mode)]);
            set(*index, LinkAttribute::AfSpecUnspec(vec![inet6]))
        }
        Step::Ipv4Setting { index, setting, value } => {
            let inet = AfSpecUnspec::Inet(vec![ipv4_setting(*setting, *value)]);
            set(*index, LinkAttribute::AfSpecUnspec(vec![inet]))
        }
        Step::Address { index, address, peer, broadcast, dad } => {
            let mut message = self::address(*index, *address);
            if let Some(peer) = peer {
                message.attributes.retain(|attribute| !matches!(attribute, AddressAttribute::Address(_)));
                message.attributes.push(AddressAttribute::Address(*peer));
            }
            message.attributes.extend(broadcast.map(AddressAttribute::Broadcast));
            if !dad {
                message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
            }
            (NEW, RouteNetlinkMessage::NewAddress(message))
        }
        Step::RemoveAddress { index, address } => {
            let mut message = self::address(*index, *address);
            // An address with a peer is found by its local half alone.
            if address.address().is_ipv4() {
                message.attributes.retain(|attribute| !matches!(attribute, AddressAttribute::Address(_)));
            }
            (NLM_F_REQUEST, RouteNetlinkMessage::DelAddress(message))
        }
        Step::Route { destination, via, index } => {
            let mut message = route(*destination, *via, *index);
            message.header.protocol = RouteProtocol::Static;
            message.header.kind = RouteType::Unicast;
            message.header.scope = match via {
                None if message.header.address_family == AddressFamily::Inet => RouteScope::Link,
                _ => RouteScope::Universe,
            };
            (NEW, RouteNetlinkMessage::NewRoute(message))
        }
        Step::RemoveRoute { destination, via, index } => {
            let mut message = route(*destination, *via, *index);
            message.header.scope = RouteScope::NoWhere; // Any.
            (NLM_F_REQUEST, RouteNetlinkMessage::DelRoute(message))
        }
        Step::Neighbour { index, address, mac } => {
            let mut message = neighbour(*index, *address);
            message.header.state = NeighbourState::Permanent;
            message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.to_vec()));
            (NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE, RouteNetlinkMessage::NewNeighbour(message))
        }
        Step::RemoveNeighbour { index, address } => {
            (NLM_F_REQUEST, RouteNetlinkMessage::DelNeighbour(neighbour(*index, *address)))
        }
    }
}

/// A link message about that interface.
pub(super) fn link(index: u32, attributes: impl Into<Vec<LinkAttribute>>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes = attributes.into();
    message
}

fn set(index: u32, attribute: LinkAttribute) -> (u16, RouteNetlinkMessage) {
    (NLM_F_REQUEST, RouteNetlinkMessage::SetLink(link(index, [attribute])))
}

fn switch(index: u32, flags: LinkFlags) -> (u16, RouteNetlinkMessage) {
    let mut message = link(index, []);
    message.header.flags = flags;
    message.header.change_mask = LinkFlags::Up;
    (NLM_F_REQUEST, RouteNetlinkMessage::SetLink(message))
}

fn new_link(name: &str, kind: &LinkKind) -> LinkMessage {
    let info = match kind {
        LinkKind::Dummy => vec![LinkInfo::Kind(InfoKind::Dummy)],
        LinkKind::Veth { peer } => {
            let peer = link(0, [LinkAttribute::IfName(peer.clone())]);
            vec![LinkInfo::Kind(InfoKind::Veth), LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer)))]
        }
    };
    link(0, [LinkAttribute::IfName(name.to_owned()), LinkAttribute::LinkInfo(info)])
}

/// `IFLA_INET_CONF` with one entry. netlink-packet-route's own type leaves out values of 0, which are half of what
/// one wants to set.
fn ipv4_setting(setting: Ipv4Setting, value: u32) -> AfSpecInet {
    let mut entry = Vec::with_capacity(8);
    entry.extend(8u16.to_ne_bytes());
    entry.extend((setting as u16).to_ne_bytes());
    entry.extend(value.to_ne_bytes());
    AfSpecInet::Other(DefaultNla::new(INET_CONF | NLA_F_NESTED, entry))
}

fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

fn address(index: u32, cidr: Cidr) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family(cidr.address());
    message.header.prefix_len = cidr.prefix_length();
    message.header.index = index;
    message.attributes = vec![AddressAttribute::Local(cidr.address()), AddressAttribute::Address(cidr.address())];
    message
}

fn route(destination: Option<Cidr>, via: Option<IpAddr>, index: u32) -> RouteMessage {
    let mut message = RouteMessage::default();
    let any = match via {
        Some(IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    };
    let target = destination.map_or(any, Cidr::address);
    message.header.address_family = family(target);
    message.header.destination_prefix_length = destination.map_or(0, Cidr::prefix_length);
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    if destination.is_some() {
        message.attributes.push(RouteAttribute::Destination(target.into()));
    }
    message.attributes.extend(via.map(|via| match via {
        // An IPv4 destination behind an IPv6 gateway (RFC 5549).
        IpAddr::V6(via) if target.is_ipv4() => RouteAttribute::Via(RouteVia::Inet6(via)),
        via => RouteAttribute::Gateway(RouteAddress::from(via)),
    }));
    message.attributes.push(RouteAttribute::Oif(index));
    message
}

fn neighbour(index: u32, address: IpAddr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family(address);
    message.header.ifindex = index;
    message.attributes = vec![NeighbourAttribute::Destination(address.into())];
    message
}
