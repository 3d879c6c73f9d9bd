//! Wireshark reads what we write, and we read what Wireshark's tools write. Ignored by default, because a machine with
//! Rust alone must pass `cargo test`; asked for, they fail where the tools are missing.

#[expect(dead_code, reason = "this program makes no pcap file by hand")]
mod foreign;
mod recorder;

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use recorder::{FRAMES, Scratch};
use tuntap_test::capture::{Capture, CapturedFrame, Interface, LinkType, PcapngWriter, Recording, Section, Statistics};
use tuntap_test::codec::ByteOrder;
use tuntap_test::device::Mode;

const CURE: &str = "tshark is missing: apt-get install tshark";

/// Runs one of Wireshark's tools; gives what it says.
fn run(tool: &str, arguments: &[&str]) -> String {
    let output = Command::new(tool).args(arguments).output().unwrap_or_else(|error| panic!("{CURE} ({tool}: {error})"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {arguments:?}: {}: {errors}", output.status);
    // Nothing but its dislike of root may be complained of: a malformed option would be.
    let complaints: Vec<_> =
        errors.lines().filter(|line| !line.is_empty() && !line.starts_with("Running as user")).collect();
    assert!(complaints.is_empty(), "{tool} {arguments:?}: {complaints:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A row a frame, a column a field; a field that occurs several times has them joined by `;`.
fn fields(path: &Path, names: &[&str]) -> Vec<Vec<String>> {
    let mut arguments =
        vec!["-n", "-r", path.to_str().unwrap(), "-T", "fields", "-E", "separator=/t", "-E", "aggregator=;"];
    for name in names {
        arguments.extend(["-e", name]);
    }
    let rows = run("tshark", &arguments);
    rows.lines().map(|row| row.split('\t').map(str::to_owned).collect()).collect()
}

/// Frames on a TUN and on a TAP, with all that a file says of them.
fn write_all(path: &Path) -> Vec<CapturedFrame<'static>> {
    let section = Section::new().with_comment("the whole file");
    let mut writer = PcapngWriter::with_section(File::create(path).unwrap(), &section).unwrap();
    let tun0 = writer.add_interface(&Interface::new("tun0", Mode::Tun).with_description("host 192.0.2.1/24")).unwrap();
    let tap1 = writer.add_interface(&Interface::new("tap1", Mode::Tap)).unwrap();
    let tun = |number| recorder::frame(tun0, number);
    let mut ethernet = Vec::new();
    etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv6([0x20; 16], [0x21; 16], 64)
        .icmpv6_echo_request(7, 1)
        .write(&mut ethernet, b"hello")
        .unwrap();
    let cut = CapturedFrame::new(
        tap1,
        Duration::new(1_700_000_000, 999_999_999),
        ethernet.iter().take(60).copied().collect::<Vec<_>>(),
    );
    let frames = vec![
        tun(0).with_comment("wanted at tests/echo.rs:12").with_comment("größer, matched"),
        tun(1).with_drop_count(3),
        CapturedFrame::new(tap1, Duration::new(1_700_000_000, 123_456_789), ethernet.clone()),
        cut.with_original_length(u32::try_from(ethernet.len()).unwrap()),
    ];
    for frame in &frames {
        writer.write_frame(frame).unwrap();
    }
    let counted = Statistics::new(tun0, Duration::from_secs(1_700_000_001));
    writer.write_statistics(&counted.with_received(4).with_dropped(3).with_os_dropped(2)).unwrap();
    frames
}

#[test]
#[ignore = "needs tshark: apt-get install tshark"]
fn tshark_reads_all_that_we_write() {
    let scratch = Scratch::new();
    let path = scratch.path().join("all.pcapng");
    let frames = write_all(&path);
    let names = [
        "frame.interface_name",
        "frame.interface_description",
        "frame.encap_type",
        "frame.packet_flags_direction",
        "frame.time_epoch",
        "frame.cap_len",
        "frame.len",
        "frame.drop_count",
        "frame.comment",
        "frame.protocols",
    ];
    let (tun, tap) = (["tun0", "host 192.0.2.1/24", "7"], ["tap1", "", "1"]);
    let comments = "wanted at tests/echo.rs:12;größer, matched";
    let rows = [
        (tun, ["0x00000001", "1700000000.000000000", "38", "38", "", comments, "raw:ip:udp:data"]),
        (tun, ["0x00000002", "1700000000.000000001", "38", "38", "3", "", "raw:ip:udp:data"]),
        (tap, ["", "1700000000.123456789", "67", "67", "", "", "eth:ethertype:ipv6:icmpv6:data"]),
        (tap, ["", "1700000000.999999999", "60", "67", "", "", "eth:ethertype:ipv6:icmpv6"]),
    ];
    let rows: [Vec<String>; 4] =
        rows.map(|(interface, frame)| interface.into_iter().chain(frame).map(str::to_owned).collect());
    assert_eq!(fields(&path, &names), rows);
    // The octets, as text2pcap would take them.
    let dump = run("tshark", &["-n", "-r", path.to_str().unwrap(), "-T", "jsonraw", "-j", "frame"]);
    for frame in &frames {
        let octets: String = frame.octets.iter().map(|octet| format!("{octet:02x}")).collect();
        assert!(dump.contains(&format!("\"{octets}\"")), "{octets} in {dump}");
    }
}

#[test]
#[ignore = "needs tshark: apt-get install tshark"]
fn capinfos_reads_what_we_say_of_the_file() {
    let scratch = Scratch::new();
    let path = scratch.path().join("all.pcapng");
    write_all(&path);
    let told = run("capinfos", &[path.to_str().unwrap()]);
    let told: Vec<String> = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in [
        "File type: Wireshark/... - pcapng".to_owned(),
        format!("Capture hardware: {}", std::env::consts::ARCH),
        format!("Capture oper-sys: {}", std::env::consts::OS),
        format!("Capture application: tuntap-test {}", env!("CARGO_PKG_VERSION")),
        "Capture comment: the whole file".to_owned(),
        "Number of interfaces in file: 2".to_owned(),
        "Encapsulation = Raw IP (7 - rawip)".to_owned(),
        "Encapsulation = Ethernet (1 - ether)".to_owned(),
        "Time precision = nanoseconds (9)".to_owned(),
        "Number of stat entries = 1".to_owned(),
        "Number of stat entries = 0".to_owned(),
    ] {
        assert!(told.contains(&line), "{line} in {told:#?}");
    }
}

/// What a pcap file keeps of frames: no direction, no comment, no loss.
fn bare(frames: &[CapturedFrame<'static>], unit: u128) -> Vec<(Duration, Vec<u8>, u32)> {
    let cut = |time: Duration| Duration::from_nanos(u64::try_from(time.as_nanos() / unit * unit).unwrap());
    frames.iter().map(|frame| (cut(frame.time), frame.octets.to_vec(), frame.original_length)).collect()
}

#[test]
#[ignore = "needs tshark: apt-get install tshark"]
fn what_editcap_converts_is_read() {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.path().join(name);
    let all = write_all(&path("all.pcapng"));
    let written = Capture::read(path("all.pcapng")).unwrap();
    // A pcap file takes one link type: the frames of the TUN, then those of the TAP.
    for (frames, link_type, mode) in [(&all[..2], LinkType::RAW, Mode::Tun), (&all[2..], LinkType::ETHERNET, Mode::Tap)]
    {
        let mut one = written.clone();
        (one.interfaces, one.frames) = (vec![Interface::new("link", mode)], frames.to_vec());
        one.frames.iter_mut().for_each(|frame| frame.interface = all[0].interface);
        one.statistics.clear();
        let (from, to) = (path("one.pcapng"), path("one.pcap"));
        one.write_to(File::create(&from).unwrap()).unwrap();
        for (format, unit) in [("pcap", 1_000), ("nsecpcap", 1)] {
            run("editcap", &["-F", format, from.to_str().unwrap(), to.to_str().unwrap()]);
            let capture = Capture::read(&to).unwrap();
            assert_eq!(bare(&capture.frames, 1), bare(frames, unit), "{format}");
            assert_eq!(capture.interfaces, [Interface::of_link_type(link_type)]);
            assert_eq!(capture.frame(&capture.frames[0]).unwrap().mode, mode);
        }
    }
    let (from, to) = (path("all.pcapng"), path("again.pcapng"));
    run("editcap", &["-F", "pcapng", from.to_str().unwrap(), to.to_str().unwrap()]);
    let again = Capture::read(&to).unwrap();
    assert_eq!(written.frames, all);
    assert_eq!(again.frames, all);
    assert_eq!(again.interfaces, written.interfaces);
    assert_eq!(again.sections[0].comments, ["the whole file"]);
}

/// Both readers on blocks that neither our writer nor editcap writes.
#[test]
#[ignore = "needs tshark: apt-get install tshark"]
fn tshark_reads_what_others_write_as_we_do() {
    let scratch = Scratch::new();
    for order in [ByteOrder::Big, ByteOrder::Little] {
        let path = scratch.path().join("foreign.pcapng");
        fs::write(&path, foreign::everything(order)).unwrap();
        let capture = Capture::read(&path).unwrap();
        let ours: Vec<_> = capture
            .frames
            .iter()
            .map(|frame| {
                // A simple packet block has no time, which tshark leaves out.
                let is_simple = frame.time.is_zero();
                let time = format!("{}.{:09}", frame.time.as_secs(), frame.time.subsec_nanos());
                let time = if is_simple { String::new() } else { time };
                vec![time, frame.octets.len().to_string(), frame.original_length.to_string()]
            })
            .collect();
        assert_eq!(fields(&path, &["frame.time_epoch", "frame.cap_len", "frame.len"]), ours, "{order:?}");
    }
}

/// What a child left that was ended while it recorded.
fn is_read_by_tshark(scratch: &Scratch) {
    let segment = recorder::only_file(scratch);
    let rows = fields(&segment, &["frame.interface_name", "frame.time_epoch", "data.data"]);
    let expected = (0..FRAMES).map(|number| {
        ["tun0".to_owned(), format!("1700000000.{number:09}"), format!("{number:08x}{:012x}", 0)].to_vec()
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());
}

#[test]
#[ignore = "needs tshark: apt-get install tshark"]
fn tshark_reads_what_an_aborted_test_left() {
    recorder::play_if_child();
    let scratch = Scratch::new();
    assert!(!recorder::run("tshark_reads_what_an_aborted_test_left", scratch.path(), "abort"));
    is_read_by_tshark(&scratch);
}

#[test]
#[ignore = "needs tshark: apt-get install tshark"]
fn tshark_reads_what_a_killed_test_left_and_while_it_writes() {
    recorder::play_if_child();
    let scratch = Scratch::new();
    let child = recorder::start("tshark_reads_what_a_killed_test_left_and_while_it_writes", scratch.path());
    is_read_by_tshark(&scratch);
    recorder::kill(child);
    is_read_by_tshark(&scratch);
}

/// After a rotation each of both segments is a file of its own, and mergecap puts them together.
#[test]
#[ignore = "needs tshark: apt-get install tshark"]
fn each_segment_is_read_alone_and_both_together() {
    let scratch = Scratch::new();
    let mut recording = Recording::below(scratch.path(), recorder::TEST);
    let tun0 = recording.add_interface(Interface::new("tun0", Mode::Tun));
    for number in 0..5_010 {
        recording.frame(&recorder::frame(tun0, number));
    }
    let mut segments: Vec<_> = fs::read_dir(recording.folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.sort();
    assert_eq!(
        segments.iter().map(|segment| fields(segment, &["frame.number"]).len()).collect::<Vec<_>>(),
        [5_000, 10]
    );
    let merged = scratch.path().join("merged.pcapng");
    let [older, newer] = &segments[..] else { panic!("{segments:?}") };
    run("mergecap", &["-a", "-w", merged.to_str().unwrap(), older.to_str().unwrap(), newer.to_str().unwrap()]);
    assert_eq!(bare(&Capture::read(merged).unwrap().frames, 1), bare(&recording.recorded().unwrap().frames, 1));
}
