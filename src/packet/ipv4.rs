//! IPv4 (RFC 791).
//!
//! ```text
//!   0                   1                   2                   3
//!   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//!  +-------+-------+-----------+---+-------------------------------+
//!  |version|  ihl  |   dscp    |ecn|         total_length          |
//!  +-------+-------+-----------+---+-----+-------------------------+
//!  |              id               |flags|     fragment_offset     |
//!  +---------------+---------------+-----+-------------------------+
//!  |      ttl      |   protocol    |           checksum            |
//!  +---------------+---------------+-------------------------------+
//!  |                              src                              |
//!  |                              dst                              |
//!  |                            options                            |
//! ```

use std::fmt;
use std::net::Ipv4Addr;
use std::ops::Range;

use etherparse::Ipv4HeaderSlice;
use etherparse::err::ipv4::HeaderSliceError;

use super::build::Completing;
use super::checksum::checksum;
use super::dissect::{Dissected, LengthError, Next};
use super::ethernet::truncated;
use super::field::{IntoField, Octets, octets_such_that};
use super::layer::{Behaviour, Show, bits, layer, octets};
use super::options::{Framing, OptionList};
use super::verify::Defect;
use super::view::View;

const BEHAVIOUR: Behaviour = Behaviour { fixed: |_| 20, align: 4, dissect, complete, verify, summary };

layer! {
    /// An IPv4 header, 20 to 60 octets (RFC 791).
    ///
    /// Built on a link without addresses, it goes from the test's peer address to the host's. Header length, total
    /// length, protocol and checksum are computed unless set.
    ///
    /// ```
    /// use tuntap_test::packet::{Ipv4, Udp};
    ///
    /// // A later fragment: nobody looks for a UDP header in it.
    /// let fragment = Ipv4::new().id(7).fragment_offset(185).protocol(17) / [0; 8];
    /// assert_eq!(fragment.build()?[6..8], [0x00, 0xb9]);
    /// # Ok::<(), tuntap_test::packet::BuildError>(())
    /// ```
    Ipv4, IPV4 = Ipv4 "IPv4", BEHAVIOUR;
    /// Version, 4 bits: 4 unless set.
    version: u8 = bits(0, 4).default(4);
    /// Header length in words of 4 octets, 4 bits.
    ihl: u8 = bits(4, 4).computed();
    /// Differentiated services code point, 6 bits (RFC 2474).
    dscp: u8 = bits(8, 6);
    /// Explicit congestion notification, 2 bits (RFC 3168).
    ecn: u8 = bits(14, 2);
    /// Octets of header and payload.
    total_length: u16 = bits(16, 16).computed();
    /// Identification.
    id: u16 = bits(32, 16);
    /// The reserved bit of the flags (RFC 791: must be 0).
    reserved: bool = bits(48, 1).show(Show::Bool);
    /// Don't fragment.
    dont_fragment: bool = bits(49, 1).show(Show::Bool);
    /// More fragments.
    more_fragments: bool = bits(50, 1).show(Show::Bool);
    /// Fragment offset in units of 8 octets, 13 bits.
    fragment_offset: u16 = bits(51, 13);
    /// Time to live: 64 unless set.
    ttl: u8 = bits(64, 8).default(64);
    /// The protocol inside (IANA "Assigned Internet Protocol Numbers").
    protocol: u8 = bits(72, 8).computed();
    /// Header checksum.
    checksum: u16 = bits(80, 16).computed().show(Show::Hex(4));
    /// Source address.
    src: Ipv4Addr = bits(96, 32).show(Show::Ipv4);
    /// Destination address.
    dst: Ipv4Addr = bits(128, 32).show(Show::Ipv4);
    /// All options as they stand in the header, padded with zeros to a multiple of 4 octets when built.
    options: Octets = octets(options, |octets, header| header.extend_from_slice(octets)).show(Show::Padded(4));
}

/// The list of options.
pub(crate) static OPTIONS: OptionList = OptionList { framing: Framing::Ip, start: |_| Some(20), named: &[] };

/// Record route (RFC 791 section 3.1).
const RECORD_ROUTE: u8 = 7;
/// Router alert (RFC 2113).
const ROUTER_ALERT: u8 = 148;

