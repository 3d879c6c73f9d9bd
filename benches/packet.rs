//! Matching, building and naming a packet, against etherparse alone and smoltcp's wire alone.
//!
//! ```text
//! cargo bench --bench packet          # about 10 s
//! ```
//!
//! The packet is a TCP SYN of 60 octets: IPv4 (20), TCP (20), options (20: MSS, SACK permitted, timestamps, a filler,
//! window scale). divan's `items` column is packets a second. What each way does:
//!
//! * **matching**: takes the packet apart, verifies both checksums, and holds it against three patterns, of which the
//!   third fits: another port, other flags, and then source, destination, port, flags and an option. By hand the same
//!   conditions stand in `if`s.
//! * **building**: the same packet from its values, with lengths and checksums.
//! * **one line**: `192.0.2.2:40000 > 192.0.2.1:80 TCP [S] …`; by hand with the same words, but for the options;
//!   smoltcp's own pretty printer has its own words.

use std::net::Ipv4Addr;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TcpOptionElement, TransportSlice};
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::tcp_flags::{A, S};
use tuntap_test::packet::{Dissection, IntoPacket, Ipv4, Packet, Tcp};

/// Packets an iteration, so that what is compared is the work and not the clock.
const PACKETS: u16 = 256;
const OPTIONS: &[u8; 20] = b"\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\x01\0\0\0\0\x01\x03\x03\x07";

fn main() {
    divan::main();
}

fn template(number: u16) -> Packet {
    Ipv4::new().src([192, 0, 2, 2]).dst([192, 0, 2, 1]).id(number)
        / Tcp::new().sport(40_000).dport(80).seq(100).syn().window(64_240).options(OPTIONS)
}

/// Packets that differ in one field, so that nothing is known beforehand.
fn packets() -> Vec<Vec<u8>> {
    (0..PACKETS).filter_map(|number| template(number).build().ok()).collect()
}

/// Counts the packets that `matches` takes, so that none is optimised away; all must be.
fn bench_matching(bencher: Bencher<'_, '_>, matches: impl Fn(&[u8]) -> bool + Sync) {
    let packets = packets();
    assert!(packets.iter().all(|packet| packet.len() == 60 && matches(packet)));
    bencher
        .counter(ItemsCount::new(packets.len()))
        .bench(|| packets.iter().filter(|packet| matches(black_box(packet))).count());
}

mod matching {
    use super::*;

    fn patterns() -> [Packet; 3] {
        [
            Tcp::new().dport(443).into_packet(),
            Tcp::new().dport(80).flags(S & A).into_packet(),
            Ipv4::new().src([192, 0, 2, 2]).dst([192, 0, 2, 1]) / Tcp::new().dport(80).flags(S & !A).mss(536..),
        ]
    }

    #[divan::bench]
    fn ours(bencher: Bencher<'_, '_>) {
        let patterns = patterns();
        bench_matching(bencher, |packet| {
            let frame = Dissection::new(FrameRef::new(Mode::Tun, packet));
            patterns.iter().any(|pattern| pattern.matches_dissection(&frame))
        });
    }

    #[divan::bench]
    fn ours_unverified(bencher: Bencher<'_, '_>) {
        let patterns = patterns().map(IntoPacket::unverified);
        bench_matching(bencher, |packet| {
            let frame = Dissection::new(FrameRef::new(Mode::Tun, packet));
            patterns.iter().any(|pattern| pattern.matches_dissection(&frame))
        });
    }

    fn etherparse(packet: &[u8], verify: bool) -> bool {
        let Ok(packet) = SlicedPacket::from_ip(packet) else { return false };
        let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Tcp(tcp))) = (&packet.net, &packet.transport) else {
            return false;
        };
        let header = ip.header();
        let another_port = tcp.destination_port() == 443;
        let other_flags = tcp.destination_port() == 80 && tcp.syn() && tcp.ack();
        let fits = header.source() == [192, 0, 2, 2]
            && header.destination() == [192, 0, 2, 1]
            && tcp.destination_port() == 80
            && tcp.syn()
            && !tcp.ack()
            && tcp.options_iterator().any(|option| matches!(option, Ok(TcpOptionElement::MaximumSegmentSize(536..))));
        let sound = || {
            header.to_header().calc_header_checksum() == header.header_checksum()
                && tcp.calc_checksum_ipv4(header.source(), header.destination()) == Ok(tcp.checksum())
        };
        (another_port || other_flags || fits) && (!verify || sound())
    }

    #[divan::bench]
    fn etherparse_alone(bencher: Bencher<'_, '_>) {
        bench_matching(bencher, |packet| etherparse(packet, true));
    }

    #[divan::bench]
    fn etherparse_alone_unverified(bencher: Bencher<'_, '_>) {
        bench_matching(bencher, |packet| etherparse(packet, false));
    }

    #[cfg(target_os = "linux")]
    fn smoltcp(packet: &[u8], verify: bool) -> bool {
        use smoltcp::wire::{Ipv4Packet, TcpOption, TcpPacket};

        let Ok(ip) = Ipv4Packet::new_checked(packet) else { return false };
        let Ok(tcp) = TcpPacket::new_checked(ip.payload()) else { return false };
        let mss = || {
            let mut rest = tcp.options();
            while let Ok((next, option)) = TcpOption::parse(rest) {
                match option {
                    TcpOption::MaxSegmentSize(mss) => return mss >= 536,
                    TcpOption::EndOfList => return false,
                    _ => rest = next,
                }
            }
            false
        };
        let another_port = tcp.dst_port() == 443;
        let other_flags = tcp.dst_port() == 80 && tcp.syn() && tcp.ack();
        let fits = ip.src_addr() == Ipv4Addr::new(192, 0, 2, 2)
            && ip.dst_addr() == Ipv4Addr::new(192, 0, 2, 1)
            && tcp.dst_port() == 80
            && tcp.syn()
            && !tcp.ack()
            && mss();
        let sound = || ip.verify_checksum() && tcp.verify_checksum(&ip.src_addr().into(), &ip.dst_addr().into());
        (another_port || other_flags || fits) && (!verify || sound())
    }

    #[cfg(target_os = "linux")]
    #[divan::bench]
    fn smoltcp_alone(bencher: Bencher<'_, '_>) {
        bench_matching(bencher, |packet| smoltcp(packet, true));
    }

    #[cfg(target_os = "linux")]
    #[divan::bench]
    fn smoltcp_alone_unverified(bencher: Bencher<'_, '_>) {
        bench_matching(bencher, |packet| smoltcp(packet, false));
    }
}

