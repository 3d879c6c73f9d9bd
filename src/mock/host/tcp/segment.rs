//! A TCP segment's octets (RFC 9293 section 3.1), read and written.
//!
//! ```text
//!  source port (2) · destination port (2) · sequence (4) · acknowledgement (4)
//!  offset · flags  · window (2)           · checksum (2) · urgent (2) · options
//! ```

use std::net::IpAddr;

use super::super::checksum;
use super::super::packet::{protocol, u16_at, u32_at};

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const PSH: u8 = 8;
pub(super) const ACK: u8 = 16;

const HEADER: usize = 20;

/// A segment whose offset is right.
#[derive(Clone, Copy)]
pub(super) struct Segment<'a> {
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) sequence: u32,
    pub(super) acknowledgement: u32,
    pub(super) flags: u8,
    pub(super) window: u16,
    pub(super) options: Options<'a>,
    pub(super) payload: &'a [u8],
}

/// The options that the host knows.
#[derive(Clone, Copy, Default)]
pub(super) struct Options<'a> {
    pub(super) segment_size: Option<u16>,
    pub(super) window_scale: Option<u8>,
    pub(super) sack_permitted: bool,
    /// Pairs of sequence numbers, of 8 octets each.
    pub(super) sack: &'a [u8],
    pub(super) timestamps: Option<(u32, u32)>,
}

impl<'a> Options<'a> {
    /// Reads options up to the first that cannot be read, as Linux does.
    fn read(octets: &'a [u8]) -> Self {
        let mut options = Self::default();
        let mut at = 0;
        while let Some(&kind) = octets.get(at) {
            let length = match (kind, octets.get(at + 1)) {
                (0, _) => break,
                (1, _) => 1,
                (_, Some(&length)) if length >= 2 => usize::from(length),
                _ => break,
            };
            let Some(option) = octets.get(at..at + length) else { break };
            let data = option.get(2..).unwrap_or_default();
            match (kind, length) {
                (2, 4) => options.segment_size = u16_at(data, 0),
                (3, 3) => options.window_scale = data.first().map(|scale| (*scale).min(14)),
                (4, 2) => options.sack_permitted = true,
                (5, 10 | 18 | 26 | 34) => options.sack = data,
                (8, 10) => options.timestamps = u32_at(data, 0).zip(u32_at(data, 4)),
                _ => {}
            }
            at += length;
        }
        options
    }

    /// The octets, in the order and with the padding of Linux.
    fn write(&self, out: &mut Vec<u8>) {
        if let Some(size) = self.segment_size {
            out.extend_from_slice(&[2, 4]);
            out.extend_from_slice(&size.to_be_bytes());
        }
        match (self.sack_permitted, self.timestamps) {
            (true, Some(_)) => out.extend_from_slice(&[4, 2, 8, 10]),
            (false, Some(_)) => out.extend_from_slice(&[1, 1, 8, 10]),
            (true, None) => out.extend_from_slice(&[1, 1, 4, 2]),
            (false, None) => {}
        }
        if let Some((value, echo)) = self.timestamps {
            out.extend_from_slice(&value.to_be_bytes());
            out.extend_from_slice(&echo.to_be_bytes());
        }
        if let Some(scale) = self.window_scale {
            out.extend_from_slice(&[1, 3, 3, scale]);
        }
        // With time stamps there is room for three blocks, else for four.
        let room = if self.timestamps.is_some() { 24 } else { 32 };
        let blocks = self.sack.get(..room).unwrap_or(self.sack);
        if let Some(length) = u8::try_from(blocks.len() + 2).ok().filter(|length| *length > 2) {
            out.extend_from_slice(&[1, 1, 5, length]);
            out.extend_from_slice(blocks);
        }
    }
}

impl<'a> Segment<'a> {
    /// Reads a segment. The checksum is not looked at.
    pub(super) fn read(octets: &'a [u8]) -> Option<Self> {
        let offset = usize::from(octets.get(12)? >> 4) * 4;
        let options = octets.get(HEADER..offset).filter(|_| offset >= HEADER)?;
        Some(Self {
            source_port: u16_at(octets, 0)?,
            destination_port: u16_at(octets, 2)?,
            sequence: u32_at(octets, 4)?,
            acknowledgement: u32_at(octets, 8)?,
            flags: octets.get(13)? & 0x1f,
            window: u16_at(octets, 14)?,
            options: Options::read(options),
            payload: octets.get(offset..)?,
        })
    }

    /// The octets, with the checksum between those addresses.
    pub(super) fn write(&self, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        let mut octets = Vec::with_capacity(HEADER + 40 + self.payload.len());
        octets.extend_from_slice(&self.source_port.to_be_bytes());
        octets.extend_from_slice(&self.destination_port.to_be_bytes());
        octets.extend_from_slice(&self.sequence.to_be_bytes());
        octets.extend_from_slice(&self.acknowledgement.to_be_bytes());
        octets.extend_from_slice(&[0, self.flags]);
        octets.extend_from_slice(&self.window.to_be_bytes());
        octets.extend_from_slice(&[0; 4]);
        self.options.write(&mut octets);
        let words = u8::try_from(octets.len() / 4).unwrap_or(15);
        if let Some(offset) = octets.get_mut(12) {
            *offset = words << 4;
        }
        octets.extend_from_slice(self.payload);
        let sum = checksum::transport(source, destination, protocol::TCP, &octets);
        checksum::put(&mut octets, 16, sum);
        octets
    }

    /// How much of the sequence space it takes.
    pub(super) fn length(&self) -> u32 {
        let controls = u32::from(self.flags & SYN != 0) + u32::from(self.flags & FIN != 0);
        u32::try_from(self.payload.len()).unwrap_or(u32::MAX).wrapping_add(controls)
    }

    /// The sequence number behind it.
    pub(super) fn end(&self) -> u32 {
        self.sequence.wrapping_add(self.length())
    }

    pub(super) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The reset that answers it where nobody listens (RFC 9293 section 3.10.7.1); none answers a reset.
    pub(super) fn reset(&self) -> Option<Segment<'static>> {
        let (sequence, acknowledgement, flags) = match (self.has(RST), self.has(ACK)) {
            (true, _) => return None,
            (false, true) => (self.acknowledgement, 0, RST),
            (false, false) => (0, self.end(), RST | ACK),
        };
        Some(Segment {
            source_port: self.destination_port,
            destination_port: self.source_port,
            sequence,
            acknowledgement,
            flags,
            window: 0,
            options: Options::default(),
            payload: &[],
        })
    }
}

/// Whether a sequence number comes after another (RFC 9293 section 3.4).
pub(super) const fn is_after(sequence: u32, other: u32) -> bool {
    let distance = sequence.wrapping_sub(other);
    distance != 0 && distance < 1 << 31
}
