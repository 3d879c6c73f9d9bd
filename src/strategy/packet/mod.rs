//! Strategies for the layers, packets and frames of [`packet`](crate::packet).
//!
//! A layer's strategy sets some of its fields and leaves the others open: lengths, checksums and protocol numbers are
//! left to be computed, and a field that a header of that type does not have is not set. So every layer builds, and
//! matches what it built. Addresses and ports are of all [classes](super::address), a sender's of those that can send;
//! TCP and UDP have both ports. All shrink towards few fields with small numbers.
//!
//! Whole packets shrink to the packet that a person would write: layers that do not matter are taken away, fields are
//! left open (so that [building](crate::packet::Packet::build) takes the documentation addresses), TCP and UDP go over IPv4
//! from port 50000 to 80, an ICMP message is an echo request, a payload has as few octets as it needs, and they are `a`.
//!
//! ```
//! use proptest::prelude::*;
//! use tuntap_test::device::{FrameRef, Mode};
//! use tuntap_test::strategy;
//!
//! proptest!(|(packet in strategy::packet::ip_packet())| {
//!     let octets = packet.build().unwrap();
//!     prop_assert!(packet.matches(FrameRef::new(Mode::Tun, &octets)));
//! });
//! ```

mod fields;
mod layers;
mod shrink;
mod stacks;

pub use layers::{
    any_layer, arp, destination_options, ethernet, fragment, hop_by_hop, icmpv4, icmpv6, igmp, igmp_v3, ipv4, ipv6,
    listener_discovery, neighbor_discovery, payload, routing, tcp, udp, vlan,
};
pub(in crate::strategy) use shrink::simpler_fields;
pub use stacks::{frame, ip_packet, packet, sound_packet};
