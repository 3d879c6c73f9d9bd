//! The EtherType: what an Ethernet frame carries, and what `struct tun_pi` calls `proto`.

use std::fmt;

/// A protocol number as in octets 12 and 13 of an Ethernet frame (IEEE 802.3 clause 3.2.6; the numbers are IANA's
/// "ieee-802-numbers" registry and linux/if_ether.h). Any value is legal, named or not.
///
/// ```
/// use tuntap_test::codec::EtherType;
///
/// assert_eq!(EtherType::IPV6.to_string(), "IPv6");
/// assert_eq!(EtherType(0x88b5).to_string(), "0x88b5");
/// assert_eq!(format!("{:?}", EtherType::ARP), "EtherType(0x0806 ARP)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "sixteen bits and nothing else")]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4 (RFC 894).
    pub const IPV4: Self = Self(0x0800);
    /// Address resolution (RFC 826).
    pub const ARP: Self = Self(0x0806);
    /// Wake-on-LAN.
    pub const WAKE_ON_LAN: Self = Self(0x0842);
    /// An Ethernet frame inside another packet: transparent Ethernet bridging (RFC 1701).
    pub const TRANSPARENT_ETHERNET: Self = Self(0x6558);
    /// Reverse address resolution (RFC 903).
    pub const RARP: Self = Self(0x8035);
    /// A VLAN tag (IEEE 802.1Q).
    pub const VLAN: Self = Self(0x8100);
    /// IPv6 (RFC 2464).
    pub const IPV6: Self = Self(0x86dd);
    /// Flow control (IEEE 802.3 annex 31B).
    pub const FLOW_CONTROL: Self = Self(0x8808);
    /// MPLS, unicast (RFC 3032).
    pub const MPLS: Self = Self(0x8847);
    /// PPPoE, discovery (RFC 2516).
    pub const PPPOE_DISCOVERY: Self = Self(0x8863);
    /// PPPoE, session (RFC 2516).
    pub const PPPOE_SESSION: Self = Self(0x8864);
    /// Port authentication (IEEE 802.1X).
    pub const EAPOL: Self = Self(0x888e);
    /// A service VLAN tag (IEEE 802.1ad).
    pub const SERVICE_VLAN: Self = Self(0x88a8);
    /// Link layer discovery (IEEE 802.1AB).
    pub const LLDP: Self = Self(0x88cc);
    /// Configuration testing, "loopback". Scapy's default in packet information: the kernel takes such a write and
    /// drops the packet.
    pub const LOOPBACK: Self = Self(0x9000);

    /// The protocol's name, where this crate knows one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::IPV4 => "IPv4",
            Self::ARP => "ARP",
            Self::WAKE_ON_LAN => "Wake-on-LAN",
            Self::TRANSPARENT_ETHERNET => "transparent Ethernet",
            Self::RARP => "RARP",
            Self::VLAN => "VLAN",
            Self::IPV6 => "IPv6",
            Self::FLOW_CONTROL => "flow control",
            Self::MPLS => "MPLS",
            Self::PPPOE_DISCOVERY => "PPPoE discovery",
            Self::PPPOE_SESSION => "PPPoE session",
            Self::EAPOL => "EAPOL",
            Self::SERVICE_VLAN => "service VLAN",
            Self::LLDP => "LLDP",
            Self::LOOPBACK => "loopback",
            _ => return None,
        })
    }

    /// The two octets in network order.
    #[must_use]
    #[inline]
    pub const fn to_octets(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }

    /// From two octets in network order.
    #[must_use]
    #[inline]
    pub const fn from_octets(octets: [u8; 2]) -> Self {
        Self(u16::from_be_bytes(octets))
    }
}

impl fmt::Display for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "{:#06x}", self.0),
        }
    }
}

impl fmt::Debug for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "EtherType({:#06x} {name})", self.0),
            None => write!(f, "EtherType({:#06x})", self.0),
        }
    }
}

impl From<u16> for EtherType {
    fn from(value: u16) -> Self {
        Self(value)
    }
}

impl From<EtherType> for u16 {
    fn from(ether_type: EtherType) -> Self {
        ether_type.0
    }
}
