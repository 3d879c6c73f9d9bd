//! ARP over Ethernet for IPv4 (RFC 826).
//!
//! ```text
//!   0       2       4   5   6           8            14           18           24           28
//!  +-------+-------+---+---+-----------+------------+------------+------------+------------+
//!  | hw 1  |pr 0800| 6 | 4 | operation | sender mac | sender ip  | target mac | target ip  |
//!  +-------+-------+---+---+-----------+------------+------------+------------+------------+
//! ```

use std::fmt;
use std::net::Ipv4Addr;

use etherparse::ArpPacketSlice;

use super::build::Completing;
use super::dissect::{Dissected, LengthError, Next};
use super::ethernet::{Mac, truncated};
use super::field::{FieldValue, IntoField};
use super::layer::{Behaviour, Show, bits, layer};
use super::verify::Defect;
use super::view::View;

const BEHAVIOUR: Behaviour = Behaviour { fixed: |_| 28, align: 1, dissect, complete, verify, summary };

layer! {
    /// An ARP message, 28 octets (RFC 826): Ethernet and IPv4 only; others are payload.
    Arp, ARP = Arp "ARP", BEHAVIOUR;
    /// Hardware address space: 1, Ethernet, unless set.
    hardware_type: u16 = bits(0, 16).default(1);
    /// Protocol address space: 0x0800, IPv4, unless set.
    protocol_type: u16 = bits(16, 16).default(0x0800).show(Show::Hex(4));
    /// Octets of a hardware address: 6 unless set.
    hardware_length: u8 = bits(32, 8).default(6);
    /// Octets of a protocol address: 4 unless set.
    protocol_length: u8 = bits(40, 8).default(4);
    /// 1 request, 2 reply (IANA "ARP Operation Codes").
    operation: u16 = bits(48, 16).show(Show::Named(&[(1, "request"), (2, "reply")]));
    /// Sender's hardware address.
    sender_mac: [u8; 6] = bits(64, 48).show(Show::Mac);
    /// Sender's IPv4 address.
    sender: Ipv4Addr = bits(112, 32).show(Show::Ipv4);
    /// Target's hardware address; of no meaning in a request.
    target_mac: [u8; 6] = bits(144, 48).show(Show::Mac);
    /// Target's IPv4 address.
    target: Ipv4Addr = bits(192, 32).show(Show::Ipv4);
}

impl Arp {
    /// A request for the hardware address of `target`.
    pub fn who_has(target: impl IntoField<Ipv4Addr>) -> Self {
        Self::new().operation(1).target(target)
    }

    /// A reply: `sender` is at that hardware address.
    pub fn is_at(sender: impl IntoField<Ipv4Addr>, mac: impl IntoField<[u8; 6]>) -> Self {
        Self::new().operation(2).sender(sender).sender_mac(mac)
    }
}

fn dissect(octets: &[u8]) -> Result<Dissected, LengthError> {
    let header = ArpPacketSlice::from_slice(octets).map_err(|error| truncated(&error))?;
    if (header.hw_addr_size(), header.proto_addr_size()) != (6, 4) {
        return Err(LengthError::Malformed("the addresses are not those of Ethernet and IPv4"));
    }
    Ok(Dissected { header: 28, length: Some(28), next: Next::Payload })
}

const fn complete(_: &mut Vec<u8>, _: &Completing<'_>) {}

fn verify(_: &View<'_>, _: &mut dyn FnMut(Defect)) {}

fn summary(view: &View<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let address = |field| Ipv4Addr::from_bits(u32::from_bits(view.number(field)));
    match view.number("operation") {
        1 => write!(f, "ARP who-has {} tell {}", address("target"), address("sender")),
        2 => write!(f, "ARP {} is-at {}", address("sender"), Mac(view.number("sender_mac"))),
        operation => write!(f, "ARP operation {operation} {} > {}", address("sender"), address("target")),
    }
}
