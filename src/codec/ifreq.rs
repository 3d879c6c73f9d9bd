//! `struct ifreq` as `TUNSETIFF` and `TUNGETIFF` use it: a name and flags.

use super::{ByteOrder, DecodeError, EncodeError, InterfaceName, NameError, Structure, TunTapFlags};

/// `IFNAMSIZ` of linux/if.h.
const NAME_LEN: usize = 16;

/// How many octets `struct ifreq` has: the union behind the name holds `struct ifmap`, in which there are pointers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the two sizes of a pointer")]
pub enum IfReqSize {
    /// 32 octets, where pointers have 32 bits.
    Bits32,
    /// 40 octets, where pointers have 64 bits.
    Bits64,
}

impl IfReqSize {
    /// The size on the machine that this was compiled for.
    pub const NATIVE: Self = if cfg!(target_pointer_width = "64") { Self::Bits64 } else { Self::Bits32 };

    /// The octets of the structure.
    #[must_use]
    pub const fn octets(self) -> usize {
        match self {
            Self::Bits32 => 32,
            Self::Bits64 => 40,
        }
    }
}

/// `struct ifreq` of linux/if.h with the flags as the union's member.
///
/// ```text
///  octets  0..16   name, NUL padded
///         16..18   flags, in the byte order of the machine
///         18..     the rest of the union: ignored, written as zero (to octet 32 or 40, see IfReqSize)
/// ```
///
/// All 16 octets of the name are kept as they are, so that what was decoded encodes to the same octets.
///
/// ```
/// use tuntap_test::codec::{IfReq, InterfaceName, TunTapFlags};
///
/// let request = IfReq::new(Some(InterfaceName::new("tun%d")?), TunTapFlags::TUN | TunTapFlags::NO_PI);
/// let octets = request.encode();
/// let (same, rest) = IfReq::decode(&octets)?;
/// assert_eq!(same, request);
/// assert!(rest.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IfReq {
    name: [u8; NAME_LEN],
    flags: TunTapFlags,
}

impl IfReq {
    /// A request. Without a name the kernel chooses one: the first free `tunN` or `tapN`.
    #[must_use]
    pub fn new(name: Option<InterfaceName>, flags: TunTapFlags) -> Self {
        let mut octets = [0; NAME_LEN];
        let given = name.as_ref().map_or(&[][..], InterfaceName::as_octets);
        for (to, &octet) in octets.iter_mut().zip(given) {
            *to = octet;
        }
        Self { name: octets, flags }
    }

    /// A request with exactly these octets as its name, whatever they are: to try what a kernel says to them.
    #[must_use]
    pub const fn with_name_octets(name: [u8; NAME_LEN], flags: TunTapFlags) -> Self {
        Self { name, flags }
    }

    /// The name as the kernel reads it: up to the first NUL, at most 15 octets. `None` when that is nothing, which asks
    /// the kernel to choose.
    ///
    /// # Errors
    /// When the octets are not a name that the kernel takes or gives.
    pub fn name(&self) -> Result<Option<InterfaceName>, NameError> {
        let name = self.name.split(|&octet| octet == 0).next().unwrap_or_default();
        if name.is_empty() { Ok(None) } else { InterfaceName::truncated(name).map(Some) }
    }

    /// The 16 octets of the name, with what follows the first NUL.
    #[must_use]
    pub const fn name_octets(&self) -> &[u8; NAME_LEN] {
        &self.name
    }

    /// The flags.
    #[must_use]
    pub const fn flags(&self) -> TunTapFlags {
        self.flags
    }

    /// Reads a structure of this machine, and gives what follows it.
    ///
    /// # Errors
    /// With less than [`IfReqSize::NATIVE`] octets.
    pub const fn decode(octets: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        Self::decode_in(IfReqSize::NATIVE, ByteOrder::NATIVE, octets)
    }

    /// Reads a structure of a machine with that pointer size and byte order.
    ///
    /// # Errors
    /// With less octets than `size` has.
    pub const fn decode_in(size: IfReqSize, order: ByteOrder, octets: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let truncated = DecodeError::truncated(Structure::IfReq, size.octets(), octets.len());
        let Some((structure, rest)) = octets.split_at_checked(size.octets()) else {
            return Err(truncated);
        };
        let Some((&name, union)) = structure.split_first_chunk() else {
            return Err(truncated);
        };
        let Some((&flags, _)) = union.split_first_chunk() else {
            return Err(truncated);
        };
        Ok((Self { name, flags: TunTapFlags(order.decode_u16(flags)) }, rest))
    }

    /// The structure as this machine's kernel takes it: 40 octets, or 32 where pointers have 32 bits.
    #[must_use]
    pub fn encode(&self) -> [u8; IfReqSize::NATIVE.octets()] {
        let mut octets = [0; IfReqSize::NATIVE.octets()];
        self.write(ByteOrder::NATIVE, &mut octets);
        octets
    }

    /// Writes the structure of a machine with that pointer size and byte order to the start of `buffer`. Returns how
    /// many octets it has.
    ///
    /// # Errors
    /// When the buffer has less; it is left as it was.
    pub fn encode_into(&self, size: IfReqSize, order: ByteOrder, buffer: &mut [u8]) -> Result<usize, EncodeError> {
        let (needed, available) = (size.octets(), buffer.len());
        let Some(structure) = buffer.get_mut(..needed) else {
            return Err(EncodeError::BufferTooShort { structure: Structure::IfReq, needed, available });
        };
        self.write(order, structure);
        Ok(needed)
    }

    /// Writes name and flags, then zeros to the structure's end.
    fn write(&self, order: ByteOrder, structure: &mut [u8]) {
        let fields = self.name.into_iter().chain(order.encode_u16(self.flags.0));
        for (to, octet) in structure.iter_mut().zip(fields.chain(std::iter::repeat(0))) {
            *to = octet;
        }
    }
}
