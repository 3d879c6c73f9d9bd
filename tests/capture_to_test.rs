//! Captures become tests: each capture of `fixtures/captures` its golden source, any octets some source or an error.
//! `tests/capture_to_test_kernel.rs` compiles and runs the golden sources.

#[path = "capture_to_test/mod.rs"]
mod cases;
#[path = "capture_to_test/conversation.rs"]
mod conversation;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use proptest::prelude::*;
use tuntap_test::capture::{Capture, CapturedFrame, Direction, Interface, LinkType, PcapngWriter, ToTest, to_test};
use tuntap_test::device::Mode;
use tuntap_test::packet::{Ethernet, Fragment, Icmpv4, Icmpv6, IntoPacket, Ipv4, Ipv6, Packet, Tcp, TcpFlags, Udp};

#[test]
fn each_capture_becomes_its_golden_source() {
    for case in cases::CASES {
        case.check(&fs::read(case.capture()).unwrap());
        assert_eq!(case.to_test().read(case.capture()).unwrap(), fs::read_to_string(case.golden()).unwrap());
    }
}

#[test]
fn the_conversation_is_what_its_fixture_holds() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("captures");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("conversation.pcapng"), conversation::capture()).unwrap();
    assert!(conversation::capture() == fs::read(cases::of("conversation").capture()).unwrap());
}

/// rustfmt with its defaults, whatever this repository has.
fn rustfmt(sources: &[String]) -> Output {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("rustfmt.{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("rustfmt.toml"), "").unwrap();
    let mut command = Command::new("rustfmt");
    command.args(["--check", "--edition", "2024"]).current_dir(&folder);
    for (number, source) in sources.iter().enumerate() {
        let file = format!("{number}.rs");
        fs::write(folder.join(&file), source).unwrap();
        command.arg(file);
    }
    let output = command.output().expect("rustfmt is a part of the toolchain here");
    fs::remove_dir_all(&folder).unwrap();
    output
}

#[track_caller]
fn is_formatted(sources: &[String]) {
    let output = rustfmt(sources);
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn golden_sources_stand_as_rustfmt_has_them() {
    let sources: Vec<String> = cases::CASES.iter().map(|case| fs::read_to_string(case.golden()).unwrap()).collect();
    is_formatted(&sources);
    assert!(!rustfmt(&[sources[0].replace("    tun.send(", "  tun.send(")]).status.success(), "the check can fail");
}

/// A capture of one link. The frames that are outbound are the host's.
fn captured(interface: &Interface, frames: &[(Option<Direction>, Vec<u8>)]) -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::new()).unwrap();
    let id = writer.add_interface(interface).unwrap();
    for (at, (direction, octets)) in frames.iter().enumerate() {
        let mut frame = CapturedFrame::new(id, Duration::from_millis(at as u64), octets);
        frame.direction = *direction;
        writer.write_frame(&frame).unwrap();
    }
    writer.into_inner()
}

fn source(octets: &[u8], to_test: &ToTest) -> String {
    to_test.convert(&Capture::from_octets(octets).unwrap(), "a.pcapng").unwrap()
}

/// The lines of a source's function.
fn body(source: &str) -> Vec<&str> {
    source
        .lines()
        .skip_while(|line| !line.starts_with("fn "))
        .skip(1)
        .take_while(|line| *line != "}")
        .map(str::trim)
        .collect()
}

fn built(packet: impl IntoPacket) -> Vec<u8> {
    packet.into_packet().build().unwrap()
}

fn ping_and_reply() -> [Vec<u8>; 2] {
    let reply = Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]) / Icmpv4::echo_reply(7, 1);
    [built(Icmpv4::echo_request(7, 1)), built(reply)]
}

const REPLY: &str = "Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Icmpv4::echo_reply(7, 1)";

#[test]
fn who_is_asked_for_is_sent_else_what_is_inbound_else_what_is_first() {
    use Direction::{Inbound, Outbound};

    let tun0 = Interface::new("tun0", Mode::Tun);
    let [request, reply] = ping_and_reply();
    let plain = [(None, request.clone()), (None, reply.clone())];
    let directed = [(Some(Outbound), request), (Some(Inbound), reply)];
    let send = "tun.send(Icmpv4::echo_request(7, 1));";
    let expected = format!("tun.expect({REPLY});");
    assert_eq!(body(&source(&captured(&tun0, &plain), &ToTest::new()))[..2], [send, &expected]);
    // The host asks, the test answers: so the host has the address of the one that asks.
    let other = [
        "let request = tun",
        ".expect(Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Icmpv4::echo_request(0.., 1));",
        "let [high, low, ..] = request.icmpv4().unwrap().bytes5to8();",
        "let id = u16::from_be_bytes([high, low]);",
        "tun.send(Icmpv4::echo_reply(id, 1));",
        "tun.expect_nothing_else();",
    ];
    let asked = ToTest::new().sent_by([192, 0, 2, 1]);
    for source in [
        source(&captured(&tun0, &directed), &ToTest::new()),
        source(&captured(&tun0, &plain), &asked),
        source(&captured(&tun0, &directed), &asked),
    ] {
        assert_eq!(body(&source)[1..], other, "{source}");
        assert!(
            source.contains("#[tuntap_test(kernel, address = \"192.0.2.2/24\", peer = \"192.0.2.1\")]"),
            "{source}"
        );
        assert_eq!(body(&source)[0], "// Start the code under test here: it sends first.");
    }
    let asked = ToTest::new().sent_by([192, 0, 2, 2]);
    assert_eq!(body(&source(&captured(&tun0, &directed), &asked))[..2], [send, &expected]);
}

