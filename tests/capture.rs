//! Captures: what is written is read again, what others write is read, and what is wrong is told with its place.
#![expect(clippy::indexing_slicing, reason = "the test indexes what it has just made")]

mod foreign;

use std::io::{self, Write};
use std::time::Duration;

use foreign::File;
use foreign::Part::{self, Counter, Raw, U16, U32, U64};
use proptest::prelude::*;
use proptest::{collection, option};
use tuntap_test::capture::{
    BlockType, Capture, CaptureProblem, CapturedFrame, Direction, Interface, InterfaceId, LinkType, LinkTypeError,
    PcapngWriter, Section, Statistics,
};
use tuntap_test::codec::ByteOrder;
use tuntap_test::device::{FrameRef, Mode};

const ORDERS: [ByteOrder; 2] = [ByteOrder::Big, ByteOrder::Little];

/// What a test writes: interfaces, and frames with the index of theirs.
#[derive(Clone, Debug)]
struct Written {
    interfaces: Vec<Interface>,
    frames: Vec<(usize, CapturedFrame<'static>)>,
    statistics: Vec<(usize, u64, [Option<u64>; 3])>,
}

impl Written {
    /// Writes all; gives the octets, the frames as they are numbered, and where each frame's block ends.
    fn write(self) -> (Vec<u8>, Vec<CapturedFrame<'static>>, Vec<usize>) {
        let mut writer = PcapngWriter::new(Vec::new()).unwrap();
        let ids: Vec<_> = self.interfaces.iter().map(|interface| writer.add_interface(interface).unwrap()).collect();
        let (mut frames, mut ends) = (Vec::new(), Vec::new());
        for (interface, mut frame) in self.frames {
            frame.interface = ids[interface];
            writer.write_frame(&frame).unwrap();
            ends.push(usize::try_from(writer.octets()).unwrap());
            frames.push(frame);
        }
        for (interface, time, [received, dropped, os_dropped]) in self.statistics {
            let mut statistics = Statistics::new(ids[interface], Duration::from_nanos(time));
            (statistics.received, statistics.dropped, statistics.os_dropped) = (received, dropped, os_dropped);
            writer.write_statistics(&statistics).unwrap();
        }
        (writer.into_inner(), frames, ends)
    }
}

/// An interface that every writer numbers so.
fn first_interface() -> InterfaceId {
    PcapngWriter::new(io::sink()).unwrap().add_interface(&Interface::new("", Mode::Tun)).unwrap()
}

/// A string as files hold it: without a zero octet.
fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.replace('\0', ""))
}

fn interface() -> impl Strategy<Value = Interface> {
    (option::of(text()), option::of(text()), any::<u16>()).prop_map(|(name, description, link_type)| {
        let mut interface = Interface::of_link_type(LinkType(link_type));
        (interface.name, interface.description) = (name, description);
        interface
    })
}

fn frame() -> impl Strategy<Value = CapturedFrame<'static>> {
    let direction = prop_oneof![Just(None), Just(Some(Direction::Inbound)), Just(Some(Direction::Outbound))];
    let octets = collection::vec(any::<u8>(), 0..200);
    let comments = collection::vec(text(), 0..4);
    (any::<u64>(), direction, octets, 0..100_u32, comments, option::of(any::<u64>())).prop_map(
        |(time, direction, octets, cut, comments, drop_count)| {
            let mut frame = CapturedFrame::new(first_interface(), Duration::from_nanos(time), octets);
            frame.direction = direction;
            frame.original_length += cut;
            frame.comments = comments.into_iter().map(Into::into).collect();
            frame.drop_count = drop_count;
            frame
        },
    )
}

