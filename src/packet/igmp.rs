//! IGMP: versions 1 and 2 (RFC 2236), version 3 (RFC 3376, now RFC 9776).
//!
//! ```text
//!   0      1              2          4             6        8                           12
//!  +------+--------------+----------+----------------------+---------------------------+- - -
//!  | 0x11 | max response | checksum | group                |                              query; response 0: version 1
//!  | 0x11 | max response | checksum | group                | resv 4, S, qrv 3, qqic,   | sources  query, version 3
//!  |      |              |          |                      | number 2                  | of 4
//!  | 0x12 |      0       | checksum | group                |                              report, version 1
//!  | 0x16 |      0       | checksum | group                |                              report, version 2
//!  | 0x17 |      0       | checksum | group                |                              leave
//!  | 0x22 |      0       | checksum | flags     | number   | records                      report, version 3
//!  +------+--------------+----------+----------------------+---------------------------+- - -
//! ```
//!
//! A query of 8 octets is of version 1 or 2, one of 12 or more of version 3 (RFC 3376 section 7.1).

use std::fmt;
use std::net::Ipv4Addr;
use std::ops::Range;

use etherparse::igmp::{
    IGMP_TYPE_MEMBERSHIP_QUERY as QUERY, IGMPV1_TYPE_MEMBERSHIP_REPORT as REPORT_V1, IGMPV2_TYPE_LEAVE_GROUP as LEAVE,
    IGMPV2_TYPE_MEMBERSHIP_REPORT as REPORT_V2, IGMPV3_TYPE_MEMBERSHIP_REPORT as REPORT_V3,
    MembershipQueryWithSourcesHeader,
};

use super::build::Completing;
use super::checksum::checksum;
use super::dissect::{Dissected, LengthError, Next};
use super::field::{Constraint, Field, FieldValue, IntoField, Octets};
use super::group_records::{self as records, IGMP as RECORDS};
use super::layer::{Behaviour, Layer, Show, bits, layer, octets, option};
use super::verify::Defect;
use super::view::View;

const BEHAVIOUR: Behaviour = Behaviour { fixed, align: 1, dissect, complete, verify, summary };

/// Octets of a query of version 3 in front of the sources.
const QUERY_V3: usize = MembershipQueryWithSourcesHeader::LEN;

layer! {
    /// An IGMP message (RFC 2236, RFC 3376). Alone it is sent over IPv4, with a time to live of 1, to the group that
    /// such a message goes to; the router alert is [`Ipv4::router_alert`](super::Ipv4::router_alert).
    ///
    /// ```
    /// use tuntap_test::packet::group_record::CHANGE_TO_EXCLUDE_MODE;
    /// use tuntap_test::packet::{Igmp, Ipv4};
    ///
    /// let joined = Igmp::membership_report_v3().record(CHANGE_TO_EXCLUDE_MODE, [239, 1, 2, 3], []);
    /// let octets = (Ipv4::new().router_alert() / joined).build()?;
    /// assert_eq!((octets[8], &octets[16..20]), (1, &[224, 0, 0, 22][..]));
    /// # Ok::<(), tuntap_test::packet::BuildError>(())
    /// ```
    Igmp, IGMP = Igmp "IGMP", BEHAVIOUR;
    /// The type (IANA "IGMP Type Numbers").
    igmp_type: u8 = bits(0, 8).show(Show::Named(TYPES));
    /// Maximum response time in tenths of a second, in version 3 a code for it from 128 on; 0 in what is no query.
    max_response: u8 = bits(8, 8);
    /// Checksum of the whole message.
    checksum: u16 = bits(16, 16).computed().show(Show::Hex(4));
    /// Group address; 0.0.0.0 in a query asks for all.
    group: Ipv4Addr = bits(32, 32).show(Show::Ipv4).when(|header| !is_report_v3(header));
    /// Query, version 3: reserved bits, 4.
    query_flags: u8 = bits(64, 4).when(is_query_v3);
    /// Query, version 3, S: routers do not take notice (RFC 3376 section 4.1.5).
    suppress: bool = bits(68, 1).show(Show::Bool).when(is_query_v3);
    /// Query, version 3: the querier's robustness variable, 3 bits.
    qrv: u8 = bits(69, 3).when(is_query_v3);
    /// Query, version 3: the querier's query interval code, seconds below 128.
    qqic: u8 = bits(72, 8).when(is_query_v3);
    /// Query, version 3: how many sources follow; computed unless set.
    number_of_sources: u16 = bits(80, 16).computed().when(is_query_v3);
    /// Query, version 3: the sources as they stand, 4 octets each; a query of an older version has none. See
    /// [`sources`](Self::sources).
    source_list: Octets = octets(sources, append_sources);
    /// Report, version 3: reserved bits, 16; now flags (RFC 9776 section 4.2).
    report_flags: u16 = bits(32, 16).when(is_report_v3);
    /// Report, version 3: how many records follow; computed unless set.
    number_of_records: u16 = bits(48, 16).computed().when(is_report_v3);
    /// Report, version 3: the first record's type ([`group_record`](super::group_record)). With
    /// [`record_group`](Self::record_group) it is built as one record without sources.
    record_type: u8 = option(
        |header| is_report_v3(header).then(|| RECORDS.first_type(header)).flatten(),
        |bits, header| RECORDS.fill_first_type(u8::from_bits(bits), header),
    )
    .show(Show::Named(records::TYPES));
    /// Report, version 3: the first record's group.
    record_group: Ipv4Addr = option(
        |header| is_report_v3(header).then(|| RECORDS.first_group(header)).flatten(),
        |bits, header| RECORDS.fill_first_group(&u32::from_bits(bits).to_be_bytes(), header),
    )
    .show(Show::Ipv4);
    /// Report, version 3: all records as they stand. See [`record`](Self::record) and
    /// [`with_record`](Self::with_record).
    records: Octets = octets(all_records, |octets, header| header.extend_from_slice(octets));
}

