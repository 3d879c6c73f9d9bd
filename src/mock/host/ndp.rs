//! Neighbour discovery's solicitations and advertisements (RFC 4861 sections 4.3, 4.4 and 7).
//!
//! ```text
//!  135 0 checksum · 0 (4)     · target (16) · options: 1 1 MAC   a solicitation, to the solicited-node group
//!  136 0 checksum · flags (4) · target (16) · options: 2 1 MAC   an advertisement: flags R S O, 0x80 0x40 0x20
//! ```

use std::net::{IpAddr, Ipv6Addr};

use super::checksum;
use super::ethernet;
use super::ipv6::HEADER;
use super::packet::{Fragmenting, Outgoing, protocol, u16_at};
use super::route::solicited_node;
use super::stack::Stack;
use crate::device::Mode;

const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const SOURCE_LINK_LAYER: u8 = 1;
const TARGET_LINK_LAYER: u8 = 2;
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;
/// Nobody beyond the link can send with it.
const HOP_LIMIT: u8 = 255;
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// A message that passed the checks of RFC 4861 sections 7.1.1 and 7.1.2.
struct Message {
    solicitation: bool,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    flags: u8,
    target: Ipv6Addr,
    link_layer: Option<[u8; 6]>,
}

fn address(octets: &[u8], at: usize) -> Option<Ipv6Addr> {
    octets.get(at..)?.first_chunk::<16>().map(|&octets| Ipv6Addr::from(octets))
}

/// Reads a packet that is a solicitation or an advertisement right behind the IPv6 header.
fn read(packet: &[u8]) -> Option<Message> {
    let length = usize::from(u16_at(packet, 4)?);
    let (fixed, rest) = packet.split_first_chunk::<HEADER>()?;
    let [version, ..] = *fixed;
    let message = rest.get(..length)?;
    let &[kind @ (SOLICITATION | ADVERTISEMENT), 0, _, _, flags, ..] = message else { return None };
    let head = version >> 4 == 6 && fixed.get(6..8) == Some(&[protocol::ICMPV6, HOP_LIMIT]);
    let (source, destination) = (address(packet, 8)?, address(packet, 24)?);
    let sum = checksum::transport(source.into(), destination.into(), protocol::ICMPV6, message);
    let target = address(message, 8)?;
    if !head || sum != 0 || target.is_multicast() || source.is_multicast() {
        return None;
    }
    let solicitation = kind == SOLICITATION;
    let wanted = if solicitation { SOURCE_LINK_LAYER } else { TARGET_LINK_LAYER };
    let mut link_layer = None;
    let mut options = message.get(24..)?;
    while let Some((&[number, units], _)) = options.split_first_chunk::<2>() {
        let length = usize::from(units) * 8;
        if length == 0 {
            return None;
        }
        let option = options.get(..length)?;
        if number == wanted && units == 1 {
            link_layer = option.get(2..)?.first_chunk::<6>().copied();
        }
        options = options.get(length..)?;
    }
    // What is left is no whole option.
    options.is_empty().then_some(Message { solicitation, source, destination, flags, target, link_layer })
}

impl Stack {
    /// A packet of neighbour discovery's from a link.
    pub(super) fn receive_discovery(&mut self, link: usize, packet: &[u8]) {
        let Some(message) = read(packet) else { return };
        let Some(state) = self.links.get(link) else { return };
        let ours = state.own().any(|own| own.address() == IpAddr::V6(message.target));
        match (message.solicitation, ours) {
            (true, true) => self.receive_solicitation(link, &message),
            (false, false) => self.receive_advertisement(link, &message),
            _ => {}
        }
    }

    fn receive_solicitation(&mut self, link: usize, message: &Message) {
        let group = solicited_node(message.target);
        let source = message.source;
        if message.destination != group && !self.owns(message.destination.into()) {
            return;
        }
        if source.is_unspecified() {
            // Duplicate address detection: everybody hears that the address is taken.
            if message.destination == group && message.link_layer.is_none() {
                self.advertise(link, message.target, ALL_NODES, OVERRIDE, true);
            }
            return;
        }
        if self.owns(source.into()) {
            return;
        }
        // Who asks with an address of its own will be spoken to.
        if let Some(mac) = message.link_layer.filter(|mac| !ethernet::is_group(*mac)) {
            self.learn(link, source.into(), mac);
        }
        // Asked by one who knows the MAC already, the host leaves it out.
        let to_group = message.destination == group;
        let flags = if to_group { SOLICITED | OVERRIDE } else { SOLICITED };
        self.advertise(link, message.target, source, flags, to_group);
    }

    /// An advertisement speaks for who was asked for; for others it makes no entry.
    fn receive_advertisement(&mut self, link: usize, message: &Message) {
        let Some(state) = self.links.get(link) else { return };
        let target = IpAddr::V6(message.target);
        let known = state.neighbours.mac(target);
        let takes = state.neighbours.is_there(target) && (known.is_none() || message.flags & OVERRIDE != 0);
        if let Some(mac) = message.link_layer.filter(|mac| takes && !ethernet::is_group(*mac)) {
            self.learn(link, target, mac);
        }
    }

    fn advertise(&mut self, link: usize, target: Ipv6Addr, to: Ipv6Addr, flags: u8, with_mac: bool) {
        let Some(state) = self.links.get(link) else { return };
        let own = (state.mode == Mode::Tap && with_mac).then_some(state.mac);
        let head = [ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0];
        let option = own.map(|mac| [&[TARGET_LINK_LAYER, 1], mac.as_slice()].concat()).unwrap_or_default();
        self.discover(link, target, to, &[head.as_slice(), &target.octets(), &option].concat());
    }

    /// Asks who has an address.
    pub(super) fn solicit(&mut self, link: usize, target: Ipv6Addr) {
        let Some(state) = self.links.get(link) else { return };
        let Some(IpAddr::V6(source)) = state.source_for(IpAddr::V6(target)) else { return };
        let option = [&[SOURCE_LINK_LAYER, 1], state.mac.as_slice()].concat();
        let message = [[SOLICITATION, 0, 0, 0, 0, 0, 0, 0].as_slice(), &target.octets(), &option].concat();
        let to = solicited_node(target);
        self.discover(link, source, to, &message);
    }

    fn discover(&mut self, link: usize, source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) {
        let (source, destination) = (IpAddr::V6(source), IpAddr::V6(destination));
        let mut message = message.to_vec();
        let sum = checksum::transport(source, destination, protocol::ICMPV6, &message);
        checksum::put(&mut message, 2, sum);
        let outgoing = Outgoing {
            source,
            destination,
            protocol: protocol::ICMPV6,
            traffic_class: 0,
            hop_limit: HOP_LIMIT,
            fragmenting: Fragmenting::Allowed,
            payload: &message,
        };
        for packet in self.build_ipv6(&outgoing, usize::MAX) {
            self.transmit(link, destination, packet);
        }
    }
}
