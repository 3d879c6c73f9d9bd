//! Resource records (RFC 1035 section 3.2): as parts of a template, and as they stand in a message.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::dns_name::{self as name, DomainName, Expanded};
use super::dns_sections::{Entry, entries};
use super::dns_type::{RecordType, Shape};
use super::explain;
use super::field::{Constraint, Field, IntoField, Octets, Value};
use super::layer::{FieldInfo, Show, bits};
use super::parts::{Part, Parts};

/// The Internet (IANA "DNS CLASSes").
const INTERNET: u16 = 1;

/// A resource record in a template: what one in the message must be. Built, it is written without compression.
///
/// Its owner, its time to live and its data are fields like those of a layer: a value, or a pattern.
///
/// ```
/// use tuntap_test::packet::{Dns, DnsRecord, RecordType};
///
/// let answer = DnsRecord::a("www.example.test", 1..=300, [192, 0, 2, 7]);
/// assert_eq!(answer.to_string(), "www.example.test 1..=300 A 192.0.2.7");
///
/// let mail = DnsRecord::mx("example.test", 300, 10, "mail.example.test");
/// let raw = DnsRecord::of("example.test", RecordType(65_280), 300, b"\x01\x02");
/// let reply = Dns::response().answer(mail).answer(raw).additional(DnsRecord::opt(1232));
/// # let _ = reply;
/// ```
#[derive(Clone)]
#[must_use]
pub struct DnsRecord {
    owner: Constraint,
    record_type: RecordType,
    class: Constraint,
    ttl: Constraint,
    data: Vec<(Shape, Constraint)>,
}

macro_rules! one_name {
    ($($constructor:ident $kind:ident $doc:literal;)*) => {$(
        #[doc = $doc]
        pub fn $constructor(
            owner: impl IntoField<DomainName>,
            ttl: impl IntoField<u32>,
            target: impl IntoField<DomainName>,
        ) -> Self {
            Self::new(owner, RecordType::$kind, ttl).with(Shape::Name, target.into_field())
        }
    )*};
}

impl DnsRecord {
    fn new(owner: impl IntoField<DomainName>, record_type: RecordType, ttl: impl IntoField<u32>) -> Self {
        let (owner, ttl) = (owner.into_field().constraint, ttl.into_field().constraint);
        let class = Constraint::Exact(INTERNET.into());
        Self { owner, record_type, class, ttl, data: Vec::new() }
    }

    fn with<T>(mut self, shape: Shape, field: Field<T>) -> Self {
        self.data.push((shape, field.constraint));
        self
    }

    fn short(self, field: impl IntoField<u16>) -> Self {
        self.with(Shape::Number(2, Show::Decimal), field.into_field())
    }

    fn long(self, field: impl IntoField<u32>) -> Self {
        self.with(Shape::Number(4, Show::Decimal), field.into_field())
    }

    /// An IPv4 address of `owner`; the time to live is in seconds.
    pub fn a(owner: impl IntoField<DomainName>, ttl: impl IntoField<u32>, address: impl IntoField<Ipv4Addr>) -> Self {
        Self::new(owner, RecordType::A, ttl).with(Shape::Number(4, Show::Ipv4), address.into_field())
    }

    /// An IPv6 address of `owner`; the time to live is in seconds.
    pub fn aaaa(
        owner: impl IntoField<DomainName>,
        ttl: impl IntoField<u32>,
        address: impl IntoField<Ipv6Addr>,
    ) -> Self {
        Self::new(owner, RecordType::AAAA, ttl).with(Shape::Number(16, Show::Ipv6), address.into_field())
    }

    one_name! {
        cname CNAME "The canonical name of the alias `owner`.";
        ns NS "A name server of the zone `owner`.";
        ptr PTR "The name that `owner` points to, such as the host of `7.2.0.192.in-addr.arpa`.";
    }

    /// Text: one character string, or as many as it takes where there are more than 255 octets.
    pub fn txt(owner: impl IntoField<DomainName>, ttl: impl IntoField<u32>, text: impl AsRef<[u8]>) -> Self {
        let mut octets = Vec::new();
        for string in text.as_ref().chunks(255) {
            octets.push(u8::try_from(string.len()).unwrap_or(u8::MAX));
            octets.extend_from_slice(string);
        }
        if octets.is_empty() {
            octets.push(0);
        }
        Self::new(owner, RecordType::TXT, ttl).with(Shape::Strings, Octets(octets).into_field())
    }

    /// A mail exchange of the domain `owner`: lower preferences first.
    pub fn mx(
        owner: impl IntoField<DomainName>,
        ttl: impl IntoField<u32>,
        preference: impl IntoField<u16>,
        exchange: impl IntoField<DomainName>,
    ) -> Self {
        Self::new(owner, RecordType::MX, ttl).short(preference).with(Shape::Name, exchange.into_field())
    }

