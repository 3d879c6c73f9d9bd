//! Packet information: the header that a platform puts in front of a frame. (Skeleton: replaced by the codec work.)

/// Which header precedes a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// None.
    #[default]
    None,
    /// Linux, `struct tun_pi`.
    TunPi,
}

impl Framing {
    /// The header's octets.
    #[must_use]
    pub const fn header_len(self) -> usize {
        match self {
            Self::None => 0,
            Self::TunPi => 4,
        }
    }
}
