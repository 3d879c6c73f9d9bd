//! `struct tun_pi`: decode and encode against the same by hand, and against etherparse's nearest.
//!
//! Each iteration handles 1024 headers, so that what is compared is the work and not the clock; divan's `items` column
//! is headers a second. etherparse has no `struct tun_pi`. The nearest that it reads is a link header that ends in an
//! EtherType, `Ethernet2HeaderSlice`: a length check and the same two octets in network order, at another offset. The
//! nearest that it writes is `Ethernet2Header::to_bytes`, which also returns an array; it is 14 octets instead of 4.

#![expect(
    clippy::indexing_slicing,
    reason = "by-hand code is measured as a careful program writes it, behind a length check"
)]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use etherparse::{EtherType as EtherparseType, Ethernet2Header, Ethernet2HeaderSlice};
use tuntap_test::codec::{ByteOrder, EtherType, TunPi, TunPiFlags};

const HEADERS: u16 = 1024;

fn main() {
    divan::main();
}

/// Frames of 64 octets; the protocol differs from each to the next and stands where each format has it.
fn frames(offset: usize) -> Vec<[u8; 64]> {
    (0..HEADERS)
        .map(|number| {
            let mut frame = [0; 64];
            frame[offset..offset + 2].copy_from_slice(&number.to_be_bytes());
            frame
        })
        .collect()
}

/// Sums the protocols that `decode` reads, so that none is optimised away.
fn bench_decode(bencher: Bencher<'_, '_>, offset: usize, decode: impl Fn(&[u8]) -> u16 + Sync) {
    let frames = frames(offset);
    bencher
        .counter(ItemsCount::new(frames.len()))
        .bench(|| frames.iter().fold(0_u16, |sum, frame| sum.wrapping_add(decode(black_box(frame.as_slice())))));
}

fn bench_encode<const N: usize>(bencher: Bencher<'_, '_>, encode: impl Fn(u16) -> [u8; N] + Sync) {
    bencher.counter(ItemsCount::new(HEADERS)).bench(|| {
        for number in 0..HEADERS {
            black_box(encode(black_box(number)));
        }
    });
}

mod decode {
    use super::*;

    #[divan::bench]
    fn tun_pi(bencher: Bencher<'_, '_>) {
        bench_decode(bencher, 2, |octets| TunPi::decode(octets).map_or(0, |(pi, _)| pi.protocol.0 ^ pi.flags.0));
    }

    #[divan::bench]
    fn tun_pi_of_the_other_order(bencher: Bencher<'_, '_>) {
        bench_decode(bencher, 2, |octets| {
            TunPi::decode_in(black_box(ByteOrder::Big), octets).map_or(0, |(pi, _)| pi.protocol.0 ^ pi.flags.0)
        });
    }

    #[divan::bench]
    fn by_hand(bencher: Bencher<'_, '_>) {
        bench_decode(bencher, 2, |octets| {
            if octets.len() < 4 {
                return 0;
            }
            u16::from_be_bytes([octets[2], octets[3]]) ^ u16::from_ne_bytes([octets[0], octets[1]])
        });
    }

    #[divan::bench]
    fn etherparse_ethernet2(bencher: Bencher<'_, '_>) {
        bench_decode(bencher, 12, |octets| {
            Ethernet2HeaderSlice::from_slice(octets).map_or(0, |header| header.ether_type().0)
        });
    }
}

mod encode {
    use super::*;

    #[divan::bench]
    fn tun_pi(bencher: Bencher<'_, '_>) {
        bench_encode(bencher, |number| TunPi { flags: TunPiFlags(number), protocol: EtherType(number) }.encode());
    }

    #[divan::bench]
    fn by_hand(bencher: Bencher<'_, '_>) {
        bench_encode(bencher, |number| {
            let (flags, protocol) = (number.to_ne_bytes(), number.to_be_bytes());
            [flags[0], flags[1], protocol[0], protocol[1]]
        });
    }

    #[divan::bench]
    fn etherparse_ethernet2(bencher: Bencher<'_, '_>) {
        bench_encode(bencher, |number| {
            let ether_type = EtherparseType(number);
            Ethernet2Header { source: [0; 6], destination: [0; 6], ether_type }.to_bytes()
        });
    }
}
