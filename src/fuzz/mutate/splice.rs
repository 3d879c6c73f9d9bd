//! One frame's outer headers with another's inside.

use super::draw::Draw;
use super::stack::{Piece, Stack};
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
    let Some(outer) = one.one_of(draw, |_| true).filter(|outer| !one.is_all_header(*outer)) else { return false };
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
    let quotes = |piece: Piece| piece.quoted || matches!(piece.kind, LayerKind::Icmpv4 | LayerKind::Icmpv6);
    let mut quoted = one.piece(outer).is_some_and(quotes);
    one.forget_behind(outer);
    let replaced = one.payload();
    if !one.replace_in_payload(replaced.clone(), inside) {
        return false;
    }
    one.is_loose = inner == other.pieces().len();
    for piece in other.pieces().iter().skip(inner).copied() {
        let moved = |at: usize| at - start + replaced.start;
        let piece = Piece { kind: piece.kind, start: moved(piece.start), end: moved(piece.end), quoted };
        one.push(piece);
        quoted = quotes(piece);
    }
    true
}
