//! ICMP for the host: echo requests are answered, replies and errors go to the sockets that wait for them.

use super::checksum;
use super::packet::{Fragmenting, Outgoing, Received, protocol};
use super::stack::Stack;

/// Types (RFC 792, RFC 4443).
const V4_ECHO_REPLY: u8 = 0;
const V4_ECHO_REQUEST: u8 = 8;
const V6_ECHO_REQUEST: u8 = 128;
const V6_ECHO_REPLY: u8 = 129;

impl Stack {
    /// An ICMPv4 message to the host.
    pub(super) fn receive_icmpv4(&mut self, received: &Received<'_>) {
        if checksum::internet(received.payload) != 0 {
            return;
        }
        match received.payload.first() {
            // Not to a broadcast or multicast address (`icmp_echo_ignore_broadcasts`).
            Some(&V4_ECHO_REQUEST) if !received.to_group => self.answer_echo(received, V4_ECHO_REPLY),
            Some(&V4_ECHO_REPLY) => self.receive_echo_reply(received),
            Some(3 | 11 | 12) => self.receive_error(received),
            _ => {}
        }
    }

    /// An ICMPv6 message to the host.
    pub(super) fn receive_icmpv6(&mut self, received: &Received<'_>) {
        let sum = checksum::transport(received.source, received.destination, protocol::ICMPV6, received.payload);
        if sum != 0 {
            return;
        }
        match (received.payload.first(), received.link) {
            (Some(&V6_ECHO_REQUEST), _) => self.answer_echo(received, V6_ECHO_REPLY),
            (Some(&V6_ECHO_REPLY), _) => self.receive_echo_reply(received),
            (Some(1..=4), _) => self.receive_error(received),
            (Some(133..=137), Some(link)) => self.receive_discovery(link, received.packet),
            _ => {}
        }
    }

    /// The same code, identifier, sequence number and data go back, with the request's traffic class; options of IPv4
    /// and extension headers do not.
    fn answer_echo(&mut self, received: &Received<'_>, kind: u8) {
        let &[_, code, _, _, ref rest @ ..] = received.payload else { return };
        if rest.len() < 4 {
            return;
        }
        let own = || {
            let link = received.link.and_then(|link| self.links.get(link));
            link.and_then(|link| link.source_for(received.source))
        };
        let Some(source) = (if received.to_group { own() } else { Some(received.destination) }) else { return };
        let number = received.protocol;
        let mut message = [[kind, code, 0, 0].as_slice(), rest].concat();
        let sum = if source.is_ipv4() {
            checksum::internet(&message)
        } else {
            checksum::transport(source, received.source, number, &message)
        };
        checksum::put(&mut message, 2, sum);
        // Nobody is told that there is no way back.
        let _ = self.send(&Outgoing {
            source,
            destination: received.source,
            protocol: number,
            traffic_class: received.traffic_class,
            hop_limit: self.hop_limit,
            fragmenting: Fragmenting::Allowed,
            payload: &message,
        });
    }
}