const TYPES: &[(u128, &str)] = &[
    (QUERY as u128, "query"),
    (REPORT_V1 as u128, "v1 report"),
    (REPORT_V2 as u128, "v2 report"),
    (LEAVE as u128, "leave"),
    (REPORT_V3 as u128, "v3 report"),
];

fn is_query_v3(header: &[u8]) -> bool {
    matches!(header, [QUERY, ..]) && header.len() >= QUERY_V3
}

fn is_report_v3(header: &[u8]) -> bool {
    matches!(header, [REPORT_V3, ..])
}

fn sources(header: &[u8]) -> Option<Range<usize>> {
    is_query_v3(header).then_some(QUERY_V3..header.len())
}

fn append_sources(sources: &[u8], header: &mut Vec<u8>) {
    if header.len() < QUERY_V3 {
        header.resize(QUERY_V3, 0);
    }
    header.extend_from_slice(sources);
}

fn all_records(header: &[u8]) -> Option<Range<usize>> {
    (is_report_v3(header) && header.len() > records::START).then_some(records::START..header.len())
}

impl Igmp {
    /// A membership query of version 2: type 0x11, 8 octets (RFC 2236 section 2). With a
    /// [`max_response`](Self::max_response) of 0, as it is unless set, it is one of version 1. 0.0.0.0 asks for all
    /// groups, and goes to all systems, 224.0.0.1; the others to their group.
    pub fn membership_query(group: impl IntoField<Ipv4Addr>) -> Self {
        Self::new().igmp_type(QUERY).group(group).source_list(Field::absent())
    }

    /// A membership query of version 3 without sources: type 0x11, 12 octets (RFC 3376 section 4.1). With sources:
    /// [`sources`](Self::sources).
    pub fn membership_query_v3(group: impl IntoField<Ipv4Addr>) -> Self {
        Self::new().igmp_type(QUERY).group(group).sources([])
    }

    /// A membership report of version 1: type 0x12 (RFC 1112 appendix I). Goes to its group.
    pub fn membership_report_v1(group: impl IntoField<Ipv4Addr>) -> Self {
        Self::new().igmp_type(REPORT_V1).group(group)
    }

    /// A membership report of version 2: type 0x16 (RFC 2236 section 2). Goes to its group.
    pub fn membership_report_v2(group: impl IntoField<Ipv4Addr>) -> Self {
        Self::new().igmp_type(REPORT_V2).group(group)
    }

    /// Leave group, version 2: type 0x17 (RFC 2236 section 2). Goes to all routers, 224.0.0.2.
    pub fn leave_group(group: impl IntoField<Ipv4Addr>) -> Self {
        Self::new().igmp_type(LEAVE).group(group)
    }

    /// A membership report of version 3: type 0x22 (RFC 3376 section 4.2). Goes to all routers of that version,
    /// 224.0.0.22.
    pub fn membership_report_v3() -> Self {
        Self::new().igmp_type(REPORT_V3)
    }

    /// The sources of a query of version 3: exactly these, in this order.
    pub fn sources<const N: usize>(self, sources: [Ipv4Addr; N]) -> Self {
        self.source_list(sources.map(|source| source.octets()).concat())
    }