    /// Where the service `owner` is, such as `_sip._udp.example.test`: the port of a host.
    pub fn srv(
        owner: impl IntoField<DomainName>,
        ttl: impl IntoField<u32>,
        (priority, weight): (u16, u16),
        port: impl IntoField<u16>,
        target: impl IntoField<DomainName>,
    ) -> Self {
        Self::new(owner, RecordType::SRV, ttl)
            .short(priority)
            .short(weight)
            .short(port)
            .with(Shape::Name, target.into_field())
    }

    /// The start of the zone `owner`: its primary server, its mailbox, its serial number, and in seconds how often to
    /// refresh and retry, when to expire, and how long what does not exist is remembered (RFC 2308 section 4).
    pub fn soa(
        owner: impl IntoField<DomainName>,
        ttl: impl IntoField<u32>,
        primary: impl IntoField<DomainName>,
        mailbox: impl IntoField<DomainName>,
        serial: impl IntoField<u32>,
        [refresh, retry, expire, negative]: [u32; 4],
    ) -> Self {
        let record = Self::new(owner, RecordType::SOA, ttl)
            .with(Shape::Name, primary.into_field())
            .with(Shape::Name, mailbox.into_field())
            .long(serial);
        [refresh, retry, expire, negative].into_iter().fold(record, |record, seconds| record.long(seconds))
    }

    /// The pseudo-record of EDNS(0), without options: how many octets of UDP payload the sender takes (RFC 6891). It
    /// belongs to the additional section.
    pub fn opt(udp_payload: impl IntoField<u16>) -> Self {
        Self::of(".", RecordType::OPT, 0, b"").class(udp_payload)
    }

    /// Any record, with its data as it stands in the message: a name in it matches only without compression.
    pub fn of(
        owner: impl IntoField<DomainName>,
        record_type: RecordType,
        ttl: impl IntoField<u32>,
        data: impl IntoField<Octets>,
    ) -> Self {
        Self::new(owner, record_type, ttl).with(Shape::Rest, data.into_field())
    }

    /// The class: 1, the Internet, unless set. Multicast DNS has its cache-flush flag there, 0x8001 (RFC 6762
    /// section 10.2).
    pub fn class(mut self, class: impl IntoField<u16>) -> Self {
        self.class = class.into_field().constraint;
        self
    }

    /// The record that stands there in a message, with names in full.
    pub(crate) fn read(message: &[u8], entry: &Entry) -> Option<Self> {
        let (owner, _) = name::read(message, entry.start)?;
        let record_type = RecordType(entry.record_type);
        let pieces = |shape: &[Shape]| {
            let mut at = entry.data.start;
            let mut data = Vec::new();
            for shape in shape {
                let (found, next) = Found::read(*shape, message, at, entry.data.end)?;
                data.push((*shape, found.into_constraint()));
                at = next;
            }
            (at == entry.data.end).then_some(data)
        };
        Some(Self {
            owner: Constraint::Octets(owner.octets().into()),
            record_type,
            class: Constraint::Exact(entry.class.into()),
            ttl: Constraint::Exact(entry.ttl.into()),
            data: pieces(record_type.shape()).or_else(|| pieces(&[Shape::Rest]))?,
        })
    }

    fn matches(&self, message: &[u8], entry: &Entry) -> bool {
        let holds = |wanted: &Constraint, bits: u128| wanted.holds(Some(Value::Bits(bits)));
        let mut at = entry.data.start;
        entry.record_type == self.record_type.0
            && holds(&self.class, entry.class.into())
            && holds(&self.ttl, entry.ttl.into())
            && name::read(message, entry.start).is_some_and(|(owner, _)| owner.holds(&self.owner))
            && self.data.iter().all(|(shape, wanted)| {
                let Some((found, next)) = Found::read(*shape, message, at, entry.data.end) else { return false };
                at = next;
                found.holds(wanted)
            })
            && at == entry.data.end
    }
}

impl Part for DnsRecord {
    fn is_in(&self, parts: Parts<'_>) -> bool {
        entries(parts.message, parts.start..parts.end).any(|entry| self.matches(parts.message, &entry))
    }

    fn octets(&self) -> Option<Cow<'_, [u8]>> {
        let mut octets = Vec::new();
        append(&self.owner, 0, &mut octets)?;
        octets.extend_from_slice(&self.record_type.0.to_be_bytes());
        append(&self.class, 2, &mut octets)?;
        append(&self.ttl, 4, &mut octets)?;
        let mut data = Vec::new();
        for (shape, constraint) in &self.data {
            let width = if let Shape::Number(octets, _) = shape { *octets } else { 0 };
            append(constraint, width, &mut data)?;
        }
        octets.extend_from_slice(&u16::try_from(data.len()).ok()?.to_be_bytes());
        octets.extend_from_slice(&data);
        Some(octets.into())
    }
}

