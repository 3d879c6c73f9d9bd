//! What a host and its links are made of.

use crate::device::{Cidr, Mode};

/// What to make a [`MockHost`](super::MockHost) of. It has no links yet: [`MockHost::add_link`](super::MockHost::add_link).
#[derive(Clone, Debug)]
#[must_use]
pub struct HostConfig {
    pub(super) seed: u64,
    pub(super) hop_limit: u8,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl HostConfig {
    /// A host with the seed 0 and TTL 64 (`net.ipv4.ip_default_ttl`).
    pub const fn new() -> Self {
        Self { seed: 0, hop_limit: 64 }
    }

    /// The seed of all that Linux draws at random: initial sequence numbers, ephemeral ports, identifications, flow
    /// labels, the zero of the TCP timestamps. The same seed and the same calls give the same octets.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The TTL and hop limit of what it sends; 0 counts as 1. Echo replies and ICMP errors have it, too.
    pub const fn hop_limit(mut self, hop_limit: u8) -> Self {
        self.hop_limit = if hop_limit == 0 { 1 } else { hop_limit };
        self
    }
}

/// What to make a link of a [`MockHost`](super::MockHost) of.
///
/// ```
/// use tuntap_test::mock::host::LinkConfig;
///
/// let link = LinkConfig::tap().address("192.0.2.1/24".parse()?).route("198.51.100.0/24".parse()?).mtu(1400);
/// # Ok::<(), tuntap_test::device::AddressError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct LinkConfig {
    pub(super) mode: Mode,
    pub(super) mtu: usize,
    pub(super) mac: [u8; 6],
    pub(super) addresses: Vec<Cidr>,
    pub(super) routes: Vec<Cidr>,
}

impl LinkConfig {
    /// A link of that mode: MTU 1500, no addresses, on TAP the MAC 02:00:00:00:00:01.
    pub const fn new(mode: Mode) -> Self {
        Self { mode, mtu: 1500, mac: [2, 0, 0, 0, 0, 1], addresses: Vec::new(), routes: Vec::new() }
    }

    /// A link that carries IP packets.
    pub const fn tun() -> Self {
        Self::new(Mode::Tun)
    }

    /// A link that carries Ethernet frames.
    pub const fn tap() -> Self {
        Self::new(Mode::Tap)
    }

    /// The MTU in octets, without an Ethernet header; less than 68 counts as 68, more than 65,535 as 65,535. Below 1280
    /// the link has no IPv6, as on Linux.
    pub const fn mtu(mut self, octets: usize) -> Self {
        self.mtu = clamp_mtu(octets);
        self
    }

    /// The MAC on TAP. A group address is taken as it is.
    pub const fn mac(mut self, mac: [u8; 6]) -> Self {
        self.mac = mac;
        self
    }

    /// Adds an address of the host's. Its prefix is on the link.
    pub fn address(mut self, address: Cidr) -> Self {
        self.addresses.push(address);
        self
    }

    /// Adds a prefix that is on the link besides the addresses' own (`ip route add PREFIX dev LINK`).
    pub fn route(mut self, prefix: Cidr) -> Self {
        self.routes.push(prefix);
        self
    }
}

pub(super) const fn clamp_mtu(octets: usize) -> usize {
    match octets {
        0..68 => 68,
        68..=65_535 => octets,
        _ => 65_535,
    }
}
