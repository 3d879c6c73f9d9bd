//! UDP (RFC 768).
//!
//! ```text
//!   0       2       4        6          8
//!  +-------+-------+--------+----------+---- - -
//!  | sport | dport | length | checksum | payload
//!  +-------+-------+--------+----------+---- - -
//! ```

use std::fmt;

use etherparse::UdpHeaderSlice;

use super::build::Completing;
use super::checksum::transport_checksum;
use super::dissect::{Dissected, LengthError, Next};
use super::ethernet::truncated;
use super::layer::{Behaviour, Layer, LayerKind, Show, bits, layer};
use super::verify::Defect;
use super::view::View;

const BEHAVIOUR: Behaviour = Behaviour { fixed: |_| 8, align: 1, dissect, complete, verify, summary };

layer! {
    /// A UDP header, 8 octets (RFC 768). Length and checksum are computed unless set.
    Udp, UDP = Udp "UDP", BEHAVIOUR;
    /// Source port.
    sport: u16 = bits(0, 16);
    /// Destination port.
    dport: u16 = bits(16, 16);
    /// Octets of header and payload.
    length: u16 = bits(32, 16).computed();
    /// Checksum over pseudo-header, header and payload; 0 over IPv4 means that there is none.
    checksum: u16 = bits(48, 16).computed().show(Show::Hex(4));
}

/// The UDP layer below an application's message that has none.
pub(crate) fn below(first: &Layer) -> Option<Layer> {
    let (asking, asked, is_answer) = match first.kind() {
        LayerKind::Dns => (53_000, 53, first.is("qr", 1)),
        LayerKind::Dhcp => (68, 67, first.is("op", 2)),
        _ => return None,
    };
    let (from, to) = if is_answer { (asked, asking) } else { (asking, asked) };
    Some(Udp::new().sport(from).dport(to).into())
}

fn dissect(octets: &[u8]) -> Result<Dissected, LengthError> {
    let header = UdpHeaderSlice::from_slice(octets).map_err(|error| truncated(&error))?;
    let next = super::application(header.source_port(), header.destination_port(), octets.get(8..).unwrap_or_default());
    // A jumbogram (RFC 2675) has the length 0.
    let length = Some(usize::from(header.length())).filter(|length| *length != 0);
    Ok(Dissected { header: 8, length, next: next.map_or(Next::Payload, Next::Layer) })
}

fn complete(header: &mut Vec<u8>, cx: &Completing<'_>) {
    cx.write(header, "length", header.len() + cx.content.len());
    if !cx.is_set("checksum") {
        // 0 would say that there is no checksum.
        let sum = match cx.transport_checksum(17, header) {
            0 => 0xffff,
            sum => sum,
        };
        cx.write(header, "checksum", sum);
    }
}

fn verify(view: &View<'_>, defect: &mut dyn FnMut(Defect)) {
    let Some(ip) = view.ip.filter(|ip| !ip.fragment) else { return };
    view.check_length("length", view.available, "RFC 768", defect);
    if view.number("checksum") == 0 {
        if ip.is_v6 {
            view.check_sum("checksum", transport_checksum(&ip, 17, view.message()), "RFC 8200 section 8.1", defect);
        }
        return;
    }
    view.check_sum("checksum", transport_checksum(&ip, 17, view.message()), "RFC 768", defect);
}

fn summary(view: &View<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "UDP {} octets", view.content.len())
}
