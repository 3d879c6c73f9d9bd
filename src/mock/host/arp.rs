//! ARP for IPv4 on Ethernet (RFC 826).
//!
//! ```text
//!  0                        8                              14              18               24
//!  00 01 08 00 06 04 · op   sender hardware address (6) ·  sender IP (4) · target MAC (6) · target IP (4)
//! ```

use std::net::{IpAddr, Ipv4Addr};

use super::ethernet;
use super::stack::Stack;
use crate::mock::state::ether_type;

const LENGTH: usize = 28;
const ETHERNET_IPV4: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: u8 = 1;
const REPLY: u8 = 2;

impl Stack {
    /// A request for an own address is answered, probes (RFC 5227) included, whatever network its sender is on; one from
    /// an impostor is not.
    pub(super) fn receive_arp(&mut self, link: usize, octets: &[u8]) {
        let Some(packet) = octets.first_chunk::<LENGTH>() else { return };
        let [a, b, c, d, e, f, 0, operation, m1, m2, m3, m4, m5, m6, s1, s2, s3, s4, .., t1, t2, t3, t4] = *packet
        else {
            return;
        };
        let mac = [m1, m2, m3, m4, m5, m6];
        let (sender, target) = (Ipv4Addr::new(s1, s2, s3, s4), Ipv4Addr::new(t1, t2, t3, t4));
        let possible =
            !(sender.is_multicast() || sender.is_broadcast() || sender.is_loopback() || self.owns(sender.into()));
        if [a, b, c, d, e, f] != ETHERNET_IPV4 || !possible || target.is_loopback() {
            return;
        }
        let for_us = self.owns(target.into());
        let Some(state) = self.links.get_mut(link) else { return };
        if operation == REQUEST && for_us {
            let reply = packet_of(REPLY, state.mac, target, mac, sender);
            state.outbox.push(ethernet::frame(state.mac, mac, ether_type::ARP, &reply));
        }
        // Who asks for us will be spoken to; who answers is known only when it was asked for.
        let asked_us = operation == REQUEST && for_us;
        let known = state.neighbours.is_there(IpAddr::V4(sender));
        let learns = known || (asked_us && state.source_for(IpAddr::V4(sender)).is_some());
        if matches!(operation, REQUEST | REPLY) && learns && !sender.is_unspecified() && !ethernet::is_group(mac) {
            self.learn(link, IpAddr::V4(sender), mac);
        }
    }

    /// Asks who has an address.
    pub(super) fn ask_arp(&mut self, link: usize, target: Ipv4Addr) {
        let Some(state) = self.links.get_mut(link) else { return };
        let Some(IpAddr::V4(source)) = state.source_for(IpAddr::V4(target)) else { return };
        let request = packet_of(REQUEST, state.mac, source, [0; 6], target);
        state.outbox.push(ethernet::frame(state.mac, [0xff; 6], ether_type::ARP, &request));
    }
}

fn packet_of(
    operation: u8,
    sender: [u8; 6],
    sender_address: Ipv4Addr,
    target: [u8; 6],
    target_address: Ipv4Addr,
) -> Vec<u8> {
    let head = [ETHERNET_IPV4.as_slice(), &[0, operation], &sender, &sender_address.octets()].concat();
    [head.as_slice(), &target, &target_address.octets()].concat()
}
