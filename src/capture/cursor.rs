//! Takes octets off the front of a block and knows where it stands: no index, no panic.

use super::block::{self, padding};
use super::{BlockType, CaptureError, CaptureProblem};
use crate::codec::ByteOrder;

/// What is left of a block, with its place in the file and its byte order.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) block: BlockType,
    pub(super) order: ByteOrder,
    /// Where `rest` begins, in octets from the start of the file.
    pub(super) offset: usize,
    pub(super) rest: &'a [u8],
}

/// An option: its code and its value, without padding, and where the value stands.
pub(super) struct OptionField<'a> {
    pub(super) code: u16,
    value: Cursor<'a>,
}

impl<'a> Cursor<'a> {
    pub(super) const fn error(&self, problem: CaptureProblem) -> CaptureError {
        CaptureError { block: self.block, offset: self.offset, problem }
    }

    pub(super) const fn truncated(&self, needed: usize) -> CaptureError {
        self.error(CaptureProblem::Truncated { needed, available: self.rest.len() })
    }

    pub(super) const fn take(&mut self, octets: usize) -> Result<&'a [u8], CaptureError> {
        let Some((taken, rest)) = self.rest.split_at_checked(octets) else { return Err(self.truncated(octets)) };
        self.offset += octets;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) const fn array<const N: usize>(&mut self) -> Result<[u8; N], CaptureError> {
        let Some((taken, rest)) = self.rest.split_first_chunk() else { return Err(self.truncated(N)) };
        self.offset += N;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) const fn u16(&mut self) -> Result<u16, CaptureError> {
        match self.array() {
            Ok(octets) => Ok(self.order.decode_u16(octets)),
            Err(error) => Err(error),
        }
    }

    pub(super) const fn u32(&mut self) -> Result<u32, CaptureError> {
        match (self.array(), self.order) {
            (Ok(octets), ByteOrder::Big) => Ok(u32::from_be_bytes(octets)),
            (Ok(octets), ByteOrder::Little) => Ok(u32::from_le_bytes(octets)),
            (Err(error), _) => Err(error),
        }
    }

    /// A 32-bit length.
    pub(super) fn length(&mut self) -> Result<usize, CaptureError> {
        // More than a usize can count is more than there is, and told so by `take`.
        Ok(usize::try_from(self.u32()?).unwrap_or(usize::MAX))
    }

    /// A timestamp: its upper half first, in both byte orders.
    pub(super) fn timestamp(&mut self) -> Result<u64, CaptureError> {
        Ok(u64::from(self.u32()?) << 32 | u64::from(self.u32()?))
    }

    /// Octets that are padded to a multiple of four.
    pub(super) fn padded(&mut self, octets: usize) -> Result<&'a [u8], CaptureError> {
        let taken = self.take(octets)?;
        self.take(padding(octets))?;
        Ok(taken)
    }

    /// The next option; none at the end of options or of the block.
    pub(super) fn option(&mut self) -> Result<Option<OptionField<'a>>, CaptureError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (code, length) = (self.u16()?, self.u16()?);
        if code == block::OPT_ENDOFOPT {
            return Ok(None);
        }
        let offset = self.offset;
        let rest = self.padded(usize::from(length))?;
        Ok(Some(OptionField { code, value: Self { offset, rest, ..*self } }))
    }
}

impl<'a> OptionField<'a> {
    /// A string as it stands there: up to its end or its first zero octet.
    pub(super) fn text(&self) -> &'a [u8] {
        let octets = self.value.rest;
        octets.split(|octet| *octet == 0).next().unwrap_or(octets)
    }

    /// The value of an option that has exactly this many octets.
    pub(super) fn fixed<const N: usize>(&self) -> Result<[u8; N], CaptureError> {
        self.value.rest.try_into().map_err(|_| {
            let available = self.value.rest.len();
            self.value.error(CaptureProblem::OptionLength { option: self.code, needed: N, available })
        })
    }

    pub(super) fn u32(&self) -> Result<u32, CaptureError> {
        let octets = self.fixed()?;
        Ok(match self.value.order {
            ByteOrder::Big => u32::from_be_bytes(octets),
            ByteOrder::Little => u32::from_le_bytes(octets),
        })
    }

    pub(super) fn u64(&self) -> Result<u64, CaptureError> {
        let octets = self.fixed()?;
        Ok(match self.value.order {
            ByteOrder::Big => u64::from_be_bytes(octets),
            ByteOrder::Little => u64::from_le_bytes(octets),
        })
    }
}
