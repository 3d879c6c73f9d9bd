//! Strategies for the layers, packets and frames of [`packet`](crate::packet).
//!
//! A layer's strategy sets some of its fields and leaves the others open: lengths, checksums and protocol numbers are
//! left to be computed, and a field that a header of that type does not have is not set. So every layer builds, and
//! matches what it built. All shrink towards few fields with small numbers.
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
mod stacks;

pub use layers::{
    any_layer, arp, destination_options, ethernet, fragment, hop_by_hop, icmpv4, icmpv6, igmp, ipv4, ipv6, payload,
    routing, tcp, udp, vlan,
};
pub use stacks::{frame, ip_packet, packet, sound_packet};
