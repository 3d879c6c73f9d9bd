//! One link of the host: its addresses, its neighbours, and the frames that wait to leave.

use std::mem;
use std::net::IpAddr;

use super::config::LinkConfig;
use super::ethernet;
use super::neighbour::Neighbours;
use super::stack::Stack;
use super::tcp::engine::Engine;
use crate::device::{Cidr, Mode};

pub(super) struct LinkState {
    pub(super) mode: Mode,
    pub(super) mtu: usize,
    pub(super) up: bool,
    /// IPv6 ended when the MTU became too small for it: its addresses are gone until the link is set up anew.
    pub(super) ipv6_ended: bool,
    pub(super) mac: [u8; 6],
    pub(super) addresses: Vec<Cidr>,
    pub(super) routes: Vec<Cidr>,
    pub(super) neighbours: Neighbours,
    pub(super) outbox: Vec<Vec<u8>>,
    pub(super) engine: Engine,
}

impl LinkState {
    pub(super) fn new(config: LinkConfig, seed: u64) -> Self {
        Self {
            mode: config.mode,
            mtu: config.mtu,
            up: true,
            ipv6_ended: false,
            mac: config.mac,
            addresses: config.addresses,
            routes: config.routes,
            neighbours: Neighbours::default(),
            outbox: Vec::new(),
            engine: Engine::new(config.mtu, seed),
        }
    }

    /// Takes the frames that wait.
    pub(super) fn take(&mut self) -> Vec<Vec<u8>> {
        mem::take(&mut self.outbox)
    }
}

impl Stack {
    /// A frame from a link.
    pub(super) fn receive_frame(&mut self, link: usize, octets: &[u8]) {
        let Some(state) = self.links.get(link).filter(|state| state.up) else { return };
        match (state.mode, octets.first().map(|octet| octet >> 4)) {
            (Mode::Tap, _) => self.receive_ethernet(link, octets),
            (Mode::Tun, Some(4)) => self.receive_ipv4(octets, Some(link), false),
            (Mode::Tun, Some(6)) => self.receive_ipv6(octets, Some(link), false),
            (Mode::Tun, _) => {}
        }
    }

    /// Puts a packet on a link. On TAP it waits until its neighbour is known.
    pub(super) fn transmit(&mut self, link: usize, to: IpAddr, packet: Vec<u8>) {
        let now = self.now;
        let Some(state) = self.links.get_mut(link).filter(|state| state.up) else { return };
        if state.mode == Mode::Tun {
            state.outbox.push(packet);
            return;
        }
        let group = if state.is_broadcast(to) { Some([0xff; 6]) } else { ethernet::group(to) };
        match group.or_else(|| state.neighbours.mac(to)) {
            Some(mac) => state.outbox.push(ethernet::frame(state.mac, mac, ethernet::kind_of(to), &packet)),
            None => state.neighbours.wait(to, packet, now),
        }
    }
}
