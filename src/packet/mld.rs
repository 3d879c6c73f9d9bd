//! Multicast listener discovery: MLDv1 (RFC 2710) and MLDv2 (RFC 3810, now RFC 9777), messages of ICMPv6.
//!
//! ```text
//!   0      1      2          4              6           8          24                  28
//!  +------+------+----------+--------------+-----------+----------+-------------------+- - -
//!  | 130  |  0   | checksum | max response | reserved  | group 16 |                           query
//!  | 130  |  0   | checksum | max response | reserved  | group 16 | resv 4, S, qrv 3, | sources   query, version 2
//!  |      |      |          |              |           |          | qqic, number 2    | of 16
//!  | 131  |  0   | checksum |      0       | reserved  | group 16 |                           report; 132: done
//!  | 143  |  0   | checksum |    flags     |  number   | records                              report, version 2
//!  +------+------+----------+--------------+-----------+----------+-------------------+- - -
//! ```
//!
//! A query of 24 octets is of version 1, one of 28 or more of version 2 (RFC 3810 section 8.1).

use std::fmt;
use std::net::Ipv6Addr;
use std::ops::Range;

use etherparse::icmpv6::{
    TYPE_MULTICAST_LISTENER_QUERY as QUERY, TYPE_MULTICAST_LISTENER_REDUCTION as DONE,
    TYPE_MULTICAST_LISTENER_REPORT as REPORT,
};

use super::Icmpv6;
use super::build::Completing;
use super::field::{Constraint, Field, IntoField};
use super::group_records::{self as records, MLD as RECORDS};
use super::layer::Layer;
use super::verify::Defect;
use super::view::View;

/// A report of version 2 (IANA "ICMPv6 Type Numbers").
const REPORT_V2: u8 = 143;
/// Octets of a message of version 1.
const V1: usize = 24;
/// Octets of a query of version 2 in front of the sources.
const QUERY_V2: usize = 28;

/// Octets of the fixed part of such a message; `None` where it is no message of multicast listener discovery.
pub(crate) const fn fixed(header: &[u8]) -> Option<usize> {
    match header {
        [QUERY, ..] if header.len() > V1 => Some(QUERY_V2),
        [QUERY | REPORT | DONE, ..] => Some(V1),
        [REPORT_V2, ..] => Some(records::START),
        _ => None,
    }
}

/// Sources or records follow the fixed part, and belong to the header.
pub(crate) const fn is_v2(header: &[u8]) -> bool {
    is_query_v2(header) || is_report_v2(header)
}

pub(crate) const fn has_group(header: &[u8]) -> bool {
    matches!(header, [QUERY | REPORT | DONE, ..])
}

pub(crate) const fn is_query_v2(header: &[u8]) -> bool {
    matches!(header, [QUERY, ..]) && header.len() >= QUERY_V2
}

pub(crate) const fn is_report_v2(header: &[u8]) -> bool {
    matches!(header, [REPORT_V2, ..])
}

pub(crate) fn sources(header: &[u8]) -> Option<Range<usize>> {
    is_query_v2(header).then_some(QUERY_V2..header.len())
}

pub(crate) fn append_sources(sources: &[u8], header: &mut Vec<u8>) {
    if header.len() < QUERY_V2 {
        header.resize(QUERY_V2, 0);
    }
    header.extend_from_slice(sources);
}

pub(crate) fn all_records(header: &[u8]) -> Option<Range<usize>> {
    (is_report_v2(header) && header.len() > records::START).then_some(records::START..header.len())
}

pub(crate) fn append_records(octets: &[u8], header: &mut Vec<u8>) {
    header.extend_from_slice(octets);
}

pub(crate) fn record_type(header: &[u8]) -> Option<Range<usize>> {
    is_report_v2(header).then(|| RECORDS.first_type(header)).flatten()
}

pub(crate) fn record_group(header: &[u8]) -> Option<Range<usize>> {
    is_report_v2(header).then(|| RECORDS.first_group(header)).flatten()
}

/// Counts sources and records, unless the template does.
pub(crate) fn complete(header: &mut Vec<u8>, cx: &Completing<'_>) {
    if is_query_v2(header) {
        cx.write(header, "number_of_sources", (header.len() - QUERY_V2 + cx.content.len()) / 16);
    } else if is_report_v2(header) {
        let octets = [header.get(records::START..).unwrap_or_default(), cx.content].concat();
        cx.write(header, "number_of_records", RECORDS.each(&octets).count());
    }
}

/// Tells when there are fewer sources or records than the message says. What follows them is ignored (RFC 3810 sections
/// 5.1.11 and 5.2.11).
pub(crate) fn verify(view: &View<'_>, defect: &mut dyn FnMut(Defect)) {
    if is_query_v2(view.header) {
        view.check_number("number_of_sources", (view.header.len() - QUERY_V2) / 16, "RFC 3810 section 5.1", defect);
    } else if is_report_v2(view.header) {
        let present = RECORDS.each(view.header.get(records::START..).unwrap_or_default()).count();
        view.check_number("number_of_records", present, "RFC 3810 section 5.2", defect);
    }
}

