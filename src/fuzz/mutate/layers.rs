//! Mutations of the stack of headers: one more, one less, two changed places, another in its place.

use super::Mutation;
use super::draw::Draw;
use super::stack::{Piece, Stack};
use crate::packet::LayerKind;

const IPV4: [u8; 20] = [0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 0, 0, 0, 192, 0, 2, 2, 192, 0, 2, 1];
const IPV6: [u8; 40] = {
    let mut header = [0; 40];
    (header[0], header[7]) = (0x60, 64);
    (header[8], header[9], header[10], header[11], header[23]) = (0x20, 0x01, 0x0d, 0xb8, 2);
    (header[24], header[25], header[26], header[27], header[39]) = (0x20, 0x01, 0x0d, 0xb8, 1);
    header
};
/// A SYN from port 40000 to port 80.
const TCP: [u8; 20] = [0x9c, 0x40, 0, 80, 0, 0, 0, 100, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0];
/// With a checksum that is computed: 0 would stay.
const UDP: [u8; 8] = [0x9c, 0x40, 0, 53, 0, 8, 0xff, 0xff];
const ECHO: [u8; 8] = [8, 0, 0, 0, 0, 7, 0, 1];
const ECHO_V6: [u8; 8] = [128, 0, 0, 0, 0, 7, 0, 1];
const QUERY: [u8; 8] = [0x11, 100, 0, 0, 0, 0, 0, 0];
/// Fragmentation needed, with an MTU (RFC 1191); time exceeded; unreachable ports, hosts and protocols; redirect.
const ERRORS: [[u8; 8]; 6] = [
    [3, 4, 0, 0, 0, 0, 2, 0x40],
    [11, 0, 0, 0, 0, 0, 0, 0],
    [3, 3, 0, 0, 0, 0, 0, 0],
    [3, 1, 0, 0, 0, 0, 0, 0],
    [3, 2, 0, 0, 0, 0, 0, 0],
    [5, 1, 0, 0, 192, 0, 2, 1],
];
/// Packet too big; time exceeded; unreachable port; parameter problem.
const ERRORS_V6: [[u8; 8]; 4] =
    [[2, 0, 0, 0, 0, 0, 5, 0], [3, 0, 0, 0, 0, 0, 0, 0], [1, 4, 0, 0, 0, 0, 0, 0], [4, 1, 0, 0, 0, 0, 0, 6]];

