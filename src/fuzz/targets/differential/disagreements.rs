//! Where etherparse or smoltcp read a frame otherwise than we do, and why that is as it should be.
//!
//! `tests::every_row_of_the_table_is_needed` holds that each row explains what no other does, in a committed seed.

use super::{Difference, Reader, What};
use crate::packet::{DefectKind, LayerKind};

/// One way to disagree.
pub(super) struct Known {
    #[cfg_attr(not(test), expect(dead_code, reason = "for who reads the table, and for the test that holds it"))]
    pub(super) name: &'static str,
    /// Why it is right to.
    #[cfg_attr(
        not(all(test, feature = "smoltcp")),
        expect(dead_code, reason = "for who reads the table, and for the test that holds it")
    )]
    pub(super) why: &'static str,
    covers: fn(&Difference<'_>) -> bool,
}

impl Known {
    pub(super) fn explains(&self, difference: &Difference<'_>) -> bool {
        (self.covers)(difference)
    }
}

/// A difference of one reader.
fn is(difference: &Difference<'_>, reader: Reader, kind: LayerKind, what: What) -> bool {
    (difference.reader, difference.kind, difference.what) == (reader, kind, what)
}

/// A number of our layer in that place; 0 where there is none.
fn number(difference: &Difference<'_>, field: &str) -> u128 {
    difference.view.map_or(0, |view| view.number(field))
}

/// The first octet of our layer in that place.
fn first_octet(difference: &Difference<'_>) -> Option<u8> {
    difference.view.and_then(|view| view.header.first().copied())
}

/// Whether the frame is a part of a packet.
fn is_a_part(difference: &Difference<'_>) -> bool {
    let mut views = difference.frame.views().take_while(|view| view.nesting == 0);
    views.any(|view| view.number("more_fragments") + view.number("fragment_offset") > 0)
}

fn is_over_v6(difference: &Difference<'_>) -> bool {
    difference.view.and_then(|view| view.ip).is_some_and(|ip| ip.is_v6)
}

/// Whether we tell that a length of that layer is wrong.
fn has_a_wrong_length(difference: &Difference<'_>) -> bool {
    let mut wrong = false;
    if let Some(view) = difference.view {
        (view.protocol.behaviour.verify)(&view, &mut |defect| wrong |= defect.kind == DefectKind::Length);
    }
    wrong
}

/// The number that the last header before what we have no layer for gives it.
fn next(difference: &Difference<'_>) -> u128 {
    let headers = difference.frame.views().take_while(|view| view.nesting == 0);
    headers.filter(|view| view.protocol.kind != LayerKind::Payload).last().map_or(0, |view| {
        ["protocol", "next_header", "ether_type"].iter().fold(0, |number, field| number | view.number(field))
    })
}

fn payload_length_is_0(difference: &Difference<'_>) -> bool {
    difference.frame.find(LayerKind::Ipv6).is_some_and(|view| view.number("payload_length") == 0)
}

const ETHERPARSE: Reader = Reader::Etherparse;
const SMOLTCP: Reader = Reader::Smoltcp;

/// MACsec (IEEE 802.1AE) and the authentication header (RFC 4302).
const MACSEC: u128 = 0x88e5;
const AUTHENTICATION: u128 = 51;