impl Ipv4 {
    /// An option by its type (IANA "IPv4 Option Numbers") and the octets behind type and length; types 0 and 1 have
    /// neither. Options are written in the order of the calls; of one type the second stands for the second in the
    /// header.
    ///
    /// ```
    /// use tuntap_test::packet::{Ipv4, octets_such_that};
    ///
    /// // Stream identifier (RFC 791 section 3.1).
    /// let packet = Ipv4::new().option(136, [0, 7]) / [0; 8];
    /// assert_eq!(packet.build()?[20..24], [136, 4, 0, 7]);
    /// let template = Ipv4::new().option(136, octets_such_that("two octets", |value| value.len() == 2));
    /// # let _ = template;
    /// # Ok::<(), tuntap_test::packet::BuildError>(())
    /// ```
    pub fn option(self, kind: u8, value: impl IntoField<Octets>) -> Self {
        Self(self.0.with_option(&OPTIONS, kind, value.into_field().constraint))
    }

    /// Option 148, value 0: every router looks at the packet (RFC 2113).
    pub fn router_alert(self) -> Self {
        self.option(ROUTER_ALERT, [0, 0])
    }

    /// Option 7 with room for so many addresses, of which none is recorded (RFC 791 section 3.1). A header has room for
    /// 9.
    pub fn record_route(self, addresses: u8) -> Self {
        let mut value = vec![4];
        value.resize(1 + usize::from(addresses) * 4, 0);
        self.option(RECORD_ROUTE, value)
    }

    /// Matches option 7 in which those addresses are recorded and no others; there may be room for more.
    pub fn recorded_route<const N: usize>(self, addresses: [Ipv4Addr; N]) -> Self {
        let what = format!("recording {addresses:?}");
        let octets = addresses.map(|address| address.octets()).concat();
        self.option(
            RECORD_ROUTE,
            octets_such_that(&what, move |value| match value {
                // The pointer counts from the option's type, and from 1.
                [pointer, route @ ..] => usize::from(*pointer) == octets.len() + 4 && route.starts_with(&octets),
                [] => false,
            }),
        )
    }
}

fn options(header: &[u8]) -> Option<Range<usize>> {
    (header.len() > 20).then_some(20..header.len())
}

/// Whether the packet that begins with these octets is a fragment.
pub(crate) fn is_fragment(octets: &[u8]) -> bool {
    octets.get(6..8).is_some_and(|octets| !matches!(octets, [0x00 | 0x40 | 0x80 | 0xc0, 0]))
}

fn dissect(octets: &[u8]) -> Result<Dissected, LengthError> {
    let header = Ipv4HeaderSlice::from_slice(octets).map_err(|error| match error {
        HeaderSliceError::Len(error) => truncated(&error),
        HeaderSliceError::Content(_) => LengthError::Malformed("the version is not 4, or the header length below 5"),
    })?;
    let next = if header.fragments_offset().value() > 0 { Next::Payload } else { Next::ip_number(header.protocol().0) };
    let length = Some(usize::from(header.total_len()));
    Ok(Dissected { header: header.slice().len(), length, next })
}

fn complete(header: &mut Vec<u8>, cx: &Completing<'_>) {
    cx.write(header, "ihl", header.len() / 4);
    cx.write(header, "total_length", header.len() + cx.content.len());
    // RFC 3692: 253 is for experiments.
    cx.write(header, "protocol", cx.next_ip_number(253));
    if !cx.is_set("checksum") {
        cx.write(header, "checksum", checksum(header));
    }
}

fn verify(view: &View<'_>, defect: &mut dyn FnMut(Defect)) {
    if view.header.len() + view.content.len() != usize::try_from(view.number("total_length")).unwrap_or(0) {
        view.check_length("total_length", view.available, "RFC 791 section 3.1", defect);
    }
    view.check_sum("checksum", checksum(view.header), "RFC 791 section 3.1", defect);
}

fn summary(view: &View<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if view.number("fragment_offset") > 0 || view.number("more_fragments") > 0 {
        let (id, offset) = (view.number("id"), view.number("fragment_offset") * 8);
        let more = if view.number("more_fragments") > 0 { "+" } else { "" };
        write!(f, "fragment id {id} octets {offset}..{}{more} ", offset + view.content.len() as u128)?;
    }
    Ok(())
}
