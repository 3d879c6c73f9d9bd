//! Mutations of what the last header carries, and of the fields that say which part of a datagram a packet is.

use super::Mutation;
use super::draw::Draw;
use super::octets::{self, Octets};
use super::stack::Stack;
use crate::packet::LayerKind;

/// Lengths at which something changes: MTUs, what is left of them behind IP and TCP headers, windows.
const LENGTHS: [usize; 12] = [0, 0, 1, 2, 8, 64, 536, 1220, 1280, 1440, 1460, 1500];

/// The most octets of payload that libFuzzer's mutation is handed.
const PIECE: usize = 256;

/// Changes octets of the payload, or how many there are.
pub(super) fn change(stack: &mut Stack<'_>, draw: &mut Draw, other: Option<&mut Octets<'_>>) -> Option<Mutation> {
    let payload = stack.payload();
    if draw.one_in(3) {
        let length = draw.of(&LENGTHS)?.min(payload.len() + stack.room());
        if length == payload.len() {
            return None;
        }
        let done = if length < payload.len() {
            stack.replace_in_payload(payload.start + length..payload.end, &[])
        } else {
            let first = stack.octets.get(payload.start).copied().filter(|_| !payload.is_empty());
            let more = vec![first.unwrap_or(b'a'); length - payload.len()];
            stack.replace_in_payload(payload.end..payload.end, &more)
        };
        return done.then_some(Mutation::PayloadLength);
    }
    let mut part = draw.within(payload.len());
    part.end = part.end.min(part.start + PIECE);
    let at = payload.start + part.start..payload.start + part.end;
    let mut changed = stack.octets.get(at.clone())?.to_vec();
    let most = (changed.len() + stack.room()).min(changed.len() + 64);
    match other {
        Some(mutate) if draw.one_in(2) && most > 0 => octets::call(&mut changed, most, mutate),
        _ => octets::havoc(&mut changed, most, draw),
    }
    stack.replace_in_payload(at, &changed).then_some(Mutation::PayloadOctets)
}

/// Makes a packet a fragment, another fragment, or whole again.
pub(super) fn fragment(stack: &mut Stack<'_>, draw: &mut Draw) -> Option<Mutation> {
    let index = stack.one_of(draw, |piece| matches!(piece.kind, LayerKind::Ipv4 | LayerKind::Fragment))?;
    let units = stack.payload().len() / 8;
    let offset = draw.of(&[0, 0, 0, 1, units, 185, 0x1fff])?.min(0x1fff);
    let more = draw.one_in(2);
    let offset = u16::try_from(offset).ok()?;
    let header = stack.header_mut(index);
    if header.first().is_some_and(|first| first >> 4 == 4) && header.len() >= 20 {
        let flags = u16::from(more) << 13 | u16::from(draw.one_in(4)) << 14;
        header.get_mut(6..8)?.copy_from_slice(&(flags | offset).to_be_bytes());
    } else {
        header.get_mut(2..4)?.copy_from_slice(&(offset << 3 | u16::from(more)).to_be_bytes());
    }
    // All but the last carry a multiple of 8 octets.
    let payload = stack.payload();
    if more && !payload.len().is_multiple_of(8) && draw.one_in(2) {
        let whole = payload.len() / 8 * 8;
        stack.replace_in_payload(payload.start + whole..payload.end, &[]);
    }
    Some(Mutation::Fragmentation)
}
