//! Corrupts octets, and puts checksums right behind it.
//!
//! Layer: `fault`; uses what `packet` says of wrong checksums.

use crate::device::{FrameRef, Mode};
use crate::packet::{DefectKind, Dissection, LayerKind};

/// Turns over those bits of one octet. Gives whether the frame has it and it changed.
pub(super) fn corrupt(octets: &mut [u8], octet: usize, xor: u8) -> bool {
    match octets.get_mut(octet) {
        Some(place) if xor != 0 => {
            *place ^= xor;
            true
        }
        _ => false,
    }
}

/// Writes every checksum anew that is not right, of what is neither quoted nor tunnelled. Lengths stay.
pub(super) fn repair(mode: Mode, octets: &mut [u8]) {
    let mut wrong = Vec::new();
    Dissection::new(FrameRef::new(mode, octets)).verify(|defect| {
        if defect.kind == DefectKind::Checksum {
            // Never 0, which UDP has for none: ones' complement adds up to 0 from zeros only, and says 0xffff else.
            let wanted = u16::try_from(defect.wanted).unwrap_or_default();
            wrong.push((defect.octets, wanted));
        }
    });
    for (range, wanted) in wrong {
        if let Some(field) = octets.get_mut(range).and_then(|field| field.first_chunk_mut::<2>()) {
            *field = wanted.to_be_bytes();
        }
    }
}

/// Where the octets stand that the innermost header carries, messages of applications included: from, to. Empty where
/// there are none, and for a fragment, whose checksum covers octets that are elsewhere.
pub(super) fn content(mode: Mode, octets: &[u8]) -> (usize, usize) {
    let dissection = Dissection::new(FrameRef::new(mode, octets));
    if dissection.views().any(|view| view.ip.is_some_and(|ip| ip.fragment)) {
        return (0, 0);
    }
    let is_header = |kind| !matches!(kind, LayerKind::Payload | LayerKind::Dns | LayerKind::Dhcp);
    let headers = dissection.views().take_while(|view| view.nesting == 0 && is_header(view.protocol.kind));
    headers.last().map_or((0, octets.len()), |view| {
        let from = view.start + view.header.len();
        (from, from + view.content.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{IntoPacket, Ipv4, Ipv6, Tcp, Udp};

    #[test]
    fn a_repaired_frame_is_sound_whatever_was_corrupted_in_its_payload() {
        let packets = [
            (Ipv4::new() / Udp::new() / b"some octets").into_packet(),
            (Ipv4::new() / Tcp::new() / b"some octets").into_packet(),
            (Ipv6::new() / Udp::new() / b"some octets").into_packet(),
            (Ipv6::new() / Tcp::new() / b"some octets").into_packet(),
        ];
        for packet in packets {
            let built = packet.build().unwrap();
            let (from, to) = content(Mode::Tun, &built);
            assert_eq!(&built[from..to], b"some octets");
            for octet in from..to {
                let mut octets = built.clone();
                assert!(corrupt(&mut octets, octet, 0x80));
                assert!(!Dissection::new(FrameRef::new(Mode::Tun, &octets)).is_sound());
                repair(Mode::Tun, &mut octets);
                assert!(Dissection::new(FrameRef::new(Mode::Tun, &octets)).is_sound());
                assert_eq!(octets.iter().zip(&built).skip(from).filter(|(now, then)| now != then).count(), 1);
            }
        }
    }

    /// A UDP checksum that comes out as zero is written as 0xffff: zero would say that there is none.
    #[test]
    fn a_checksum_of_zero_is_written_in_its_other_form() {
        let mut octets = (Ipv4::new() / Udp::new() / [0, 0]).into_packet().build().unwrap();
        let sum = [octets[26], octets[27]];
        octets[28..30].copy_from_slice(&sum);
        repair(Mode::Tun, &mut octets);
        assert_eq!(octets[26..28], [0xff, 0xff]);
        assert!(Dissection::new(FrameRef::new(Mode::Tun, &octets)).is_sound());
    }

    #[test]
    fn octets_that_are_not_there_are_not_corrupted() {
        let mut octets = [1, 2, 3];
        assert!(!corrupt(&mut octets, 3, 0xff) && !corrupt(&mut octets, 0, 0));
        repair(Mode::Tun, &mut octets);
        assert_eq!(octets, [1, 2, 3]);
        assert_eq!(content(Mode::Tun, &[]), (0, 0));
    }
}
