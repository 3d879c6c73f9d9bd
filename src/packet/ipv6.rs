//! IPv6, the fixed header (RFC 8200 section 3).
//!
//! ```text
//!   0                   1                   2                   3
//!   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//!  +-------+-----------+---+---------------------------------------+
//!  |version|   dscp    |ecn|              flow_label               |
//!  +-------+-----------+---+-------+---------------+---------------+
//!  |        payload_length         |  next_header  |   hop_limit   |
//!  +-------------------------------+---------------+---------------+
//!  |                              src (128)                        |
//!  |                              dst (128)                        |
//! ```

use std::fmt;
use std::net::Ipv6Addr;

use etherparse::Ipv6HeaderSlice;
use etherparse::err::ipv6::HeaderSliceError;

use super::build::Completing;
use super::dissect::{Dissected, LengthError, Next};
use super::ethernet::truncated;
use super::layer::{Behaviour, LayerKind, Show, bits, layer};
use super::verify::Defect;
use super::view::View;

const BEHAVIOUR: Behaviour = Behaviour { fixed: |_| 40, align: 1, dissect, complete, verify, summary };

layer! {
    /// The fixed IPv6 header, 40 octets (RFC 8200 section 3).
    ///
    /// Built on a link without addresses, it goes from the test's peer address to the host's. Payload length and next
    /// header are computed unless set; the hop limit is 64, for neighbour discovery 255, for MLD 1. Router and neighbor
    /// solicitations, router advertisements and MLD go to the group that their RFC names.
    Ipv6, IPV6 = Ipv6 "IPv6", BEHAVIOUR;
    /// Version, 4 bits: 6 unless set.
    version: u8 = bits(0, 4).default(6);
    /// Differentiated services code point, 6 bits (RFC 2474).
    dscp: u8 = bits(4, 6);
    /// Explicit congestion notification, 2 bits (RFC 3168).
    ecn: u8 = bits(10, 2);
    /// Flow label, 20 bits (RFC 6437).
    flow_label: u32 = bits(12, 20).show(Show::Hex(5));
    /// Octets behind this header, extension headers included; 0 in front of a jumbo payload option (RFC 2675).
    payload_length: u16 = bits(32, 16).computed();
    /// The protocol of what follows.
    next_header: u8 = bits(48, 8).computed();
    /// Hop limit.
    hop_limit: u8 = bits(56, 8).default(64);
    /// Source address.
    src: Ipv6Addr = bits(64, 128).show(Show::Ipv6);
    /// Destination address.
    dst: Ipv6Addr = bits(192, 128).show(Show::Ipv6);
}

fn dissect(octets: &[u8]) -> Result<Dissected, LengthError> {
    let header = Ipv6HeaderSlice::from_slice(octets).map_err(|error| match error {
        HeaderSliceError::Len(error) => truncated(&error),
        HeaderSliceError::Content(_) => LengthError::Malformed("the version is not 6"),
    })?;
    let next = Next::ip_number(header.next_header().0);
    let length = match jumbo_payload(octets.get(..40).unwrap_or_default(), octets.get(40..).unwrap_or_default()) {
        Some(length) => length.saturating_add(40),
        None => 40 + usize::from(header.payload_length()),
    };
    Ok(Dissected { header: 40, length: Some(length), next })
}

/// The octets behind the header of a jumbogram (RFC 2675 section 2): its payload length is 0, a hop-by-hop option has
/// it.
fn jumbo_payload(header: &[u8], content: &[u8]) -> Option<usize> {
    match header {
        [_, _, _, _, 0, 0, 0, ..] => super::ipv6_extensions::jumbo_payload(content),
        _ => None,
    }
}

fn complete(header: &mut Vec<u8>, cx: &Completing<'_>) {
    let jumbo = cx.next == Some(LayerKind::HopByHop) && super::ipv6_extensions::jumbo_payload(cx.content).is_some();
    cx.write(header, "payload_length", if jumbo { 0 } else { cx.content.len() });
    // 59: no next header; RFC 3692: 253 is for experiments.
    let otherwise = if cx.content.is_empty() { 59 } else { 253 };
    cx.write(header, "next_header", cx.next_ip_number(otherwise));
}

fn verify(view: &View<'_>, defect: &mut dyn FnMut(Defect)) {
    let length = jumbo_payload(view.header, view.content)
        .unwrap_or_else(|| usize::try_from(view.number("payload_length")).unwrap_or(0));
    if view.content.len() != length {
        view.check_length("payload_length", view.available - view.header.len(), "RFC 8200 section 3", defect);
    }
}

const fn summary(_: &View<'_>, _: &mut fmt::Formatter<'_>) -> fmt::Result {
    Ok(())
}