/// Every one.
pub(super) const DISAGREEMENTS: &[Known] = &[
    Known {
        name: "etherparse-looks-into-no-fragment",
        why: "The first fragment has the header of what is inside, and a test may want to see it.",
        covers: |d| d.reader == ETHERPARSE && matches!(d.what, What::Further | What::RefusedHere) && is_a_part(d),
    },
    Known {
        name: "etherparse-ignores-a-short-udp-length",
        why: "Its slicer without lengths takes the whole packet for the datagram. Here it ends where it says, behind its header.",
        covers: |d| is(d, ETHERPARSE, LayerKind::Udp, What::Content) && (1..8).contains(&number(d, "length")),
    },
    Known {
        name: "etherparse-ignores-a-short-total-length",
        why: "As above: here an IPv4 packet that ends inside its header carries nothing.",
        covers: |d| {
            is(d, ETHERPARSE, LayerKind::Ipv4, What::Content) && number(d, "total_length") < 4 * number(d, "ihl")
        },
    },
    Known {
        name: "etherparse-takes-payload-length-0-for-unknown",
        why: "Only a jumbogram has that length and carries something (RFC 2675), and it has an option that says so.",
        covers: |d| d.reader == ETHERPARSE && payload_length_is_0(d),
    },
    Known {
        name: "smoltcp-knows-no-jumbograms",
        why: "It reads the payload length, which is 0, and not the option (RFC 2675).",
        covers: |d| is(d, SMOLTCP, LayerKind::Ipv6, What::Content) && number(d, "payload_length") == 0,
    },
    Known {
        name: "smoltcp-refuses-wrong-lengths",
        why: "A stack drops such a packet. A test sees what there is of it, and is told that the length is wrong.",
        covers: |d| d.reader == SMOLTCP && d.what == What::Refused && has_a_wrong_length(d),
    },
    Known {
        name: "smoltcp-refuses-a-datagram-in-parts",
        why: "The length in a first fragment is that of the whole datagram.",
        covers: |d| is(d, SMOLTCP, LayerKind::Udp, What::Refused) && is_a_part(d),
    },
    Known {
        name: "etherparse-reads-three-tags",
        why: "More are rare. Here there is one bound for all layers of a frame.",
        covers: |d| {
            d.reader == ETHERPARSE && d.kind == LayerKind::Vlan && matches!(d.what, What::Further | What::RefusedHere)
        },
    },
    Known {
        name: "etherparse-reads-on-in-later-fragments",
        why: "It looks for further extension headers where there is the middle of a packet.",
        covers: |d| {
            let what = matches!(d.what, What::Missing | What::Refused | What::Foreign);
            let later = d.frame.views().any(|view| view.nesting == 0 && view.number("fragment_offset") > 0);
            d.reader == ETHERPARSE && what && later && d.frame.find(LayerKind::Fragment).is_some()
        },
    },
    Known {
        name: "etherparse-refuses-queries-without-their-sources",
        why: "RFC 3376 section 4.1: a query with fewer sources than it says. Here that is a wrong length.",
        covers: |d| is(d, ETHERPARSE, LayerKind::Igmp, What::Refused) && has_a_wrong_length(d),
    },
    Known {
        name: "smoltcp-knows-no-tags",
        why: "It has no VLANs.",
        covers: |d| {
            d.reader == SMOLTCP && d.kind == LayerKind::Vlan && matches!(d.what, What::Further | What::RefusedHere)
        },
    },
    Known {
        name: "etherparse-reads-macsec",
        why: "It is no layer here: what is behind may be encrypted.",
        covers: |d| d.reader == ETHERPARSE && matches!(d.what, What::Foreign | What::Refused) && next(d) == MACSEC,
    },
    Known {
        name: "etherparse-reads-authentication-headers",
        why: "They are no layer here: nobody but their ends can say what is right.",
        covers: |d| {
            d.reader == ETHERPARSE && matches!(d.what, What::Foreign | What::Refused) && next(d) == AUTHENTICATION
        },
    },
    Known {
        name: "etherparse-goes-by-the-version",
        why: "Here the EtherType says what it is, and a header of another version is malformed.",
        covers: |d| {
            let refused = d.frame.error().is_some_and(|error| error.layer.is_ip() && error.layer != d.kind);
            d.reader == ETHERPARSE && d.what == What::Missing && d.kind.is_ip() && refused
        },
    },
    Known {
        name: "smoltcp-does-not-look-at-the-version",
        why: "Its stack does, before it asks for the header.",
        covers: |d| {
            d.reader == SMOLTCP
                && d.what == What::Missing
                && d.frame.error().is_some_and(|error| error.reason.is_some())
                && d.kind.is_ip()
        },
    },
    Known {
        name: "etherparse-wants-hop-by-hop-options-first",
        why: "RFC 8200 section 4.1 wants them there, too: a test that sends them elsewhere sees where they are.",
        covers: |d| is(d, ETHERPARSE, LayerKind::HopByHop, What::Refused),
    },
    Known {
        name: "etherparse-has-extension-headers-behind-ipv6-only",
        why: "Their numbers are in one registry with the protocols. Nobody sends them over IPv4.",
        covers: |d| {
            let extension = d.kind != LayerKind::Vlan && d.kind.may_lie_between();
            let v4 = d.frame.kinds().find(|kind| kind.is_ip()) == Some(LayerKind::Ipv4);
            d.reader == ETHERPARSE && matches!(d.what, What::Further | What::RefusedHere) && extension && v4
        },
    },
    Known {
        name: "etherparse-wants-timestamps-of-20-octets",
        why: "RFC 792 has no more. What is behind is payload here, as behind any message.",
        covers: |d| is(d, ETHERPARSE, LayerKind::Icmpv4, What::Refused) && matches!(first_octet(d), Some(13 | 14)),
    },
    Known {
        name: "messages-are-read-without-their-fixed-part",
        why: "Here a message without the octets that its type has is cut, and payload; they want 8.",
        covers: |d| {
            let message = matches!(d.kind, LayerKind::Icmpv4 | LayerKind::Icmpv6 | LayerKind::Igmp);
            message
                && d.what == What::Missing
                && d.frame.error().is_some_and(|error| error.layer == d.kind && error.needed > 8)
        },
    },
    Known {
        name: "smoltcp-refuses-unknown-icmpv6-types",
        why: "Its stack drops them. Here any type has a header of 8 octets (RFC 4443 section 2.1).",
        covers: |d| {
            is(d, SMOLTCP, LayerKind::Icmpv6, What::Refused)
                && !matches!(first_octet(d), Some(1..=4 | 128..=130 | 133..=137 | 143))
        },
    },
    Known {
        name: "smoltcp-knows-multicast-listener-discovery-2-only",
        why: "A query of version 1 has 24 octets (RFC 2710), one of version 2 has 28 (RFC 3810).",
        covers: |d| is(d, SMOLTCP, LayerKind::Icmpv6, What::Refused) && first_octet(d) == Some(130),
    },
    Known {
        name: "arp-for-other-addresses",
        why: "Here ARP is for Ethernet and IPv4, and anything else is payload.",
        covers: |d| d.kind == LayerKind::Arp && d.what == What::Missing,
    },
    Known {
        name: "sixteen-layers",
        why: "Here no more are told apart, so that a dissection needs no memory of its own.",
        covers: |d| d.frame.len() >= 15 && d.what.ends(),
    },
    Known {
        name: "the-destination-of-a-route",
        why: "A checksum is computed with the last node of a route that is not at its end (RFC 8200 section 8.1).",
        covers: |d| {
            d.what == What::Checksum && d.view.and_then(|view| view.ip).is_some_and(|ip| ip.final_destination.is_some())
        },
    },
    Known {
        name: "etherparse-forgets-the-reserved-flag",
        why: "It sums the header that it would write.",
        covers: |d| is(d, ETHERPARSE, LayerKind::Ipv4, What::Checksum) && number(d, "reserved") == 1,
    },
    Known {
        name: "etherparse-forgets-unused-octets-of-messages",
        why: "It sums the header that it would write, where what a type does not use is 0.",
        covers: |d| is(d, ETHERPARSE, LayerKind::Icmpv4, What::Checksum) && !matches!(first_octet(d), Some(0 | 8)),
    },
    Known {
        name: "two-zeros",
        why: "One's complement has two, and a receiver's sum cannot tell them apart (RFC 1624 section 3).",
        covers: |d| d.what == What::Checksum && matches!(number(d, "checksum"), 0 | 0xffff) && !is_over_v6_without(d),
    },
    Known {
        name: "smoltcp-accepts-udp-without-checksum-over-ipv6",
        why: "RFC 8200 section 8.1 wants one.",
        covers: |d| d.reader == SMOLTCP && d.what == What::Checksum && is_over_v6_without(d),
    },
];

/// A datagram over IPv6 whose checksum is left out.
fn is_over_v6_without(difference: &Difference<'_>) -> bool {
    difference.kind == LayerKind::Udp && is_over_v6(difference) && number(difference, "checksum") == 0
}
