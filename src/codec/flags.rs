//! The flags of `TUNSETIFF` and `TUNGETIFF`, and how sets of flags print.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign};

/// The `ifr_flags` of `TUNSETIFF` and `TUNGETIFF` (linux/if_tun.h). Bits that have no name here are kept.
///
/// The kernel accepts unknown bits silently, so that a flag's acceptance proves nothing: ask `TUNGETFEATURES`.
///
/// ```
/// use tuntap_test::codec::TunTapFlags;
///
/// let flags = TunTapFlags::TUN | TunTapFlags::NO_PI | TunTapFlags(0x8);
/// assert_eq!(flags.0, 0x1009);
/// assert_eq!(format!("{flags:?}"), "TunTapFlags(TUN | NO_PI | 0x0008)");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "sixteen bits and nothing else")]
pub struct TunTapFlags(pub u16);

impl TunTapFlags {
    /// `IFF_TUN`: the device carries IP packets. Wins when [`TAP`](Self::TAP) is set too.
    pub const TUN: Self = Self(0x0001);
    /// `IFF_TAP`: the device carries Ethernet frames.
    pub const TAP: Self = Self(0x0002);
    /// `IFF_NAPI`: what is written goes through the driver's NAPI queue.
    pub const NAPI: Self = Self(0x0010);
    /// `IFF_NAPI_FRAGS`: buffers are built from page fragments. Needs `NAPI`, TAP and the initial user namespace.
    pub const NAPI_FRAGS: Self = Self(0x0020);
    /// `IFF_NO_CARRIER`: the link starts without carrier (Linux 6.2).
    pub const NO_CARRIER: Self = Self(0x0040);
    /// `IFF_BACKPRESSURE`: a full queue stops the sender instead of losing the frame (Linux 7.3).
    pub const BACKPRESSURE: Self = Self(0x0080);
    /// `IFF_MULTI_QUEUE`: up to 256 descriptors share the device.
    pub const MULTI_QUEUE: Self = Self(0x0100);
    /// `IFF_ATTACH_QUEUE`: for `TUNSETQUEUE` only.
    pub const ATTACH_QUEUE: Self = Self(0x0200);
    /// `IFF_DETACH_QUEUE`: for `TUNSETQUEUE` only.
    pub const DETACH_QUEUE: Self = Self(0x0400);
    /// `IFF_PERSIST`: the device outlives its descriptors. The kernel reports it; `TUNSETPERSIST` sets it.
    pub const PERSIST: Self = Self(0x0800);
    /// `IFF_NO_PI`: no `struct tun_pi` in front of the frame. In what `TUNGETIFF` reports the same bit is
    /// `IFF_NOFILTER`, so that it does not tell whether there is packet information.
    pub const NO_PI: Self = Self(0x1000);
    /// `IFF_ONE_QUEUE`: has no effect.
    pub const ONE_QUEUE: Self = Self(0x2000);
    /// `IFF_VNET_HDR`: `struct virtio_net_hdr` in front of the frame, behind `struct tun_pi`.
    pub const VNET_HDR: Self = Self(0x4000);
    /// `IFF_TUN_EXCL`: fail with EBUSY when the name exists.
    pub const TUN_EXCL: Self = Self(0x8000);

    /// No flag.
    #[must_use]
    pub const fn empty() -> Self {
        Self(0)
    }

    /// Whether every flag of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags of both; [`BitOr`] for constants.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The named flags, lowest bit first.
const NAMES: &[(u16, &str)] = &[
    (TunTapFlags::TUN.0, "TUN"),
    (TunTapFlags::TAP.0, "TAP"),
    (TunTapFlags::NAPI.0, "NAPI"),
    (TunTapFlags::NAPI_FRAGS.0, "NAPI_FRAGS"),
    (TunTapFlags::NO_CARRIER.0, "NO_CARRIER"),
    (TunTapFlags::BACKPRESSURE.0, "BACKPRESSURE"),
    (TunTapFlags::MULTI_QUEUE.0, "MULTI_QUEUE"),
    (TunTapFlags::ATTACH_QUEUE.0, "ATTACH_QUEUE"),
    (TunTapFlags::DETACH_QUEUE.0, "DETACH_QUEUE"),
    (TunTapFlags::PERSIST.0, "PERSIST"),
    (TunTapFlags::NO_PI.0, "NO_PI"),
    (TunTapFlags::ONE_QUEUE.0, "ONE_QUEUE"),
    (TunTapFlags::VNET_HDR.0, "VNET_HDR"),
    (TunTapFlags::TUN_EXCL.0, "TUN_EXCL"),
];

impl fmt::Debug for TunTapFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_flags(f, "TunTapFlags", self.0, NAMES)
    }
}

impl From<u16> for TunTapFlags {
    fn from(bits: u16) -> Self {
        Self(bits)
    }
}

impl From<TunTapFlags> for u16 {
    fn from(flags: TunTapFlags) -> Self {
        flags.0
    }
}

impl BitOr for TunTapFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl BitOrAssign for TunTapFlags {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl BitAnd for TunTapFlags {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// Writes `Type(A | B | 0x0008)`: the names of the bits that have one, then the others in hexadecimal.
pub(super) fn write_flags(
    f: &mut fmt::Formatter<'_>,
    type_name: &str,
    bits: u16,
    names: &[(u16, &str)],
) -> fmt::Result {
    write!(f, "{type_name}(")?;
    let mut unnamed = bits;
    let mut separator = "";
    for &(bit, name) in names {
        if bits & bit != 0 {
            write!(f, "{separator}{name}")?;
            separator = " | ";
            unnamed &= !bit;
        }
    }
    if unnamed != 0 || bits == 0 {
        write!(f, "{separator}{unnamed:#06x}")?;
    }
    f.write_str(")")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_one_bit_of_its_own() {
        let mut seen = 0;
        for &(bit, name) in NAMES {
            assert_eq!(bit.count_ones(), 1, "{name}");
            assert_eq!(seen & bit, 0, "{name} shares its bit");
            seen |= bit;
        }
        assert_eq!(seen, 0xfff3, "0x4 and 0x8 have no name");
    }

    #[test]
    fn no_flag_prints_as_zero() {
        assert_eq!(format!("{:?}", TunTapFlags::empty()), "TunTapFlags(0x0000)");
    }
}
