//! The links of a test: what their addresses are, how the attribute says so, how the test calls them.
//!
//! Layer: `to_test`. Each interface that frames were recorded on is an argument of the test; one whose name ends in
//! `(host end)`, as this crate records it, is the other end of the argument before.

use std::cell::Cell;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::constants::Constants;
use super::name::{Names, snake_case};
use super::recorded::{Ends, Recorded, Side, ip_octets};
use crate::capture::Interface;
use crate::device::{Cidr, Mode, documentation_hosts};
use crate::packet::Defaults;
use crate::packet::layer::Show;

/// The most addresses that the attribute takes.
const MOST_ADDRESSES: usize = 8;

/// One argument of the test.
pub(super) struct Link {
    /// `tun`
    pub(super) name: String,
    pub(super) mode: Mode,
    hosts: Vec<Cidr>,
    v4: Option<(Ipv4Addr, Ipv4Addr)>,
    v6: Option<(Ipv6Addr, Ipv6Addr)>,
    host_mac: Option<[u8; 6]>,
    peer_mac: Option<[u8; 6]>,
    mtu: Option<usize>,
    number: usize,
    /// Whether the test holds the link, and so can ask it for its addresses; else the code under test has it.
    pub(super) is_held: bool,
    /// Whether the test needs a variable with the host's hardware address.
    needs_host_mac: Cell<bool>,
}

/// One end of a link, which the test sends and expects at.
pub(super) struct End {
    /// `tun`, or `host`
    pub(super) name: String,
    pub(super) link: usize,
    pub(super) is_host: bool,
    pub(super) interface: usize,
}