/// Appends the one value that holds: octets, or a number of so many.
fn append(constraint: &Constraint, width: usize, to: &mut Vec<u8>) -> Option<()> {
    match constraint.exact()? {
        Value::Bits(bits) => to.extend_from_slice(bits.to_be_bytes().get(16 - width..)?),
        Value::Octets(octets) => to.extend_from_slice(octets),
        Value::Parts(_) => return None,
    }
    Some(())
}

/// A piece of a record's data in a message.
#[expect(clippy::large_enum_variant, reason = "it lives for one comparison, and matching allocates nothing")]
enum Found<'a> {
    Number(u128),
    Name(Expanded),
    Octets(&'a [u8]),
}

impl<'a> Found<'a> {
    /// The piece at that octet, and where it ends; `None` where the data, which ends there, has no such piece.
    fn read(shape: Shape, message: &'a [u8], at: usize, end: usize) -> Option<(Self, usize)> {
        let (found, next) = match shape {
            Shape::Number(octets, _) => {
                let number = message.get(at..at + octets)?.iter().fold(0, |all, octet| all << 8 | u128::from(*octet));
                (Self::Number(number), at + octets)
            }
            Shape::Name => {
                let (name, next) = name::read(message, at)?;
                (Self::Name(name), next)
            }
            Shape::Strings | Shape::Rest => (Self::Octets(message.get(at..end)?), end),
        };
        (next <= end).then_some((found, next))
    }

    fn holds(&self, wanted: &Constraint) -> bool {
        match self {
            Self::Number(number) => wanted.holds(Some(Value::Bits(*number))),
            Self::Name(name) => name.holds(wanted),
            Self::Octets(octets) => wanted.holds(Some(Value::Octets(octets))),
        }
    }

    fn into_constraint(self) -> Constraint {
        match self {
            Self::Number(number) => Constraint::Exact(number),
            Self::Name(name) => Constraint::Octets(name.octets().into()),
            Self::Octets(octets) => Constraint::Octets(octets.into()),
        }
    }
}

/// A number that is written so.
const fn shown(show: Show) -> FieldInfo {
    bits(0, 32).show(show)
}

impl fmt::Display for DnsRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = |show, constraint: &Constraint| explain::constraint(&shown(show), constraint);
        f.write_str(&write(Show::Name, &self.owner))?;
        if self.record_type == RecordType::OPT {
            write!(f, " OPT {} octets", write(Show::Decimal, &self.class))?;
            if !matches!(self.ttl, Constraint::Exact(0)) {
                write!(f, " {}", write(Show::Hex(8), &self.ttl))?;
            }
        } else {
            write!(f, " {}", write(Show::Decimal, &self.ttl))?;
            if !matches!(self.class, Constraint::Exact(1)) {
                write!(f, " class {}", write(Show::Hex(4), &self.class))?;
            }
            write!(f, " {}", self.record_type)?;
        }
        self.write_data(f)
    }
}

impl DnsRecord {
    /// What a list of answers says of it: ` 192.0.2.7`, ` CNAME www.example.test`.
    pub(crate) fn write_answer(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address says by itself what it is.
        if !matches!(*self.data, [(Shape::Number(..), _)]) {
            write!(f, " {}", self.record_type)?;
        }
        self.write_data(f)
    }

    fn write_data(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = |show, constraint: &Constraint| explain::constraint(&shown(show), constraint);
        self.data.iter().try_for_each(|(shape, constraint)| match (shape, constraint) {
            (Shape::Number(_, show), constraint) => write!(f, " {}", write(*show, constraint)),
            (Shape::Name, constraint) => write!(f, " {}", write(Show::Name, constraint)),
            (Shape::Strings, Constraint::Octets(octets)) => strings(octets, f),
            (Shape::Rest, Constraint::Octets(octets)) if octets.is_empty() => Ok(()),
            (_, constraint) => write!(f, " {}", write(Show::Octets, constraint)),
        })
    }
}

/// Character strings as text, in quotes.
fn strings(mut octets: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    while let [length, rest @ ..] = octets {
        let (string, behind) = rest.split_at(rest.len().min(usize::from(*length)));
        write!(f, " \"{}\"", string.escape_ascii())?;
        octets = behind;
    }
    Ok(())
}

impl fmt::Debug for DnsRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl IntoField<Self> for DnsRecord {
    fn into_field(self) -> Field<Self> {
        [self].into_field()
    }
}

/// Each of them.
impl<const N: usize> IntoField<DnsRecord> for [DnsRecord; N] {
    fn into_field(self) -> Field<DnsRecord> {
        Vec::from(self).into_field()
    }
}

/// Each of them.
impl IntoField<DnsRecord> for Vec<DnsRecord> {
    fn into_field(self) -> Field<DnsRecord> {
        let parts = self.into_iter().map(|record| Arc::new(record) as Arc<dyn Part>);
        Field::new(Constraint::Parts(parts.collect()))
    }
}
