//! One field of a packet: unset, or what its value must be.
//!
//! Layer: `packet`. A value of a fixed width is kept as the number that its bits spell in network byte order (an
//! IPv4 address is a number of 32 bits, a hardware address one of 48), so that ranges, masks and predicates work for
//! all of them alike; what has no fixed width is [`Octets`].

use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::{RangeFrom, RangeInclusive, RangeToInclusive};
use std::sync::Arc;

use super::parts::{Part, Parts};
use crate::codec::EtherType;
use crate::device::Cidr;

mod sealed {
    #[expect(unnameable_types, reason = "so that nobody outside implements `FieldValue`")]
    pub trait Sealed {}
}
pub(crate) use sealed::Sealed;

/// A value of a fixed number of bits that a header field can have.
pub trait FieldValue: Copy + Sealed + 'static {
    /// The number that its bits spell, most significant first (network byte order).
    fn to_bits(self) -> u128;
    /// The value of the lowest bits of that number.
    fn from_bits(bits: u128) -> Self;
}

macro_rules! unsigned {
    ($($type:ty),*) => {$(
        impl $crate::packet::field::Sealed for $type {}
        impl FieldValue for $type {
            fn to_bits(self) -> u128 {
                u128::from(self)
            }

            #[expect(clippy::cast_possible_truncation, reason = "the lowest bits are meant")]
            fn from_bits(bits: u128) -> Self {
                bits as $type
            }
        }
    )*};
}
unsigned!(u8, u16, u32, u64);

macro_rules! field_value {
    ($($type:ty: |$value:ident| $to:expr, |$bits:ident| $from:expr;)*) => {$(
        impl $crate::packet::field::Sealed for $type {}
        impl FieldValue for $type {
            fn to_bits(self) -> u128 {
                let $value = self;
                $to
            }

            fn from_bits($bits: u128) -> Self {
                $from
            }
        }
    )*};
}
pub(crate) use field_value;

field_value! {
    bool: |value| u128::from(value), |bits| bits & 1 == 1;
    Ipv4Addr: |address| u128::from(address.to_bits()), |bits| Self::from_bits(u32::from_bits(bits));
    Ipv6Addr: |address| address.to_bits(), |bits| Self::from_bits(bits);
    EtherType: |ether_type| u128::from(ether_type.0), |bits| Self(u16::from_bits(bits));
    [u8; 6]: |mac| mac.iter().fold(0, |bits, octet| bits << 8 | u128::from(*octet)), |bits| {
        let [.., a, b, c, d, e, f] = bits.to_be_bytes();
        [a, b, c, d, e, f]
    };
}

/// Octets of any number: a payload, an option, a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Octets(pub Vec<u8>);

/// What a field must be. Made from a value, a range, an array (one of), a mask, or [`such_that`].
pub struct Field<T> {
    pub(crate) constraint: Constraint,
    value: PhantomData<fn() -> T>,
}

impl<T> Field<T> {
    pub(crate) const fn new(constraint: Constraint) -> Self {
        Self { constraint, value: PhantomData }
    }

    /// The field must not be there at all: an option that must be absent.
    #[must_use]
    pub const fn absent() -> Self {
        Self::new(Constraint::Absent)
    }
}

impl<T: FieldValue> Field<T> {
    /// The bits under `mask` must be those of `value`; the others do not matter.
    #[must_use]
    pub fn masked(value: T, mask: T) -> Self {
        let mask = mask.to_bits();
        Self::new(Constraint::Masked { mask, value: value.to_bits() & mask })
    }
}

impl<T> Clone for Field<T> {
    fn clone(&self) -> Self {
        Self::new(self.constraint.clone())
    }
}

impl<T> fmt::Debug for Field<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Field").field(&self.constraint).finish()
    }
}

/// A field that satisfies a predicate; `what` completes "must be …" in reports.
///
/// ```
/// use tuntap_test::packet::{Packet, Udp, such_that};
///
/// let packet: Packet = Udp::new().sport(such_that("an ephemeral port", |port: u16| port >= 32_768)).into();
/// assert!(packet.build().is_err(), "a predicate is no value");
/// ```
pub fn such_that<T: FieldValue>(what: &str, holds: impl Fn(T) -> bool + Send + Sync + 'static) -> Field<T> {
    Field::new(Constraint::Satisfies { what: what.into(), holds: Arc::new(move |bits| holds(T::from_bits(bits))) })
}

