//! DHCP's options (RFC 2132): where each stands in a message, and how it is appended to one.
//!
//! ```text
//!  code length value
//!   00                  padding            35 01 01           message type: discover
//!   ff                  end                32 04 c0 00 02 07  requested address
//! ```
//!
//! They stand behind the magic cookie; option 52 says that `file` and `sname` hold more of them (RFC 2132 section 9.3).

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::Arc;

use super::explain;
use super::field::{Constraint, Field, IntoField, Octets, Value};
use super::layer::{At, FieldInfo, Protocol, Show, bits};
use super::parts::{Part, Parts};

/// Where the options begin.
pub(crate) const START: usize = 240;
/// The server's name, and the boot file's.
pub(crate) const SERVER_NAME: Range<usize> = 44..108;
pub(crate) const FILE: Range<usize> = 108..236;

const OVERLOAD: u8 = 52;

/// IPv4 addresses, in the order of preference: a value of the options for routers and DNS servers. One address, an
/// array or a vector of them can stand in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "addresses and nothing else")]
pub struct Addresses(pub Vec<Ipv4Addr>);

impl IntoField<Self> for Addresses {
    fn into_field(self) -> Field<Self> {
        Field::new(Constraint::Octets(self.0.iter().flat_map(Ipv4Addr::octets).collect()))
    }
}

impl IntoField<Addresses> for Ipv4Addr {
    fn into_field(self) -> Field<Addresses> {
        Addresses(vec![self]).into_field()
    }
}

impl IntoField<Addresses> for [u8; 4] {
    fn into_field(self) -> Field<Addresses> {
        Ipv4Addr::from(self).into_field()
    }
}

impl<const N: usize> IntoField<Addresses> for [Ipv4Addr; N] {
    fn into_field(self) -> Field<Addresses> {
        Addresses(self.to_vec()).into_field()
    }
}

impl IntoField<Addresses> for Vec<Ipv4Addr> {
    fn into_field(self) -> Field<Addresses> {
        Addresses(self).into_field()
    }
}

/// Each option in those octets: its code and where its value stands. Ends at what is cut.
fn area(message: &[u8], area: Range<usize>) -> impl Iterator<Item = (u8, Range<usize>)> {
    let mut at = area.start;
    let end = area.end.min(message.len());
    std::iter::from_fn(move || {
        while at < end && message.get(at) == Some(&0) {
            at += 1;
        }
        let code = *message.get(at).filter(|code| at < end && **code != 255)?;
        let value = at + 2..at + 2 + usize::from(*message.get(at + 1)?);
        at = value.end;
        (value.end <= end).then_some((code, value))
    })
}

/// Each option of the message, those in `file` and `sname` too.
pub(crate) fn each(message: &[u8]) -> impl Iterator<Item = (u8, Range<usize>)> {
    let more = |bit: u8, octets: Range<usize>| if overload(message) & bit == 0 { 0..0 } else { octets };
    area(message, START..message.len()).chain(area(message, more(1, FILE))).chain(area(message, more(2, SERVER_NAME)))
}

/// What option 52 says: 1, `file` holds options; 2, `sname`; 3, both.
pub(crate) fn overload(message: &[u8]) -> u8 {
    let found = area(message, START..message.len()).find(|(code, _)| *code == OVERLOAD);
    found.and_then(|(_, value)| message.get(value)?.first().copied()).unwrap_or(0)
}

/// The value of the first option of that code.
pub(crate) fn value<const CODE: u8>(message: &[u8]) -> Option<Range<usize>> {
    each(message).find(|(code, _)| *code == CODE).map(|(_, value)| value)
}

/// The same, if it has so many octets.
pub(crate) fn number<const CODE: u8, const OCTETS: usize>(message: &[u8]) -> Option<Range<usize>> {
    value::<CODE>(message).filter(|value| value.len() == OCTETS)
}

/// The same, if it is one IPv4 address or several.
pub(crate) fn addresses<const CODE: u8>(message: &[u8]) -> Option<Range<usize>> {
    value::<CODE>(message).filter(|value| !value.is_empty() && value.len().is_multiple_of(4))
}

pub(crate) fn append_number<const CODE: u8, const OCTETS: usize>(bits: u128, message: &mut Vec<u8>) {
    let octets = bits.to_be_bytes();
    append(CODE, octets.get(16 - OCTETS..).unwrap_or_default(), message);
}

pub(crate) fn append_value<const CODE: u8>(octets: &[u8], message: &mut Vec<u8>) {
    append(CODE, octets, message);
}

/// What is longer than an option goes into several (RFC 3396 section 5).
fn append(code: u8, octets: &[u8], message: &mut Vec<u8>) {
    let mut chunks = octets.chunks(255);
    let mut chunk = chunks.next().unwrap_or_default();
    loop {
        message.push(code);
        message.push(u8::try_from(chunk.len()).unwrap_or(u8::MAX));
        message.extend_from_slice(chunk);
        let Some(next) = chunks.next() else { return };
        chunk = next;
    }
}

/// An option by its number, whether or not it has a field of its own.
#[derive(Clone)]
#[must_use]
pub struct DhcpOption {
    code: u8,
    value: Constraint,
}

