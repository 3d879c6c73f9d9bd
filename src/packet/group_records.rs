//! The group records of multicast reports: MLDv2 (RFC 3810 section 5.2.4, now RFC 9777) and IGMPv3 (RFC 3376 section
//! 4.2.4, now RFC 9776).
//!
//! Layer: `packet`. Both are the same but for the size of an address, a: 16 or 4 octets.
//!
//! ```text
//!   0      1                 2                   4         4 + a       4 + a + n a
//!  +------+-----------------+-------------------+---------+-----------+----------------+
//!  | type | auxiliary in 4s | number of sources | group   | n sources | auxiliary data |   the next record …
//!  +------+-----------------+-------------------+---------+-----------+----------------+
//! ```

use std::fmt;
use std::ops::Range;

use etherparse::igmp::ReportGroupRecordV3Slice;

use super::Field;
use super::field::{Constraint, Octets, Value, octets_such_that};
use super::view::View;

/// What a record says of its group: its types, for `record` and `record_type` of [`Icmpv6`](super::Icmpv6) and
/// [`Igmp`](super::Igmp) (RFC 3376 section 4.2.12, RFC 3810 section 5.2.12).
pub mod group_record {
    /// Only the sources are listened to; answers a query.
    pub const MODE_IS_INCLUDE: u8 = 1;
    /// All but the sources are listened to; answers a query.
    pub const MODE_IS_EXCLUDE: u8 = 2;
    /// Only the sources are listened to from now on. Without sources: the group is left.
    pub const CHANGE_TO_INCLUDE_MODE: u8 = 3;
    /// All but the sources are listened to from now on. Without sources: the group is joined.
    pub const CHANGE_TO_EXCLUDE_MODE: u8 = 4;
    /// The sources are listened to, too.
    pub const ALLOW_NEW_SOURCES: u8 = 5;
    /// The sources are listened to no longer.
    pub const BLOCK_OLD_SOURCES: u8 = 6;
}

/// The same as reports write them.
pub(crate) const TYPES: &[(u128, &str)] = &[
    (1, "mode is include"),
    (2, "mode is exclude"),
    (3, "change to include"),
    (4, "change to exclude"),
    (5, "allow new sources"),
    (6, "block old sources"),
];

/// Where the records begin in a report.
pub(crate) const START: usize = 8;

/// The records of one of the two protocols.
pub(crate) struct Records {
    /// Octets of an address.
    address: usize,
    /// Octets of the record that these octets begin with; `None` where they hold none whole.
    length: fn(&[u8]) -> Option<usize>,
}

pub(crate) static MLD: Records = Records {
    address: 16,
    length: |octets| {
        let &[_, auxiliary, high, low, ..] = octets else { return None };
        let sources = usize::from(u16::from_be_bytes([high, low]));
        Some(4 + 16 + 16 * sources + 4 * usize::from(auxiliary)).filter(|length| *length <= octets.len())
    },
};

pub(crate) static IGMP: Records = Records {
    address: 4,
    length: |octets| ReportGroupRecordV3Slice::from_slice(octets).ok().map(|(record, _)| record.slice().len()),
};

impl Records {
    /// The whole records that these octets begin with.
    pub(crate) fn each<'a>(&self, mut octets: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let length = self.length;
        std::iter::from_fn(move || {
            let (record, rest) = octets.split_at_checked(length(octets)?)?;
            octets = rest;
            Some(record)
        })
    }

    /// Where the first record's type stands in a report.
    pub(crate) fn first_type(&self, report: &[u8]) -> Option<Range<usize>> {
        (report.len() >= START + 4 + self.address).then_some(START..START + 1)
    }

    /// Where the first record's group stands in a report.
    pub(crate) fn first_group(&self, report: &[u8]) -> Option<Range<usize>> {
        (report.len() >= START + 4 + self.address).then_some(START + 4..START + 4 + self.address)
    }

    /// Appends a record.
    pub(crate) fn append(&self, kind: u8, group: &[u8], sources: &[u8], records: &mut Vec<u8>) {
        let number = u16::try_from(sources.len() / self.address).unwrap_or(u16::MAX);
        records.extend_from_slice(&[kind, 0]);
        records.extend_from_slice(&number.to_be_bytes());
        records.extend_from_slice(group);
        records.extend_from_slice(sources);
    }

    /// Writes the first record's type, into the record that is there or a new one.
    pub(crate) fn fill_first_type(&self, kind: u8, report: &mut Vec<u8>) {
        self.ensure_first(report);
        if let Some(octet) = report.get_mut(START) {
            *octet = kind;
        }
    }

    /// Writes the first record's group, into the record that is there or a new one.
    pub(crate) fn fill_first_group(&self, group: &[u8], report: &mut Vec<u8>) {
        self.ensure_first(report);
        if let Some(octets) = report.get_mut(START + 4..START + 4 + group.len()) {
            octets.copy_from_slice(group);
        }
    }

    fn ensure_first(&self, report: &mut Vec<u8>) {
        if report.len() < START + 4 + self.address {
            report.resize(START + 4 + self.address, 0);
        }
    }

    /// Records among which, in any place, is one of that type and group; and what they had to be before.
    pub(crate) fn among(
        &'static self,
        before: Option<Constraint>,
        kind: Constraint,
        group: Vec<u8>,
        name: &dyn fmt::Display,
    ) -> Field<Octets> {
        let mut what = format!("with a record of type {kind:?} for {name}");
        if let Some(before) = &before {
            what = format!("{before:?} and {what}");
        }
        octets_such_that(&what, move |octets| {
            before.as_ref().is_none_or(|before| before.holds(Some(Value::Octets(octets))))
                && self.each(octets).any(|record| {
                    let own = record.first().map(|kind| Value::Bits((*kind).into()));
                    kind.holds(own) && record.get(4..4 + self.address) == Some(&group)
                })
        })
    }
}

/// What one line says of a report's records: how many, and the first one's group and type.
pub(crate) fn summary(view: &View<'_>, first: &dyn fmt::Display, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let number = view.number("number_of_records");
    write!(f, " {number} {}", if number == 1 { "record" } else { "records" })?;
    let kind = view.number("record_type");
    if number == 0 || kind == 0 {
        return Ok(());
    }
    write!(f, "{} {first} ", if number == 1 { ":" } else { ", first" })?;
    match TYPES.iter().find(|(known, _)| *known == kind) {
        Some((_, name)) => write!(f, "({name})"),
        None => write!(f, "(type {kind})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_told_apart_and_the_cut_one_is_none() {
        for (records, address) in [(&MLD, 16), (&IGMP, 4)] {
            let mut octets = Vec::new();
            records.append(4, &vec![1; address], &[], &mut octets);
            let first = octets.len();
            records.append(1, &vec![2; address], &vec![3; 2 * address], &mut octets);
            // One word of auxiliary data.
            octets[first + 1] = 1;
            octets.extend_from_slice(&[9; 4]);
            assert_eq!(records.each(&octets).map(<[u8]>::len).collect::<Vec<_>>(), [first, 8 + 3 * address]);
            assert_eq!(records.each(&octets[..octets.len() - 1]).count(), 1);
            assert_eq!(records.each(&octets[..3]).count(), 0);
        }
    }
}