/// All ways must build the same octets.
fn bench_building(bencher: Bencher<'_, '_>, build: impl Fn(u16) -> Vec<u8> + Sync) {
    assert_eq!(build(7), template(7).build().unwrap_or_default());
    bencher.counter(ItemsCount::new(PACKETS)).bench(|| {
        for number in 0..PACKETS {
            black_box(build(black_box(number)));
        }
    });
}

mod building {
    use super::*;

    /// The template is made anew for each packet, as a test does.
    #[divan::bench]
    fn ours(bencher: Bencher<'_, '_>) {
        bench_building(bencher, |number| template(number).build().unwrap_or_default());
    }

    #[divan::bench]
    fn etherparse_alone(bencher: Bencher<'_, '_>) {
        bench_building(bencher, |number| {
            let mut ip = etherparse::Ipv4Header::new(0, 64, etherparse::IpNumber::TCP, [192, 0, 2, 2], [192, 0, 2, 1])
                .unwrap_or_default();
            ip.dont_fragment = false;
            ip.identification = number;
            let builder = PacketBuilder::ip(etherparse::IpHeaders::Ipv4(ip, Default::default()))
                .tcp(40_000, 80, 100, 64_240)
                .syn()
                .options_raw(OPTIONS);
            let mut octets = Vec::new();
            if let Ok(builder) = builder {
                let _ = builder.write(&mut octets, &[]);
            }
            octets
        });
    }

    #[cfg(target_os = "linux")]
    #[divan::bench]
    fn smoltcp_alone(bencher: Bencher<'_, '_>) {
        use smoltcp::wire::{IpProtocol, Ipv4Packet, TcpPacket, TcpSeqNumber};

        bench_building(bencher, |number| {
            let mut octets = vec![0; 60];
            let mut ip = Ipv4Packet::new_unchecked(&mut octets);
            ip.set_version(4);
            ip.set_header_len(20);
            ip.set_total_len(60);
            ip.set_ident(number);
            ip.set_hop_limit(64);
            ip.set_next_header(IpProtocol::Tcp);
            ip.set_src_addr(Ipv4Addr::new(192, 0, 2, 2));
            ip.set_dst_addr(Ipv4Addr::new(192, 0, 2, 1));
            ip.fill_checksum();
            let (from, to) = (ip.src_addr().into(), ip.dst_addr().into());
            let mut tcp = TcpPacket::new_unchecked(ip.payload_mut());
            tcp.set_src_port(40_000);
            tcp.set_dst_port(80);
            tcp.set_seq_number(TcpSeqNumber(100));
            tcp.set_header_len(40);
            tcp.set_syn(true);
            tcp.set_window_len(64_240);
            tcp.options_mut().copy_from_slice(OPTIONS);
            tcp.fill_checksum(&from, &to);
            octets
        });
    }
}

fn bench_line(bencher: Bencher<'_, '_>, line: impl Fn(&[u8]) -> String + Sync) {
    let packets = packets();
    assert!(packets.iter().all(|packet| line(packet).contains("192.0.2.2")));
    bencher.counter(ItemsCount::new(packets.len())).bench(|| {
        for packet in &packets {
            black_box(line(black_box(packet)));
        }
    });
}

mod one_line {
    use super::*;

    #[divan::bench]
    fn ours(bencher: Bencher<'_, '_>) {
        bench_line(bencher, |packet| FrameRef::new(Mode::Tun, packet).summary().to_string());
    }

    #[divan::bench]
    fn etherparse_alone(bencher: Bencher<'_, '_>) {
        bench_line(bencher, |packet| {
            let Ok(packet) = SlicedPacket::from_ip(packet) else { return String::new() };
            let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Tcp(tcp))) = (&packet.net, &packet.transport) else {
                return String::new();
            };
            let (from, to) = (ip.header().source_addr(), ip.header().destination_addr());
            let (sport, dport) = (tcp.source_port(), tcp.destination_port());
            let (flags, seq, window) = (if tcp.syn() { "S" } else { "" }, tcp.sequence_number(), tcp.window_size());
            format!("{from}:{sport} > {to}:{dport} TCP [{flags}] seq {seq} win {window}")
        });
    }

    #[cfg(target_os = "linux")]
    #[divan::bench]
    fn smoltcp_alone(bencher: Bencher<'_, '_>) {
        use smoltcp::wire::{Ipv4Packet, PrettyPrinter};

        bench_line(bencher, |packet| PrettyPrinter::<Ipv4Packet<&[u8]>>::new("", &packet).to_string());
    }
}
