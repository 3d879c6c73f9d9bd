//! The Internet checksum (RFC 1071) with the pseudo-headers of IPv4 and IPv6 (RFC 9293 section 3.1, RFC 8200 section
//! 8.1). etherparse adds.

use etherparse::checksum::Sum16BitWords;

use super::view::IpAround;

/// The checksum of those octets, as it stands in a header whose checksum field counts as it is: 0 when what is there
/// is right.
pub(crate) fn checksum(octets: &[u8]) -> u16 {
    finish(Sum16BitWords::new().add_slice(octets))
}

/// The same over the pseudo-header of that protocol first.
pub(crate) fn transport_checksum(ip: &IpAround<'_>, number: u8, message: &[u8]) -> u16 {
    finish(pseudo_header(ip, number, message.len()).add_slice(message))
}

/// The sum over that pseudo-header, not complemented: what stands in a header whose checksum is left to hardware.
pub(crate) fn pseudo_header_sum(ip: &IpAround<'_>, number: u8, length: usize) -> u16 {
    !finish(pseudo_header(ip, number, length))
}

/// The checksum after one word of what it covers became another (RFC 1624 equation 3). Where nothing but zeros is left
/// it is 0, where summing gives 0xffff: one's complement has two zeros.
pub(crate) const fn updated_checksum(checksum: u16, before: u16, after: u16) -> u16 {
    !ones_complement_add(ones_complement_add(!checksum, !before), after)
}

/// Addition with the carry brought round (RFC 1071 section 1).
const fn ones_complement_add(a: u16, b: u16) -> u16 {
    let (sum, carry) = a.overflowing_add(b);
    if carry { sum + 1 } else { sum }
}

fn finish(sum: Sum16BitWords) -> u16 {
    u16::from_be_bytes(sum.ones_complement().to_ne_bytes())
}

fn pseudo_header(ip: &IpAround<'_>, number: u8, length: usize) -> Sum16BitWords {
    let sum = Sum16BitWords::new();
    let mut sum = if ip.is_v6 {
        let source = ip.header.get(8..24).unwrap_or_default();
        let destination = ip.header.get(24..40).unwrap_or_default();
        sum.add_slice(source).add_slice(ip.final_destination.as_ref().map_or(destination, <[u8; 16]>::as_slice))
    } else {
        sum.add_slice(ip.header.get(12..20).unwrap_or_default())
    };
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    sum.add_4bytes(length.to_be_bytes()).add_2bytes([0, number])
}

#[cfg(test)]
mod tests {
    use super::checksum;

    /// The example of RFC 1071 section 3.
    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        assert_eq!(checksum(&[]), 0xffff);
    }
}
