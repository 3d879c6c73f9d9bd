//! The name of an interface, checked by the kernel's rules before the kernel sees it.

use std::borrow::Cow;
use std::str::FromStr;
use std::{error, fmt};

use super::TunTapFlags;

/// The name of an interface, or a pattern such as `tun%d` from which the kernel makes one: 1 to 15 octets.
///
/// The rules are those of the Linux kernel (`dev_valid_name`, `__dev_alloc_name` in net/core/dev.c), tried on 6.18. Any
/// octets are legal that they do not forbid: names need not be text, let alone ASCII.
///
/// ```
/// use tuntap_test::codec::{InterfaceName, NameError};
///
/// let name = InterfaceName::new("tun0")?;
/// assert_eq!(name.to_string(), "tun0");
/// assert!(InterfaceName::new("vpn%d")?.is_pattern());
///
/// let error = InterfaceName::new("a-name-of-sixteen").unwrap_err();
/// assert_eq!(error.to_string(), "an interface name has at most 15 octets, this one has 17");
/// assert_eq!(InterfaceName::truncated("a-name-of-sixteen")?.to_string(), "a-name-of-sixte");
/// # Ok::<(), NameError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceName {
    /// NUL padded; a name has no NUL, so that equal names are equal here and the order is that of the octets.
    octets: [u8; Self::MAX_LEN],
    len: u8,
}

impl InterfaceName {
    /// The most octets of a name: `IFNAMSIZ` less the NUL at the end.
    pub const MAX_LEN: usize = 15;

    /// A name, or a pattern with one `%d`.
    ///
    /// Names that the kernel knows otherwise are refused later, by the kernel: `all` and `default` where /proc/sys
    /// has entries of that name, and interfaces that exist and are not TUN or TAP.
    ///
    /// # Errors
    /// When the kernel would refuse the name with EINVAL, or cut it: see [`NameError`].
    pub fn new(name: impl AsRef<[u8]>) -> Result<Self, NameError> {
        let name = name.as_ref();
        if name.len() > Self::MAX_LEN {
            return Err(NameError::TooLong { limit: Self::MAX_LEN, len: name.len() });
        }
        Self::truncated(name)
    }

    /// A name of which the first 15 octets are kept, as the kernel does when a program such as Scapy hands it more.
    ///
    /// # Errors
    /// As [`new`](Self::new) for what is kept, but never because of the length.
    pub fn truncated(name: impl AsRef<[u8]>) -> Result<Self, NameError> {
        let mut kept = Self { octets: [0; Self::MAX_LEN], len: 0 };
        for (to, &octet) in kept.octets.iter_mut().zip(name.as_ref()) {
            *to = octet;
            kept.len += 1;
        }
        check(kept.as_octets())?;
        Ok(kept)
    }

    /// The octets, without NUL.
    #[must_use]
    pub fn as_octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or(&self.octets)
    }

    /// The name as text, with U+FFFD for what is not UTF-8.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_octets())
    }

    /// Whether the kernel replaces a `%d` in it by the first free number.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        self.as_octets().contains(&b'%')
    }

    /// TUN or TAP by the name's beginning, as Scapy does: `tun` and `utun` are TUN, `tap` is TAP. Case matters.
    ///
    /// # Errors
    /// When the name begins otherwise.
    ///
    /// ```
    /// use tuntap_test::codec::{InterfaceName, NamedMode};
    ///
    /// assert_eq!(InterfaceName::new("utun7")?.guess_mode(), Ok(NamedMode::Tun));
    /// let error = InterfaceName::new("vpn0")?.guess_mode().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the name vpn0 does not tell TUN from TAP (tun* and utun* are TUN, tap* is TAP): say which"
    /// );
    /// # Ok::<(), tuntap_test::codec::NameError>(())
    /// ```
    pub fn guess_mode(&self) -> Result<NamedMode, UnknownModeError> {
        match self.as_octets() {
            [b't', b'u', b'n', ..] | [b'u', b't', b'u', b'n', ..] => Ok(NamedMode::Tun),
            [b't', b'a', b'p', ..] => Ok(NamedMode::Tap),
            _ => Err(UnknownModeError { name: *self }),
        }
    }
}