impl DhcpOption {
    /// The option of that code, 1 to 254, and its value or a pattern for it.
    pub fn new(code: u8, value: impl IntoField<Octets>) -> Self {
        Self { code, value: value.into_field().constraint }
    }
}

impl IntoField<Self> for DhcpOption {
    fn into_field(self) -> Field<Self> {
        [self].into_field()
    }
}

/// Each of them.
impl<const N: usize> IntoField<DhcpOption> for [DhcpOption; N] {
    fn into_field(self) -> Field<DhcpOption> {
        let parts = self.into_iter().map(|option| Arc::new(option) as Arc<dyn Part>);
        Field::new(Constraint::Parts(parts.collect()))
    }
}

impl fmt::Debug for DhcpOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How its value is written.
const VALUE: FieldInfo = bits(0, 0).show(Show::Octets);

impl fmt::Display for DhcpOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, explain::constraint(&VALUE, &self.value))
    }
}

impl Part for DhcpOption {
    fn is_in(&self, parts: Parts<'_>) -> bool {
        let mut values = each(parts.message)
            .filter(|(code, _)| *code == self.code)
            .filter_map(|(_, value)| parts.message.get(value));
        match &self.value {
            Constraint::Absent => values.next().is_none(),
            // Several options of a code are one value (RFC 3396 section 5).
            Constraint::Octets(wanted) => {
                let mut rest = Some((&**wanted, 0));
                let mut found = false;
                for octets in values {
                    found |= *octets == **wanted;
                    rest = rest.and_then(|(rest, parts)| Some((rest.strip_prefix(octets)?, parts + 1)));
                }
                found || matches!(rest, Some(([], 1..)))
            }
            wanted => values.any(|octets| wanted.holds(Some(Value::Octets(octets)))),
        }
    }

    fn octets(&self) -> Option<Cow<'_, [u8]>> {
        let mut octets = Vec::new();
        match (&self.value, self.value.exact()) {
            (Constraint::Absent, _) => {}
            (_, Some(Value::Octets(value))) => append(self.code, value, &mut octets),
            _ => return None,
        }
        Some(octets.into())
    }
}

/// Writes the options that no field of that protocol has.
pub(crate) fn show(protocol: &Protocol, parts: Parts<'_>, f: &mut dyn fmt::Write) -> fmt::Result {
    let message = parts.message;
    let mut between = "";
    for (code, value) in each(message) {
        let has_it = |info: &FieldInfo| {
            matches!(info.at, At::Find { .. } | At::Octets { .. }) && info.range(message).as_ref() == Some(&value)
        };
        if code != OVERLOAD && !protocol.fields.iter().any(has_it) {
            write!(f, "{between}{code} {}", explain::octets(message.get(value.clone()).unwrap_or_default()))?;
            between = ", ";
        }
    }
    if between.is_empty() { f.write_str("none") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(options: &[u8]) -> Vec<u8> {
        [&[0; START][..], options].concat()
    }

    fn found(message: &[u8]) -> Vec<(u8, &[u8])> {
        each(message).map(|(code, value)| (code, &message[value])).collect()
    }

    #[test]
    fn options_end_at_the_end_and_at_what_is_cut() {
        assert_eq!(found(&message(b"\x35\x01\x02\x00\x00\x0c\x02hi\xff\x0c\x01x")), [(53, &b"\x02"[..]), (12, b"hi")]);
        assert_eq!(found(&message(b"\x0c\x00\x35\x02\x01")), [(12, &b""[..])]);
        assert_eq!(found(&message(b"\x35")), []);
        assert_eq!(found(&[0; 7]), []);
    }

    #[test]
    fn names_hold_options_where_one_says_so() {
        let mut long = message(b"\x34\x01\x03\xff");
        long[FILE.start..][..4].copy_from_slice(b"\x0c\x02hi");
        long[SERVER_NAME.start..][..3].copy_from_slice(b"\x35\x01\x05");
        assert_eq!(found(&long), [(52, &b"\x03"[..]), (12, b"hi"), (53, b"\x05")]);
        long[START + 2] = 1;
        assert_eq!(found(&long), [(52, &b"\x01"[..]), (12, b"hi")]);
        long.truncate(FILE.start + 3);
        assert_eq!(found(&long), []);
    }

    #[test]
    fn what_is_longer_than_an_option_is_one_value_of_several() {
        let value = vec![7; 300];
        let mut long = message(&[]);
        append(43, &value, &mut long);
        assert_eq!(long.len(), START + 2 + 255 + 2 + 45);
        let parts = Parts { message: &long, start: START, end: long.len() };
        assert!(DhcpOption::new(43, &value).is_in(parts));
        assert!(DhcpOption::new(43, &value[..255]).is_in(parts));
        assert!(!DhcpOption::new(43, &value[..254]).is_in(parts));
        assert!(!DhcpOption::new(44, &value).is_in(parts) && !DhcpOption::new(44, b"").is_in(parts));
        assert!(
            DhcpOption::new(44, Field::absent()).is_in(parts) && !DhcpOption::new(43, Field::absent()).is_in(parts)
        );
    }
}