/// Octets that satisfy a predicate; `what` completes "must be …" in reports.
pub fn octets_such_that(what: &str, holds: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Field<Octets> {
    Field::new(Constraint::OctetsSatisfy { what: what.into(), holds: Arc::new(holds) })
}

/// What can be given to a field whose values are `T`: a value, a range `1..=64`, an array of alternatives `[80, 443]`,
/// a [`Field`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a field of type `{T}`",
    note = "give a value, a range such as `1..=64`, an array of alternatives, or `such_that(\"…\", |value| …)`"
)]
pub trait IntoField<T> {
    /// The field.
    fn into_field(self) -> Field<T>;
}

impl<T> IntoField<T> for Field<T> {
    fn into_field(self) -> Self {
        self
    }
}

impl<T: FieldValue> IntoField<T> for T {
    fn into_field(self) -> Field<T> {
        Field::new(Constraint::Exact(self.to_bits()))
    }
}

impl<T: FieldValue> IntoField<T> for RangeInclusive<T> {
    fn into_field(self) -> Field<T> {
        Field::new(Constraint::Range(self.start().to_bits(), self.end().to_bits()))
    }
}

impl<T: FieldValue> IntoField<T> for RangeFrom<T> {
    fn into_field(self) -> Field<T> {
        Field::new(Constraint::Range(self.start.to_bits(), u128::MAX))
    }
}

impl<T: FieldValue> IntoField<T> for RangeToInclusive<T> {
    fn into_field(self) -> Field<T> {
        Field::new(Constraint::Range(0, self.end.to_bits()))
    }
}

impl<T: FieldValue, const N: usize> IntoField<T> for [T; N] {
    fn into_field(self) -> Field<T> {
        Field::new(Constraint::OneOf(self.iter().map(|value| value.to_bits()).collect()))
    }
}

impl IntoField<Ipv4Addr> for [u8; 4] {
    fn into_field(self) -> Field<Ipv4Addr> {
        Ipv4Addr::from(self).into_field()
    }
}

impl IntoField<Ipv6Addr> for [u16; 8] {
    fn into_field(self) -> Field<Ipv6Addr> {
        Ipv6Addr::from(self).into_field()
    }
}

impl IntoField<EtherType> for u16 {
    fn into_field(self) -> Field<EtherType> {
        EtherType(self).into_field()
    }
}

/// Any address of that prefix; nothing when it is of the other family.
impl IntoField<Ipv4Addr> for Cidr {
    fn into_field(self) -> Field<Ipv4Addr> {
        let IpAddr::V4(address) = self.address() else {
            return Field::new(Constraint::OneOf(Arc::new([])));
        };
        let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix_length())).unwrap_or(0);
        Field::masked(address, Ipv4Addr::from_bits(mask))
    }
}

/// Any address of that prefix; nothing when it is of the other family.
impl IntoField<Ipv6Addr> for Cidr {
    fn into_field(self) -> Field<Ipv6Addr> {
        let IpAddr::V6(address) = self.address() else {
            return Field::new(Constraint::OneOf(Arc::new([])));
        };
        let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix_length())).unwrap_or(0);
        Field::masked(address, Ipv6Addr::from_bits(mask))
    }
}

impl IntoField<Self> for Octets {
    fn into_field(self) -> Field<Self> {
        Field::new(Constraint::Octets(self.0.into()))
    }
}

macro_rules! octets_from {
    ($([$(const $n:ident)?] $type:ty),* $(,)?) => {$(
        impl $(<const $n: usize>)? IntoField<Octets> for $type {
            fn into_field(self) -> Field<Octets> {
                let octets: &[u8] = self.as_ref();
                Field::new(Constraint::Octets(octets.into()))
            }
        }
    )*};
}
octets_from!([] &[u8], [] Vec<u8>, [] &Vec<u8>, [const N] [u8; N], [const N] &[u8; N], [] &str, [] String);

/// A predicate over a field's number.
pub(crate) type Holds = Arc<dyn Fn(u128) -> bool + Send + Sync>;
/// A predicate over a field's octets.
pub(crate) type OctetsHold = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// What a field must be, without its type.
#[derive(Clone)]
pub(crate) enum Constraint {
    Exact(u128),
    Range(u128, u128),
    OneOf(Arc<[u128]>),
    Masked {
        mask: u128,
        value: u128,
    },
    Satisfies {
        what: Arc<str>,
        holds: Holds,
    },
    Octets(Arc<[u8]>),
    OctetsSatisfy {
        what: Arc<str>,
        holds: OctetsHold,
    },
    /// Each of these is there; others may be, too.
    #[cfg_attr(not(any(feature = "dns", feature = "dhcp")), expect(dead_code, reason = "only those have parts"))]
    Parts(Arc<[Arc<dyn Part>]>),
    Absent,
}

/// The value of a field in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Bits(u128),
    Octets(&'a [u8]),
    Parts(Parts<'a>),
}

impl From<u128> for Value<'_> {
    fn from(bits: u128) -> Self {
        Self::Bits(bits)
    }
}