/// The links, and their ends in the order of the interfaces.
pub(super) fn links(
    interfaces: &[Interface],
    frames: &[Recorded<'_>],
    sides: &[Side],
    names: &mut Names,
) -> (Vec<Link>, Vec<End>) {
    let mut used: Vec<usize> = frames.iter().map(|recorded| recorded.interface).collect();
    used.sort_unstable();
    used.dedup();
    let called = |interface: &usize| interfaces.get(*interface).and_then(|interface| interface.name.as_deref());
    let own = |interface: &usize| called(interface).map(|name| name.strip_suffix(" (host end)").unwrap_or(name));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for interface in &used {
        let is_host = called(interface).is_some_and(|name| name.ends_with(" (host end)"));
        match groups.last_mut().filter(|group| is_host && group.last().is_some_and(|last| own(last) == own(interface)))
        {
            Some(group) => group.push(*interface),
            None => groups.push(vec![*interface]),
        }
    }
    let (mut links, mut ends) = (Vec::new(), Vec::new());
    for (number, group) in groups.iter().enumerate() {
        let of_group = frames.iter().zip(sides).filter(|(recorded, _)| group.contains(&recorded.interface));
        let mode = of_group.clone().next().map_or(Mode::Tun, |(recorded, _)| recorded.frame.mode);
        let otherwise = if mode == Mode::Tun { "tun" } else { "tap" };
        let name = match group.first().and_then(own) {
            Some(name) if groups.len() > 1 => names.unique(&snake_case(name, otherwise)),
            _ => names.unique(otherwise),
        };
        let is_host = |interface: usize| called(&interface).is_some_and(|called| called.ends_with(" (host end)"));
        let seen: Vec<(Recorded<'_>, Side)> = of_group
            .map(|(recorded, side)| {
                // At the host end the test plays the host.
                let side = match (is_host(recorded.interface), side) {
                    (false, side) => *side,
                    (true, Side::Test) => Side::Code,
                    (true, Side::Code) => Side::Test,
                };
                (*recorded, side)
            })
            .collect();
        let described = group.first().and_then(|interface| interfaces.get(*interface)?.description.as_deref());
        for interface in group {
            let is_host = is_host(*interface);
            let name = if is_host { names.unique("host") } else { name.clone() };
            ends.push(End { name, link: number, is_host, interface: *interface });
        }
        let is_held = group.iter().any(|interface| !is_host(*interface));
        links.push(Link { is_held, ..Link::of(name, mode, number, &seen, described) });
    }
    (links, ends)
}

impl Link {
    fn of(name: String, mode: Mode, number: usize, seen: &[(Recorded<'_>, Side)], described: Option<&str>) -> Self {
        let (mut hosts, mut peers) = (Counted::default(), Counted::default());
        let (mut host_macs, mut peer_macs) = (Counted::default(), Counted::default());
        for (recorded, side) in seen {
            let ends = Ends::of(recorded.frame);
            let (from, to) = match side {
                Side::Test => ((&mut peers, &mut peer_macs), (&mut hosts, &mut host_macs)),
                Side::Code => ((&mut hosts, &mut host_macs), (&mut peers, &mut peer_macs)),
            };
            from.0.note(ends.from, true);
            from.1.note(ends.from_mac, true);
            to.0.note(ends.to, false);
            to.1.note(ends.to_mac, false);
        }
        let mtu = seen.iter().map(|(recorded, _)| ip_octets(recorded.frame)).max().filter(|octets| *octets > 1500);
        let mut link = Self {
            name,
            mode,
            hosts: described.map(described_hosts).unwrap_or_default(),
            v4: None,
            v6: None,
            host_mac: host_macs.best(),
            peer_mac: peer_macs.best(),
            is_held: true,
            mtu: mtu.map(|octets| octets.min(if mode == Mode::Tun { 65_535 } else { 65_521 })),
            number,
            needs_host_mac: Cell::new(false),
        };
        let is_host = |address: &IpAddr, link: &Self| link.hosts.iter().any(|host| host.address() == *address);
        if link.hosts.is_empty() {
            for is_family in [IpAddr::is_ipv4 as fn(&IpAddr) -> bool, IpAddr::is_ipv6] {
                let own = hosts.ranked(|address, sure| is_family(address) && (sure || !peers.has(address)));
                let others = peers.ranked(|address, sure| is_family(address) && (sure || !hosts.has(address)));
                link.hosts.extend(own.iter().filter_map(|host| with_prefix(*host, &others, number)));
            }
            link.hosts.truncate(MOST_ADDRESSES);
        }
        let first = |is_family: fn(&IpAddr) -> bool| {
            let host = link.hosts.iter().find(|host| is_family(&host.address()))?;
            let peer = peers.ranked(|peer, _| is_family(peer) && !is_host(peer, &link)).first().copied();
            Some((peer.or_else(|| host.neighbour())?, host.address()))
        };
        let (v4, v6) = (first(IpAddr::is_ipv4), first(IpAddr::is_ipv6));
        if let Some((IpAddr::V4(peer), IpAddr::V4(host))) = v4 {
            link.v4 = Some((peer, host));
        }
        if let Some((IpAddr::V6(peer), IpAddr::V6(host))) = v6 {
            link.v6 = Some((peer, host));
        }
        link
    }

    /// What the attribute must say of it: `address = "198.51.100.1/24"`.
    pub(super) fn options(&self) -> Vec<String> {
        let mut options = Vec::new();
        let are_default = self.hosts.iter().all(|host| default_hosts(self.number).contains(host));
        if !are_default {
            options.extend(self.hosts.iter().map(|host| format!("address = \"{host}\"")));
        }
        for [peer, host] in self.pairs() {
            let neighbour = self.hosts.iter().find(|cidr| cidr.address() == host).and_then(|host| host.neighbour());
            if neighbour != Some(peer) {
                options.push(format!("peer = \"{peer}\""));
            }
        }
        options.extend(self.mtu.map(|mtu| format!("mtu = {mtu}")));
        options
    }

    /// What packets get that name no addresses, when the test sends them at that end.
    pub(super) fn defaults(&self, end: &End) -> Defaults {
        let mut defaults = Defaults::documentation();
        defaults.mode = Some(self.mode);
        // As the attribute does it: no address at all is those of both families.
        let default = default_hosts(self.number);
        let [v4, v6] = [false, true].map(|is_v6| {
            let host = default.iter().find(|host| host.address().is_ipv6() == is_v6)?;
            let are_default = self.hosts.iter().all(|host| default.contains(host));
            are_default.then(|| Some((host.neighbour()?, host.address())))?
        });
        defaults.v4 = self.v4.or(match v4 {
            Some((IpAddr::V4(peer), IpAddr::V4(host))) => Some((peer, host)),
            _ => None,
        });
        defaults.v6 = self.v6.or(match v6 {
            Some((IpAddr::V6(peer), IpAddr::V6(host))) => Some((peer, host)),
            _ => None,
        });
        defaults.mac = (self.peer_mac.unwrap_or(defaults.mac.0), self.host_mac.unwrap_or(defaults.mac.1));
        if end.is_host { defaults.reversed() } else { defaults }
    }

    /// An address of the link as the test calls it: `tun.host_v4()`, `PEER_MAC`.
    pub(super) fn word(&self, show: Show, bits: u128, constants: &Constants) -> Option<String> {
        let name = &self.name;
        match show {
            Show::Ipv4 => {
                let (peer, host) = self.v4.filter(|_| self.is_held)?;
                let words = [(peer, "peer_v4"), (host, "host_v4")];
                let found = words.into_iter().find(|(address, _)| u128::from(address.to_bits()) == bits);
                found.map(|(_, word)| format!("{name}.{word}()"))
            }
            Show::Ipv6 => {
                let words = self.v6.filter(|_| self.is_held).map(|(peer, host)| [(peer, "peer_v6"), (host, "host_v6")]);
                let found = words.into_iter().flatten().find(|(address, _)| address.to_bits() == bits);
                let long = || {
                    let address = Ipv6Addr::from_bits(bits);
                    let columns: usize = address.segments().iter().map(|segment| format!("{segment:#x}, ").len()).sum();
                    (columns > 56).then(|| constants.ipv6(address))
                };
                found.map(|(_, word)| format!("{name}.{word}()")).or_else(long)
            }
            Show::Mac => {
                let is = |mac: Option<[u8; 6]>| mac.is_some_and(|mac| number(mac) == bits);
                if is(self.host_mac) {
                    self.needs_host_mac.set(true);
                    return Some(self.host_mac_name());
                }
                let peer = self.peer_mac.filter(|_| is(self.peer_mac))?;
                Some(constants.mac(peer, "PEER_MAC"))
            }
            _ => None,
        }
    }

    fn host_mac_name(&self) -> String {
        if self.number == 0 { "host_mac".to_owned() } else { format!("host_mac_{}", self.number + 1) }
    }

    /// What stands in front of the frames: variables that they use.
    pub(super) fn preamble(&self) -> String {
        let mut text = String::new();
        if self.needs_host_mac.get() {
            let _ = writeln!(text, "    let {} = {}.host_mac().unwrap();", self.host_mac_name(), self.name);
        }
        text
    }

    /// The test's own address and the other one, of the family.
    pub(super) fn is_pair(&self, end: &End, own: IpAddr, other: IpAddr) -> bool {
        let defaults = self.defaults(end);
        match (own, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => defaults.v4 == Some((own, other)),
            (IpAddr::V6(own), IpAddr::V6(other)) => defaults.v6 == Some((own, other)),
            _ => false,
        }
    }

    /// The first address of each side, for people: the test's, the host's.
    pub(super) fn people(&self) -> [Vec<IpAddr>; 2] {
        [0, 1].map(|side| self.pairs().filter_map(|pair| pair.get(side).copied()).collect())
    }

    /// Peer and host, of each family that was seen.
    fn pairs(&self) -> impl Iterator<Item = [IpAddr; 2]> + use<> {
        let v4 = self.v4.map(|(peer, host)| [peer.into(), host.into()]);
        let v6 = self.v6.map(|(peer, host)| [peer.into(), host.into()]);
        v4.into_iter().chain(v6)
    }
}

fn number(mac: [u8; 6]) -> u128 {
    mac.iter().fold(0, |bits, octet| bits << 8 | u128::from(*octet))
}

/// What this crate writes of its links: `TUN tun0 on the kernel, host 192.0.2.1/24 2001:db8::1/64`.
fn described_hosts(description: &str) -> Vec<Cidr> {
    let Some((_, hosts)) = description.rsplit_once(", host ") else { return Vec::new() };
    hosts.split(' ').map(str::parse).collect::<Result<_, _>>().unwrap_or_default()
}

/// What a link has that says nothing.
fn default_hosts(number: usize) -> Vec<Cidr> {
    u8::try_from(number).map(documentation_hosts).map(Vec::from).unwrap_or_default()
}

/// The host's address with a prefix: that of a subnet as most have it, or shorter where the others lie outside of it.
fn with_prefix(host: IpAddr, others: &[IpAddr], number: usize) -> Option<Cidr> {
    if let Some(default) = default_hosts(number).into_iter().find(|default| default.address() == host) {
        return Some(default);
    }
    let (usual, shortest) = if host.is_ipv4() { (24, 8) } else { (64, 32) };
    let prefix = |bits: u8| Cidr::new(host, bits).ok();
    let covers = |bits: &u8| prefix(*bits).is_some_and(|prefix| others.iter().all(|other| prefix.contains(*other)));
    (shortest..=usual).rev().find(covers).or(Some(usual)).and_then(prefix)
}

/// Values with how often they were seen, and whether that is sure.
struct Counted<T>(Vec<(T, u64, bool)>);

impl<T> Default for Counted<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + PartialEq> Counted<T> {
    fn note(&mut self, value: Option<T>, sure: bool) {
        let Some(value) = value else { return };
        match self.0.iter_mut().find(|(known, ..)| *known == value) {
            Some((_, times, was_sure)) => (*times, *was_sure) = (*times + 1, *was_sure || sure),
            None => self.0.push((value, 1, sure)),
        }
    }

    /// Whether it was surely seen.
    fn has(&self, value: &T) -> bool {
        self.0.iter().any(|(known, _, sure)| *sure && known == value)
    }

    /// The sure ones, or else all, the most frequent first.
    fn ranked(&self, wanted: impl Fn(&T, bool) -> bool) -> Vec<T> {
        let mut found: Vec<_> = self.0.iter().filter(|(value, _, sure)| wanted(value, *sure)).collect();
        if found.iter().any(|(_, _, sure)| *sure) {
            found.retain(|(_, _, sure)| *sure);
        }
        found.sort_by_key(|(_, times, _)| u64::MAX - times);
        found.into_iter().map(|(value, ..)| *value).collect()
    }

    fn best(&self) -> Option<T> {
        self.ranked(|_, _| true).first().copied()
    }
}
