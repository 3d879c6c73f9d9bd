//! Capture files as others write them, block by block: in either byte order, with what our writer never writes.

use tuntap_test::codec::ByteOrder;

/// A file in one byte order.
pub(crate) struct File {
    order: ByteOrder,
    pub(crate) octets: Vec<u8>,
}

/// Something with a place in a block: integers are in the file's order.
pub(crate) enum Part<'a> {
    U16(u16),
    U32(u32),
    U64(u64),
    Raw(&'a [u8]),
    /// Padded to a multiple of four.
    Padded(&'a [u8]),
    /// Code and value.
    Option(u16, &'a [u8]),
    /// Code and a value of 64 bits.
    Counter(u16, u64),
}
use Part::{Counter, Option, Padded, Raw, U16, U32, U64};

impl File {
    pub(crate) fn new(order: ByteOrder) -> Self {
        Self { order, octets: Vec::new() }
    }

    fn u16(&self, value: u16) -> [u8; 2] {
        self.order.encode_u16(value)
    }

    fn u32(&self, value: u32) -> [u8; 4] {
        if self.order == ByteOrder::Big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn u64(&self, value: u64) -> [u8; 8] {
        if self.order == ByteOrder::Big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn encode(&self, parts: &[Part<'_>]) -> Vec<u8> {
        let mut octets = Vec::new();
        for part in parts {
            match *part {
                U16(value) => octets.extend(self.u16(value)),
                U32(value) => octets.extend(self.u32(value)),
                U64(value) => octets.extend(self.u64(value)),
                Raw(raw) => octets.extend(raw),
                Padded(raw) => {
                    octets.extend(raw);
                    octets.resize(octets.len().next_multiple_of(4), 0);
                }
                Option(code, value) => {
                    let length = u16::try_from(value.len()).unwrap();
                    octets.extend(self.encode(&[U16(code), U16(length), Padded(value)]));
                }
                Counter(code, value) => octets.extend(self.encode(&[U16(code), U16(8), U64(value)])),
            }
        }
        octets
    }

    /// Parts without a block around them.
    pub(crate) fn raw(mut self, parts: &[Part<'_>]) -> Self {
        self.octets.extend(self.encode(parts));
        self
    }

    pub(crate) fn block(self, block_type: u32, parts: &[Part<'_>]) -> Self {
        let body = self.encode(parts);
        let length = u32::try_from(body.len() + 12).unwrap();
        self.raw(&[U32(block_type), U32(length), Raw(&body), U32(length)])
    }

    /// A section header block without options.
    pub(crate) fn section(self) -> Self {
        self.block(0x0a0d_0d0a, &[U32(0x1a2b_3c4d), U16(1), U16(0), U64(u64::MAX)])
    }

    /// An interface description block.
    pub(crate) fn interface(self, link_type: u16, snap_length: u32, options: &[Part<'_>]) -> Self {
        let body = self.encode(options);
        self.block(1, &[U16(link_type), U16(0), U32(snap_length), Raw(&body)])
    }

    /// An enhanced packet block.
    pub(crate) fn packet(self, interface: u32, time: u64, octets: &[u8], options: &[Part<'_>]) -> Self {
        let body = self.encode(options);
        let [upper, lower] = halves(time);
        let length = u32::try_from(octets.len()).unwrap();
        self.block(6, &[U32(interface), upper, lower, U32(length), U32(length), Padded(octets), Raw(&body)])
    }

    /// The header of a pcap file.
    pub(crate) fn pcap(self, magic: u32, link_type: u32) -> Self {
        self.raw(&[U32(magic), U16(2), U16(4), U32(0), U32(0), U32(65_535), U32(link_type)])
    }
}

/// A timestamp: two numbers of 32 bits, the upper one first.
pub(crate) fn halves(time: u64) -> [Part<'static>; 2] {
    [time >> 32, time & 0xffff_ffff].map(|half| U32(u32::try_from(half).unwrap()))
}

/// All that our writer never writes, in that order.
pub(crate) fn everything(order: ByteOrder) -> Vec<u8> {
    let [upper, lower] = halves(1_536 + 1_024);
    let file = File::new(order)
        .section()
        .interface(1, 4, &[]) // microseconds; keeps four octets
        .interface(101, 0, &[Option(9, &[0x80 | 10]), Counter(14, 1_000), Option(2, b"a\0b")])
        .block(0x0bad_f00d, &[Padded(b"skipped")])
        .packet(0, 1_500_000, &[1, 2, 3], &[Option(2988, b"custom")]) // no end of options
        .block(2, &[U16(1), U16(7), upper, lower, U32(1), U32(90), Padded(&[0x45]), Option(2, &[0; 4])])
        .block(3, &[U32(90), Raw(&[5, 6, 7, 8])])
        .block(5, &[U32(1), U32(0), U32(512), Counter(4, 3), Counter(5, 2), Counter(7, 1)]);
    let comment = [0xff, b'!'];
    let flags = match order {
        ByteOrder::Big => [0, 0, 0, 0x21],
        ByteOrder::Little => [0x21, 0, 0, 0],
    };
    let other = if order == ByteOrder::Big { ByteOrder::Little } else { ByteOrder::Big };
    let second = File::new(other)
        .block(0x0a0d_0d0a, &[U32(0x1a2b_3c4d), U16(1), U16(2), U64(4), Option(1, b"second")])
        .interface(228, 0, &[Option(9, &[0])])
        .packet(0, 7, &[0x46, 0], &[]);
    let third = File::new(order).section().interface(101, 0, &[]).packet(
        0,
        1,
        &[0x60],
        &[Option(1, &comment), Option(2, &flags), Counter(4, 5), U32(0)],
    );
    [file.octets, second.octets, third.octets].concat()
}
