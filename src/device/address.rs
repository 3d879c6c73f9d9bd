//! An interface address with its prefix length, `192.0.2.1/24`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address and the length of its prefix in bits (RFC 4632 section 3.1, RFC 4291 section 2.3).
///
/// ```
/// use tuntap_test::device::Cidr;
///
/// let host: Cidr = "198.51.100.1/30".parse()?;
/// assert_eq!(host.prefix_length(), 30);
/// assert_eq!(host.neighbour().unwrap().to_string(), "198.51.100.2");
/// # Ok::<(), tuntap_test::device::AddressError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr {
    address: IpAddr,
    prefix_length: u8,
}

impl Cidr {
    /// An address with a prefix length.
    ///
    /// # Errors
    /// When the prefix is longer than the address: 32 bits for IPv4, 128 for IPv6.
    pub const fn new(address: IpAddr, prefix_length: u8) -> Result<Self, AddressError> {
        let longest = match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        if prefix_length > longest {
            return Err(AddressError::PrefixTooLong { prefix_length, longest });
        }
        Ok(Self { address, prefix_length })
    }

    /// The address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// The prefix length in bits.
    #[must_use]
    pub const fn prefix_length(self) -> u8 {
        self.prefix_length
    }

    /// Whether `other` lies in the same prefix.
    #[must_use]
    pub fn contains(self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix_length)).unwrap_or(0);
                (a.to_bits() ^ b.to_bits()) & mask == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix_length)).unwrap_or(0);
                (a.to_bits() ^ b.to_bits()) & mask == 0
            }
            _ => false,
        }
    }

    /// The address next to this one in its prefix: the one after it, or the one before where that would be the
    /// broadcast address or leave the prefix. `None` when the prefix has no second address (`/32`, `/128`).
    ///
    /// This is the peer that a link gets when a test names none: 192.0.2.2 for 192.0.2.1/24.
    #[must_use]
    pub fn neighbour(self) -> Option<IpAddr> {
        match self.address {
            IpAddr::V4(address) => {
                let bits = address.to_bits();
                let host_mask = u32::MAX.checked_shr(u32::from(self.prefix_length)).unwrap_or(0);
                let usable = |candidate: u32| {
                    let host = candidate & host_mask;
                    // A /31 has neither a network nor a broadcast address (RFC 3021).
                    self.prefix_length == 31 || (host != 0 && host != host_mask)
                };
                [bits.checked_add(1), bits.checked_sub(1)]
                    .into_iter()
                    .flatten()
                    .find(|&candidate| self.contains(Ipv4Addr::from_bits(candidate).into()) && usable(candidate))
                    .map(|candidate| Ipv4Addr::from_bits(candidate).into())
            }
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                [bits.checked_add(1), bits.checked_sub(1)]
                    .into_iter()
                    .flatten()
                    .map(|candidate| IpAddr::from(Ipv6Addr::from_bits(candidate)))
                    .find(|&candidate| self.contains(candidate))
            }
        }
    }
}

/// The addresses of the host on the link of that number of a test that says nothing: documentation ranges (RFC 5737, RFC
/// 3849), from the fourth link on RFC 2544's.
pub(crate) const fn documentation_hosts(number: u8) -> [Cidr; 2] {
    let v4 = match number {
        0 => Ipv4Addr::new(192, 0, 2, 1),
        1 => Ipv4Addr::new(198, 51, 100, 1),
        2 => Ipv4Addr::new(203, 0, 113, 1),
        _ => Ipv4Addr::new(198, 18, number, 1),
    };
    let v6 = Ipv6Addr::new(0x2001, 0xdb8, number as u16, 0, 0, 0, 0, 1);
    [Cidr { address: IpAddr::V4(v4), prefix_length: 24 }, Cidr { address: IpAddr::V6(v6), prefix_length: 64 }]
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_length)
    }
}

impl FromStr for Cidr {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (address, prefix) = text.split_once('/').ok_or(AddressError::NoPrefix)?;
        let address: IpAddr = address.parse().map_err(|_| AddressError::NotAnAddress)?;
        let prefix_length = prefix.parse().map_err(|_| AddressError::NotAPrefixLength)?;
        Self::new(address, prefix_length)
    }
}

/// Why a text is not an address with a prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// There is no `/`.
    NoPrefix,
    /// What follows the `/` is not a number below 256.
    NotAPrefixLength,
    /// What precedes the `/` is neither an IPv4 nor an IPv6 address.
    NotAnAddress,
    /// The prefix is longer than the address.
    PrefixTooLong {
        /// What was given, in bits.
        prefix_length: u8,
        /// The most the address family has, in bits.
        longest: u8,
    },
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPrefix => f.write_str("no prefix length: write `192.0.2.1/24` or `2001:db8::1/64`"),
            Self::NotAPrefixLength => f.write_str("what follows the `/` is not a prefix length in bits"),
            Self::NotAnAddress => f.write_str("what precedes the `/` is not an IPv4 or IPv6 address"),
            Self::PrefixTooLong { prefix_length, longest } => {
                write!(f, "a prefix of {prefix_length} bits is longer than the address, which has {longest}")
            }
        }
    }
}

impl std::error::Error for AddressError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn neighbour(text: &str) -> Option<String> {
        text.parse::<Cidr>().unwrap().neighbour().map(|address| address.to_string())
    }

    #[test]
    fn the_neighbour_is_the_next_usable_address() {
        assert_eq!(neighbour("192.0.2.1/24").as_deref(), Some("192.0.2.2"));
        assert_eq!(neighbour("192.0.2.254/24").as_deref(), Some("192.0.2.253"));
        assert_eq!(neighbour("192.0.2.2/30").as_deref(), Some("192.0.2.1"));
        assert_eq!(neighbour("192.0.2.1/31").as_deref(), Some("192.0.2.0"));
        assert_eq!(neighbour("192.0.2.1/32"), None);
        assert_eq!(neighbour("255.255.255.254/0").as_deref(), Some("255.255.255.253"));
        assert_eq!(neighbour("2001:db8::1/64").as_deref(), Some("2001:db8::2"));
        assert_eq!(neighbour("2001:db8::ffff/112").as_deref(), Some("2001:db8::fffe"));
        assert_eq!(neighbour("2001:db8::1/128"), None);
    }

    #[test]
    fn each_mistake_has_its_own_error() {
        let error = |text: &str| text.parse::<Cidr>().unwrap_err();
        assert_eq!(error("192.0.2.1"), AddressError::NoPrefix);
        assert_eq!(error("192.0.2.1/x"), AddressError::NotAPrefixLength);
        assert_eq!(error("192.0.2/24"), AddressError::NotAnAddress);
        assert_eq!(error("192.0.2.1/33"), AddressError::PrefixTooLong { prefix_length: 33, longest: 32 });
        assert_eq!(error("::1/129"), AddressError::PrefixTooLong { prefix_length: 129, longest: 128 });
    }

    #[test]
    fn a_prefix_of_zero_contains_every_address_of_its_family() {
        let any: Cidr = "0.0.0.0/0".parse().unwrap();
        assert!(any.contains("203.0.113.9".parse().unwrap()));
        assert!(!any.contains("::1".parse().unwrap()));
    }
}