    /// One more record of a report of version 3: its type ([`group_record`](super::group_record)), group and sources. A
    /// template wants exactly the records that it is given, in this order.
    pub fn record<const N: usize>(self, kind: u8, group: impl Into<Ipv4Addr>, sources: [Ipv4Addr; N]) -> Self {
        let mut octets = match self.0.get("records") {
            Some(Constraint::Octets(octets)) => octets.to_vec(),
            _ => Vec::new(),
        };
        let sources = sources.map(|source| source.octets()).concat();
        RECORDS.append(kind, &group.into().octets(), &sources, &mut octets);
        self.records(octets)
    }

    /// Matches reports of version 3 with a record of that type for that group, in any place, whatever its sources. Each
    /// call wants one more.
    pub fn with_record(self, kind: impl IntoField<u8>, group: impl Into<Ipv4Addr>) -> Self {
        let (before, group) = (self.0.get("records").cloned(), group.into());
        let octets = group.octets().to_vec();
        self.records(RECORDS.among(before, kind.into_field().constraint, octets, &group))
    }
}

/// Where a message goes that names no destination (RFC 2236 section 9, RFC 3376 sections 4.1.12 and 4.2.14).
pub(crate) fn destination(message: &Layer) -> Option<Ipv4Addr> {
    let all = |group| Some(Ipv4Addr::new(224, 0, 0, group));
    let group = || message.number("group").filter(|group| *group != 0).map(<Ipv4Addr as FieldValue>::from_bits);
    match u8::from_bits(message.number("igmp_type")?) {
        QUERY => group().or_else(|| all(1)),
        REPORT_V1 | REPORT_V2 => group(),
        LEAVE => all(2),
        REPORT_V3 => all(22),
        _ => None,
    }
}

fn fixed(header: &[u8]) -> usize {
    if matches!(header, [QUERY, ..]) && header.len() > 8 { QUERY_V3 } else { 8 }
}

fn dissect(octets: &[u8]) -> Result<Dissected, LengthError> {
    let needed = fixed(octets);
    if octets.len() < needed {
        return Err(LengthError::Truncated { needed });
    }
    let is_all_header = is_query_v3(octets) || is_report_v3(octets);
    Ok(Dissected { header: if is_all_header { octets.len() } else { needed }, length: None, next: Next::Payload })
}

fn complete(header: &mut Vec<u8>, cx: &Completing<'_>) {
    if is_query_v3(header) {
        cx.write(header, "number_of_sources", (header.len() - QUERY_V3 + cx.content.len()) / 4);
    } else if is_report_v3(header) {
        let octets = [header.get(records::START..).unwrap_or_default(), cx.content].concat();
        cx.write(header, "number_of_records", RECORDS.each(&octets).count());
    }
    if !cx.is_set("checksum") {
        cx.write(header, "checksum", checksum(&[header.as_slice(), cx.content].concat()));
    }
}

fn verify(view: &View<'_>, defect: &mut dyn FnMut(Defect)) {
    if view.ip.is_some_and(|ip| ip.fragment) {
        return;
    }
    view.check_sum("checksum", checksum(view.message()), "RFC 2236 section 2", defect);
    // What follows the sources or the records is ignored (RFC 3376 sections 4.1.10 and 4.2.11).
    if is_query_v3(view.header) {
        view.check_number("number_of_sources", (view.header.len() - QUERY_V3) / 4, "RFC 3376 section 4.1", defect);
    } else if is_report_v3(view.header) {
        let present = RECORDS.each(view.header.get(records::START..).unwrap_or_default()).count();
        view.check_number("number_of_records", present, "RFC 3376 section 4.2", defect);
    }
}

fn summary(view: &View<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let &[kind, response, ..] = view.header else { return f.write_str("IGMP") };
    let group: Ipv4Addr = FieldValue::from_bits(view.number("group"));
    match kind {
        QUERY => {
            let version = match response {
                _ if is_query_v3(view.header) => 3,
                0 => 1,
                _ => 2,
            };
            write!(f, "IGMP v{version} query")?;
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
        REPORT_V1 => write!(f, "IGMP v1 report {group}"),
        REPORT_V2 => write!(f, "IGMP v2 report {group}"),
        LEAVE => write!(f, "IGMP leave {group}"),
        REPORT_V3 => {
            f.write_str("IGMP v3 report")?;
            let first: Ipv4Addr = FieldValue::from_bits(view.number("record_group"));
            records::summary(view, &first, f)
        }
        _ => write!(f, "IGMP type {kind:#04x}"),
    }
}
