//! A model of who puts fragments together: the whole train at once, and strict.

use tuntap_test::device::{FrameRef, Mode};

/// Why there is no datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotWhole {
    /// Two fragments hold the same octets and disagree.
    Overlap,
    /// One ends behind octet 65,535.
    Beyond,
    /// One that is not the last is no multiple of 8 octets long.
    Odd,
    /// Some octets did not come.
    Gap,
    /// The fragments are of several datagrams.
    Foreign,
}

/// What a fragment says: of which datagram it is, where it stands, what it holds.
struct Part {
    key: Vec<u8>,
    offset: usize,
    more: bool,
    octets: Vec<u8>,
}

fn part(packet: &[u8]) -> Part {
    let frame = FrameRef::new(Mode::Tun, packet);
    if let Ok(ip) = frame.ipv4() {
        let slice = ip.slice();
        return Part {
            key: [&slice[4..6], &slice[9..10], &slice[12..20]].concat(),
            offset: usize::from(ip.fragments_offset().value()) * 8,
            more: ip.more_fragments(),
            octets: packet[slice.len()..].to_vec(),
        };
    }
    assert_eq!(packet[6], 44, "no fragment: {}", frame.summary());
    let word = u16::from_be_bytes([packet[42], packet[43]]);
    Part {
        key: [&packet[8..41], &packet[44..48]].concat(),
        offset: usize::from(word & 0xfff8),
        more: word & 1 == 1,
        octets: packet[48..].to_vec(),
    }
}

/// What the datagram carries behind its IP header.
pub(crate) fn reassemble(train: &[Vec<u8>]) -> Result<Vec<u8>, NotWhole> {
    let parts: Vec<_> = train.iter().map(|packet| part(packet)).collect();
    let mut whole: Vec<Option<u8>> = Vec::new();
    let mut end = None;
    for part in &parts {
        let behind = part.offset + part.octets.len();
        if part.key != parts[0].key {
            return Err(NotWhole::Foreign);
        }
        if behind > 65_535 {
            return Err(NotWhole::Beyond);
        }
        if part.more && part.octets.len() % 8 != 0 {
            return Err(NotWhole::Odd);
        }
        if !part.more {
            end = Some(behind);
        }
        whole.resize(whole.len().max(behind), None);
        for (place, octet) in whole[part.offset..].iter_mut().zip(&part.octets) {
            if place.is_some_and(|present| present != *octet) {
                return Err(NotWhole::Overlap);
            }
            *place = Some(*octet);
        }
    }
    match whole.into_iter().collect::<Option<Vec<_>>>() {
        Some(whole) if end == Some(whole.len()) => Ok(whole),
        _ => Err(NotWhole::Gap),
    }
}
