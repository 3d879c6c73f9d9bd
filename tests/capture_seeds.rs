//! The seeds of the fuzz target `capture` that were not made by Wireshark's tools: they are what is written here, on any
//! machine. A change of the format shows as a difference.
#![expect(clippy::indexing_slicing, reason = "the test slices what it has just made")]

mod foreign;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use foreign::File;
use foreign::Part::{Padded, Raw, U32};
use tuntap_test::capture::{Capture, CapturedFrame, Direction, Interface, PcapngWriter, Section, Statistics};
use tuntap_test::codec::ByteOrder;
use tuntap_test::device::Mode;

/// Says nothing of the machine.
fn section() -> Section {
    let mut section = Section::new();
    (section.hardware, section.os, section.application) = (None, None, Some("tuntap-test".to_owned()));
    section
}

fn udp() -> Vec<u8> {
    let mut octets = Vec::new();
    etherparse::PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64).udp(7, 9).write(&mut octets, b"hello").unwrap();
    octets
}

fn arp() -> Vec<u8> {
    let header = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1], &[0x08, 0x06]].concat();
    let request = [&[0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1][..], &[0; 6], &[192, 0, 2, 2]].concat();
    [header, request].concat()
}

const TIME: Duration = Duration::new(1_700_000_000, 123_456_789);

/// One link, as Wireshark's tools take it to make a pcap file.
fn one_link(mode: Mode, octets: Vec<u8>) -> Vec<u8> {
    let mut writer = PcapngWriter::with_section(Vec::new(), &section()).unwrap();
    let link = writer.add_interface(&Interface::new("link0", mode)).unwrap();
    let frame = CapturedFrame::new(link, TIME, octets).with_direction(Direction::Outbound);
    writer.write_frame(&frame.clone().with_comment("a comment")).unwrap();
    let cut = CapturedFrame::new(link, TIME, frame.octets[..21].to_vec()).with_original_length(1_500);
    writer.write_frame(&cut).unwrap();
    writer.into_inner()
}

fn two_links() -> Vec<u8> {
    let mut writer = PcapngWriter::with_section(Vec::new(), &section().with_comment("the file")).unwrap();
    let tun0 = writer.add_interface(&Interface::new("tun0", Mode::Tun)).unwrap();
    let tap0 = writer.add_interface(&Interface::new("tap0", Mode::Tap).with_description("a TAP")).unwrap();
    let sent = CapturedFrame::new(tun0, TIME, udp()).with_direction(Direction::Inbound);
    writer.write_frame(&sent.with_comment("first").with_comment("größer")).unwrap();
    writer.write_frame(&CapturedFrame::new(tap0, TIME, arp()).with_drop_count(3)).unwrap();
    let counted = Statistics::new(tun0, TIME).with_received(2).with_dropped(1).with_os_dropped(1);
    writer.write_statistics(&counted).unwrap();
    writer.into_inner()
}

fn pcap(order: ByteOrder, magic: u32, link_type: u32, octets: &[u8]) -> Vec<u8> {
    let length = U32(u32::try_from(octets.len()).unwrap());
    let file = File::new(order).pcap(magic, link_type);
    file.raw(&[U32(1_700_000_000), U32(123_456), length, U32(60), Raw(octets)]).octets
}

fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let two_links = two_links();
    let cooked = [&[0, 4, 0xff, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0][..], &udp()].concat();
    let wrong = File::new(ByteOrder::Little).section().interface(101, 0, &[]);
    let wrong = wrong.block(6, &[U32(1), U32(0), U32(0), U32(9), U32(9), Padded(&[0x45; 5])]);
    vec![
        ("nothing.pcap", Vec::new()),
        ("written-tun.pcapng", one_link(Mode::Tun, udp())),
        ("written-tap.pcapng", one_link(Mode::Tap, arp())),
        ("written-two-links.pcapng", two_links.clone()),
        ("cut-in-the-section-header.pcapng", two_links[..20].to_vec()),
        ("cut-in-a-frame.pcapng", two_links[..two_links.len() - 100].to_vec()),
        ("all-blocks-big-endian.pcapng", foreign::everything(ByteOrder::Big)),
        ("all-blocks-little-endian.pcapng", foreign::everything(ByteOrder::Little)),
        ("wrong-interface.pcapng", wrong.octets),
        ("big-endian.pcap", pcap(ByteOrder::Big, 0xa1b2_c3d4, 101, &udp())),
        ("big-endian-nanoseconds.pcap", pcap(ByteOrder::Big, 0xa1b2_3c4d, 1, &arp())),
        ("loopback.pcap", pcap(ByteOrder::Little, 0xa1b2_c3d4, 0, &[&[2, 0, 0, 0], &udp()[..]].concat())),
        ("cooked.pcap", pcap(ByteOrder::Little, 0xa1b2_c3d4, 113, &cooked)),
    ]
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/corpus/capture").join(name)
}

#[test]
fn the_seeds_are_what_is_written_here() {
    for (name, octets) in seeds() {
        assert_eq!(fs::read(path(name)).unwrap(), octets, "{name}");
    }
}

/// `editcap -F …` of the written seeds, by Wireshark 4.0.17; `tests/capture_tshark.rs` does it anew.
#[test]
fn what_editcap_made_of_them_is_read() {
    for (mode, name, octets) in [(Mode::Tun, "tun", udp()), (Mode::Tap, "tap", arp())] {
        let written = Capture::read(path(&format!("written-{name}.pcapng"))).unwrap();
        for (made, unit) in [("microseconds.pcap", 1_000), ("nanoseconds.pcap", 1), ("again.pcapng", 1)] {
            let capture = Capture::read(path(&format!("editcap-{name}-{made}"))).unwrap();
            let [frame, cut] = &capture.frames[..] else { panic!("{capture:?}") };
            assert_eq!(frame.time, TIME - Duration::from_nanos(u64::from(TIME.subsec_nanos() % unit)));
            assert_eq!((&frame.octets[..], &cut.octets[..]), (&octets[..], &octets[..21]));
            assert_eq!(cut.original_length, 1_500);
            assert_eq!(capture.frame(frame).unwrap().mode, mode);
            if made == "again.pcapng" {
                assert_eq!((&capture.frames, &capture.interfaces), (&written.frames, &written.interfaces));
            }
        }
    }
}