/// Where a message goes that names no destination: the group or all nodes, all routers, all routers of version 2 (RFC
/// 2710 section 4, RFC 3810 section 5.2.14).
pub(crate) fn destination(icmp_type: u8, message: &Layer) -> Option<Ipv6Addr> {
    let all = |group: u16| Some(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, group));
    let group = || message.number("group").filter(|group| *group != 0).map(Ipv6Addr::from_bits);
    match icmp_type {
        QUERY => group().or_else(|| all(1)),
        REPORT => group(),
        DONE => all(2),
        REPORT_V2 => all(0x16),
        _ => None,
    }
}

impl Icmpv6 {
    /// A multicast listener query of version 1: type 130, 24 octets (RFC 2710 section 3). `::` asks for all groups, and
    /// goes to all nodes, ff02::1; the others to their group. The hop limit is 1; the router alert is
    /// `HopByHop::router_alert(0)` in front of it.
    pub fn multicast_listener_query(group: impl IntoField<Ipv6Addr>) -> Self {
        Self::of(QUERY, 0).group(group).source_list(Field::absent())
    }

    /// A multicast listener query of version 2 without sources: type 130, 28 octets (RFC 3810 section 5.1). With
    /// sources: [`sources`](Self::sources).
    pub fn multicast_listener_query_v2(group: impl IntoField<Ipv6Addr>) -> Self {
        Self::of(QUERY, 0).group(group).sources([])
    }

    /// A multicast listener report of version 1: type 131 (RFC 2710 section 3). Goes to its group.
    pub fn multicast_listener_report(group: impl IntoField<Ipv6Addr>) -> Self {
        Self::of(REPORT, 0).group(group)
    }

    /// Multicast listener done, version 1: type 132 (RFC 2710 section 3). Goes to all routers, ff02::2.
    pub fn multicast_listener_done(group: impl IntoField<Ipv6Addr>) -> Self {
        Self::of(DONE, 0).group(group)
    }

    /// A multicast listener report of version 2: type 143 (RFC 3810 section 5.2). Goes to all routers of that version,
    /// ff02::16.
    ///
    /// ```
    /// use tuntap_test::packet::group_record::CHANGE_TO_EXCLUDE_MODE;
    /// use tuntap_test::packet::{HopByHop, Icmpv6};
    ///
    /// let mdns = [0xff02, 0, 0, 0, 0, 0, 0, 0xfb];
    /// let joined = Icmpv6::multicast_listener_report_v2().record(CHANGE_TO_EXCLUDE_MODE, mdns, []);
    /// let octets = (HopByHop::router_alert(0) / joined).build()?;
    /// assert_eq!(octets[7], 1, "the hop limit");
    ///
    /// // One record among others, in any place: 4 or, where somebody asked, 2.
    /// let template = Icmpv6::multicast_listener_report_v2().with_record([2, 4], mdns);
    /// # use tuntap_test::device::{FrameRef, Mode};
    /// # use tuntap_test::packet::IntoPacket;
    /// assert!(template.into_packet().matches(FrameRef::new(Mode::Tun, &octets)));
    /// # Ok::<(), tuntap_test::packet::BuildError>(())
    /// ```
    pub fn multicast_listener_report_v2() -> Self {
        Self::of(REPORT_V2, 0)
    }

    /// The sources of a query of version 2: exactly these, in this order.
    pub fn sources<const N: usize>(self, sources: [Ipv6Addr; N]) -> Self {
        self.source_list(sources.map(|source| source.octets()).concat())
    }

    /// One more record of a report of version 2: its type ([`group_record`](super::group_record)), group and sources. A
    /// template wants exactly the records that it is given, in this order.
    pub fn record<const N: usize>(self, kind: u8, group: impl Into<Ipv6Addr>, sources: [Ipv6Addr; N]) -> Self {
        let mut octets = match self.0.get("mld_records") {
            Some(Constraint::Octets(octets)) => octets.to_vec(),
            _ => Vec::new(),
        };
        let sources = sources.map(|source| source.octets()).concat();
        RECORDS.append(kind, &group.into().octets(), &sources, &mut octets);
        self.mld_records(octets)
    }

    /// Matches reports of version 2 with a record of that type for that group, in any place, whatever its sources. Each
    /// call wants one more.
    pub fn with_record(self, kind: impl IntoField<u8>, group: impl Into<Ipv6Addr>) -> Self {
        let (before, group) = (self.0.get("mld_records").cloned(), group.into());
        let octets = group.octets().to_vec();
        self.mld_records(RECORDS.among(before, kind.into_field().constraint, octets, &group))
    }
}

/// What one line says of a message of multicast listener discovery, behind its name.
pub(crate) fn summary(icmp_type: u8, view: &View<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let group = Ipv6Addr::from_bits(view.number("group"));
    match icmp_type {
        QUERY => {
            if is_query_v2(view.header) {
                f.write_str(" v2")?;
            }
            if group.is_unspecified() {
                f.write_str(" for all groups")?
            } else {
                write!(f, " {group}")?
            }
            match view.number("number_of_sources") {
                0 => Ok(()),
                number => write!(f, " {number} sources"),
            }
        }
        REPORT | DONE => write!(f, " {group}"),
        REPORT_V2 => {
            let first = Ipv6Addr::from_bits(view.number("record_group"));
            records::summary(view, &first, f)
        }
        _ => Ok(()),
    }
}
