//! The extension headers of IPv6 (RFC 8200 section 4).
//!
//! ```text
//!   0             1                  2                          8
//!  +-------------+------------------+------ - - -
//!  | next_header | length - 8 in 8s | options, or a route        hop-by-hop, destination options, routing
//!  +-------------+------------------+------ - - -
//!
//!  +-------------+----------+--------------------+-----+---+--------------------+
//!  | next_header | reserved | fragment_offset 13 |  2  | M | id 32              |   fragment
//!  +-------------+----------+--------------------+-----+---+--------------------+
//! ```

use std::fmt;
use std::ops::Range;

use etherparse::{Ipv6FragmentHeaderSlice, Ipv6RawExtHeaderSlice};

use super::build::Completing;
use super::dissect::{Dissected, LengthError, Next};
use super::ethernet::truncated;
use super::field::Octets;
use super::layer::{Behaviour, Show, bits, layer, octets};
use super::verify::Defect;
use super::view::View;

const fn options(summary: fn(&View<'_>, &mut fmt::Formatter<'_>) -> fmt::Result) -> Behaviour {
    Behaviour { fixed: |_| 2, align: 8, dissect: dissect_raw, complete: complete_raw, verify: nothing, summary }
}

const HOP_BY_HOP_BEHAVIOUR: Behaviour = options(|_, f| f.write_str("hop-by-hop "));
const DESTINATION_BEHAVIOUR: Behaviour = options(|_, f| f.write_str("destination-options "));
const ROUTING_BEHAVIOUR: Behaviour = Behaviour {
    fixed: |_| 4,
    ..options(|view, f| {
        write!(f, "routing type {} left {} ", view.number("routing_type"), view.number("segments_left"))
    })
};

layer! {
    /// Hop-by-hop options (RFC 8200 section 4.3). Padded with zeros (Pad1) to a multiple of 8 octets.
    HopByHop, HOP_BY_HOP = HopByHop "hop-by-hop", HOP_BY_HOP_BEHAVIOUR;
    /// The protocol of what follows.
    next_header: u8 = bits(0, 8).computed();
    /// Octets of the header in units of 8, without the first 8.
    length: u8 = bits(8, 8).computed();
    /// The options: type, length and value one after the other.
    options: Octets = octets(|header| rest(header, 2), append).show(Show::Padded(8));
}

layer! {
    /// Destination options (RFC 8200 section 4.6). Padded with zeros (Pad1) to a multiple of 8 octets.
    DestinationOptions, DESTINATION_OPTIONS = DestinationOptions "destination options", DESTINATION_BEHAVIOUR;
    /// The protocol of what follows.
    next_header: u8 = bits(0, 8).computed();
    /// Octets of the header in units of 8, without the first 8.
    length: u8 = bits(8, 8).computed();
    /// The options: type, length and value one after the other.
    options: Octets = octets(|header| rest(header, 2), append).show(Show::Padded(8));
}

layer! {
    /// A routing header (RFC 8200 section 4.4).
    ///
    /// Checksums of what follows are computed with the last address of the route while segments are left, for the
    /// types that hold addresses (RFC 8200 section 8.1): 2, and 4 (RFC 8754).
    Routing, ROUTING = Routing "routing", ROUTING_BEHAVIOUR;
    /// The protocol of what follows.
    next_header: u8 = bits(0, 8).computed();
    /// Octets of the header in units of 8, without the first 8.
    length: u8 = bits(8, 8).computed();
    /// Which kind of route (IANA "IPv6 Routing Types").
    routing_type: u8 = bits(16, 8);
    /// How many of its nodes are still to be visited.
    segments_left: u8 = bits(24, 8);
    /// What the type makes of the rest: four reserved octets, then addresses, for type 2.
    data: Octets = octets(|header| rest(header, 4), append).show(Show::Padded(8));
}

const FRAGMENT_BEHAVIOUR: Behaviour = Behaviour {
    fixed: |_| 8,
    align: 8,
    dissect: |octets| {
        let header = Ipv6FragmentHeaderSlice::from_slice(octets).map_err(|error| truncated(&error))?;
        let later = header.fragment_offset().value() > 0;
        let next = if later { Next::Payload } else { Next::ip_number(header.next_header().0) };
        Ok(Dissected { header: 8, length: None, next })
    },
    complete: |header, cx| cx.write(header, "next_header", next(cx)),
    verify: nothing,
    summary: |view, f| {
        let (id, offset) = (view.number("id"), view.number("fragment_offset") * 8);
        let more = if view.number("more_fragments") > 0 { "+" } else { "" };
        write!(f, "fragment id {id} octets {offset}..{}{more} ", offset + view.content.len() as u128)
    },
};

layer! {
    /// A fragment header, 8 octets (RFC 8200 section 4.5).
    Fragment, FRAGMENT = Fragment "fragment", FRAGMENT_BEHAVIOUR;
    /// The protocol of the fragmented packet's first part.
    next_header: u8 = bits(0, 8).computed();
    /// Reserved, 8 bits.
    reserved: u8 = bits(8, 8);
    /// Offset of what follows in units of 8 octets, 13 bits.
    fragment_offset: u16 = bits(16, 13);
    /// Reserved, 2 bits.
    reserved_2: u8 = bits(29, 2);
    /// More fragments.
    more_fragments: bool = bits(31, 1).show(Show::Bool);
    /// Identification.
    id: u32 = bits(32, 32);
}

fn rest(header: &[u8], from: usize) -> Option<Range<usize>> {
    (header.len() > from).then_some(from..header.len())
}

fn append(octets: &[u8], header: &mut Vec<u8>) {
    header.extend_from_slice(octets);
}

fn dissect_raw(octets: &[u8]) -> Result<Dissected, LengthError> {
    let header = Ipv6RawExtHeaderSlice::from_slice(octets).map_err(|error| truncated(&error))?;
    Ok(Dissected { header: header.slice().len(), length: None, next: Next::ip_number(header.next_header().0) })
}

fn complete_raw(header: &mut Vec<u8>, cx: &Completing<'_>) {
    cx.write(header, "next_header", next(cx));
    cx.write(header, "length", (header.len() / 8).saturating_sub(1));
}

fn next(cx: &Completing<'_>) -> u8 {
    cx.next_ip_number(if cx.content.is_empty() { 59 } else { 253 })
}

fn nothing(_: &View<'_>, _: &mut dyn FnMut(Defect)) {}

/// The destination that a checksum is computed with, where a routing header is not yet at its end.
pub(crate) fn final_destination(header: &[u8]) -> Option<[u8; 16]> {
    match header {
        [_, _, _, 0, ..] => None,
        // RFC 6275 section 6.4: one address. RFC 8754 section 2: the last segment stands first.
        [_, _, 2 | 4, _, _, _, _, _, addresses @ ..] => addresses.first_chunk().copied(),
        _ => None,
    }
}
