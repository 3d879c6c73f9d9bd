//! Mutations of one field of one header, as the protocol's table tells them.

use super::draw::Draw;
use super::stack::Stack;
use crate::packet::layer::{At, FieldInfo, Show};
use crate::packet::{LayerKind, protocol};

/// How often another field is drawn where one is not there, or follows from the rest.
const TRIES: usize = 12;

/// Gives one field of one header another value.
pub(super) fn set(stack: &mut Stack<'_>, draw: &mut Draw) -> bool {
    for _ in 0..TRIES {
        let Some(index) = stack.one_of(draw, |_| true) else { return false };
        let Some(kind) = stack.kind(index) else { return false };
        let Some(info) = draw.of(protocol(kind).fields) else { continue };
        // Reserved bits, versions and addresses decide whether anybody reads on: less often.
        let decides = info.is_reserved() || matches!(info.name, "src" | "dst");
        if info.computed || (decides && !draw.one_in(6)) {
            continue;
        }
        let Some(range) = info.range(stack.header(index)).filter(|range| !range.is_empty()) else { continue };
        match info.at {
            At::Bits { length, .. } => {
                let value = another(stack, draw, index, &info, length);
                info.put_bits(value, stack.header_mut(index));
            }
            At::Find { .. } => {
                let value = another(stack, draw, index, &info, range.len() * 8).to_be_bytes();
                let skip = value.len().saturating_sub(range.len());
                if let Some(place) = stack.header_mut(index).get_mut(range) {
                    place.iter_mut().zip(value.iter().skip(skip)).for_each(|(place, octet)| *place = *octet);
                }
            }
            At::Octets { .. } | At::Option { .. } | At::Parts { .. } => {
                if let Some(place) = stack.header_mut(index).get_mut(range) {
                    super::octets::overwrite(place, draw);
                }
            }
        }
        return true;
    }
    false
}

/// Another value of so many bits for a field.
fn another(stack: &Stack<'_>, draw: &mut Draw, index: usize, info: &FieldInfo, bits: usize) -> u128 {
    let most = u128::MAX.checked_shr(u32::try_from(128 - bits.min(128)).unwrap_or(0)).unwrap_or(0);
    let value = number(stack.header(index), info);
    let random = u128::from(draw.number()) << 64 | u128::from(draw.number());
    let step = 1_u128 << draw.below(bits.clamp(1, 18));
    let step = step + (random & (step - 1));
    let value = match draw.below(16) {
        0 => 0,
        1 => 1,
        2 => most,
        3 => value.wrapping_add(1),
        4 => value.wrapping_sub(1),
        5 => value ^ 1 << draw.below(bits.min(127)),
        6 => random,
        7 => 1 << draw.below(bits.min(127)),
        8 => value.wrapping_add(step),
        9 => value.wrapping_sub(step),
        10 => step,
        _ => known(stack, draw, index, info).unwrap_or(value ^ 1 << draw.below(bits.min(127))),
    };
    value & most
}

fn number(header: &[u8], info: &FieldInfo) -> u128 {
    match info.read(header) {
        Some(crate::packet::Value::Bits(bits)) => bits,
        _ => 0,
    }
}

/// The number in another field of the same header.
fn of(header: &[u8], kind: LayerKind, field: &str) -> Option<u128> {
    let info = protocol(kind).fields.iter().find(|info| info.name == field)?;
    info.range(header).map(|_| number(header, info))
}

/// A value that means something in that field: a known number, that of the peer's field, or one near it.
fn known(stack: &Stack<'_>, draw: &mut Draw, index: usize, info: &FieldInfo) -> Option<u128> {
    let kind = stack.kind(index)?;
    let header = stack.header(index);
    let near = i128::try_from(draw.small(1 << 12)).unwrap_or(0) - i128::try_from(draw.small(1 << 12)).unwrap_or(0);
    let payload = u128::try_from(stack.payload().len()).unwrap_or(0);
    let around = |value: u128| value.wrapping_add_signed(near);
    if let Show::Named(names) = info.show {
        return draw.of(names).map(|(number, _)| number);
    }
    match (info.name, kind) {
        ("sport", _) => draw.of(&[of(header, kind, "dport")?, 0, 53, 67, 80, 1024, 49_152]),
        ("dport", _) => draw.of(&[of(header, kind, "sport")?, 0, 7, 53, 67, 68, 80, 443]),
        ("seq" | "acknowledgement", LayerKind::Tcp) => {
            let (seq, ack) = (of(header, kind, "seq")?, of(header, kind, "acknowledgement")?);
            let (own, peer) = if info.name == "seq" { (seq, ack) } else { (ack, seq) };
            let window = of(header, kind, "window")?;
            let choices = [
                around(own),
                own.wrapping_add(payload),
                own.wrapping_sub(payload),
                own.wrapping_add(window),
                peer,
                around(peer),
            ];
            draw.of(&choices)
        }
        // Each flag in company that means something: RFC 9293 section 3.10.
        ("flags", LayerKind::Tcp) => {
            draw.of(&[0x02, 0x12, 0x10, 0x18, 0x11, 0x19, 0x01, 0x04, 0x14, 0x00, 0x30, 0xc2, 0x52, 0x29, 0xff, 0x03])
        }
        ("window", LayerKind::Tcp) => draw.of(&[0, 1, 64, 535, 536, 1460, 4096, 0x8000, 0xffff, payload]),
        ("urgent", LayerKind::Tcp) => draw.of(&[0, 1, payload, payload.wrapping_sub(1), payload + 1]),
        ("mss", _) => draw.of(&[0, 1, 48, 64, 536, 1220, 1460, 0xffff]),
        ("window_scale", _) => draw.of(&[0, 1, 7, 13, 14, 15, 31, 32, 255]),
        ("timestamp_value" | "timestamp_echo", _) => {
            let (value, echo) = (of(header, kind, "timestamp_value")?, of(header, kind, "timestamp_echo")?);
            draw.of(&[value, echo, around(value), around(echo), 0, 0xffff_ffff])
        }
        ("ttl" | "hop_limit", _) => draw.of(&[0, 1, 2, 63, 64, 128, 254, 255]),
        // Documentation, all hosts, broadcast, loopback, link-local, unspecified; the peer's.
        ("src" | "dst", LayerKind::Ipv4) => {
            let peer = of(header, kind, if info.name == "src" { "dst" } else { "src" })?;
            draw.of(&[peer, 0xc000_0201, 0xc000_0202, 0xe000_0001, 0xffff_ffff, 0x7f00_0001, 0xa9fe_0001, 0])
        }
        ("src" | "dst", LayerKind::Ipv6) => {
            let peer = of(header, kind, if info.name == "src" { "dst" } else { "src" })?;
            let prefix = |prefix: u128, last: u128| prefix << 112 | last;
            let documentation = 0x2001_0db8_u128 << 96;
            draw.of(&[
                peer,
                documentation | 1,
                documentation | 2,
                prefix(0xff02, 1),
                prefix(0xff02, 2),
                prefix(0xfe80, 1),
                1,
                0,
                0xffff_c000_0201,
            ])
        }
        ("src" | "dst", LayerKind::Ethernet) => {
            let peer = of(header, kind, if info.name == "src" { "dst" } else { "src" })?;
            draw.of(&[peer, 0xffff_ffff_ffff, 0x0100_5e00_0001, 0x3333_0000_0001, 0])
        }
        ("fragment_offset", _) => draw.of(&[0, 1, 2, payload / 8, 185, 0x1ffe, 0x1fff]),
        _ => None,
    }
}
