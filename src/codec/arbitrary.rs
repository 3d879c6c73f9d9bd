//! `arbitrary::Arbitrary` for every type of the codec: any value the type can have, and no other.

use arbitrary::{Arbitrary, Result, Unstructured};

use super::{
    ByteOrder, EtherType, Framing, IfReq, IfReqSize, InterfaceName, NamedMode, PacketInfo, PayloadKind, TunPi,
    TunPiFlags, TunTapFlags,
};

/// Implements `Arbitrary` for a type that is one of a few values.
macro_rules! one_of {
    ($($type:ident: $($value:ident),+;)+) => {
        $(impl<'a> Arbitrary<'a> for $type {
            fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
                u.choose(&[$(Self::$value),+]).copied()
            }

            fn size_hint(_depth: usize) -> (usize, Option<usize>) {
                (0, Some(1))
            }
        })+
    };
}

one_of! {
    ByteOrder: Big, Little;
    Framing: None, TunPi;
    IfReqSize: Bits32, Bits64;
    NamedMode: Tap, Tun;
}

/// Implements `Arbitrary` for a newtype over sixteen bits: any bits.
macro_rules! any_bits {
    ($($type:ident),+) => {
        $(impl<'a> Arbitrary<'a> for $type {
            fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
                u16::arbitrary(u).map(Self)
            }

            fn size_hint(depth: usize) -> (usize, Option<usize>) {
                u16::size_hint(depth)
            }
        })+
    };
}

any_bits!(TunPiFlags, TunTapFlags);

impl<'a> Arbitrary<'a> for EtherType {
    /// Half of them are IPv4, IPv6 or ARP, on which code under test branches.
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let any = Self(u16::arbitrary(u)?);
        Ok(match u.int_in_range(0..=5)? {
            0 => Self::IPV4,
            1 => Self::IPV6,
            2 => Self::ARP,
            _ => any,
        })
    }

    fn size_hint(_depth: usize) -> (usize, Option<usize>) {
        (2, Some(3))
    }
}

impl<'a> Arbitrary<'a> for TunPi {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self { flags: u.arbitrary()?, protocol: u.arbitrary()? })
    }

    fn size_hint(_depth: usize) -> (usize, Option<usize>) {
        (4, Some(5))
    }
}

impl<'a> Arbitrary<'a> for PayloadKind {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(TunPi::new(u.arbitrary()?).payload_kind())
    }
}

impl<'a> Arbitrary<'a> for PacketInfo {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.arbitrary()? {
            Framing::None => Self::None,
            Framing::TunPi => Self::TunPi(u.arbitrary()?),
        })
    }
}

impl<'a> Arbitrary<'a> for InterfaceName {
    /// 1 to 15 octets; those that the kernel forbids become `x`.
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut octets = <[u8; Self::MAX_LEN]>::arbitrary(u)?;
        let len = u.int_in_range(1..=Self::MAX_LEN)?;
        let pattern = u.ratio(1_u8, 4)?;
        for octet in &mut octets {
            if *octet == b'%' || Self::new([*octet]).is_err() {
                *octet = b'x';
            }
        }
        if pattern && let Some([percent, letter]) = octets.get_mut(..len).and_then(<[u8]>::last_chunk_mut) {
            [*percent, *letter] = *b"%d";
        }
        octets.get(..len).and_then(|name| Self::new(name).ok()).ok_or(arbitrary::Error::IncorrectFormat)
    }
}

impl<'a> Arbitrary<'a> for IfReq {
    /// Half of them have a name or none as programs give it, half any 16 octets.
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let flags = u.arbitrary()?;
        Ok(if u.arbitrary()? {
            Self::new(u.arbitrary()?, flags)
        } else {
            Self::with_name_octets(u.arbitrary()?, flags)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A few hundred inputs that differ from each other, without a random number generator.
    fn inputs() -> impl Iterator<Item = [u8; 64]> {
        (0..512_u32).map(|seed| {
            let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
            std::array::from_fn(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
        })
    }

    fn values<T: for<'a> Arbitrary<'a>>() -> Vec<T> {
        inputs().map(|octets| T::arbitrary(&mut Unstructured::new(&octets)).unwrap()).collect()
    }

    #[test]
    fn names_are_legal_and_both_patterns_and_plain_occur() {
        let names = values::<InterfaceName>();
        assert!(names.iter().all(|name| InterfaceName::new(name) == Ok(*name)));
        assert!(names.iter().any(InterfaceName::is_pattern));
        assert!(names.iter().any(|name| !name.is_pattern()));
        assert!(names.iter().any(|name| name.as_octets().len() == 1));
        assert!(names.iter().any(|name| name.as_octets().len() == InterfaceName::MAX_LEN));
    }

    #[test]
    fn every_kind_of_payload_but_the_rare_one_occurs() {
        let kinds = values::<PayloadKind>();
        assert!(kinds.contains(&PayloadKind::Ipv4));
        assert!(kinds.contains(&PayloadKind::Ipv6));
        assert!(kinds.iter().any(|kind| matches!(kind, PayloadKind::Other(_))));
    }

    #[test]
    fn packet_information_of_each_framing_occurs() {
        for framing in [Framing::None, Framing::TunPi] {
            assert!(values::<PacketInfo>().iter().any(|info| info.framing() == framing), "{framing}");
        }
    }

    #[test]
    fn no_octets_still_give_a_value() {
        let mut nothing = Unstructured::new(&[]);
        InterfaceName::arbitrary(&mut nothing).unwrap();
        IfReq::arbitrary(&mut nothing).unwrap();
        TunPi::arbitrary(&mut nothing).unwrap();
    }
}
