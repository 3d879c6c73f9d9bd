//! What a mutator puts right at the end, each of which can be switched off.

/// A length, a checksum or a number that follows from the rest of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Repair {
    /// The number of what is inside: EtherType of Ethernet and VLAN tags, protocol of IPv4, next header of IPv6 and of
    /// its extension headers.
    NextProtocol,
    /// IPv4's header length (RFC 791 section 3.1).
    Ipv4HeaderLength,
    /// IPv4's total length.
    Ipv4TotalLength,
    /// IPv4's header checksum.
    Ipv4Checksum,
    /// IPv6's payload length (RFC 8200 section 3).
    Ipv6PayloadLength,
    /// The length of hop-by-hop, routing and destination options headers (RFC 8200 section 4).
    ExtensionLength,
    /// TCP's data offset (RFC 9293 section 3.1).
    TcpDataOffset,
    /// TCP's checksum.
    TcpChecksum,
    /// UDP's length (RFC 768).
    UdpLength,
    /// UDP's checksum. Over IPv4 a checksum of 0, which says that there is none, stays.
    UdpChecksum,
    /// ICMP's checksum (RFC 792).
    Icmpv4Checksum,
    /// The checksum of ICMP for IPv6 (RFC 4443 section 2.3).
    Icmpv6Checksum,
    /// IGMP's checksum (RFC 2236 section 2).
    IgmpChecksum,
}

impl Repair {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::NextProtocol,
        Self::Ipv4HeaderLength,
        Self::Ipv4TotalLength,
        Self::Ipv4Checksum,
        Self::Ipv6PayloadLength,
        Self::ExtensionLength,
        Self::TcpDataOffset,
        Self::TcpChecksum,
        Self::UdpLength,
        Self::UdpChecksum,
        Self::Icmpv4Checksum,
        Self::Icmpv6Checksum,
        Self::IgmpChecksum,
    ];

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of repairs.
///
/// ```
/// use tuntap_test::fuzz::mutate::{Repair, Repairs};
///
/// let repairs = Repairs::ALL.without(Repair::TcpChecksum).without(Repair::UdpChecksum);
/// assert!(repairs.contains(Repair::Ipv4Checksum) && !repairs.contains(Repair::TcpChecksum));
/// assert_eq!(repairs.with(Repair::TcpChecksum).with(Repair::UdpChecksum), Repairs::ALL);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Repairs(u16);

impl Repairs {
    /// Every one.
    pub const ALL: Self = Self((1 << Repair::ALL.len()) - 1);
    /// None.
    pub const NONE: Self = Self(0);

    /// The same with that one.
    #[must_use]
    pub const fn with(self, repair: Repair) -> Self {
        Self(self.0 | repair.bit())
    }

    /// The same without that one.
    #[must_use]
    pub const fn without(self, repair: Repair) -> Self {
        Self(self.0 & !repair.bit())
    }

    /// Whether that one is among them.
    #[must_use]
    pub const fn contains(self, repair: Repair) -> bool {
        self.0 & repair.bit() != 0
    }
}

impl Default for Repairs {
    fn default() -> Self {
        Self::ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_every_one() {
        let all = Repair::ALL.into_iter().fold(Repairs::NONE, Repairs::with);
        assert_eq!(all, Repairs::ALL);
        assert_eq!(Repair::ALL.into_iter().fold(all, Repairs::without), Repairs::NONE);
    }
}
