//! The four sections of a DNS message (RFC 1035 section 4.1): where each entry stands.
//!
//! ```text
//!  header, 12    questions           answers, authorities, additionals
//! +-----------+--------------------+--------------------------------------------------+
//! |           | name | type | class| name | type | class | ttl, 4 | length | data ... |
//! +-----------+--------------------+--------------------------------------------------+
//! ```

use std::ops::Range;

use super::dissect::LengthError;
use super::dns_name as name;

/// Octets of the header.
pub(crate) const HEADER: usize = 12;

/// The sections in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    Questions,
    Answers,
    Authorities,
    Additionals,
}

impl Section {
    pub(crate) const ALL: [Self; 4] = [Self::Questions, Self::Answers, Self::Authorities, Self::Additionals];

    /// The fewest octets of an entry: its name is at least one.
    const fn least(self) -> usize {
        match self {
            Self::Questions => 5,
            _ => 11,
        }
    }

    /// How many entries the header says there are.
    pub(crate) fn count(self, message: &[u8]) -> usize {
        let at = match self {
            Self::Questions => 4,
            Self::Answers => 6,
            Self::Authorities => 8,
            Self::Additionals => 10,
        };
        number(message, at).map_or(0, usize::from)
    }

    /// Its octets; `None` where it has no entry or cannot be read.
    pub(crate) fn range(self, message: &[u8]) -> Option<Range<usize>> {
        let mut at = HEADER;
        for section in Self::ALL {
            let start = at;
            for _ in 0..section.count(message) {
                at = section.entry_end(message, at)?;
            }
            if section == self {
                return (at > start).then_some(start..at);
            }
        }
        None
    }

    fn entry_end(self, message: &[u8], at: usize) -> Option<usize> {
        let end = match self {
            Self::Questions => name::end(message, at)? + 4,
            _ => Entry::read(message, at)?.end(),
        };
        (end <= message.len()).then_some(end)
    }
}

/// A resource record in a message.
pub(crate) struct Entry {
    /// Where it begins: with its name.
    pub(crate) start: usize,
    pub(crate) record_type: u16,
    pub(crate) class: u16,
    pub(crate) ttl: u32,
    pub(crate) data: Range<usize>,
}

impl Entry {
    fn read(message: &[u8], start: usize) -> Option<Self> {
        let at = name::end(message, start)?;
        let data = at + 10..at + 10 + usize::from(number(message, at + 8)?);
        let ttl = u32::from(number(message, at + 4)?) << 16 | u32::from(number(message, at + 6)?);
        let entry = Self { start, record_type: number(message, at)?, class: number(message, at + 2)?, ttl, data };
        (entry.end() <= message.len()).then_some(entry)
    }

    const fn end(&self) -> usize {
        self.data.end
    }
}

/// The records of a section that stands there.
pub(crate) fn entries(message: &[u8], range: Range<usize>) -> impl Iterator<Item = Entry> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let entry = (at < range.end).then(|| Entry::read(message, at))??;
        at = entry.end();
        Some(entry)
    })
}

/// Where the first question's name stands, if it is in one piece: there is nothing before it to point to.
pub(crate) fn question_name(message: &[u8]) -> Option<Range<usize>> {
    let (name, end) = (Section::Questions.count(message) > 0).then(|| name::read(message, HEADER))??;
    (HEADER + name.octets().len() == end).then_some(HEADER..end)
}

/// Where the first question's type stands.
pub(crate) fn question_type(message: &[u8]) -> Option<Range<usize>> {
    let Range { end, .. } = question_name(message)?;
    Some(end..end + 2)
}

/// Where the first question's class stands.
pub(crate) fn question_class(message: &[u8]) -> Option<Range<usize>> {
    let Range { end, .. } = question_name(message)?;
    Some(end + 2..end + 4)
}

/// Whether the header is one that a DNS message can have: no more entries than there is room for, and something asked or
/// answered.
pub(crate) fn is_plausible(octets: &[u8]) -> bool {
    let Some(&[_, _, flags, ..]) = octets.first_chunk::<HEADER>() else { return false };
    let least: usize = Section::ALL.iter().map(|section| section.count(octets) * section.least()).sum();
    let is_response = flags & 0x80 != 0;
    HEADER + least <= octets.len() && (least > 0 || is_response)
}

/// Where the message ends that begins with these octets. Every name of an entry is read.
pub(crate) fn message_end(octets: &[u8]) -> Result<usize, LengthError> {
    if octets.len() < HEADER {
        return Err(LengthError::Truncated { needed: HEADER });
    }
    let mut at = HEADER;
    for section in Section::ALL {
        for _ in 0..section.count(octets) {
            name::read(octets, at).ok_or(LengthError::Malformed("a name is malformed or cut"))?;
            at = section.entry_end(octets, at).ok_or(LengthError::Malformed("a question or record is cut"))?;
        }
    }
    Ok(at)
}

fn number(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk().map(|octets| u16::from_be_bytes(*octets))
}
