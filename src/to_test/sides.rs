//! Which frames the test sends, and which it expects.
//!
//! Layer: `to_test`. The caller may name the addresses that send, of IPv4, of IPv6 or of both; else the capture tells the direction; else the
//! first frame is the test's, and with it all that comes from the same end.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::recorded::{Ends, Recorded, Side};
use crate::capture::Direction;

/// The side of each frame.
pub(crate) fn sides(frames: &[Recorded<'_>], sent_by: &[IpAddr]) -> Vec<Side> {
    let mut known: Vec<Known> = Vec::new();
    let interfaces = frames.iter().map(|recorded| recorded.interface).max().map_or(0, |most| most + 1);
    known.resize_with(interfaces, || Known::sent_by(sent_by));
    for recorded in frames {
        let ends = Ends::of(recorded.frame);
        if let (Some(mac), Some(true), Some(known)) =
            (ends.from_mac, ends.from.map(|from| sent_by.contains(&from)), known.get_mut(recorded.interface))
        {
            known.test.macs.insert(mac);
        }
    }
    frames
        .iter()
        .map(|recorded| {
            let Some(known) = known.get_mut(recorded.interface) else { return Side::Test };
            let ends = Ends::of(recorded.frame);
            if known.is_named(ends) {
                return known.named_side(ends);
            }
            match recorded.direction {
                // The interface receives what the device end, and so the test, writes.
                Some(Direction::Inbound) => Side::Test,
                Some(Direction::Outbound) => Side::Code,
                None => known.judge(ends),
            }
        })
        .collect()
}

/// What belongs to one side of an interface.
#[derive(Default)]
struct Addresses {
    macs: BTreeSet<[u8; 6]>,
    ips: BTreeSet<IpAddr>,
}

/// What is known of an interface's two sides so far.
#[derive(Default)]
struct Known {
    test: Addresses,
    code: Addresses,
    /// Whether the caller named those that send, over IPv4 and over IPv6.
    named: [bool; 2],
}

impl Addresses {
    fn has(&self, mac: Option<[u8; 6]>, ip: Option<IpAddr>) -> bool {
        mac.is_some_and(|mac| self.macs.contains(&mac)) || ip.is_some_and(|ip| self.ips.contains(&ip))
    }

    fn note(&mut self, other: &Self, mac: Option<[u8; 6]>, ip: Option<IpAddr>) {
        self.macs.extend(mac.filter(|mac| !other.macs.contains(mac)));
        self.ips.extend(ip.filter(|ip| !other.ips.contains(ip)));
    }
}

impl Known {
    fn sent_by(addresses: &[IpAddr]) -> Self {
        let ips = addresses.iter().copied().collect();
        let named = [IpAddr::is_ipv4 as fn(&IpAddr) -> bool, IpAddr::is_ipv6].map(|is| addresses.iter().any(is));
        Self { test: Addresses { ips, ..Addresses::default() }, named, ..Self::default() }
    }

    /// Whether the caller said who sends such frames: those of a family that was named, and of a station that has such an
    /// address.
    fn is_named(&self, ends: Ends) -> bool {
        let [v4, v6] = self.named;
        let family = ends.from.or(ends.to).map(|address| if address.is_ipv4() { v4 } else { v6 });
        family.unwrap_or(v4 || v6)
    }

    fn named_side(&self, ends: Ends) -> Side {
        if self.test.has(ends.from_mac, ends.from) { Side::Test } else { Side::Code }
    }

    fn judge(&mut self, ends: Ends) -> Side {
        let side = self.side(ends);
        let (own, other) = match side {
            Side::Test => (&mut self.test, &mut self.code),
            Side::Code => (&mut self.code, &mut self.test),
        };
        own.note(other, ends.from_mac, ends.from);
        other.note(own, ends.to_mac, ends.to);
        side
    }

    fn side(&self, ends: Ends) -> Side {
        let hardware = |mac| [&self.test, &self.code].map(|addresses| addresses.has(mac, None));
        let internet = |ip| [&self.test, &self.code].map(|addresses| addresses.has(None, ip));
        match (hardware(ends.from_mac), internet(ends.from), hardware(ends.to_mac), internet(ends.to)) {
            ([true, _], ..) => Side::Test,
            ([_, true], ..) => Side::Code,
            (_, [true, _], ..) => Side::Test,
            (_, [_, true], ..) => Side::Code,
            // Somebody new: it speaks to the other side.
            (_, _, [true, _], _) | (_, _, [_, false], [true, _]) => Side::Code,
            _ => Side::Test,
        }
    }
}
