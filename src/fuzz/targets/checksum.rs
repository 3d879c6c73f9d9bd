//! The Internet checksum, on any octets.
//!
//! ```text
//!   0       2         4       6
//!  +-------+---------+-------+-------- - -
//!  | where | which   | new   | octets
//!  |       | word    | word  |
//!  +-------+---------+-------+-------- - -
//!  where they are split, and which of their words becomes what, all in network byte order
//! ```

use super::Rules;
use crate::packet::{IpAround, internet_checksum, pseudo_header_sum, transport_checksum, updated_checksum};

/// The code under test.
trait Code {
    /// The checksum of those octets.
    #[inline]
    fn internet(octets: &[u8]) -> u16 {
        internet_checksum(octets)
    }

    /// The same over the pseudo-header first.
    #[inline]
    fn transport(ip: &IpAround<'_>, protocol: u8, message: &[u8]) -> u16 {
        transport_checksum(ip, protocol, message)
    }

    /// The sum over the pseudo-header alone, not complemented.
    #[inline]
    fn pseudo_header(ip: &IpAround<'_>, protocol: u8, length: usize) -> u16 {
        pseudo_header_sum(ip, protocol, length)
    }

    /// The checksum after one word has changed.
    #[inline]
    fn updated(checksum: u16, before: u16, after: u16) -> u16 {
        updated_checksum(checksum, before, after)
    }

    /// The mock host's own: bare, and with the pseudo-header of those addresses.
    #[cfg(feature = "host")]
    #[inline]
    fn of_the_host(octets: &[u8], around: Option<(std::net::IpAddr, std::net::IpAddr, u8)>) -> u16 {
        use crate::mock::host::checksum;
        match around {
            None => checksum::internet(octets),
            Some((from, to, protocol)) => checksum::transport(from, to, protocol, octets),
        }
    }
}

struct Library;

impl Code for Library {}

/// The rules that hold for any octets, of which the first six choose where the others are split, and which word of
/// them changes:
///
/// * the checksum is that of a loop over 16-bit words (RFC 1071 section 1), for odd numbers of octets, too, and over
///   the pseudo-headers of IPv4, IPv6, and IPv6 with a routing header; the mock host computes the same;
/// * the sum of two parts is that of the whole, swapped where the first part is odd (RFC 1071 section 2);
/// * with its checksum among them, octets have the checksum 0;
/// * updated for a changed word (RFC 1624), a checksum is that of the changed octets.
///
/// # Panics
/// When a rule is broken.
pub fn checksum(data: &[u8]) {
    rules::<Library>(data).judge(data);
}

#[inline]
fn rules<C: Code>(data: &[u8]) -> Rules {
    let mut rules = Rules::new();
    let Some((&[s0, s1, w0, w1, n0, n1], octets)) = data.split_first_chunk() else { return rules };
    let sum = C::internet(octets);
    rules.keep("the checksum is that of a loop over words", sum == naive(&[octets]));
    let at = usize::from(u16::from_be_bytes([s0, s1])) % (octets.len() + 1);
    parts::<C>(octets, at, sum, &mut rules);
    let word = usize::from(u16::from_be_bytes([w0, w1])) % (octets.len() / 2 + 1) * 2;
    changed::<C>(octets, word, [n0, n1], &mut rules);
    with_pseudo_header::<C>(octets, n0, &mut rules);
    rules
}

/// RFC 1071 section 1, word by word: the carry comes round each time.
fn naive(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u16;
    let mut octets = parts.iter().copied().flatten().copied();
    while let Some(high) = octets.next() {
        let word = u16::from_be_bytes([high, octets.next().unwrap_or(0)]);
        sum = plus(sum, word);
    }
    !sum
}

fn plus(a: u16, b: u16) -> u16 {
    let (sum, carry) = a.overflowing_add(b);
    sum.wrapping_add(u16::from(carry))
}

fn parts<C: Code>(octets: &[u8], at: usize, whole: u16, rules: &mut Rules) {
    let Some((first, second)) = octets.split_at_checked(at) else { return };
    let behind = !C::internet(second);
    let behind = if at.is_multiple_of(2) { behind } else { behind.swap_bytes() };
    rules.keep("the sums of two parts are that of the whole", !plus(!C::internet(first), behind) == whole);
}