#[test]
fn on_ethernet_a_side_is_its_hardware_address() {
    let [a, b, all] = [[2, 0, 0, 0, 0, 0xaa], [2, 0, 0, 0, 0, 0xbb], [0xff; 6]];
    let question = Ethernet::new().src(a).dst(all)
        / tuntap_test::packet::Arp::who_has([10, 0, 0, 2]).sender([10, 0, 0, 1]).sender_mac(a);
    let answer = Ethernet::new().src(b).dst(a)
        / tuntap_test::packet::Arp::is_at([10, 0, 0, 2], b).target([10, 0, 0, 1]).target_mac(a);
    let unknown = Ethernet::new().src(b).dst(a).ether_type(0x88b5) / b"anything";
    let frames = [question.trailer([0; 18]), answer.clone(), unknown].map(|packet| (None, built(packet)));
    let capture = captured(&Interface::new("eth0", Mode::Tap), &frames);
    let source = source(&capture, &ToTest::new().named("ARP on Ethernet"));
    is_formatted(std::slice::from_ref(&source));
    assert!(source.contains("const PEER_MAC: [u8; 6] = [0x02, 0x00, 0x00, 0x00, 0x00, 0xaa];"), "{source}");
    assert!(
        source.contains(
            "#[tuntap_test(kernel, address = \"10.0.0.2/24\", peer = \"10.0.0.1\")]\nfn arp_on_ethernet(tap: Tap) {"
        ),
        "{source}"
    );
    assert_eq!(
        body(&source),
        [
            "let host_mac = tap.host_mac().unwrap();",
            "tap.send(",
            "Ethernet::new().dst([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])",
            "/ Arp::who_has(tap.host_v4())",
            ".sender_mac(PEER_MAC)",
            ".sender(tap.peer_v4()),",
            ");",
            "tap.expect(",
            "Arp::is_at(tap.host_v4(), host_mac)",
            ".target_mac(PEER_MAC)",
            ".target(tap.peer_v4()),",
            ");",
            "tap.expect(Ethernet::new() / b\"anything\");",
            "tap.expect_nothing_else();",
        ],
        "{source}"
    );
}

#[test]
fn what_a_capture_does_not_hold_is_said() {
    let mut writer = PcapngWriter::new(Vec::new()).unwrap();
    let tun = writer.add_interface(&Interface::new("tun0", Mode::Tun)).unwrap();
    let wlan = writer.add_interface(&Interface::of_link_type(LinkType(105))).unwrap();
    let [request, reply] = ping_and_reply();
    let at = Duration::from_millis;
    for frame in [
        CapturedFrame::new(tun, at(0), &request),
        CapturedFrame::new(wlan, at(1), &request),
        CapturedFrame::new(tun, at(2), &reply[..24]).with_original_length(28),
        CapturedFrame::new(tun, at(3), &request[..24]).with_original_length(28),
        CapturedFrame::new(tun, at(1234), &request),
        CapturedFrame::new(tun, at(1444), &reply).with_comment("UNEXPECTED at tests/a.rs:1"),
    ] {
        writer.write_frame(&frame).unwrap();
    }
    let source = source(&writer.into_inner(), &ToTest::new().named("match"));
    is_formatted(std::slice::from_ref(&source));
    assert!(source.contains("fn match_(tun: Tun)"), "{source}");
    assert_eq!(
        body(&source),
        [
            "tun.send(Icmpv4::echo_request(7, 1));",
            "// Frame 2 is left out: link type IEEE802_11 (105) holds neither IP packets nor Ethernet frames.",
            "// Any frame: 24 of its 28 octets were captured.",
            "tun.expect(Packet::any().unverified());",
            "// Frame 4 is not sent: 24 of its 28 octets were captured.",
            "// 1.231 s after the frame before.",
            "tun.send(Icmpv4::echo_request(7, 1));",
            "// The test that recorded this did not expect it:",
            "// 0.210 s after the frame before.",
            "tun.expect(",
            "(Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Icmpv4::echo_reply(7, 1))",
            ".within(Duration::from_millis(420)),",
            ");",
            "tun.expect_nothing_else();",
        ]
    );
}

