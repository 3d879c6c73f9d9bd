//! The options of neighbour discovery (RFC 4861 section 4.6): where each stands in a message, and how it is appended.
//!
//! ```text
//!  type length in 8s
//!   1    1   source link-layer address 6                             (for Ethernet, RFC 2464 section 6)
//!   2    1   target link-layer address 6
//!   3    4   prefix length 1, flags 1, valid 4, preferred 4, 0 4, prefix 16
//!   4   1+n  0 6, the redirected datagram, filled up with zeros
//!   5    1   0 2, MTU 4
//!  25  1+2n  0 2, lifetime 4, addresses of 16                        (RFC 8106 section 5.1)
//! ```

use std::fmt;
use std::net::Ipv6Addr;
use std::ops::Range;

use etherparse::icmpv6::{NdpOptionSlice, NdpOptionsIterator};

use super::layer::{FieldInfo, option};
use super::options::{Framing, OptionList};

pub(crate) const SOURCE: u8 = 1;
pub(crate) const TARGET: u8 = 2;
pub(crate) const PREFIX: u8 = 3;
const REDIRECTED: u8 = 4;
pub(crate) const MTU: u8 = 5;
const RDNSS: u8 = 25;

/// The list, and which fields of ICMPv6's table read it.
pub(crate) static OPTIONS: OptionList = OptionList {
    framing: Framing::Ndp,
    start: super::ndp::options_start,
    named: &[
        ("source_link_layer_address", SOURCE),
        ("target_link_layer_address", TARGET),
        ("prefix", PREFIX),
        ("prefix_length", PREFIX),
        ("prefix_flags", PREFIX),
        ("valid_lifetime", PREFIX),
        ("preferred_lifetime", PREFIX),
        ("redirected_header", REDIRECTED),
        ("link_mtu", MTU),
        ("rdnss_lifetime", RDNSS),
        ("rdnss_servers", RDNSS),
    ],
};

/// A number in the first option of that type, if it has `SIZE` octets: those octets of it. Building fills the option
/// that is there, or a new one.
pub(crate) const fn number<const KIND: u8, const SIZE: usize, const FROM: usize, const TO: usize>() -> FieldInfo {
    option(
        |header| {
            let whole = OPTIONS.first(header, KIND)?.whole;
            (whole.len() == SIZE).then_some(whole.start + FROM..whole.start + TO)
        },
        |bits, header| OPTIONS.fill(header, KIND, SIZE - 2, FROM..TO, bits),
    )
}

pub(crate) fn rdnss_lifetime(header: &[u8]) -> Option<Range<usize>> {
    OPTIONS.part(header, RDNSS, 4..8)
}

pub(crate) fn fill_rdnss_lifetime(bits: u128, header: &mut Vec<u8>) {
    OPTIONS.fill(header, RDNSS, 6, 4..8, bits);
}

pub(crate) fn rdnss_servers(header: &[u8]) -> Option<Range<usize>> {
    let whole = OPTIONS.first(header, RDNSS)?.whole;
    Some(whole.start + 8..whole.end)
}

/// Into the option that ends the header and has none yet, or a new one.
pub(crate) fn append_rdnss_servers(servers: &[u8], header: &mut Vec<u8>) {
    let lifetime = OPTIONS
        .first(header, RDNSS)
        .filter(|option| option.whole == (header.len() - 8..header.len()))
        .and_then(|option| header.get(option.value).map(<[u8]>::to_vec));
    if lifetime.is_some() {
        header.truncate(header.len() - 8);
    }
    let value = [lifetime.as_deref().unwrap_or(&[0; 6]), servers].concat();
    Framing::Ndp.append(RDNSS, &value, header);
}

pub(crate) fn redirected_header(header: &[u8]) -> Option<Range<usize>> {
    let whole = OPTIONS.first(header, REDIRECTED)?.whole;
    Some(whole.start + 8..whole.end)
}

pub(crate) fn append_redirected_header(datagram: &[u8], header: &mut Vec<u8>) {
    Framing::Ndp.append(REDIRECTED, &[&[0; 6], datagram].concat(), header);
}

pub(crate) fn all(header: &[u8]) -> Option<Range<usize>> {
    (OPTIONS.start)(header).filter(|start| *start < header.len()).map(|start| start..header.len())
}

pub(crate) fn append_all(octets: &[u8], header: &mut Vec<u8>) {
    header.extend_from_slice(octets);
}

/// The length octet that is wrong of the first malformed option: where it stands, what it has to be at most (or, where
/// it is 0 or missing, at least), and what it is.
pub(crate) fn malformed(header: &[u8]) -> Option<(usize, usize, u8)> {
    let mut each = OPTIONS.each(header);
    each.by_ref().for_each(drop);
    let rest = header.get(each.at..).filter(|rest| !rest.is_empty())?;
    match rest {
        [_] => Some((each.at, 1, 0)),
        [_, 0, ..] => Some((each.at + 1, 1, 0)),
        [_, length, ..] => Some((each.at + 1, rest.len() / 8, *length)),
        [] => None,
    }
}

/// What one line says of a router advertisement's options.
pub(crate) fn summary(header: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let options = all(header).and_then(|range| header.get(range)).unwrap_or_default();
    for option in NdpOptionsIterator::from_slice(options).map_while(Result::ok) {
        match option {
            NdpOptionSlice::PrefixInformation(prefix) => {
                write!(f, " prefix {}/{}", Ipv6Addr::from(prefix.prefix()), prefix.prefix_length())?;
            }
            NdpOptionSlice::Mtu(mtu) => write!(f, " mtu {}", mtu.mtu())?,
            _ => {}
        }
    }
    Ok(())
}
