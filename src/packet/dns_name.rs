//! Domain names: as text, in a message, and compared.
//!
//! ```text
//!  07 e x a m p l e 04 t e s t 00     example.test
//!  03 w w w c0 0c                     www, and then what stands at octet 12 of the message
//! ```
//!
//! A pointer may only lead to before the name that it stands in (RFC 1035 section 4.1.4), so that reading ends.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::sync::Arc;

use super::field::{Constraint, Field, IntoField};

/// The most octets of a name, lengths and the final 0 included (RFC 1035 section 2.3.4).
const LONGEST: usize = 255;

/// A domain name, at most 255 octets in labels of at most 63 (RFC 1035 section 2.3.4).
///
/// As text it is what zone files have (RFC 1035 section 5.1): labels and dots, `\.` for a dot in a label, `\DDD` for
/// an octet in decimal. A dot at the end changes nothing: all names are absolute. Letters match in either case
/// (RFC 4343) and keep theirs in what is built.
///
/// ```
/// use tuntap_test::packet::DomainName;
///
/// let name: DomainName = "Host.example.test.".parse()?;
/// assert_eq!(name.to_string(), "Host.example.test");
/// assert_eq!(name, "host.EXAMPLE.test".parse()?);
/// assert!("a".repeat(64).parse::<DomainName>().is_err(), "a label has 63 octets at most");
/// # Ok::<(), tuntap_test::packet::DomainNameError>(())
/// ```
#[derive(Clone)]
pub struct DomainName(Vec<u8>);

/// A text that is no domain name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainNameError {
    text: String,
}

impl fmt::Display for DomainNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.text;
        write!(f, "{text:?}, which is no domain name (labels of 63 octets, 255 in all: RFC 1035 section 2.3.4)")
    }
}

impl Error for DomainNameError {}

impl DomainName {
    /// The octets as they stand in a message, without compression: each label behind its length, and 0 at the end.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for DomainName {
    type Err = DomainNameError;

    fn from_str(text: &str) -> Result<Self, DomainNameError> {
        let error = || DomainNameError { text: text.to_owned() };
        let name = simple_dns::Name::new(text).map_err(|_| error())?;
        let mut octets = Vec::with_capacity(text.len() + 2);
        for label in name.as_bytes() {
            octets.push(u8::try_from(label.len()).map_err(|_| error())?);
            octets.extend_from_slice(label);
        }
        octets.push(0);
        Ok(Self(octets))
    }
}

impl PartialEq for DomainName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for DomainName {}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Presented(&self.0), f)
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl IntoField<Self> for DomainName {
    fn into_field(self) -> Field<Self> {
        Field::new(Constraint::Octets(self.0.into()))
    }
}

/// A text that is no domain name matches nothing, and building from it is an error that says why.
impl IntoField<DomainName> for &str {
    fn into_field(self) -> Field<DomainName> {
        match self.parse::<DomainName>() {
            Ok(name) => name.into_field(),
            Err(error) => {
                Field::new(Constraint::OctetsSatisfy { what: error.to_string().into(), holds: Arc::new(|_| false) })
            }
        }
    }
}

impl IntoField<DomainName> for String {
    fn into_field(self) -> Field<DomainName> {
        self.as_str().into_field()
    }
}

impl IntoField<DomainName> for &String {
    fn into_field(self) -> Field<DomainName> {
        self.as_str().into_field()
    }
}

/// A name that was read from a message, without compression.
pub(crate) struct Expanded {
    octets: [u8; LONGEST],
    length: usize,
}

impl Expanded {
    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, octets: &[u8]) -> Option<()> {
        let end = self.length + octets.len();
        self.octets.get_mut(self.length..end)?.copy_from_slice(octets);
        self.length = end;
        Some(())
    }

    /// Whether it is what a field wants: letters in either case.
    pub(crate) fn holds(&self, wanted: &Constraint) -> bool {
        match wanted {
            Constraint::Octets(wanted) => wanted.eq_ignore_ascii_case(self.octets()),
            other => other.holds(Some(super::field::Value::Octets(self.octets()))),
        }
    }
}