/// The kernel's rules for what is between the first and the last octet of a name.
fn check(name: &[u8]) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name == b"." || name == b".." {
        return Err(NameError::Dots);
    }
    if let Some(&octet) = name.iter().find(|&&octet| is_forbidden(octet)) {
        return Err(NameError::Forbidden { octet });
    }
    if let Some(at) = name.iter().position(|&octet| octet == b'%') {
        let behind = name.get(at + 1..).unwrap_or_default();
        if behind.first() != Some(&b'd') || behind.contains(&b'%') {
            return Err(NameError::Pattern);
        }
    }
    Ok(())
}

/// NUL, `/`, `:` and what the kernel's `isspace` takes for white space, which includes 0xa0, the no-break space of
/// Latin-1 (lib/ctype.c): so `à` in UTF-8 (c3 a0) cannot stand in a name, while `é` (c3 a9) can.
const fn is_forbidden(octet: u8) -> bool {
    matches!(octet, 0 | b'/' | b':' | b' ' | b'\t'..=b'\r' | 0xa0)
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_text())
    }
}

impl fmt::Debug for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InterfaceName(\"{}\")", self.as_octets().escape_ascii())
    }
}

impl AsRef<[u8]> for InterfaceName {
    fn as_ref(&self) -> &[u8] {
        self.as_octets()
    }
}

impl FromStr for InterfaceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl TryFrom<&str> for InterfaceName {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

/// What a name says about the device behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the kernel knows these two")]
pub enum NamedMode {
    /// `tap*`: Ethernet frames.
    Tap,
    /// `tun*`, `utun*`: IP packets.
    Tun,
}

impl NamedMode {
    /// The flag that asks for such a device.
    #[must_use]
    pub const fn flag(self) -> TunTapFlags {
        match self {
            Self::Tap => TunTapFlags::TAP,
            Self::Tun => TunTapFlags::TUN,
        }
    }
}

/// A name that begins neither like a TUN's nor like a TAP's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownModeError {
    /// The name.
    pub name: InterfaceName,
}

impl fmt::Display for UnknownModeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        write!(f, "the name {name} does not tell TUN from TAP (tun* and utun* are TUN, tap* is TAP): say which")
    }
}

impl error::Error for UnknownModeError {}

/// Why octets are not the name of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// It is `.` or `..`, which /sys could not show.
    Dots,
    /// There are no octets. The kernel takes that as "choose for me", which here is the absence of a name.
    Empty,
    /// It contains a NUL, a `/`, a `:` or white space.
    Forbidden {
        /// The first such octet.
        octet: u8,
    },
    /// It contains a `%` that is not part of `%d`, or more than one.
    Pattern,
    /// It has more than 15 octets.
    TooLong {
        /// The most octets: 15.
        limit: usize,
        /// How many there are.
        len: usize,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dots => f.write_str("an interface name cannot be `.` or `..`"),
            Self::Empty => f.write_str("an interface name has at least one octet"),
            Self::Forbidden { octet: 0 } => f.write_str("an interface name cannot contain NUL"),
            Self::Forbidden { octet: octet @ (b'/' | b':') } => {
                write!(f, "an interface name cannot contain `{}`", char::from(*octet))
            }
            Self::Forbidden { octet } => {
                write!(f, "an interface name cannot contain octet {octet:#04x}, white space to the kernel")
            }
            Self::Pattern => f.write_str("an interface name can contain one `%`, and only as `%d`"),
            Self::TooLong { limit, len } => {
                write!(f, "an interface name has at most {limit} octets, this one has {len}")
            }
        }
    }
}

impl error::Error for NameError {}