/// As Linux hands it to whoever captures on the sending machine: the checksum is the pseudo-header's.
#[test]
fn a_checksum_that_was_left_to_hardware_is_computed() {
    let end = |packet: Packet, partial: bool| {
        let mut octets = built(packet);
        if partial {
            // RFC 768: addresses, protocol, length.
            let length = u32::try_from(octets.len() - 20).unwrap();
            let words = octets[12..20].chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
            let sum = words.sum::<u32>() + 17 + length;
            let sum = u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
            octets[26..28].copy_from_slice(&sum.to_be_bytes());
        }
        octets
    };
    let there = || (Udp::new().sport(40_000).dport(53) / b"query").into_packet();
    let back = || Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]) / Udp::new().sport(53).dport(40_000) / b"answer";
    let tun0 = Interface::new("tun0", Mode::Tun);
    let right = source(&captured(&tun0, &[(None, end(there(), false)), (None, end(back(), false))]), &ToTest::new());
    let left = source(&captured(&tun0, &[(None, end(there(), true)), (None, end(back(), true))]), &ToTest::new());
    assert_eq!(left.replace("    // Its checksum was left to hardware; here it has to be right.\n", ""), right);
    // Any other wrong checksum stays, and nobody verifies it.
    let wrong = back().with(Udp::new().checksum(0xbad));
    let wrong = source(&captured(&tun0, &[(None, end(there(), false)), (None, end(wrong, false))]), &ToTest::new());
    assert!(wrong.contains(".checksum(0x0bad)") && wrong.contains(".unverified()"), "{wrong}");
}

/// Another run has others.
#[test]
fn numbers_that_the_host_draws_are_not_expected() {
    let v4 = || Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]).id(0x4d2);
    let (host, peer) = ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], [0x2001, 0xdb8, 0, 0, 0, 0, 0, 2]);
    let v6 = || Ipv6::new().src(host).dst(peer).flow_label(0x4d2);
    let quoted = Ipv4::new().src([192, 0, 2, 2]).dst([192, 0, 2, 1]).id(0x4d2) / Udp::new().sport(40_000).dport(9);
    let frames = [
        v4() / Udp::new().sport(1234).dport(9),
        v4().protocol(17).more_fragments(true) / [0; 8],
        v4() / Icmpv4::port_unreachable() / quoted,
        v6() / Fragment::new().next_header(17).fragment_offset(1).id(0x4d2) / [0; 8],
        v6() / Tcp::new().sport(80).dport(40_000).seq(0x4d2).ack(0x4d2).window(0x4d2),
        v6() / Icmpv6::echo_request(0x4d2, 1),
        v6() / Udp::new().sport(1234).dport(53) / b"\x04\xd2\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00",
    ];
    let frames = frames.map(|packet| (Some(Direction::Outbound), built(packet)));
    let source = source(&captured(&Interface::new("tun0", Mode::Tun), &frames), &ToTest::new());
    let numbers = ["1234", "0x04d2", "0x004d2", "\\x04\\xd2", "0x04, 0xd2"];
    assert!(!numbers.iter().any(|number| source.contains(number)), "{source}");
    assert_eq!(source.matches("tun.expect(").count(), frames.len(), "{source}");
}

