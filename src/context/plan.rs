//! Which addresses a link gets when its test says little: the documentation ranges, one subnet a link.
//!
//! ```text
//!  link   IPv4 (RFC 5737)      IPv6 (RFC 3849)
//!  0      192.0.2.0/24         2001:db8::/64        host .1 and ::1, peer .2 and ::2
//!  1      198.51.100.0/24      2001:db8:1::/64
//!  2      203.0.113.0/24       2001:db8:2::/64
//!  3…     198.18.N.0/24        2001:db8:N::/64      (RFC 2544: benchmarks)
//! ```

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::device::{AddressText, Cidr, DeviceConfig, Mode, documentation_hosts};
use crate::packet::Defaults;

/// The addresses of a link: the host's, and the peer that the test plays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) hosts: Vec<Cidr>,
    pub(crate) peer_v4: Option<Ipv4Addr>,
    pub(crate) peer_v6: Option<Ipv6Addr>,
}

impl Addresses {
    /// What `config` says, or else the defaults of link number `number`.
    pub(crate) fn resolve(config: &DeviceConfig, number: usize) -> io::Result<Self> {
        let mut hosts = Vec::new();
        for asked in config.requested_addresses() {
            hosts.push(match asked {
                AddressText::Value(address) => address,
                AddressText::Text(text) => {
                    text.parse().map_err(|error| invalid(format!("the address `{text}` is none: {error}")))?
                }
            });
        }
        if hosts.is_empty() {
            hosts = defaults(number)?;
        }
        let (mut peer_v4, mut peer_v6) = (None, None);
        for text in config.requested_peers() {
            match text
                .parse()
                .map_err(|_| invalid(format!("the peer `{text}` is neither an IPv4 nor an IPv6 address")))?
            {
                IpAddr::V4(peer) => peer_v4 = Some(peer),
                IpAddr::V6(peer) => peer_v6 = Some(peer),
            }
        }
        for host in &hosts {
            match host.neighbour() {
                Some(IpAddr::V4(peer)) => peer_v4 = peer_v4.or(Some(peer)),
                Some(IpAddr::V6(peer)) => peer_v6 = peer_v6.or(Some(peer)),
                None => {}
            }
        }
        Ok(Self { hosts, peer_v4, peer_v6 })
    }

    /// The peers that lie in no prefix of the host's, which need a route of their own.
    pub(crate) fn off_link_peers(&self) -> io::Result<Vec<Cidr>> {
        let peers =
            [self.peer_v4.map(|peer| (IpAddr::from(peer), 32)), self.peer_v6.map(|peer| (IpAddr::from(peer), 128))];
        let off_link =
            peers.into_iter().flatten().filter(|(peer, _)| !self.hosts.iter().any(|host| host.contains(*peer)));
        off_link.map(|(peer, bits)| Cidr::new(peer, bits).map_err(io::Error::other)).collect()
    }

    /// What packets get that name no addresses: they go from the peer, which the test plays, to the host.
    pub(crate) fn defaults(&self, mode: Mode, host_mac: Option<[u8; 6]>) -> Defaults {
        let mut defaults = Defaults::documentation();
        defaults.mode = Some(mode);
        defaults.v4 = self.peer_v4.zip(self.host_v4());
        defaults.v6 = self.peer_v6.zip(self.host_v6());
        if let Some(mac) = host_mac {
            defaults.mac.1 = mac;
        }
        defaults
    }

    pub(crate) fn host_v4(&self) -> Option<Ipv4Addr> {
        self.hosts.iter().find_map(|host| match host.address() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        })
    }

    pub(crate) fn host_v6(&self) -> Option<Ipv6Addr> {
        self.hosts.iter().find_map(|host| match host.address() {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(address),
        })
    }
}

fn defaults(number: usize) -> io::Result<Vec<Cidr>> {
    let n = u8::try_from(number).map_err(|_| invalid("a test has at most 256 links".to_owned()))?;
    Ok(documentation_hosts(n).into())
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(config: DeviceConfig, number: usize) -> Addresses {
        Addresses::resolve(&config, number).unwrap()
    }

    #[test]
    fn each_link_has_a_documentation_subnet_of_its_own() {
        let first = resolved(DeviceConfig::new(), 0);
        assert_eq!(first.host_v4(), Some(Ipv4Addr::new(192, 0, 2, 1)));
        assert_eq!(first.peer_v4, Some(Ipv4Addr::new(192, 0, 2, 2)));
        assert_eq!(first.host_v6(), Some("2001:db8::1".parse().unwrap()));
        assert_eq!(first.peer_v6, Some("2001:db8::2".parse().unwrap()));
        let fifth = resolved(DeviceConfig::new(), 4);
        assert_eq!(fifth.peer_v4, Some(Ipv4Addr::new(198, 18, 4, 2)));
        assert_eq!(fifth.peer_v6, Some("2001:db8:4::2".parse().unwrap()));
    }

    #[test]
    fn one_address_replaces_the_defaults_of_both_families() {
        let only_v4 = resolved(DeviceConfig::new().address("198.51.100.9/30"), 0);
        assert_eq!(only_v4.host_v4(), Some(Ipv4Addr::new(198, 51, 100, 9)));
        assert_eq!(only_v4.peer_v4, Some(Ipv4Addr::new(198, 51, 100, 10)));
        assert_eq!(only_v4.host_v6(), None);
        assert_eq!(only_v4.peer_v6, None);
    }

    #[test]
    fn a_given_peer_wins_in_its_own_family() {
        let addresses = resolved(DeviceConfig::new().peer("192.0.2.77"), 0);
        assert_eq!(addresses.peer_v4, Some(Ipv4Addr::new(192, 0, 2, 77)));
        assert_eq!(addresses.peer_v6, Some("2001:db8::2".parse().unwrap()));
    }

    #[test]
    fn a_mistake_is_shown_with_what_was_written() {
        let error = Addresses::resolve(&DeviceConfig::new().address("192.0.2.1"), 0).unwrap_err();
        assert!(error.to_string().contains("`192.0.2.1`"), "{error}");
        let error = Addresses::resolve(&DeviceConfig::new().peer("peer"), 0).unwrap_err();
        assert!(error.to_string().contains("`peer`"), "{error}");
    }
}
