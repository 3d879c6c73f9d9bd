//! Strategies for the fragments of one datagram: IPv4 (RFC 791 section 3.2) and IPv6 (RFC 8200 section 4.5), in order,
//! out of order, some of them twice. Whoever takes all of a train has the datagram again.
//!
//! Layer: `strategy`.
//!
//! ```text
//!  content of the datagram  |0       |8       |16      |24  |   units of 8 octets
//!  cuts                     ^first   ^        ^second       ^third, the last: more_fragments is clear
//! ```
//!
//! All shrink to a short UDP datagram over IPv4 in two fragments, in order where that is allowed.
//!
//! ```
//! use proptest::prelude::*;
//! use tuntap_test::device::{FrameRef, Mode};
//! use tuntap_test::strategy::fragments;
//!
//! proptest!(|(train in fragments::in_order())| {
//!     // The last fragment ends where the datagram ends.
//!     let last = FrameRef::new(Mode::Tun, train.fragments.last().unwrap());
//!     prop_assert_eq!(last.payload().last(), train.datagram.last());
//! });
//! ```

use std::collections::BTreeSet;

use proptest::collection;
use proptest::prelude::*;
use proptest::sample::Index;

use super::plain;
use super::simpler::{choose, plainer, shrinking, smaller};
use crate::packet::field::{Constraint, Value};
use crate::packet::layer::Layer;
use crate::packet::{Fragment, IntoPacket, Ipv4, Ipv6, LayerKind, Packet};

/// A datagram and its fragments, each of them an IP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FragmentTrain {
    /// The datagram as it was before it was cut. Over IPv6 it has no fragment header.
    pub datagram: Vec<u8>,
    /// The fragments in the order in which they come.
    pub fragments: Vec<Vec<u8>>,
}

/// In which order fragments come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Any,
    Ascending,
    Shuffled,
    Duplicates,
}

impl Order {
    /// Whether so many fragments, which come in that order, do as it says.
    fn fits(self, order: &[usize], fragments: usize) -> bool {
        let ascending = order.iter().zip(order.iter().skip(1)).all(|(one, next)| one <= next);
        let once = order.len() == fragments;
        match self {
            Self::Any => true,
            Self::Ascending => ascending && once,
            Self::Shuffled => !ascending && once,
            Self::Duplicates => !once,
        }
    }
}

/// A part of a datagram's content: its octets, where they begin, whether more follow.
pub(super) struct Part {
    pub(super) offset: usize,
    pub(super) more: bool,
    pub(super) octets: Vec<u8>,
}

/// What an IP packet without extension headers carries, and the number of its protocol.
pub(super) fn content(datagram: &Packet) -> Option<(u8, Vec<u8>)> {
    let octets = datagram.build().ok()?;
    let (protocol, header) = match datagram.layers.first()?.kind() {
        LayerKind::Ipv4 => (*octets.get(9)?, usize::from(octets.first()? & 0x0f) * 4),
        LayerKind::Ipv6 => (*octets.get(6)?, 40),
        _ => return None,
    };
    Some((protocol, octets.get(header..)?.to_vec()))
}

/// The packet with that part.
pub(super) fn fragment(ip: &Layer, id: u32, protocol: u8, part: Part) -> Packet {
    let offset = u16::try_from(part.offset / 8).unwrap_or(u16::MAX);
    let ip = ip.clone();
    if ip.kind() == LayerKind::Ipv4 {
        let [_, _, high, low] = id.to_be_bytes();
        let fragment = Ipv4(ip).id(u16::from_be_bytes([high, low])).protocol(protocol);
        return fragment.more_fragments(part.more).fragment_offset(offset) / part.octets;
    }
    let header = Fragment::new().next_header(protocol).fragment_offset(offset).more_fragments(part.more).id(id);
    Ipv6(ip) / header / part.octets
}

/// A datagram and how it is cut.
#[derive(Clone, Debug)]
struct Plan {
    datagram: Packet,
    id: u32,
    /// Where, in units of 8 octets; ascending.
    cuts: Vec<usize>,
    /// Which fragment comes when.
    order: Vec<usize>,
}

impl Plan {
    fn units(&self) -> usize {
        content(&self.datagram).map_or(0, |(_, content)| content.len().div_ceil(8))
    }

    /// Without the cut in front of that fragment: what comes with the one before is the one before.
    fn without(&self, cut: usize) -> Self {
        let cuts = self.cuts.iter().enumerate().filter(|(at, _)| *at != cut).map(|(_, cut)| *cut).collect();
        let order = self.order.iter().filter(|at| **at != cut + 1);
        let order = order.map(|at| if *at > cut { at - 1 } else { *at }).collect();
        Self { cuts, order, ..self.clone() }
    }