/// The name at that octet of a message, and where it ends there; `None` where it leaves the message, is too long, or
/// has a pointer that leads not back.
pub(crate) fn read(message: &[u8], at: usize) -> Option<(Expanded, usize)> {
    let mut name = Expanded { octets: [0; LONGEST], length: 0 };
    let (mut at, mut begins, mut end) = (at, at, None);
    loop {
        let length = *message.get(at)?;
        match length {
            0 => {
                name.push(&[0])?;
                return Some((name, end.unwrap_or(at + 1)));
            }
            1..=0x3f => {
                let next = at + 1 + usize::from(length);
                name.push(message.get(at..next)?)?;
                at = next;
            }
            0xc0.. => {
                let to = usize::from(length & 0x3f) << 8 | usize::from(*message.get(at + 1)?);
                if to >= begins {
                    return None;
                }
                end = end.or(Some(at + 2));
                (at, begins) = (to, to);
            }
            0x40..0xc0 => return None,
        }
    }
}

/// Where the name at that octet ends, without following its pointer.
pub(crate) fn end(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=0x3f => at += 1 + usize::from(length),
            0xc0.. => return (at + 2 <= message.len()).then_some(at + 2),
            0x40..0xc0 => return None,
        }
    }
}

/// The octets of a name without compression, as text. Total on any octets.
pub(crate) struct Presented<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        if matches!(rest, [] | [0, ..]) {
            return f.write_str(".");
        }
        let mut between = "";
        while let [length @ 1..=u8::MAX, label_and_rest @ ..] = rest {
            let length = usize::from(*length).min(label_and_rest.len());
            let (label, behind) = label_and_rest.split_at(length);
            f.write_str(between)?;
            between = ".";
            for octet in label {
                match octet {
                    b'.' | b'\\' => write!(f, "\\{}", char::from(*octet))?,
                    b'!'..=b'~' => f.write_char(char::from(*octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
            rest = behind;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message: &[u8], at: usize) -> Option<(String, usize)> {
        read(message, at).map(|(name, end)| (Presented(name.octets()).to_string(), end))
    }

    #[test]
    fn pointers_are_followed_back_only() {
        let message = b"\x04test\x00\x03www\xc0\x00\xc0\x06";
        assert_eq!(shown(message, 0), Some(("test".to_owned(), 6)));
        assert_eq!(shown(message, 6), Some(("www.test".to_owned(), 12)));
        assert_eq!(shown(message, 12), Some(("www.test".to_owned(), 14)));
        assert_eq!(end(message, 6), Some(12));
        for broken in [&b"\xc0\x00"[..], b"\x01a\xc0\x00", b"\x00\xc0\x03\x00", b"\x05abc", b"\xc0", b"\x40a", b""] {
            let at = usize::from(broken.first() == Some(&0));
            assert!(read(broken, at).is_none(), "{broken:02x?}");
        }
    }

    #[test]
    fn the_longest_name_has_255_octets() {
        let labels = |last: usize| format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(last));
        let longest: DomainName = labels(61).parse().unwrap();
        assert_eq!(longest.octets().len(), 255);
        assert_eq!(shown(longest.octets(), 0), Some((labels(61), 255)));
        assert!(labels(62).parse::<DomainName>().is_err());
        let mut long = longest.octets().to_vec();
        long.splice(..0, *b"\x01a");
        assert!(read(&long, 0).is_none());
    }

    #[test]
    fn what_is_no_letter_is_escaped() {
        let name: DomainName = r"a\.b.c\032d.\\".parse().unwrap();
        assert_eq!(name.octets(), b"\x03a.b\x03c d\x01\\\x00");
        assert_eq!(name.to_string(), r"a\.b.c\032d.\\");
        assert_eq!("".parse::<DomainName>().unwrap().to_string(), ".");
        assert_eq!(".".parse::<DomainName>().unwrap().octets(), [0]);
    }
}
