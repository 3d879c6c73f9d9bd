//! A TCP segment that continues the flow of another: its addresses, ports and acknowledgement, and the sequence number
//! behind its data. Flags, options and data stay.

use super::stack::Stack;
use crate::packet::LayerKind;

/// The index of the first TCP header, with those of the IP header around it.
fn segment(stack: &Stack<'_>) -> Option<(usize, usize)> {
    let tcp = stack.pieces().iter().position(|piece| piece.kind == LayerKind::Tcp)?;
    let ip = stack.pieces().get(..tcp)?.iter().rposition(|piece| piece.kind.is_ip())?;
    Some((ip, tcp))
}

/// Gives whether both are TCP segments over the same version of IP.
pub(super) fn follow(stack: &mut Stack<'_>, before: &Stack<'_>) -> bool {
    let (Some((ip, tcp)), Some((ip_before, tcp_before))) = (segment(stack), segment(before)) else { return false };
    let addresses = match stack.kind(ip) {
        Some(LayerKind::Ipv4) => 12..20,
        _ => 8..40,
    };
    if stack.kind(ip) != before.kind(ip_before) {
        return false;
    }
    let header = before.header(tcp_before);
    let (Some(flow), Some(around), Some(flags)) =
        (header.first_chunk::<12>(), before.header(ip_before).get(addresses.clone()), header.get(13))
    else {
        return false;
    };
    let &[a, b, c, d, s, e, q, n, ack @ ..] = flow;
    // SYN and FIN take a number each (RFC 9293 section 3.4).
    let octets = u32::try_from(before.payload().len()).unwrap_or(0) + u32::from(flags & 1) + u32::from(flags >> 1 & 1);
    let [s, e, q, n] = u32::from_be_bytes([s, e, q, n]).wrapping_add(octets).to_be_bytes();
    let [f, g, h, i] = ack;
    if let Some(place) = stack.header_mut(ip).get_mut(addresses) {
        place.copy_from_slice(around);
    }
    if let Some(place) = stack.header_mut(tcp).first_chunk_mut() {
        *place = [a, b, c, d, s, e, q, n, f, g, h, i];
    }
    true
}