    /// Without the cuts behind the end.
    fn fitting(mut self) -> Self {
        let units = self.units();
        while let Some(behind) = self.cuts.iter().rposition(|cut| *cut >= units) {
            self = self.without(behind);
        }
        self
    }

    fn train(&self) -> FragmentTrain {
        let datagram = self.datagram.build().unwrap_or_default();
        let (Some(ip), Some((protocol, content))) = (self.datagram.layers.first(), content(&self.datagram)) else {
            return FragmentTrain { fragments: vec![datagram.clone()], datagram };
        };
        let starts = [0].into_iter().chain(self.cuts.iter().map(|cut| cut * 8));
        let ends = self.cuts.iter().map(|cut| cut * 8).chain([content.len()]);
        let fragments: Vec<_> = starts
            .zip(ends)
            .map(|(start, end)| {
                let octets = content.get(start..end).unwrap_or_default().to_vec();
                let part = Part { offset: start, more: end < content.len(), octets };
                fragment(ip, self.id, protocol, part).build().unwrap_or_default()
            })
            .collect();
        let fragments = if self.cuts.is_empty() {
            vec![datagram.clone()]
        } else {
            self.order.iter().filter_map(|at| fragments.get(*at)).cloned().collect()
        };
        FragmentTrain { datagram, fragments }
    }

    /// The simpler plans that still have two fragments and come in that order.
    fn simpler(&self, order: Order, same_datagram: bool) -> Vec<Self> {
        let mut all = Vec::new();
        if !same_datagram {
            let simpler = simpler_datagrams(&self.datagram).into_iter();
            all.extend(simpler.map(|datagram| Self { datagram, ..self.clone() }.fitting()));
            all.extend(
                smaller(self.id.into(), 1)
                    .into_iter()
                    .filter_map(|id| Some(Self { id: u32::try_from(id).ok()?, ..self.clone() })),
            );
        }
        if let [cut, _, ..] = self.cuts[..] {
            let two = [vec![0, 1], vec![1, 0], vec![0, 0, 1]];
            all.extend(two.map(|order| Self { cuts: vec![cut], order, ..self.clone() }));
        }
        let in_order = (0..=self.cuts.len()).collect::<Vec<_>>();
        if self.order != in_order {
            all.push(Self { order: in_order, ..self.clone() });
        }
        all.extend((0..self.cuts.len()).map(|cut| self.without(cut)));
        // Earlier cuts.
        for (at, cut) in self.cuts.iter().enumerate() {
            let least = at.checked_sub(1).and_then(|before| self.cuts.get(before)).map_or(1, |before| before + 1);
            all.extend(smaller(*cut as u128, least as u128).into_iter().map(|earlier| {
                let mut plan = self.clone();
                plan.cuts.splice(at..=at, usize::try_from(earlier));
                plan
            }));
        }
        for at in 0..self.order.len() {
            let mut once = self.clone();
            let taken = once.order.remove(at);
            if once.order.contains(&taken) {
                all.push(once);
            }
            let mut swapped = self.clone();
            if let [.., one, next] = swapped.order.get_mut(..=at).unwrap_or_default()
                && one > next
            {
                std::mem::swap(one, next);
                all.push(swapped);
            }
        }
        all.retain(|plan| !plan.cuts.is_empty() && order.fits(&plan.order, plan.cuts.len() + 1));
        all
    }
}

/// A shorter payload; UDP; IPv4 with nothing set.
fn simpler_datagrams(datagram: &Packet) -> Vec<Packet> {
    let [ip, upper @ ..] = datagram.layers.as_slice() else { return Vec::new() };
    let [message, payload] = upper else { return Vec::new() };
    let Some(Value::Octets(octets)) = payload.get("octets").and_then(Constraint::exact) else { return Vec::new() };
    let stack = |ip: &Layer, message: &Layer, octets: Vec<u8>| ip.clone().into_packet() / message.clone() / octets;
    let mut all = Vec::new();
    let simplest: Layer = crate::packet::Udp::new().sport(50_000).dport(80).into();
    if format!("{message:?}") != format!("{simplest:?}") {
        all.push(stack(ip, &simplest, octets.to_vec()));
    }
    let plain: Layer = Ipv4::new().into();
    if format!("{ip:?}") != format!("{plain:?}") {
        if message.kind() != LayerKind::Icmpv6 {
            all.push(stack(&plain, message, octets.to_vec()));
        }
        if ip.constraints().count() > 0 {
            all.push(stack(&Layer::new(ip.protocol()), message, octets.to_vec()));
        }
    }
    all.extend(plainer(octets, 1).into_iter().map(|octets| stack(ip, message, octets)));
    all
}

/// How a datagram is cut, and what comes when: cuts, keys by which fragments are sorted, which come again and when.
type Choices = (u32, Vec<Index>, Vec<u32>, Vec<(Index, Index)>);

