//! The Internet checksum (RFC 1071), bare and with a pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1).

use std::net::IpAddr;

use etherparse::checksum::Sum16BitWords;

/// The checksum of octets whose checksum field counts as it is: 0 when what is there is right.
pub(crate) fn internet(octets: &[u8]) -> u16 {
    finish(&Sum16BitWords::new().add_slice(octets))
}

/// The same over the pseudo-header of a transport protocol first.
pub(crate) fn transport(source: IpAddr, destination: IpAddr, protocol: u8, message: &[u8]) -> u16 {
    let sum = match (source, destination) {
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            Sum16BitWords::new().add_16bytes(source.octets()).add_16bytes(destination.octets())
        }
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            Sum16BitWords::new().add_4bytes(source.octets()).add_4bytes(destination.octets())
        }
        // No packet has addresses of both families.
        _ => Sum16BitWords::new(),
    };
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut sum = sum;
    finish(&sum.add_4bytes(length.to_be_bytes()).add_2bytes([0, protocol]).add_slice(message))
}

/// Writes a checksum into its two octets at that offset; nothing where there are none.
pub(super) fn put(octets: &mut [u8], at: usize, sum: u16) {
    if let Some(field) = octets.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<2>()) {
        *field = sum.to_be_bytes();
    }
}

fn finish(sum: &Sum16BitWords) -> u16 {
    u16::from_be_bytes(sum.ones_complement().to_ne_bytes())
}
