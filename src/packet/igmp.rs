//! IGMP (RFC 2236, RFC 3376).

use std::fmt;
use std::net::Ipv4Addr;

use super::build::Completing;
use super::checksum::checksum;
use super::dissect::{Dissected, LengthError, Next};
use super::layer::{Behaviour, Show, bits, layer};
use super::verify::Defect;
use super::view::View;

const BEHAVIOUR: Behaviour = Behaviour { fixed: |_| 8, align: 1, dissect, complete, verify, summary };

layer! {
    /// An IGMP message, 8 octets and what follows. Alone it is sent over IPv4.
    Igmp, IGMP = Igmp "IGMP", BEHAVIOUR;
    /// The type (IANA "IGMP Type Numbers").
    igmp_type: u8 = bits(0, 8).show(Show::Hex(2));
    /// Maximum response time in tenths of a second.
    max_response: u8 = bits(8, 8);
    /// Checksum of the whole message.
    checksum: u16 = bits(16, 16).computed().show(Show::Hex(4));
    /// Group address.
    group: Ipv4Addr = bits(32, 32).show(Show::Ipv4);
}

fn dissect(octets: &[u8]) -> Result<Dissected, LengthError> {
    if octets.len() < 8 {
        return Err(LengthError::Truncated { needed: 8 });
    }
    Ok(Dissected { header: 8, length: None, next: Next::Payload })
}

fn complete(header: &mut Vec<u8>, cx: &Completing<'_>) {
    if !cx.is_set("checksum") {
        cx.write(header, "checksum", checksum(&[header.as_slice(), cx.content].concat()));
    }
}

fn verify(view: &View<'_>, defect: &mut dyn FnMut(Defect)) {
    if view.ip.is_none_or(|ip| !ip.fragment) {
        view.check_sum("checksum", checksum(view.message()), "RFC 2236 section 2", defect);
    }
}

fn summary(view: &View<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "IGMP type {:#04x}", view.number("igmp_type"))
}
