//! An IP packet on its way up and on its way down, of either family.

use std::net::IpAddr;

/// IP protocol numbers (IANA "protocol-numbers").
pub(super) mod protocol {
    pub(in crate::mock::host) const HOP_BY_HOP: u8 = 0;
    pub(in crate::mock::host) const ICMPV4: u8 = 1;
    pub(in crate::mock::host) const IGMP: u8 = 2;
    pub(in crate::mock::host) const TCP: u8 = 6;
    pub(in crate::mock::host) const UDP: u8 = 17;
    pub(in crate::mock::host) const ROUTING: u8 = 43;
    pub(in crate::mock::host) const FRAGMENT: u8 = 44;
    pub(in crate::mock::host) const ICMPV6: u8 = 58;
    pub(in crate::mock::host) const NO_NEXT_HEADER: u8 = 59;
    pub(in crate::mock::host) const DESTINATION_OPTIONS: u8 = 60;
    pub(in crate::mock::host) const UDP_LITE: u8 = 136;
}

/// A whole packet to an address of the host's, its headers read and found right.
#[derive(Clone, Copy)]
pub(super) struct Received<'a> {
    /// Where it came from; `None` is the host itself.
    pub(super) link: Option<usize>,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// What `payload` is.
    pub(super) protocol: u8,
    /// The octets that name `protocol`, counted from the packet's first.
    pub(super) protocol_at: usize,
    pub(super) traffic_class: u8,
    pub(super) hop_limit: u8,
    pub(super) payload: &'a [u8],
    /// The packet, from its IP header, without what follows its length: what an ICMP error quotes.
    pub(super) packet: &'a [u8],
    /// Sent to a broadcast or multicast address of IP.
    pub(super) to_group: bool,
    /// Came in a frame to a group of Ethernet's.
    pub(super) in_group_frame: bool,
}

impl Received<'_> {
    /// Whether it was for this host alone: only then does an error or a reset answer it (RFC 1122 section 3.2.2).
    pub(super) const fn is_for_us_alone(&self) -> bool {
        !self.to_group && !self.in_group_frame
    }
}

/// Whether a packet may be fragmented, and how it is numbered on IPv4.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fragmenting {
    /// May be fragmented by anybody: no DF, numbered.
    Allowed,
    /// Fragmented here where it must be; DF where it need not (path MTU discovery, `IP_PMTUDISC_WANT`). Numbered.
    Avoided,
    /// DF and the number 0, as Linux sends what belongs to no socket.
    Unnumbered,
}

/// What is to be sent.
#[derive(Clone, Copy)]
pub(super) struct Outgoing<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: u8,
    pub(super) traffic_class: u8,
    pub(super) hop_limit: u8,
    pub(super) fragmenting: Fragmenting,
    pub(super) payload: &'a [u8],
}

/// The 16 bits at that offset; `None` where they are not.
pub(super) fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk::<2>().map(|&pair| u16::from_be_bytes(pair))
}

/// The 32 bits at that offset.
pub(super) fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk::<4>().map(|&word| u32::from_be_bytes(word))
}