#[test]
fn errors_name_the_file_and_what_is_wrong() {
    let error = to_test("no/such/file.pcapng").unwrap_err();
    assert!(error.to_string().starts_with("no/such/file.pcapng: No such file"), "{error}");
    assert_eq!(std::io::Error::from(error).kind(), ErrorKind::NotFound);

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("errors.{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let told = |name: &str, octets: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, octets).unwrap();
        let error = to_test(&path).unwrap_err();
        assert_eq!(error.path(), path);
        let text = error.to_string();
        let text = text.strip_prefix(&format!("{}: ", path.display())).unwrap_or_else(|| panic!("{text}")).to_owned();
        assert_eq!(std::io::Error::from(error).kind(), ErrorKind::InvalidData);
        text
    };
    let mut writer = PcapngWriter::new(Vec::new()).unwrap();
    let wlan = writer.add_interface(&Interface::of_link_type(LinkType(105))).unwrap();
    writer.write_frame(&CapturedFrame::new(wlan, Duration::ZERO, b"beacon")).unwrap();
    let none = captured(&Interface::new("tun0", Mode::Tun), &[]);
    assert_eq!(told("empty.pcapng", &none), "the capture is empty: it holds no frame to make a test from");
    assert_eq!(told("nothing", b""), "capture file needs 4 octets at offset 0, 0 available");
    assert_eq!(told("note.txt", b"hello"), "capture file is neither pcap nor pcapng: at offset 0 stands 68 65 6c 6c");
    assert_eq!(
        told("wlan.pcapng", &writer.into_inner()),
        "none of its 1 frames can travel on a link; the first: link type IEEE802_11 (105) holds neither IP packets nor \
         Ethernet frames"
    );
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_broken_segment_and_a_small_window_are_told_in_the_flows_words() {
    use Direction::{Inbound, Outbound};

    let host = || Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]);
    let tcp = |seq: u32| Tcp::new().sport(40_000).dport(80).seq(seq).window(9000);
    let frames = [
        (Inbound, built(tcp(7).syn().checksum(0xbad))),
        (Inbound, built(tcp(7).syn())),
        (Outbound, built(host() / Tcp::new().sport(80).dport(40_000).seq(50).syn().ack(8).window(9).mss(536))),
        (Inbound, built(tcp(8).ack(51).window(0))),
        (Outbound, built(host() / Tcp::new().sport(80).dport(40_000).seq(51).ack(8).window(0))),
        (Inbound, built(tcp(8).flags(TcpFlags::RST))),
    ];
    let frames = frames.map(|(direction, octets)| (Some(direction), octets));
    let source = source(&captured(&Interface::new("tun0", Mode::Tun), &frames), &ToTest::new());
    is_formatted(std::slice::from_ref(&source));
    assert_eq!(
        body(&source),
        [
            "// Start the code under test here: TCP port 80.",
            "let mut tcp = tun.tcp_flow(40000, 80).window(9000);",
            "let mut stray = tcp.fork();",
            "tun.send(stray.syn().with(Tcp::new().checksum(0x0bad)));",
            "tun.send(tcp.syn());",
            "tun.expect(tcp.reply().syn_ack().with(Tcp::new().mss(536)));",
            "tun.send(tcp.ack().with(Tcp::new().window(0)));",
            "tun.expect(tcp.reply().data(b\"\").with(Tcp::new().window(0)));",
            "let segment = tcp.segment(Tcp::new().flags(TcpFlags::RST));",
            "tun.send(segment);",
            "tun.expect_nothing_else();",
        ]
    );
}

/// Frames that have something to do with each other, and some that are octets.
fn frame() -> impl Strategy<Value = (Option<Direction>, Vec<u8>)> {
    let direction = prop_oneof![Just(None), Just(Some(Direction::Inbound)), Just(Some(Direction::Outbound))];
    let packet = prop_oneof![
        6 => conversation::packet(false).prop_map(|(_, packet)| packet.build().unwrap()),
        1 => prop::collection::vec(any::<u8>(), 0..60),
        1 => (conversation::packet(false), any::<prop::sample::Index>(), any::<u8>()).prop_map(|((_, packet), at, octet)| {
            let mut octets = packet.build().unwrap();
            let at = at.index(octets.len());
            octets.splice(at..=at, [octet]);
            octets
        }),
    ];
    (direction, packet)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any frames give a source, the same each time, whichever side sends.
    #[test]
    fn any_frames_become_a_test(frames in prop::collection::vec(frame(), 1..40), mode in prop_oneof![Just(Mode::Tun), Just(Mode::Tap)]) {
        let octets = captured(&Interface::new("x", mode), &frames);
        for to_test in [ToTest::new(), ToTest::new().sent_by([192, 0, 2, 1])] {
            let made = source(&octets, &to_test);
            prop_assert!(made.ends_with("_nothing_else();\n}\n"), "{}", made);
            prop_assert_eq!(made, source(&octets, &to_test));
        }
    }

    /// Any octets give a source or an error.
    #[test]
    fn any_octets_become_a_test_or_an_error(octets in prop::collection::vec(any::<u8>(), 0..300), frames in prop::collection::vec(frame(), 1..4), at in any::<prop::sample::Index>()) {
        let _ = ToTest::new().convert(&Capture::from_octets_lossy(&octets), "x");
        let mut broken = captured(&Interface::new("x", Mode::Tun), &frames);
        for (octet, place) in octets.iter().zip(at.index(broken.len())..).take(4) {
            if let Some(there) = broken.get_mut(place) {
                *there = *octet;
            }
        }
        let _ = ToTest::new().convert(&Capture::from_octets_lossy(&broken), "x");
    }
}

#[test]
fn what_random_frames_become_stands_as_rustfmt_has_it() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let sources: Vec<String> = (0..20)
        .map(|_| {
            let frames = prop::collection::vec(frame(), 60).new_tree(&mut runner).unwrap().current();
            source(&captured(&Interface::new("x", Mode::Tun), &frames), &ToTest::new())
        })
        .collect();
    is_formatted(&sources);
}