fn written() -> impl Strategy<Value = Written> {
    collection::vec(interface(), 1..4).prop_flat_map(|interfaces| {
        let which = 0..interfaces.len();
        let counters = proptest::array::uniform3(option::of(any::<u64>()));
        let frames = collection::vec((which.clone(), frame()), 0..6);
        let statistics = collection::vec((which, any::<u64>(), counters), 0..3);
        (Just(interfaces), frames, statistics).prop_map(|(interfaces, frames, statistics)| Written {
            interfaces,
            frames,
            statistics,
        })
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(written in written()) {
        let (interfaces, statistics) = (written.interfaces.clone(), written.statistics.clone());
        let (octets, frames, _) = written.write();
        let capture = Capture::from_octets(&octets).unwrap();
        prop_assert_eq!(&capture.sections, &[Section::new()]);
        prop_assert_eq!(&capture.interfaces, &interfaces);
        prop_assert_eq!(&capture.frames, &frames);
        let counted: Vec<_> = capture.statistics.iter().map(|statistics| {
            let nanoseconds = u64::try_from(statistics.time.as_nanos()).unwrap();
            let counters = [statistics.received, statistics.dropped, statistics.os_dropped];
            (statistics.interface.index(), nanoseconds, counters)
        }).collect();
        prop_assert_eq!(counted, statistics);
        tuntap_test::fuzz::targets::capture(&octets);
    }

    #[test]
    fn a_file_that_was_cut_gives_the_frames_before_the_cut(written in written(), cut: proptest::sample::Index) {
        let (octets, frames, ends) = written.write();
        let cut = cut.index(octets.len());
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let capture = Capture::from_octets_lossy(&octets[..cut]);
        prop_assert_eq!(&capture.frames, &frames[..whole]);
        prop_assert_eq!(Capture::from_octets(&octets[..cut]).err(), capture.truncated);
        if let Some(error) = capture.truncated {
            let CaptureProblem::Truncated { needed, available, .. } = error.problem else { panic!("{error}") };
            prop_assert!(needed > available);
            prop_assert_eq!(error.offset + available, cut);
        }
    }

    #[test]
    fn the_fuzz_target_holds(octets: Vec<u8>, written in written(), changes in collection::vec(any::<(proptest::sample::Index, u8)>(), 0..4)) {
        tuntap_test::fuzz::targets::capture(&octets);
        let (mut octets, ..) = written.write();
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        tuntap_test::fuzz::targets::capture(&octets);
    }
}

#[test]
fn these_are_the_octets() {
    let mut section = Section::new();
    (section.hardware, section.os, section.application) = (None, None, Some("me".to_owned()));
    let mut writer = PcapngWriter::with_section(Vec::new(), &section).unwrap();
    let tun0 = writer.add_interface(&Interface::new("tun0", Mode::Tun)).unwrap();
    let frame = CapturedFrame::new(tun0, Duration::from_nanos(0x0102_0304_0506_0708), &[0x45, 0, 0])
        .with_direction(Direction::Outbound)
        .with_comment("why");
    writer.write_frame(&frame).unwrap();
    let mut expected = File::new(ByteOrder::Little)
        .block(0x0a0d_0d0a, &[U32(0x1a2b_3c4d), U16(1), U16(0), U64(u64::MAX), Part::Option(4, b"me"), U32(0)])
        .interface(101, 0, &[Part::Option(2, b"tun0"), Part::Option(9, &[9]), U32(0)])
        .packet(
            0,
            0x0102_0304_0506_0708,
            &[0x45, 0, 0],
            &[Part::Option(1, b"why"), Part::Option(2, &[2, 0, 0, 0]), U32(0)],
        );
    assert_eq!(writer.octets(), u64::try_from(expected.octets.len()).unwrap());
    assert_eq!(writer.into_inner(), expected.octets);
    // Once by hand, so that the test's own encoder is held to the draft, too.
    let time = [4, 3, 2, 1, 8, 7, 6, 5];
    let packet = expected.octets.split_off(expected.octets.len() - 56);
    assert_eq!(packet[..28], [&[6, 0, 0, 0, 56, 0, 0, 0, 0, 0, 0, 0], &time[..], &[3, 0, 0, 0, 3, 0, 0, 0]].concat());
    assert_eq!(
        packet[28..],
        [&[0x45, 0, 0, 0, 1, 0, 3, 0], &b"why\0"[..], &[2, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 56, 0, 0, 0]].concat()
    );
}

#[test]
fn a_block_is_one_write() {
    struct Counting(usize);
    impl Write for &mut Counting {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            Ok(octets.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counting = Counting(0);
    let mut writer = PcapngWriter::new(&mut counting).unwrap();
    let tap0 = writer.add_interface(&Interface::new("tap0", Mode::Tap).with_description("a link")).unwrap();
    let frame = CapturedFrame::new(tap0, Duration::ZERO, vec![0; 1_000]).with_comment("one").with_comment("two");
    writer.write_frame(&frame).unwrap();
    writer.write_statistics(&Statistics::new(tap0, Duration::ZERO).with_received(1)).unwrap();
    assert_eq!(counting.0, 4);
}

#[test]
fn the_writer_refuses_what_cannot_be_read_again() {
    let mut writer = PcapngWriter::new(Vec::new()).unwrap();
    let empty = writer.octets();
    let refused = |error: io::Result<()>| {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        error.to_string()
    };
    let frame = CapturedFrame::new(first_interface(), Duration::ZERO, &[0x45]);
    assert!(refused(writer.write_frame(&frame)).contains("interface"));
    writer.add_interface(&Interface::new("tun0", Mode::Tun)).unwrap();
    let before = writer.octets();
    let frame = CapturedFrame::new(first_interface(), Duration::from_secs(1 << 35), &[0x45]);
    assert!(refused(writer.write_frame(&frame)).contains("2554"));
    assert!(refused(writer.write_statistics(&Statistics::new(first_interface(), frame.time))).contains("2554"));
    assert_eq!(writer.octets(), before);
    assert!(before > empty);
    assert!(Capture::from_octets(&writer.into_inner()).unwrap().frames.is_empty());
}

#[test]
fn a_comment_is_cut_to_what_an_option_holds() {
    let mut writer = PcapngWriter::new(Vec::new()).unwrap();
    let tun0 = writer.add_interface(&Interface::new("tun0", Mode::Tun)).unwrap();
    let long = "ä".repeat(40_000);
    let frame = CapturedFrame::new(tun0, Duration::ZERO, &[0x45]).with_comment(&long).with_comment("a\0b");
    writer.write_frame(&frame).unwrap();
    let octets = writer.into_inner();
    let capture = Capture::from_octets(&octets).unwrap();
    assert_eq!(capture.frames[0].comments, [&long[..65_534], "a␀b"]);
}

#[test]
fn an_original_length_is_never_below_what_is_there() {
    let frame = CapturedFrame::new(first_interface(), Duration::ZERO, &[0; 8]);
    assert_eq!(frame.clone().with_original_length(4).original_length, 8);
    assert_eq!(frame.with_original_length(80).original_length, 80);
}

#[test]
fn what_others_write_is_read_in_both_orders() {
    for order in ORDERS {
        let octets = foreign::everything(order);
        let capture = Capture::from_octets(&octets).unwrap();
        assert_eq!(capture.sections.len(), 3);
        assert_eq!(capture.sections[1].comments, ["second"]);
        let link_types: Vec<_> = capture.interfaces.iter().map(|interface| interface.link_type.0).collect();
        assert_eq!(link_types, [1, 101, 228, 101]);
        assert_eq!(capture.interfaces[1].name.as_deref(), Some("a"), "a zero octet ends a string");
        let frames: Vec<_> = capture
            .frames
            .iter()
            .map(|frame| (frame.interface.index(), frame.time.as_millis(), &frame.octets[..], frame.original_length))
            .collect();
        assert_eq!(
            frames,
            [
                (0, 1_500, &[1, 2, 3][..], 3),
                (1, 1_002_500, &[0x45], 90),
                (0, 0, &[5, 6, 7, 8], 90),
                (2, 7_000, &[0x46, 0], 2),
                (3, 0, &[0x60], 1),
            ]
        );
        assert_eq!(capture.frames[1].drop_count, Some(7));
        let last = &capture.frames[4];
        assert_eq!((last.direction, last.drop_count), (Some(Direction::Inbound), Some(5)));
        assert_eq!(last.comments, ["\u{fffd}!"]);
        assert_eq!(last.time, Duration::from_micros(1));
        let statistics = capture.statistics[0];
        assert_eq!((statistics.interface.index(), statistics.time), (1, Duration::from_millis(1_000_500)));
        assert_eq!((statistics.received, statistics.dropped, statistics.os_dropped), (Some(3), Some(2), Some(1)));
        tuntap_test::fuzz::targets::capture(&octets);
    }
}

#[test]
fn pcap_is_read_in_both_orders_and_resolutions() {
    for order in ORDERS {
        for (magic, unit) in [(0xa1b2_c3d4, 1_000), (0xa1b2_3c4d, 1)] {
            // The upper half of the link type tells of a frame check sequence.
            let file =
                File::new(order).pcap(magic, 0x2400_0065).raw(&[U32(5), U32(999), U32(3), U32(60), Raw(&[0x45, 0, 0])]);
            let file = file.raw(&[U32(6), U32(1), U32(0), U32(0)]);
            let capture = Capture::from_octets(&file.octets).unwrap();
            assert_eq!(capture.interfaces, [Interface::of_link_type(LinkType::RAW)]);
            assert!(capture.sections.is_empty());
            let [first, second] = &capture.frames[..] else { panic!("{capture:?}") };
            assert_eq!(first.time, Duration::new(5, 999 * unit));
            assert_eq!((&first.octets[..], first.original_length), (&[0x45, 0, 0][..], 60));
            assert_eq!((second.time, second.octets.len()), (Duration::new(6, unit), 0));
            for cut in 0..file.octets.len() {
                let capture = Capture::from_octets_lossy(&file.octets[..cut]);
                assert_eq!(capture.frames.len(), usize::from(cut >= 43), "{cut}");
                assert_eq!(capture.truncated.is_none(), cut == 24 || cut == 43, "{cut}");
            }
            tuntap_test::fuzz::targets::capture(&file.octets);
        }
    }
}

/// Reads and gives the error in words, its offset, and how many frames were read before it.
fn told(file: File) -> (String, usize, usize) {
    tuntap_test::fuzz::targets::capture(&file.octets);
    let capture = Capture::from_octets_lossy(&file.octets);
    let error = capture.truncated.expect("an error");
    (error.to_string(), error.offset, capture.frames.len())
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for order in ORDERS {
        let begun = || File::new(order).section().interface(101, 0, &[]).packet(0, 1, &[0x45], &[]);
        let at = begun().octets.len();
        // `AT+8` in a message stands for eight octets after what is right.
        let wrong = |file: File, message: &str| {
            let (start, rest) = message.split_once("AT+").unwrap();
            let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
            let offset = at + rest[..digits].parse::<usize>().unwrap();
            let expected = format!("{start}{offset}{}", &rest[digits..]);
            assert_eq!(told(file), (expected, offset, 1), "{order:?}");
        };
        wrong(
            begun().raw(&[U32(6), U32(400), U32(0)]),
            "enhanced packet block needs 400 octets at offset AT+0, 12 available",
        );
        wrong(begun().raw(&[U32(6)]), "enhanced packet block needs 4 octets at offset AT+4, 0 available");
        wrong(
            begun().raw(&[U32(6), U32(10), U32(0), U32(0)]),
            "enhanced packet block at offset AT+0 has the length 10: a block has at least 12 octets and a multiple of 4",
        );
        wrong(
            begun().raw(&[U32(6), U32(14), U32(0), U32(14), U16(0)]),
            "enhanced packet block at offset AT+0 has the length 14: a block has at least 12 octets and a multiple of 4",
        );
        wrong(
            begun().raw(&[U32(77), U32(12), U32(16)]),
            "block of type 0x0000004d begins with the length 12 and ends with 16 at offset AT+8",
        );
        wrong(begun().block(6, &[U32(0), U32(0)]), "enhanced packet block needs 4 octets at offset AT+16, 0 available");
        wrong(
            begun().block(6, &[U32(1), U32(0), U32(0), U32(0), U32(0)]),
            "enhanced packet block at offset AT+8 is of interface 1, its section has described 1",
        );
        wrong(
            begun().block(6, &[U32(0), U32(0), U32(0), U32(9), U32(9), Raw(&[0; 8])]),
            "enhanced packet block needs 9 octets at offset AT+28, 8 available",
        );
        wrong(
            begun().packet(0, 1, &[], &[Part::Option(2, &[1])]),
            "enhanced packet block: option 2 needs 4 octets at offset AT+32, 1 available",
        );
        wrong(
            begun().packet(0, 1, &[], &[U16(1), U16(9), U32(0)]),
            "enhanced packet block needs 9 octets at offset AT+32, 4 available",
        );
        wrong(
            begun().interface(101, 0, &[Part::Option(9, &[6, 6])]),
            "interface description block: option 9 needs 1 octets at offset AT+20, 2 available",
        );
        wrong(
            begun().section().block(3, &[U32(0)]),
            "simple packet block at offset AT+36 is of interface 0, its section has described 0",
        );
        wrong(
            begun().block(0x0a0d_0d0a, &[U32(0x1a2b_3c4d), U16(2), U16(0), U64(0)]),
            "section header block at offset AT+12 has version 2.0, which is not known",
        );
        wrong(
            begun().block(0x0a0d_0d0a, &[Raw(b"what")]),
            "section header block is neither pcap nor pcapng: at offset AT+8 stands 77 68 61 74",
        );
        wrong(
            begun().section().interface(1, 0, &[Counter(14, (-1_i64).cast_unsigned())]).packet(0, 1, &[], &[]),
            "enhanced packet block at offset AT+72 has a time before 1970 or beyond all bounds",
        );
        let pcap = || File::new(order).pcap(0xa1b2_c3d4, 1).raw(&[U32(0), U32(0), U32(0), U32(0)]);
        assert_eq!(told(pcap().raw(&[U32(0)])).0, "pcap packet record needs 16 octets at offset 40, 4 available");
        let cut = pcap().raw(&[U32(0), U32(0), U32(5), U32(5), U32(0)]);
        assert_eq!(told(cut), ("pcap packet record needs 21 octets at offset 40, 20 available".to_owned(), 40, 1));
        let newer = File::new(order).raw(&[U32(0xa1b2_c3d4), U16(3), U16(0), Raw(&[0; 16])]);
        assert_eq!(told(newer).0, "pcap file header at offset 4 has version 3.0, which is not known");
    }
    let no_capture = File::new(ByteOrder::Little).raw(&[Raw(b"GIF89a")]);
    assert_eq!(told(no_capture).0, "capture file is neither pcap nor pcapng: at offset 0 stands 47 49 46 38");
    assert_eq!(
        Capture::from_octets(&[]).unwrap_err().to_string(),
        "capture file needs 4 octets at offset 0, 0 available"
    );
    assert_eq!(Capture::from_octets(&[]).unwrap_err().block, BlockType::Magic);
}

#[test]
fn the_link_type_gives_the_frame_of_a_link() {
    let ip = &[0x45, 0, 0, 20][..];
    let tun = Ok(FrameRef::new(Mode::Tun, ip));
    for (link_type, front) in [
        (101, &[][..]),
        (12, &[]),
        (14, &[]),
        (228, &[]),
        (229, &[]),
        (0, &[2, 0, 0, 0]),
        (0, &[0, 0, 0, 30]),
        (108, &[0, 0, 0, 24]),
        (113, &[0, 4, 0xff, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x00]),
        (276, &[0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0xff, 0xfe, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        let link_type = LinkType(link_type);
        assert_eq!(link_type.mode(), Ok(Mode::Tun));
        assert_eq!(link_type.frame(&[front, ip].concat()), tun, "{link_type}");
        for cut in 0..front.len() {
            let error = link_type.frame(&front[..cut]).unwrap_err();
            assert!(
                matches!(error, LinkTypeError::Truncated { needed, available, .. } if (needed, available) == (front.len(), cut))
            );
        }
    }
    assert_eq!(LinkType::ETHERNET.frame(ip), Ok(FrameRef::new(Mode::Tap, ip)));
    assert_eq!((LinkType::of(Mode::Tun), LinkType::from(Mode::Tap)), (LinkType::RAW, LinkType::ETHERNET));
    let told = |link_type: LinkType, octets: &[u8]| link_type.frame(octets).unwrap_err().to_string();
    assert_eq!(
        told(LinkType(127), ip),
        "link type IEEE802_11_RADIOTAP (127) holds neither IP packets nor Ethernet frames"
    );
    assert_eq!(told(LinkType(4_711), ip), "link type 4711 holds neither IP packets nor Ethernet frames");
    assert_eq!(
        told(LinkType::LOOP, &[0, 0, 0, 7]),
        "a frame of link type LOOP (108) holds protocol 0x0007, which is not IP"
    );
    let arp = [&[0; 14][..], &[0x08, 0x06]].concat();
    assert_eq!(
        told(LinkType::LINUX_SLL, &arp),
        "a frame of link type LINUX_SLL (113) holds protocol 0x0806, which is not IP"
    );
    assert_eq!(told(LinkType::NULL, &[0]), "link type NULL (0) needs 4 octets at offset 0, 1 available");
    let capture = Capture::default();
    let error = capture.frame(&CapturedFrame::new(first_interface(), Duration::ZERO, ip)).unwrap_err();
    assert_eq!(error, LinkTypeError::NoInterface);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Capture::read("/nowhere/a.pcapng").unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/a.pcapng: "), "{error}");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::NotFound);
    let error = Capture::read(file!()).unwrap_err();
    assert_eq!(error.content_error().unwrap().block, BlockType::Magic);
    assert_eq!(error.to_string(), format!("{}: {}", file!(), error.content_error().unwrap()));
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidData);
}
