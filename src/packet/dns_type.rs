//! The types of resource records, and what the data of each is made of.

use std::fmt;

use super::field::{Field, FieldValue, IntoField, field_value};
use super::layer::Show;

/// The type of a resource record, or of what a question asks for (IANA "Resource Record (RR) TYPEs").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "sixteen bits and nothing else")]
pub struct RecordType(pub u16);

macro_rules! types {
    ($($name:ident = $number:literal $doc:literal $shape:expr;)*) => {
        impl RecordType {
            $(
                #[doc = $doc]
                pub const $name: Self = Self($number);
            )*

            /// What its data is made of; octets where nobody here knows.
            pub(crate) const fn shape(self) -> &'static [Shape] {
                match self.0 {
                    $($number => $shape,)*
                    _ => &[Shape::Rest],
                }
            }
        }

        /// As reports call them.
        pub(crate) const NAMES: &[(u128, &str)] = &[$(($number, stringify!($name))),*];
    };
}

types! {
    A = 1 "An IPv4 address (RFC 1035 section 3.4.1)." &[Shape::Number(4, Show::Ipv4)];
    NS = 2 "A name server of the zone (RFC 1035 section 3.3.11)." &[Shape::Name];
    CNAME = 5 "The canonical name of an alias (RFC 1035 section 3.3.1)." &[Shape::Name];
    SOA = 6 "The start of a zone of authority (RFC 1035 section 3.3.13)." &[
        Shape::Name, Shape::Name, LONG, LONG, LONG, LONG, LONG,
    ];
    PTR = 12 "A pointer to another name (RFC 1035 section 3.3.12)." &[Shape::Name];
    HINFO = 13 "CPU and operating system, and the answer to `ANY` (RFC 1035 section 3.3.2, RFC 8482)." &[Shape::Strings];
    MX = 15 "A mail exchange (RFC 1035 section 3.3.9)." &[SHORT, Shape::Name];
    TXT = 16 "Text (RFC 1035 section 3.3.14)." &[Shape::Strings];
    AAAA = 28 "An IPv6 address (RFC 3596 section 2.1)." &[Shape::Number(16, Show::Ipv6)];
    SRV = 33 "Where a service is (RFC 2782)." &[SHORT, SHORT, SHORT, Shape::Name];
    NAPTR = 35 "A rule for rewriting names (RFC 3403 section 4)." &[Shape::Rest];
    DNAME = 39 "The name of another tree (RFC 6672 section 2.1)." &[Shape::Name];
    OPT = 41 "The pseudo-record of EDNS(0) (RFC 6891 section 6.1)." &[Shape::Rest];
    DS = 43 "A delegation signer (RFC 4034 section 5)." &[Shape::Rest];
    RRSIG = 46 "A signature (RFC 4034 section 3)." &[Shape::Rest];
    NSEC = 47 "The next name of the zone (RFC 4034 section 4)." &[Shape::Rest];
    DNSKEY = 48 "A public key (RFC 4034 section 2)." &[Shape::Rest];
    SVCB = 64 "Where and how a service is (RFC 9460)." &[Shape::Rest];
    HTTPS = 65 "The same for HTTP (RFC 9460 section 9)." &[Shape::Rest];
    AXFR = 252 "A question for a whole zone (RFC 5936)." &[Shape::Rest];
    ANY = 255 "A question for all records (RFC 1035 section 3.2.3, there `*`)." &[Shape::Rest];
    CAA = 257 "Which authorities may certify the name (RFC 8659)." &[Shape::Rest];
}

const SHORT: Shape = Shape::Number(2, Show::Decimal);
const LONG: Shape = Shape::Number(4, Show::Decimal);

/// One piece of a record's data.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// A number of so many octets, written so.
    Number(usize, Show),
    /// A domain name, which may be compressed.
    Name,
    /// Character strings, each behind its length, to the data's end.
    Strings,
    /// Octets to the data's end.
    Rest,
}

/// `A`, or `TYPE65280` (RFC 3597 section 5).
impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == u128::from(self.0)) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

field_value! {
    RecordType: |kind| u128::from(kind.0), |bits| Self(u16::from_bits(bits));
}

impl IntoField<RecordType> for u16 {
    fn into_field(self) -> Field<RecordType> {
        RecordType(self).into_field()
    }
}
