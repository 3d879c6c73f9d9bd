//! One frame's outer headers with another's inside.

use super::draw::Draw;
use super::stack::Stack;
use crate::packet::LayerKind;

/// What a header can lie in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Link,
    Ip,
    Message,
}

const fn carries(kind: LayerKind) -> Inside {
    use LayerKind::{DestinationOptions, Ethernet, Fragment, HopByHop, Ipv4, Ipv6, Routing, Vlan};
    match kind {
        Ethernet | Vlan => Inside::Link,
        Ipv4 | Ipv6 | HopByHop | Routing | DestinationOptions | Fragment => Inside::Ip,
        _ => Inside::Message,
    }
}

/// Puts the inside of `other`, from a header on that can lie there, behind a header of `one`. Gives whether it did.
pub(super) fn splice(one: &mut Stack<'_>, other: &Stack<'_>, draw: &mut Draw) -> bool {
    let Some(outer) = one.one_of(draw, |_| true) else { return false };
    let Some(place) = one.kind(outer).map(carries) else { return false };
    // The layers that lie in the same kind of place; behind the last header, the payload.
    let fits = |index: &usize| other.kind(index - 1).map(carries) == Some(place);
    let count = (1..=other.pieces().len()).filter(fits).count();
    if count == 0 {
        return false;
    }
    let Some(inner) = (1..=other.pieces().len()).filter(fits).nth(draw.below(count)) else { return false };
    let start = other.piece(inner).map_or(other.payload().start, |piece| piece.start);
    let Some(inside) = other.octets.get(start..other.end) else { return false };
    let quoted = one.piece(outer).is_some_and(|piece| piece.quoted);
    one.forget_behind(outer);
    let replaced = one.payload();
    if !one.replace_in_payload(replaced.clone(), inside) {
        return false;
    }
    one.is_loose = inner == other.pieces().len();
    for piece in other.pieces().iter().skip(inner).copied() {
        let moved = |at: usize| at - start + replaced.start;
        one.push(super::stack::Piece {
            start: moved(piece.start),
            end: moved(piece.end),
            quoted: piece.quoted || quoted,
            kind: piece.kind,
        });
    }
    true
}