fn changed<C: Code>(octets: &[u8], at: usize, new: [u8; 2], rules: &mut Rules) {
    let mut octets = octets.to_vec();
    let Some(word) = octets.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<2>) else { return };
    let before = *word;
    // With the field 0, as it is summed: then with what it has to be.
    *word = [0, 0];
    let sum = C::internet(&octets);
    if let Some(word) = octets.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<2>) {
        *word = sum.to_be_bytes();
    }
    rules.keep("octets with their checksum have the checksum 0", C::internet(&octets) == 0);
    let with = |word: [u8; 2], octets: &mut Vec<u8>| {
        if let Some(place) = octets.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<2>) {
            *place = word;
        }
        C::internet(octets)
    };
    let (old, wanted) = (with(before, &mut octets), with(new, &mut octets));
    let updated = C::updated(old, u16::from_be_bytes(before), u16::from_be_bytes(new));
    // Octets of nothing but zeros have the other zero of ones' complement: no update can know.
    let same = updated == wanted || (octets.iter().all(|octet| *octet == 0) && updated == !wanted);
    rules.keep("an updated checksum is that of the changed octets", same);
}

/// The first octets are the addresses, the rest is the message.
fn with_pseudo_header<C: Code>(octets: &[u8], protocol: u8, rules: &mut Rules) {
    let mut header = [0; 40];
    header.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
    let (source, destination) = (header.get(8..24).unwrap_or_default(), header.get(24..40).unwrap_or_default());
    let [.., a, b, c, d] = u32::try_from(octets.len()).unwrap_or(u32::MAX).to_be_bytes();
    let tail = [a, b, c, d, 0, 0, 0, protocol];
    let mut last = [0; 16];
    last.iter_mut().zip(octets.iter().rev()).for_each(|(to, from)| *to = *from);
    let around = |is_v6, final_destination| IpAround { header: &header, is_v6, fragment: false, final_destination };
    let addresses = header.get(12..20).unwrap_or_default();
    let cases: [(IpAround<'_>, [&[u8]; 2]); 3] = [
        (around(false, None), [addresses, &[]]),
        (around(true, None), [source, destination]),
        (around(true, Some(last)), [source, &last]),
    ];
    for (ip, [from, to]) in cases {
        let sum = C::transport(&ip, protocol, octets);
        rules.keep("a pseudo-header is summed as octets are", sum == naive(&[from, to, &tail, octets]));
        let half = C::pseudo_header(&ip, protocol, octets.len());
        rules.keep("a pseudo-header's sum is what the message is added to", !plus(half, !C::internet(octets)) == sum);
    }
    #[cfg(feature = "host")]
    the_hosts::<C>(&header, protocol, octets, &around, rules);
}

#[cfg(feature = "host")]
fn the_hosts<'a, C: Code>(
    header: &[u8; 40],
    protocol: u8,
    octets: &[u8],
    around: &impl Fn(bool, Option<[u8; 16]>) -> IpAround<'a>,
    rules: &mut Rules,
) {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    let v4 = |at: usize| header.get(at..).and_then(<[u8]>::first_chunk::<4>).map(|a| IpAddr::from(Ipv4Addr::from(*a)));
    let v6 = |at: usize| header.get(at..).and_then(<[u8]>::first_chunk::<16>).map(|a| IpAddr::from(Ipv6Addr::from(*a)));
    rules.keep("the host computes the same checksum", C::of_the_host(octets, None) == C::internet(octets));
    for (is_v6, from, to) in [(false, v4(12), v4(16)), (true, v6(8), v6(24))] {
        let (Some(from), Some(to)) = (from, to) else { return };
        let host = C::of_the_host(octets, Some((from, to, protocol)));
        rules
            .keep("the host sums the same pseudo-header", host == C::transport(&around(is_v6, None), protocol, octets));
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::caught;
    use super::*;

    struct ForgetsTheOddOctet;

    impl Code for ForgetsTheOddOctet {
        fn internet(octets: &[u8]) -> u16 {
            Library::internet(octets.get(..octets.len() / 2 * 2).unwrap_or_default())
        }
    }

    struct ForgetsTheCarry;

    impl Code for ForgetsTheCarry {
        fn updated(checksum: u16, before: u16, after: u16) -> u16 {
            !(!checksum).wrapping_add(!before).wrapping_add(after)
        }
    }

    struct LeavesOutTheLength;

    impl Code for LeavesOutTheLength {
        fn transport(ip: &IpAround<'_>, protocol: u8, message: &[u8]) -> u16 {
            !plus(Library::pseudo_header(ip, protocol, 0), !Library::internet(message))
        }
    }

    struct IgnoresTheRoute;

    impl Code for IgnoresTheRoute {
        fn transport(ip: &IpAround<'_>, protocol: u8, message: &[u8]) -> u16 {
            Library::transport(&IpAround { final_destination: None, ..*ip }, protocol, message)
        }
    }

    #[test]
    fn broken_code_is_caught() {
        caught("checksum", rules::<ForgetsTheOddOctet>, "the checksum is that of a loop over words");
        caught("checksum", rules::<ForgetsTheCarry>, "an updated checksum is that of the changed octets");
        caught("checksum", rules::<LeavesOutTheLength>, "a pseudo-header is summed as octets are");
        caught("checksum", rules::<IgnoresTheRoute>, "a pseudo-header is summed as octets are");
    }
}