fn plan(datagram: Packet, order: Order, (id, cuts, keys, again): Choices, style: u8) -> Plan {
    let mut plan = Plan { datagram, id, cuts: Vec::new(), order: vec![0] };
    let Some(places) = plan.units().checked_sub(1).filter(|places| *places > 0) else { return plan };
    // As a link's MTU cuts it, or anywhere.
    let cuts: BTreeSet<_> = match cuts.first() {
        Some(first) if style == 0 => {
            let step = 1 + first.index(places);
            (step..=places).step_by(step.max(places.div_ceil(8))).collect()
        }
        _ => cuts.iter().map(|cut| 1 + cut.index(places)).collect(),
    };
    plan.cuts = cuts.into_iter().collect();
    plan.order = (0..=plan.cuts.len()).collect();
    let is_plain = matches!(style, 0 | 3);
    if order == Order::Ascending || order == Order::Any && is_plain {
        return plan;
    }
    if order != Order::Duplicates || !is_plain {
        plan.order.sort_by_key(|at| keys.get(*at).copied());
    }
    if order == Order::Shuffled && plan.order.is_sorted() {
        plan.order.reverse();
    }
    if order == Order::Duplicates || order == Order::Any && style == 1 {
        for (which, when) in again {
            let which = *which.get(&plan.order);
            plan.order.insert(when.index(plan.order.len() + 1), which);
        }
    }
    plan
}

fn trains(datagrams: BoxedStrategy<Packet>, order: Order, same_datagram: bool) -> BoxedStrategy<FragmentTrain> {
    let cuts = collection::vec(any::<Index>(), 1..=7);
    let again = collection::vec((any::<Index>(), any::<Index>()), 1..=3);
    let choices = (1_u32.., cuts, collection::vec(any::<u32>(), 16), again);
    let plans =
        (datagrams, choices, 0_u8..4).prop_map(move |(datagram, choices, style)| plan(datagram, order, choices, style));
    shrinking(plans, move |plan| plan.simpler(order, same_datagram)).prop_map(|plan| plan.train()).boxed()
}

/// UDP or ICMP echo over either family, with up to 2000 octets of data.
fn datagrams() -> BoxedStrategy<Packet> {
    let octets = || choose![3 => plain::octets(9..=200), 1 => plain::octets(9..=2000)];
    let upper = |echo: BoxedStrategy<Packet>| choose![2 => (plain::udp(), octets()).prop_map(|(udp, octets)| udp / octets), 1 => echo];
    let v4 = (plain::ipv4(), upper(plain::echo_v4(9..=200))).prop_map(|(ip, upper)| ip / upper);
    let v6 = (plain::ipv6(), upper(plain::echo_v6(9..=200))).prop_map(|(ip, upper)| ip / upper);
    choose![1 => v4, 1 => v6]
}

/// Two to nine fragments of a datagram, in any order, one in four with some of them twice. Shrinks to a UDP datagram of
/// 9 octets over IPv4 in two fragments, in order.
pub fn train() -> BoxedStrategy<FragmentTrain> {
    trains(datagrams(), Order::Any, false)
}

/// The same, each fragment once and one behind the other. Shrinks to a UDP datagram of 9 octets over IPv4 in two
/// fragments.
pub fn in_order() -> BoxedStrategy<FragmentTrain> {
    trains(datagrams(), Order::Ascending, false)
}

/// The same, each fragment once and not all one behind the other. Shrinks to a UDP datagram of 9 octets over IPv4 in two
/// fragments, the second first.
pub fn shuffled() -> BoxedStrategy<FragmentTrain> {
    trains(datagrams(), Order::Shuffled, false)
}

/// The same, at least one fragment more than once. Shrinks to a UDP datagram of 9 octets over IPv4 in two fragments, of
/// which one comes twice.
pub fn with_duplicates() -> BoxedStrategy<FragmentTrain> {
    trains(datagrams(), Order::Duplicates, false)
}

/// Trains of that datagram, in any order, one in four with some fragments twice. What carries no more than 8 octets cannot
/// be cut, and what is no IP packet is not: it is a train of itself. Shrinks to two fragments in order.
///
/// ```
/// use proptest::prelude::*;
/// use tuntap_test::packet::{Icmpv4, Ipv4};
/// use tuntap_test::strategy::fragments;
///
/// let ping = Ipv4::new() / Icmpv4::echo_request(1, 1) / [b'a'; 100];
/// proptest!(|(train in fragments::of(ping))| prop_assert!(train.fragments.len() >= 2));
/// ```
pub fn of(datagram: impl IntoPacket) -> BoxedStrategy<FragmentTrain> {
    trains(Just(datagram.into_packet()).boxed(), Order::Any, true)
}
