//! Mutations of the options of a header: IPv4, TCP, hop-by-hop and destination options of IPv6, neighbour discovery.
//!
//! The list is written anew and filled up to the header's alignment, so that the options of a sound frame stay within
//! their header; only the mutation of a length octet breaks one on purpose.

use std::ops::Range;

use super::Mutation;
use super::draw::Draw;
use super::stack::Stack;
use crate::packet::LayerKind;
use crate::packet::options::{Found, Framing, OptionList, list};

/// Of a longer list, the rest counts as one.
const MOST_OPTIONS: usize = 24;

/// Changes the options of one header.
pub(super) fn change(stack: &mut Stack<'_>, draw: &mut Draw) -> Option<Mutation> {
    let index = stack.one_of(draw, |piece| list(piece.kind).is_some())?;
    let kind = stack.kind(index)?;
    let list = list(kind)?;
    let header = stack.header(index);
    let start = (list.start)(header).filter(|start| *start <= header.len())?;
    let mut options: [Range<usize>; MOST_OPTIONS] = [const { 0..0 }; MOST_OPTIONS];
    let mut count = 0;
    let mut each = list.each(header);
    for (place, found) in options.iter_mut().zip(each.by_ref()) {
        // Padding at the end is written anew.
        let is_pad = list.framing == Framing::Ipv6 && found.kind < 2 && found.whole.end == header.len();
        if !is_pad {
            *place = found.whole;
            count += 1;
        }
    }
    let options = options.get_mut(..count)?;
    if options.is_empty() || draw.one_in(3) {
        return insert(stack, draw, index, list, start).then_some(Mutation::OptionInserted);
    }
    match draw.below(8) {
        0 | 1 => {
            let at = draw.of_index(options.len())?;
            let value = options.get(at).map(|whole| list.framing.value(whole))?;
            let place = stack.header_mut(index).get_mut(value).filter(|value| !value.is_empty())?;
            super::octets::overwrite(place, draw);
            Some(Mutation::OptionValue)
        }
        2 => {
            let at = draw.of_index(options.len())?;
            let length = options.get(at)?.start + 1;
            let place = stack.header_mut(index).get_mut(length)?;
            *place = draw.of(&[0, 1, 2, place.wrapping_add(1), place.wrapping_sub(1), 40, 255])?;
            Some(Mutation::OptionLength)
        }
        3 | 4 => {
            let without = draw.of_index(options.len())?;
            let order: Vec<_> = without_index(options, without).collect();
            rewrite(stack, index, list, start, &order).then_some(Mutation::OptionRemoved)
        }
        5 => {
            let mut order = options.to_vec();
            let again = order.get(draw.below(order.len()))?.clone();
            order.insert(draw.below(order.len() + 1), again);
            rewrite(stack, index, list, start, &order).then_some(Mutation::OptionDuplicated)
        }
        _ => {
            let (one, other) = (draw.of_index(options.len())?, draw.of_index(options.len())?);
            if one == other {
                return None;
            }
            let mut order = options.to_vec();
            order.swap(one, other);
            rewrite(stack, index, list, start, &order).then_some(Mutation::OptionsReordered)
        }
    }
}

fn without_index(options: &[Range<usize>], without: usize) -> impl Iterator<Item = Range<usize>> {
    options.iter().enumerate().filter(move |(at, _)| *at != without).map(|(_, whole)| whole.clone())
}

impl Draw {
    /// A place in a list, if it has any.
    fn of_index(&mut self, count: usize) -> Option<usize> {
        (count > 0).then(|| self.below(count))
    }
}

impl Framing {
    /// The octets of an option behind its kind and length.
    fn value(self, whole: &Range<usize>) -> Range<usize> {
        (whole.start + 2).min(whole.end)..whole.end
    }
}

/// Writes those options, in that order, in place of all.
fn rewrite(stack: &mut Stack<'_>, index: usize, list: &OptionList, start: usize, order: &[Range<usize>]) -> bool {
    let header = stack.header(index);
    let mut octets = Vec::with_capacity(64);
    for whole in order {
        octets.extend_from_slice(header.get(whole.clone()).unwrap_or_default());
    }
    put(stack, index, list, start, octets)
}