impl Constraint {
    /// Whether a value holds; `None` where the frame has no such field.
    #[inline]
    pub(crate) fn holds(&self, value: Option<Value<'_>>) -> bool {
        match (self, value) {
            (Self::Absent, value) => value.is_none(),
            (_, None) => false,
            (Self::Exact(wanted), Some(Value::Bits(bits))) => *wanted == bits,
            (Self::Range(low, high), Some(Value::Bits(bits))) => (*low..=*high).contains(&bits),
            (Self::OneOf(choice), Some(Value::Bits(bits))) => choice.contains(&bits),
            (Self::Masked { mask, value }, Some(Value::Bits(bits))) => bits & mask == *value,
            (Self::Satisfies { holds, .. }, Some(Value::Bits(bits))) => holds(bits),
            (Self::Octets(wanted), Some(Value::Octets(octets))) => **wanted == *octets,
            (Self::OctetsSatisfy { holds, .. }, Some(Value::Octets(octets))) => holds(octets),
            (Self::Parts(wanted), Some(Value::Parts(parts))) => wanted.iter().all(|part| part.is_in(parts)),
            (_, Some(_)) => false,
        }
    }

    /// The one value that holds, if there is only one: what building needs.
    pub(crate) fn exact(&self) -> Option<Value<'_>> {
        match self {
            Self::Exact(bits) => Some(Value::Bits(*bits)),
            Self::Range(low, high) if low == high => Some(Value::Bits(*low)),
            Self::OneOf(choice) => match **choice {
                [bits] => Some(Value::Bits(bits)),
                _ => None,
            },
            Self::Octets(octets) => Some(Value::Octets(octets)),
            _ => None,
        }
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(bits) => write!(f, "{bits}"),
            Self::Range(low, u128::MAX) => write!(f, "{low}.."),
            Self::Range(low, high) => write!(f, "{low}..={high}"),
            Self::OneOf(choice) => write!(f, "one of {choice:?}"),
            Self::Masked { mask, value } => write!(f, "{value:#x} under the mask {mask:#x}"),
            Self::Satisfies { what, .. } | Self::OctetsSatisfy { what, .. } => f.write_str(what),
            Self::Octets(octets) => write!(f, "{octets:02x?}"),
            Self::Parts(parts) => parts.iter().enumerate().try_for_each(|(at, part)| {
                f.write_str(if at > 0 { ", " } else { "" })?;
                fmt::Display::fmt(part, f)
            }),
            Self::Absent => f.write_str("absent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds<T>(field: impl IntoField<T>, bits: u128) -> bool {
        field.into_field().constraint.holds(Some(Value::Bits(bits)))
    }

    #[test]
    fn each_form_holds_for_its_values_only() {
        assert!(holds::<u16>(53, 53) && !holds::<u16>(53, 54));
        assert!(holds::<u8>(1..=64, 64) && !holds::<u8>(1..=64, 65));
        assert!(holds::<u8>(2.., 255) && !holds::<u8>(2.., 1));
        assert!(holds::<u16>([80, 443], 443) && !holds::<u16>([80, 443], 81));
        assert!(holds::<u8>(Field::masked(0x02, 0x12), 0x2a) && !holds::<u8>(Field::masked(0x02, 0x12), 0x12));
        assert!(holds(such_that("even", |value: u8| value.is_multiple_of(2)), 4));
        assert!(!holds::<u8>(Field::absent(), 4));
        assert!(Constraint::Absent.holds(None));
    }

    #[test]
    fn a_prefix_holds_for_its_addresses_only() {
        let prefix: Cidr = "192.0.2.0/24".parse().unwrap();
        assert!(holds::<Ipv4Addr>(prefix, Ipv4Addr::new(192, 0, 2, 200).to_bits().into()));
        assert!(!holds::<Ipv4Addr>(prefix, Ipv4Addr::new(192, 0, 3, 200).to_bits().into()));
        assert!(!holds::<Ipv6Addr>(prefix, 0));
        let everything: Cidr = "0.0.0.0/0".parse().unwrap();
        assert!(holds::<Ipv4Addr>(everything, 7));
    }

    #[test]
    fn values_are_their_bits() {
        assert_eq!([2, 0, 0, 0, 0, 1].to_bits(), 0x0200_0000_0001);
        assert_eq!(<[u8; 6]>::from_bits(0x0200_0000_0001), [2, 0, 0, 0, 0, 1]);
        assert_eq!(Ipv4Addr::from_bits(0xc000_0201), Ipv4Addr::new(192, 0, 2, 1));
    }
}
