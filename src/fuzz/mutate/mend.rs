//! Puts right, last of all, what follows from the rest of a frame: numbers of protocols, lengths, checksums.
//!
//! From the inside out, so that each checksum covers what is final.

use super::draw::Draw;
use super::repairs::{Repair, Repairs};
use super::stack::{Piece, Stack};
use crate::packet::{
    IpAround, LayerKind, final_destination, internet_checksum, ip_number, is_fragment, transport_checksum,
};

/// What is put right, and what is put wrong on purpose.
pub(super) struct Mending<'d> {
    pub(super) repairs: Repairs,
    pub(super) spoil: Option<Repair>,
    pub(super) draw: &'d mut Draw,
}

impl Mending<'_> {
    /// What to write where `right` is right, if anything.
    fn settle(&mut self, repair: Repair, right: u16) -> Option<u16> {
        if self.spoil == Some(repair) {
            let small = u16::from(self.draw.octet() % 16) + 1;
            let wrong = [0, u16::MAX, right.wrapping_add(small), right.wrapping_sub(small), !right, right.swap_bytes()];
            return self.draw.of(&wrong);
        }
        self.repairs.contains(repair).then_some(right)
    }

    /// Whether anything would be written.
    fn touches(&self, repair: Repair) -> bool {
        self.spoil == Some(repair) || self.repairs.contains(repair)
    }

    pub(super) fn mend(&mut self, stack: &mut Stack<'_>) {
        for index in (0..stack.pieces().len()).rev() {
            let Some(piece) = stack.piece(index) else { continue };
            self.number(stack, index, piece);
            self.lengths(stack, index, piece);
            self.checksum(stack, index, piece);
        }
    }

    fn number(&mut self, stack: &mut Stack<'_>, index: usize, piece: Piece) {
        use LayerKind::{DestinationOptions, Ethernet, Fragment, HopByHop, Ipv4, Ipv6, Routing, Vlan};
        let next = stack.kind(index + 1);
        if next.is_none() && !stack.is_loose && self.spoil != Some(Repair::NextProtocol) {
            return;
        }
        let at = match piece.kind {
            Ethernet | Vlan => piece.end.saturating_sub(2),
            Ipv4 => piece.start + 9,
            Ipv6 => piece.start + 6,
            HopByHop | Routing | DestinationOptions | Fragment => piece.start,
            _ => return,
        };
        if matches!(piece.kind, Ethernet | Vlan) {
            let number = match next {
                Some(Ipv4) => 0x0800,
                Some(LayerKind::Arp) => 0x0806,
                Some(Ipv6) => 0x86dd,
                // Any of the three numbers of a tag is right.
                Some(Vlan) => match stack.octets.get(at..at + 2) {
                    Some(&[0x88, 0xa8]) => 0x88a8,
                    Some(&[0x91, 0x00]) => 0x9100,
                    _ => 0x8100,
                },
                // IEEE 802: local experimental EtherType 1.
                _ => 0x88b5,
            };
            if let Some(number) = self.settle(Repair::NextProtocol, number) {
                put(stack.octets, at, &number.to_be_bytes());
            }
            return;
        }
        // RFC 3692: 253 is for experiments. 59: no next header.
        let otherwise = if piece.end == stack.end && piece.kind != Ipv4 { 59 } else { 253 };
        let number = next.and_then(ip_number).unwrap_or(otherwise);
        if let Some([_, number]) = self.settle(Repair::NextProtocol, number.into()).map(u16::to_be_bytes) {
            put(stack.octets, at, &[number]);
        }
    }

    fn lengths(&mut self, stack: &mut Stack<'_>, index: usize, piece: Piece) {
        let Piece { kind, start, end, quoted } = piece;
        let header = end - start;
        // The nibble in front of which four other bits stand, or behind.
        let words = u8::try_from(header / 4).unwrap_or(15).min(15);
        let whole = |from: usize| u16::try_from(stack.end - from).ok().filter(|_| !quoted);
        match kind {
            LayerKind::Ipv4 => {
                if let Some([_, words]) = self.settle(Repair::Ipv4HeaderLength, words.into()).map(u16::to_be_bytes)
                    && let Some(octet) = stack.octets.get_mut(start)
                {
                    *octet = *octet & 0xf0 | words & 0x0f;
                }
                if let Some(length) = whole(start).and_then(|length| self.settle(Repair::Ipv4TotalLength, length)) {
                    put(stack.octets, start + 2, &length.to_be_bytes());
                }
            }
            LayerKind::Ipv6 => {
                if let Some(length) = whole(end).and_then(|length| self.settle(Repair::Ipv6PayloadLength, length)) {
                    put(stack.octets, start + 4, &length.to_be_bytes());
                }
            }
            LayerKind::HopByHop | LayerKind::Routing | LayerKind::DestinationOptions => {
                let length = u16::try_from((header / 8).saturating_sub(1)).unwrap_or(u16::MAX);
                if let Some([_, length]) = self.settle(Repair::ExtensionLength, length).map(u16::to_be_bytes) {
                    put(stack.octets, start + 1, &[length]);
                }
            }
            LayerKind::Tcp => {
                if let Some([_, words]) = self.settle(Repair::TcpDataOffset, words.into()).map(u16::to_be_bytes)
                    && let Some(octet) = stack.octets.get_mut(start + 12)
                {
                    *octet = *octet & 0x0f | words << 4;
                }
            }
            // The first fragment of a datagram has the length of the whole.
            LayerKind::Udp if !around(stack, index).is_some_and(|ip| ip.fragment) => {
                if let Some(length) = whole(start).and_then(|length| self.settle(Repair::UdpLength, length)) {
                    put(stack.octets, start + 4, &length.to_be_bytes());
                }
            }
            _ => {}
        }
    }

    fn checksum(&mut self, stack: &mut Stack<'_>, index: usize, piece: Piece) {
        let Piece { kind, start, end, quoted } = piece;
        let (repair, field, number) = match kind {
            LayerKind::Ipv4 => (Repair::Ipv4Checksum, start + 10, 0),
            LayerKind::Tcp => (Repair::TcpChecksum, start + 16, 6),
            LayerKind::Udp => (Repair::UdpChecksum, start + 6, 17),
            LayerKind::Icmpv4 => (Repair::Icmpv4Checksum, start + 2, 0),
            LayerKind::Icmpv6 => (Repair::Icmpv6Checksum, start + 2, 58),
            LayerKind::Igmp => (Repair::IgmpChecksum, start + 2, 0),
            _ => return,
        };
        if !self.touches(repair) || (quoted && kind != LayerKind::Ipv4) {
            return;
        }
        let Some(present) = stack.octets.get(field..field + 2) else { return };
        if kind == LayerKind::Udp && present == [0, 0] && !around(stack, index).is_some_and(|ip| ip.is_v6) {
            return;
        }
        if kind != LayerKind::Ipv4 && around(stack, index).is_some_and(|ip| ip.fragment) {
            // It covers octets that are elsewhere.
            return;
        }
        put(stack.octets, field, &[0, 0]);
        let ip = if kind == LayerKind::Ipv4 { None } else { around(stack, index) };
        let covered = if kind == LayerKind::Ipv4 { start..end } else { start..stack.end };
        let covered = stack.octets.get(covered).unwrap_or_default();
        let sum = match ip {
            Some(ip) if number != 0 => transport_checksum(&ip, number, covered),
            _ => internet_checksum(covered),
        };
        // 0 would say that there is no checksum.
        let sum = if kind == LayerKind::Udp && sum == 0 { u16::MAX } else { sum };
        if let Some(sum) = self.settle(repair, sum) {
            put(stack.octets, field, &sum.to_be_bytes());
        }
    }
}

/// The IP layer around a header.
fn around<'s>(stack: &'s Stack<'_>, index: usize) -> Option<IpAround<'s>> {
    let at = stack.pieces().get(..index)?.iter().rposition(|piece| piece.kind.is_ip())?;
    let header = stack.header(at);
    let is_v6 = stack.kind(at) == Some(LayerKind::Ipv6);
    let mut ip = IpAround { header, is_v6, fragment: !is_v6 && is_fragment(header), final_destination: None };
    for between in at + 1..index {
        match stack.kind(between) {
            Some(LayerKind::Fragment) => ip.fragment = true,
            Some(LayerKind::Routing) if ip.final_destination.is_none() => {
                ip.final_destination = final_destination(stack.header(between));
            }
            _ => {}
        }
    }
    Some(ip)
}

fn put(octets: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = octets.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}
