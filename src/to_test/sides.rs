//! Which frames the test sends, and which it expects.
//!
//! Layer: `to_test`. Whoever asked for it names the addresses that send; else the capture tells the direction; else the
//! first frame is the test's, and with it all that comes from the same end.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::recorded::{Ends, Recorded, Side};
use crate::capture::Direction;

/// The side of each frame.
pub(super) fn sides(frames: &[Recorded<'_>], sent_by: &[IpAddr]) -> Vec<Side> {
    let mut known: Vec<Known> = Vec::new();
    let interfaces = frames.iter().map(|recorded| recorded.interface).max().map_or(0, |most| most + 1);
    known.resize_with(interfaces, || Known::sent_by(sent_by));
    for recorded in frames {
        let ends = Ends::of(recorded.frame);
        if let (Some(mac), Some(true), Some(known)) = (
            ends.from_mac,
            ends.from.map(|from| sent_by.contains(&from)),
            known.get_mut(recorded.interface),
        ) {
            known.test.macs.insert(mac);
        }
    }
    frames
        .iter()
        .map(|recorded| {
            let Some(known) = known.get_mut(recorded.interface) else { return Side::Test };
            match recorded.direction {
                // The interface receives what the device end, and so the test, writes.
                Some(Direction::Inbound) if sent_by.is_empty() => Side::Test,
                Some(Direction::Outbound) if sent_by.is_empty() => Side::Code,
                _ => known.judge(Ends::of(recorded.frame)),
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
    /// The caller named all that send.
    named: bool,
}

impl Addresses {
    fn note(&mut self, other: &Self, mac: Option<[u8; 6]>, ip: Option<IpAddr>) {
        self.macs.extend(mac.filter(|mac| !other.macs.contains(mac)));
        self.ips.extend(ip.filter(|ip| !other.ips.contains(ip)));
    }
}

impl Known {
    fn sent_by(addresses: &[IpAddr]) -> Self {
        let ips = addresses.iter().copied().collect();
        Self { test: Addresses { ips, ..Addresses::default() }, named: !addresses.is_empty(), ..Self::default() }
    }

    fn judge(&mut self, ends: Ends) -> Side {
        let side = self.side(ends);
        if !self.named {
            let (own, other) = match side {
                Side::Test => (&mut self.test, &mut self.code),
                Side::Code => (&mut self.code, &mut self.test),
            };
            own.note(other, ends.from_mac, ends.from);
            other.note(own, ends.to_mac, ends.to);
        }
        side
    }

    fn side(&self, ends: Ends) -> Side {
        let is = |addresses: &Addresses, mac: Option<[u8; 6]>, ip: Option<IpAddr>| {
            mac.is_some_and(|mac| addresses.macs.contains(&mac)) || ip.is_some_and(|ip| addresses.ips.contains(&ip))
        };
        let hardware = |mac| [&self.test, &self.code].map(|addresses| is(addresses, mac, None));
        let internet = |ip| [&self.test, &self.code].map(|addresses| is(addresses, None, ip));
        if self.named {
            let is_test = is(&self.test, ends.from_mac, ends.from);
            return if is_test { Side::Test } else { Side::Code };
        }
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
