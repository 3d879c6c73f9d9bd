//! Defects that show when the fragments of a datagram are put together.

use std::iter;

use proptest::prelude::*;

use super::{DefectName, Frames};
use crate::device::Mode;
use crate::packet::Packet;
use crate::strategy::fragments::{Part, content, fragment};
use crate::strategy::plain;
use crate::strategy::simpler::{alternatives, shrinking, smaller};

/// What is done to the fragments of a datagram; the number says where or by how much.
type Change = fn(Vec<Part>, u128) -> Vec<Part>;

/// The datagram in fragments that end there, before and after the change.
fn frames(datagram: &Packet, ends: &[usize], (id, number): (u16, u128), change: Change) -> Frames {
    let Some((protocol, content)) = content(datagram) else { return Frames::none() };
    let Some(ip) = datagram.layers.first() else { return Frames::none() };
    let parts = || {
        let ends = || ends.iter().copied().chain([content.len()]);
        let part = |(start, end): (usize, usize)| Part {
            offset: start,
            more: end < content.len(),
            octets: content.get(start..end).unwrap_or_default().to_vec(),
        };
        iter::once(0).chain(ends()).zip(ends()).map(part).collect::<Vec<_>>()
    };
    let built = |parts: Vec<Part>| {
        parts.into_iter().filter_map(|part| fragment(ip, id.into(), protocol, part).build().ok()).collect()
    };
    Frames { mode: Mode::Tun, frames: built(change(parts(), number)), sound: built(parts()) }
}

impl Frames {
    const fn none() -> Self {
        Self { mode: Mode::Tun, frames: Vec::new(), sound: Vec::new() }
    }
}

/// The second fragment begins 8 octets earlier, with octets that are not those of the first.
fn overlap(mut parts: Vec<Part>, _: u128) -> Vec<Part> {
    let before = parts.first().and_then(|first| first.octets.get(8..)).map(<[u8]>::to_vec).unwrap_or_default();
    if let Some(part) = parts.get_mut(1) {
        part.offset -= 8;
        part.octets.splice(..0, before.iter().map(|octet| !octet));
    }
    parts
}

/// Octets of each fragment of a datagram that is nearly as long as one can be, but the last, and how many they are.
const LONG: (usize, usize) = (1480, 44);

/// The last fragment ends behind the largest datagram, by so many octets.
fn beyond(mut parts: Vec<Part>, number: u128) -> Vec<Part> {
    if let Some(part) = parts.last_mut() {
        let by = usize::try_from(number).unwrap_or(1);
        part.octets.resize(65_535 + by - part.offset, b'a');
    }
    parts
}

/// The first fragment lacks its last octets, so that it has not whole units; nothing can begin where it ends.
fn odd(mut parts: Vec<Part>, number: u128) -> Vec<Part> {
    if let Some(part) = parts.first_mut() {
        part.octets.truncate(16_usize.saturating_sub(usize::try_from(number).unwrap_or(1)));
    }
    parts
}

/// One of the fragments does not come.
fn missing(mut parts: Vec<Part>, number: u128) -> Vec<Part> {
    let which = usize::try_from(number).unwrap_or(0);
    if which < parts.len() {
        parts.remove(which);
    }
    parts
}

fn trains(
    datagrams: BoxedStrategy<Packet>,
    ends: Vec<usize>,
    (least, most): (u128, u128),
    change: Change,
) -> BoxedStrategy<Frames> {
    let numbers = shrinking(least..=most, move |number| smaller(*number, least));
    (datagrams, (1_u16.., numbers))
        .prop_map(move |(datagram, numbers)| frames(&datagram, &ends, numbers, change))
        .boxed()
}

/// Three fragments: of 16 octets, of 16 octets, and the rest.
fn three(datagrams: BoxedStrategy<Packet>, numbers: (u128, u128), change: Change) -> BoxedStrategy<Frames> {
    trains(datagrams, vec![16, 32], numbers, change)
}

/// As many as a long datagram needs.
fn many(ip: impl Strategy<Value = Packet> + 'static, change: Change) -> BoxedStrategy<Frames> {
    let (octets, number) = LONG;
    let payload = vec![b'a'; octets * number + 16];
    let datagrams = (ip, plain::udp()).prop_map(move |(ip, udp)| ip / udp / &payload).boxed();
    trains(datagrams, (1..=number).map(|at| at * octets).collect(), (1, 400), change)
}

/// How such packets are made; `None` for the defects of other files.
pub(super) fn recipe(defect: DefectName) -> Option<BoxedStrategy<Frames>> {
    // Enough for three fragments.
    let octets = || plain::octets(25..=200);
    let udp = || (plain::udp(), octets()).prop_map(|(udp, octets)| udp / octets).boxed();
    let v4 = || {
        let upper = alternatives([udp(), plain::echo_v4(25..=200)]);
        (plain::ipv4(), upper).prop_map(|(ip, upper)| ip / upper).boxed()
    };
    let v6 = || {
        let upper = alternatives([udp(), plain::echo_v6(25..=200)]);
        (plain::ipv6(), upper).prop_map(|(ip, upper)| ip / upper).boxed()
    };
    Some(match defect {
        DefectName::Ipv4FragmentOverlap => three(v4(), (0, 0), overlap),
        DefectName::Ipv6FragmentOverlap => three(v6(), (0, 0), overlap),
        DefectName::Ipv4FragmentBeyond => many(plain::ipv4().prop_map(Packet::from), beyond),
        DefectName::Ipv6FragmentBeyond => many(plain::ipv6().prop_map(Packet::from), beyond),
        DefectName::Ipv4FragmentOdd => three(v4(), (1, 7), odd),
        DefectName::Ipv6FragmentOdd => three(v6(), (1, 7), odd),
        DefectName::Ipv4FragmentMissing => three(v4(), (0, 2), missing),
        DefectName::Ipv6FragmentMissing => three(v6(), (0, 2), missing),
        _ => return None,
    })
}
