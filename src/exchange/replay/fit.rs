//! A recorded frame as the link carries it: Ethernet headers off and on.
//!
//! ```text
//!  recorded            on a TUN                                 on a TAP
//!  an Ethernet frame   the IP packet inside, without padding    as it is
//!  an IP packet        as it is                                 dst (6) · src (6) · EtherType (2) · the packet
//! ```

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::codec::EtherType;
use crate::device::{FrameRef, Mode};
use crate::packet::{Defaults, Ethernet, IntoPacket, Ipv4, Ipv6};

/// Octets of an Ethernet II header (IEEE 802.3 clause 3, RFC 894).
const ETHERNET: usize = 14;

/// The frame on a link of that mode, or why it is none there.
pub(super) fn fit<'a>(frame: FrameRef<'a>, mode: Mode, defaults: &Defaults) -> Result<Cow<'a, [u8]>, String> {
    match (frame.mode, mode) {
        (Mode::Tun, Mode::Tun) | (Mode::Tap, Mode::Tap) => Ok(Cow::Borrowed(frame.octets)),
        (Mode::Tap, Mode::Tun) => strip(frame.octets).map(Cow::Borrowed),
        (Mode::Tun, Mode::Tap) => {
            let mut octets = header(frame.octets, defaults)?;
            octets.extend_from_slice(frame.octets);
            Ok(Cow::Owned(octets))
        }
    }
}

/// The IP packet in an Ethernet frame.
fn strip(octets: &[u8]) -> Result<&[u8], String> {
    let Some((&[.., a, b], packet)) = octets.split_first_chunk::<ETHERNET>() else {
        return Err(format!("it is no Ethernet frame: it needs 14 octets at offset 0, {} available", octets.len()));
    };
    let ether_type = u16::from_be_bytes([a, b]);
    if ether_type != EtherType::IPV4.0 && ether_type != EtherType::IPV6.0 {
        return Err(format!("it has the EtherType {ether_type:#06x}, and a TUN carries IP packets alone"));
    }
    Ok(packet.get(..length(packet)).unwrap_or(packet))
}

/// The octets of an IP packet as its header tells them (RFC 791 section 3.1, RFC 8200 section 3); a header that tells
/// nothing of use leaves all of them. What follows is the padding of a short Ethernet frame, or its check sequence.
fn length(packet: &[u8]) -> usize {
    let told =
        |at: usize| packet.get(at..at + 2).map_or(0, |told| told.iter().fold(0, |n, o| n << 8 | usize::from(*o)));
    match packet.first().map(|octet| octet >> 4) {
        Some(4) => Some(told(2)).filter(|total| *total >= 20).unwrap_or(packet.len()),
        // Zero is a jumbogram's (RFC 2675), or of a segment that the network card was to cut.
        Some(6) => Some(told(4)).filter(|payload| *payload > 0).map_or(packet.len(), |payload| 40 + payload),
        _ => packet.len(),
    }
}

/// The Ethernet header that `send` would give to an IP packet between those addresses.
fn header(packet: &[u8], defaults: &Defaults) -> Result<Vec<u8>, String> {
    let v4 = |at: usize| packet.get(at..)?.first_chunk().map(|octets| Ipv4Addr::from(*octets));
    let v6 = |at: usize| packet.get(at..)?.first_chunk().map(|octets| Ipv6Addr::from(*octets));
    let template = match packet.first().map(|octet| octet >> 4) {
        Some(4) => v4(12).zip(v4(16)).map(|(src, dst)| Ethernet::new() / Ipv4::new().src(src).dst(dst)),
        Some(6) => v6(8).zip(v6(24)).map(|(src, dst)| Ethernet::new() / Ipv6::new().src(src).dst(dst)),
        _ => None,
    };
    let Some(template) = template else {
        return Err("it is no IP packet, so that no Ethernet header fits it".to_owned());
    };
    let mut built = template.into_packet().build_with(defaults).map_err(|error| error.to_string())?;
    built.truncate(ETHERNET);
    Ok(built)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Icmpv4;

    const TAP: Defaults = Defaults { mode: Some(Mode::Tap), ..Defaults::documentation() };

    #[test]
    fn an_ethernet_frame_loses_header_and_padding_on_a_tun() {
        let packet = (Ipv4::new() / Icmpv4::echo_request(7, 1)).build().unwrap();
        let mut frame = (Ipv4::new() / Icmpv4::echo_request(7, 1)).build_with(&TAP).unwrap();
        frame.resize(60, 0);
        assert_eq!(fit(FrameRef::new(Mode::Tap, &frame), Mode::Tun, &TAP).unwrap(), packet);
        // A length of zero, or one beyond the octets, leaves them as they are.
        for length in [[0, 0], [0xff, 0xff]] {
            frame[16..18].copy_from_slice(&length);
            assert_eq!(fit(FrameRef::new(Mode::Tap, &frame), Mode::Tun, &TAP).unwrap().len(), 46);
        }
        frame[12..14].copy_from_slice(&[0x08, 0x06]);
        let error = fit(FrameRef::new(Mode::Tap, &frame), Mode::Tun, &TAP).unwrap_err();
        assert!(error.contains("0x0806"), "{error}");
        let error = fit(FrameRef::new(Mode::Tap, &frame[..13]), Mode::Tun, &TAP).unwrap_err();
        assert!(error.contains("needs 14 octets at offset 0, 13 available"), "{error}");
    }

    #[test]
    fn an_ip_packet_gets_on_a_tap_the_header_that_send_gives() {
        for to in [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(224, 0, 0, 251)] {
            let template = Ipv4::new().dst(to) / b"hello";
            let packet = template.build().unwrap();
            let frame = fit(FrameRef::new(Mode::Tun, &packet), Mode::Tap, &TAP).unwrap();
            assert_eq!(frame, template.build_with(&TAP).unwrap());
        }
        let packet = (Ipv6::new() / b"hello").build().unwrap();
        let frame = fit(FrameRef::new(Mode::Tun, &packet), Mode::Tap, &TAP).unwrap();
        assert_eq!((&frame[12..14], &frame[14..]), (&[0x86, 0xdd][..], &packet[..]));
        for octets in [&[][..], &[0x45], &[0x60; 39], &[0x10; 40]] {
            fit(FrameRef::new(Mode::Tun, octets), Mode::Tap, &TAP).unwrap_err();
        }
    }
}