/// Extension headers: options (router alert, padding, an unknown one), routes, a fragment of one, a first fragment.
const EXTENSIONS: [(LayerKind, &[u8]); 7] = [
    (LayerKind::HopByHop, &[0, 0, 5, 2, 0, 0, 1, 0]),
    (LayerKind::DestinationOptions, &[0, 0, 1, 4, 0, 0, 0, 0]),
    (LayerKind::DestinationOptions, &[0, 0, 0x7e, 4, 0, 0, 0, 0]),
    (LayerKind::Routing, &[0, 0, 0, 0, 0, 0, 0, 0]),
    (LayerKind::Routing, &[0, 2, 2, 1, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
    (LayerKind::Fragment, &[0, 0, 0, 0, 0, 0, 0, 7]),
    (LayerKind::Fragment, &[0, 0, 0, 1, 0, 0, 0, 7]),
];

const fn is_extension(kind: LayerKind) -> bool {
    use LayerKind::{DestinationOptions, Fragment, HopByHop, Routing};
    matches!(kind, HopByHop | Routing | DestinationOptions | Fragment)
}

const fn is_transport(kind: LayerKind) -> bool {
    use LayerKind::{Icmpv4, Icmpv6, Igmp, Tcp, Udp};
    matches!(kind, Tcp | Udp | Icmpv4 | Icmpv6 | Igmp)
}

/// Changes which headers there are.
pub(super) fn change(stack: &mut Stack<'_>, draw: &mut Draw) -> Option<Mutation> {
    match draw.below(8) {
        0 | 1 => insert(stack, draw).then_some(Mutation::LayerInserted),
        2 => remove(stack, draw).then_some(Mutation::LayerRemoved),
        3 => swap(stack, draw).then_some(Mutation::LayersSwapped),
        4 => duplicate(stack, draw).then_some(Mutation::LayerDuplicated),
        5 => tunnel(stack, draw).then_some(Mutation::Tunnelled),
        6 => quote(stack, draw).then_some(Mutation::Quoted),
        _ => transport(stack, draw).then_some(Mutation::TransportReplaced),
    }
}

/// A VLAN tag, or an extension header.
fn insert(stack: &mut Stack<'_>, draw: &mut Draw) -> bool {
    let around = |piece: Piece| {
        matches!(piece.kind, LayerKind::Ethernet | LayerKind::Vlan | LayerKind::Ipv6) || is_extension(piece.kind)
    };
    let Some(index) = stack.one_of(draw, around) else { return false };
    if matches!(stack.kind(index), Some(LayerKind::Ethernet | LayerKind::Vlan)) {
        let tag = [draw.octet(), draw.octet(), 0x08, 0x00];
        return stack.insert(index + 1, LayerKind::Vlan, &tag);
    }
    let Some((kind, mut header)) = draw.of(&EXTENSIONS) else { return false };
    // What is behind a first fragment is not checked, so less often.
    if header == [0, 0, 0, 1, 0, 0, 0, 7] && !draw.one_in(4) {
        header = &[0, 0, 0, 0, 0, 0, 0, 7];
    }
    stack.insert(index + 1, kind, header)
}

fn remove(stack: &mut Stack<'_>, draw: &mut Draw) -> bool {
    let first = usize::from(stack.kind(0) == Some(LayerKind::Ethernet));
    let count = stack.pieces().len();
    if count <= first + 1 {
        return false;
    }
    let index = first + draw.below(count - first);
    // A TUN's frame begins with an IP header.
    let next_is_ip = stack.kind(index + 1).is_some_and(LayerKind::is_ip);
    (index > 0 || next_is_ip) && stack.remove(index)
}

/// Two neighbours between the outermost and the innermost header.
fn swap(stack: &mut Stack<'_>, draw: &mut Draw) -> bool {
    let Some(index) = stack.one_of(draw, |piece| piece.kind.may_lie_between()) else { return false };
    let same = |one: LayerKind, other: LayerKind| is_extension(one) == is_extension(other) && other.may_lie_between();
    match (stack.piece(index), stack.piece(index + 1)) {
        (Some(one), Some(other)) if same(one.kind, other.kind) => {
            let Some(header) = stack.octets.get(one.start..one.end).map(<[u8]>::to_vec) else { return false };
            // There may be no room for both: first out, then in.
            stack.remove(index) && stack.insert(index + 1, one.kind, &header)
        }
        _ => false,
    }
}

fn duplicate(stack: &mut Stack<'_>, draw: &mut Draw) -> bool {
    let twice = |piece: Piece| piece.kind.may_lie_between() || piece.kind.is_ip();
    let Some(index) = stack.one_of(draw, twice) else { return false };
    let Some(kind) = stack.kind(index) else { return false };
    let header = stack.header(index).to_vec();
    stack.insert(index, kind, &header)
}

/// An IP header around an IP header.
fn tunnel(stack: &mut Stack<'_>, draw: &mut Draw) -> bool {
    let Some(index) = stack.one_of(draw, |piece| piece.kind.is_ip()) else { return false };
    ip(stack, index, draw.one_in(2), false)
}

/// An IP header in front of that one: with its addresses, turned round or not, where it is of the same version.
fn ip(stack: &mut Stack<'_>, index: usize, is_v6: bool, turned: bool) -> bool {
    let (kind, mut header, from, length) =
        if is_v6 { (LayerKind::Ipv6, IPV6.to_vec(), 8, 16) } else { (LayerKind::Ipv4, IPV4.to_vec(), 12, 4) };
    if stack.kind(index) == Some(kind)
        && let Some(addresses) = stack.header(index).get(from..from + 2 * length)
        && let Some(place) = header.get_mut(from..from + 2 * length)
    {
        place.copy_from_slice(addresses);
        if turned {
            place.rotate_left(length);
        }
    }
    stack.insert(index, kind, &header)
}

/// An ICMP error around a datagram.
fn quote(stack: &mut Stack<'_>, draw: &mut Draw) -> bool {
    let Some(index) = stack.one_of(draw, |piece| piece.kind.is_ip() && !piece.quoted) else { return false };
    let is_v6 = stack.kind(index) == Some(LayerKind::Ipv6);
    let (kind, error) =
        if is_v6 { (LayerKind::Icmpv6, draw.of(&ERRORS_V6)) } else { (LayerKind::Icmpv4, draw.of(&ERRORS)) };
    let Some(error) = error else { return false };
    let size = if is_v6 { 48 } else { 28 };
    if stack.room() < size || !ip(stack, index, is_v6, true) || !stack.insert(index + 1, kind, &error) {
        return false;
    }
    stack.quote_from(index + 2);
    true
}

/// Another transport's header in the place of the one that is there; ports stay where both have them.
fn transport(stack: &mut Stack<'_>, draw: &mut Draw) -> bool {
    let Some(index) = stack.one_of(draw, |piece| is_transport(piece.kind)) else { return false };
    let is_v6 = stack.pieces().iter().take(index).rfind(|piece| piece.kind.is_ip()).map(|piece| piece.kind)
        == Some(LayerKind::Ipv6);
    let choices: &[(LayerKind, &[u8])] = &[
        (LayerKind::Tcp, &TCP),
        (LayerKind::Udp, &UDP),
        if is_v6 { (LayerKind::Icmpv6, &ECHO_V6) } else { (LayerKind::Icmpv4, &ECHO) },
        if is_v6 { (LayerKind::Icmpv6, &ECHO_V6) } else { (LayerKind::Igmp, &QUERY) },
    ];
    let Some((kind, header)) = draw.of(choices) else { return false };
    let Some(present) = stack.piece(index).filter(|piece| piece.kind != kind) else { return false };
    let mut header = header.to_vec();
    let has_ports = |kind| matches!(kind, LayerKind::Tcp | LayerKind::Udp);
    if has_ports(kind)
        && has_ports(present.kind)
        && let (Some(ports), Some(place)) = (stack.header(index).get(..4), header.get_mut(..4))
    {
        place.copy_from_slice(ports);
    }
    if !stack.replace_in_header(index, present.start..present.end, &header) {
        return false;
    }
    stack.rename(index, kind);
    // What was inside, an application's message or a quoted datagram, is payload now.
    stack.forget_behind(index);
    true
}
