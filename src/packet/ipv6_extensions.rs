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
use std::net::Ipv6Addr;
use std::ops::Range;

use etherparse::{Ipv6FragmentHeaderSlice, Ipv6RawExtHeaderSlice};

use super::build::Completing;
use super::dissect::{Dissected, LengthError, Next};
use super::ethernet::truncated;
use super::field::{FieldValue, IntoField, Octets};
use super::layer::{Behaviour, Show, bits, layer, octets, option};
use super::options::{Framing, OptionList};
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

/// Router alert (RFC 2711).
const ROUTER_ALERT: u8 = 5;
/// Jumbo payload (RFC 2675).
const JUMBO_PAYLOAD: u8 = 0xc2;

/// The list of hop-by-hop options.
pub(crate) static HOP_BY_HOP_OPTIONS: OptionList = OptionList {
    framing: Framing::Ipv6,
    start: |_| Some(2),
    named: &[("router_alert_value", ROUTER_ALERT), ("jumbo_payload", JUMBO_PAYLOAD)],
};

/// The list of destination options.
pub(crate) static OPTIONS: OptionList = OptionList { framing: Framing::Ipv6, start: |_| Some(2), named: &[] };

layer! {
    /// Hop-by-hop options (RFC 8200 section 4.3). Padded to a multiple of 8 octets, with PadN or, where one octet is
    /// missing, Pad1 (RFC 8200 section 4.2). Options are written in the order of the calls, nothing aligns them:
    /// [`pad`](Self::pad) does.
    ///
    /// ```
    /// use tuntap_test::packet::HopByHop;
    ///
    /// let header = HopByHop::router_alert(0);
    /// # let packet: tuntap_test::packet::Packet = header.into();
    /// # let octets = packet.build()?;
    /// assert_eq!(octets[40..48], [59, 0, 5, 2, 0, 0, 1, 0]);
    /// # Ok::<(), tuntap_test::packet::BuildError>(())
    /// ```
    HopByHop, HOP_BY_HOP = HopByHop "hop-by-hop", HOP_BY_HOP_BEHAVIOUR;
    /// The protocol of what follows.
    next_header: u8 = bits(0, 8).computed();
    /// Octets of the header in units of 8, without the first 8.
    length: u8 = bits(8, 8).computed();
    /// Option 5: what routers are alerted to (IANA "IPv6 Router Alert Option Values"), 0 for MLD (RFC 2711).
    router_alert_value: u16 = option(
        |header| HOP_BY_HOP_OPTIONS.part(header, ROUTER_ALERT, 2..4),
        |value, header| Framing::Ipv6.append(ROUTER_ALERT, &u16::from_bits(value).to_be_bytes(), header),
    );
    /// Option 0xc2: octets of the packet behind the IPv6 header, whose own payload length is then 0 (RFC 2675).
    jumbo_payload: u32 = option(
        |header| HOP_BY_HOP_OPTIONS.part(header, JUMBO_PAYLOAD, 2..6),
        |value, header| Framing::Ipv6.append(JUMBO_PAYLOAD, &u32::from_bits(value).to_be_bytes(), header),
    );
    /// All options: type, length and value one after the other.
    options: Octets = octets(|header| rest(header, 2), append).show(Show::PaddedOptions);
}

impl HopByHop {
    /// Option 5 and nothing else: routers look at the packet. 0 for MLD, 1 for RSVP (RFC 2711 section 2.1).
    pub fn router_alert(value: impl IntoField<u16>) -> Self {
        Self::new().router_alert_value(value)
    }

    /// An option by its type (IANA "Destination Options and Hop-by-Hop Options") and the octets behind type and length;
    /// type 0 has neither. Of one type the second call stands for the second in the header.
    pub fn option(self, kind: u8, value: impl IntoField<Octets>) -> Self {
        Self(self.0.with_option(&HOP_BY_HOP_OPTIONS, kind, value.into_field().constraint))
    }

    /// So many octets of padding, 1 to 257, to align the next option: Pad1 or PadN.
    pub fn pad(self, octets: u16) -> Self {
        let (kind, value) = padding(octets);
        self.option(kind, value)
    }
}

/// The octets that a jumbogram has behind its IPv6 header, which is not part of these octets (RFC 2675).
pub(crate) fn jumbo_payload(octets: &[u8]) -> Option<usize> {
    let header = Ipv6RawExtHeaderSlice::from_slice(octets).ok()?.slice();
    let length = header.get(HOP_BY_HOP_OPTIONS.part(header, JUMBO_PAYLOAD, 2..6)?)?;
    let length = length.first_chunk().map(|length| u32::from_be_bytes(*length))?;
    usize::try_from(length).ok()
}

/// The option that takes so many octets and says nothing, 1 to 257.
fn padding(octets: u16) -> (u8, Vec<u8>) {
    match octets {
        0 | 1 => (0, Vec::new()),
        _ => (1, vec![0; usize::from(octets.min(257)) - 2]),
    }
}

layer! {
    /// Destination options (RFC 8200 section 4.6). Padded to a multiple of 8 octets, with PadN or, where one octet is
    /// missing, Pad1 (RFC 8200 section 4.2).
    DestinationOptions, DESTINATION_OPTIONS = DestinationOptions "destination options", DESTINATION_BEHAVIOUR;
    /// The protocol of what follows.
    next_header: u8 = bits(0, 8).computed();
    /// Octets of the header in units of 8, without the first 8.
    length: u8 = bits(8, 8).computed();
    /// All options: type, length and value one after the other.
    options: Octets = octets(|header| rest(header, 2), append).show(Show::PaddedOptions);
}

impl DestinationOptions {
    /// An option by its type (IANA "Destination Options and Hop-by-Hop Options") and the octets behind type and length;
    /// type 0 has neither. Of one type the second call stands for the second in the header.
    pub fn option(self, kind: u8, value: impl IntoField<Octets>) -> Self {
        Self(self.0.with_option(&OPTIONS, kind, value.into_field().constraint))
    }

    /// So many octets of padding, 1 to 257, to align the next option: Pad1 or PadN.
    pub fn pad(self, octets: u16) -> Self {
        let (kind, value) = padding(octets);
        self.option(kind, value)
    }
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

impl Routing {
    /// Type 2: one more hop, to the home address of a mobile node (RFC 6275 section 6.4).
    pub fn type2(home_address: impl Into<Ipv6Addr>) -> Self {
        let data = [&[0; 4], home_address.into().octets().as_slice()].concat();
        Self::new().routing_type(2).segments_left(1).data(data)
    }

    /// Type 4: a segment routing header without flags, tag and TLVs, on its way to the first of the segments, which is
    /// the packet's destination (RFC 8754 section 2). Behind the four octets of the routing header stand the last
    /// entry's index, flags, tag (2), and the segments, the last one first.
    pub fn segments<const N: usize>(segments: [Ipv6Addr; N]) -> Self {
        let last = u8::try_from(N.saturating_sub(1)).unwrap_or(u8::MAX);
        let mut data = vec![last, 0, 0, 0];
        data.extend(segments.iter().rev().flat_map(Ipv6Addr::octets));
        Self::new().routing_type(4).segments_left(last).data(data)
    }
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

/// Whether the packet with the fragment header that begins these octets is a part of one. An atomic fragment, offset 0
/// and no more, is a whole packet (RFC 6946).
pub(crate) fn is_fragment(octets: &[u8]) -> bool {
    Ipv6FragmentHeaderSlice::from_slice(octets).is_ok_and(|header| header.is_fragmenting_payload())
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