/// Puts one more in front of all, or behind.
fn insert(stack: &mut Stack<'_>, draw: &mut Draw, index: usize, list: &OptionList, start: usize) -> bool {
    let Some(kind) = stack.kind(index) else { return false };
    let mut octets = Vec::with_capacity(64);
    let header = stack.header(index);
    let mut each = list.each(header);
    let mut found: Vec<Found> = each.by_ref().take(MOST_OPTIONS).collect();
    while list.framing == Framing::Ipv6 && found.last().is_some_and(|last| last.kind < 2) {
        found.pop();
    }
    let before = draw.below(found.len() + 1);
    let mut one = Vec::with_capacity(16);
    append(kind, list.framing, draw, &mut one);
    for (at, option) in found.iter().enumerate() {
        if at == before {
            octets.extend_from_slice(&one);
        }
        octets.extend_from_slice(header.get(option.whole.clone()).unwrap_or_default());
    }
    if before == found.len() {
        octets.extend_from_slice(&one);
    }
    put(stack, index, list, start, octets)
}

/// Puts a list in the place of that which the header has, padded; not where the header would be too long.
fn put(stack: &mut Stack<'_>, index: usize, list: &OptionList, start: usize, mut octets: Vec<u8>) -> bool {
    let (align, most) = match list.framing {
        Framing::Ip => (4, 60),
        Framing::Ipv6 => (8, 2048),
        Framing::Ndp => (8, usize::MAX),
    };
    // NDP: the list begins at a multiple of 8, but for cut messages.
    let pad = (start + octets.len()).next_multiple_of(align) - start - octets.len();
    if list.framing != Framing::Ndp {
        list.pad(pad, &mut octets);
    }
    if start + octets.len() > most {
        return false;
    }
    let Some(piece) = stack.piece(index) else { return false };
    stack.replace_in_header(index, piece.start + start..piece.end, &octets)
}

/// Options that mean something, with the octets of their values (IANA "TCP Option Kind Numbers", "IPv4 Option Numbers",
/// "Destination Options and Hop-by-Hop Options", "IPv6 Neighbor Discovery Option Formats").
const TCP: &[(u8, usize)] =
    &[(1, 0), (2, 2), (3, 1), (4, 0), (5, 8), (5, 16), (5, 24), (8, 8), (34, 8), (19, 16), (254, 4)];
const IPV4: &[(u8, usize)] = &[(1, 0), (7, 9), (68, 10), (131, 7), (137, 7), (130, 9), (136, 2), (148, 2), (158, 4)];
const IPV6: &[(u8, usize)] = &[(0, 0), (1, 2), (5, 2), (0xc2, 4), (0x3e, 4), (0x7e, 4), (0xbe, 4), (0xfe, 4), (4, 1)];
const NDP: &[(u8, usize)] = &[(1, 6), (2, 6), (3, 30), (5, 6), (25, 22), (14, 6), (31, 14), (253, 6)];

fn append(kind: LayerKind, framing: Framing, draw: &mut Draw, octets: &mut Vec<u8>) {
    let table = match (kind, framing) {
        (LayerKind::Tcp, _) => TCP,
        (_, Framing::Ip) => IPV4,
        (_, Framing::Ipv6) => IPV6,
        (_, Framing::Ndp) => NDP,
    };
    let (number, length) = draw.of(table).unwrap_or((1, 0));
    let mut value = [0; 32];
    let value = value.get_mut(..length).unwrap_or_default();
    match draw.below(4) {
        0 => {}
        1 => value.iter_mut().for_each(|octet| *octet = draw.octet()),
        2 => value.fill(0xff),
        _ => {
            if let Some(last) = value.last_mut() {
                *last = draw.octet();
            }
        }
    }
    // The pointers of the routes count from the option's type (RFC 791 section 3.1).
    if let (Framing::Ip, 7 | 131 | 137, Some(pointer)) = (framing, number, value.first_mut()) {
        *pointer = 4;
    }
    let (number, value) = if draw.one_in(16) { (draw.octet(), &*value) } else { (number, &*value) };
    framing.append(number, value, octets);
}
