//! What a test leaves behind: nothing when it passes, its exchange and the report when it fails, and what it had written
//! when it is killed. This program starts itself: the child's tests fail where a variable says so.

#![cfg(unix)]
#![expect(clippy::indexing_slicing, reason = "the test fails where the slice is too short")]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::{env, fs};

use tuntap_test::capture::{Capture, Direction};
use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::DeviceConfig;
use tuntap_test::prelude::*;

/// The variable that makes this program a child, and says how its test ends.
const CHILD: &str = "TUNTAP_TEST_EVIDENCE_CHILD";

/// The exchange that a child has, and its end.
fn exchange(tun: &Tun) {
    tun.send(Icmpv4::echo_request(7, 1) / b"hello");
    tun.expect(Icmpv4::echo_reply(7, 1).named("first reply"));
    tun.send(Icmpv4::echo_request(7, 2) / b"hello");
    match env::var(CHILD).as_deref() {
        Ok("expectation") => drop(tun.expect(Icmpv4::echo_reply(7, 3).named("second reply"))),
        Ok("assertion") => panic!("an assertion of the test's own"),
        Ok("abort") => {
            drop(tun.expect(Icmpv4::echo_reply(7, 2)));
            std::process::abort()
        }
        Ok("kill") => {
            drop(tun.expect(Icmpv4::echo_reply(7, 2)));
            let _ = Command::new("sh").args(["-c", "kill -KILL $PPID"]).status();
        }
        _ => drop(tun.expect(Icmpv4::echo_reply(7, 2))),
    }
}

#[tuntap_test]
fn a_test(tun: Tun) {
    exchange(&tun);
}

/// The test plays both ends; a child fails.
#[tuntap_test(mock)]
fn a_test_at_both_ends(tun: Tun) {
    // The test plays the host.
    if let Some(host) = tun.stack().mock_host() {
        host.set_silent(true);
    }
    let host = tun.host_end();
    host.send(Udp::new().sport(9).dport(53) / b"query");
    tun.expect(Udp::new().dport(53) / b"query");
    tun.send(Udp::new().sport(53).dport(9) / b"answer");
    let wanted: &[u8] = if env::var(CHILD).is_ok() { b"another answer" } else { b"answer" };
    host.expect(Udp::new().dport(9) / wanted);
}

/// The code under test has the device and answers a ping with the next identifier; the test asks for no host end.
#[cfg(target_os = "linux")]
#[tuntap_test(kernel)]
fn a_test_that_hands_over(tun: Tun) {
    let wrong = u16::from(env::var(CHILD).is_ok());
    let peer = tun.peer_v4();
    let mut device = fs::File::from(tun.into_fd(true));
    let program = std::thread::spawn(move || {
        let mut buffer = [0; 2000];
        let length = device.read(&mut buffer).unwrap();
        let request = &buffer[..length];
        let number = |at: usize| u16::from_be_bytes([request[at], request[at + 1]]);
        let reply = Ipv4::new().src([request[16], request[17], request[18], request[19]]).dst([
            request[12],
            request[13],
            request[14],
            request[15],
        ]) / Icmpv4::echo_reply(number(24).wrapping_add(wrong), number(26))
            / &request[28..];
        device.write_all(&reply.build().unwrap()).unwrap();
        device
    });
    let ping = Command::new("ping").args(["-c", "1", "-W", "0.3", &peer.to_string()]).output().unwrap();
    drop(program.join().unwrap());
    assert!(ping.status.success(), "no reply: {}", String::from_utf8_lossy(&ping.stdout));
}

/// The same on the mock, whose host answers and asks nothing.
#[tuntap_test(mock)]
fn a_test_that_hands_a_descriptor_over(tun: Tun) {
    let mut device = fs::File::from(tun.into_fd(true));
    let request = Icmpv4::echo_request(7, 1).into_packet().build().unwrap();
    device.write_all(&request).unwrap();
    let mut buffer = [0; 2000];
    let length = device.read(&mut buffer).unwrap();
    assert_eq!(length, request.len());
    assert!(env::var(CHILD).is_err(), "an assertion of the test's own");
}

#[tuntap_test(mock)]
#[should_panic(expected = "as wanted")]
fn a_test_that_should_panic(tun: Tun) {
    exchange(&tun);
    panic!("as wanted");
}

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("tuntap-test-evidence.{name}.{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Runs one of the tests above in a child whose evidence goes here.
    fn run(&self, test: &str, end: &str, capture: Option<&str>) -> Output {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--include-ignored", "--exact", test]).env(CHILD, end).env("TUNTAP_TEST_DIR", &self.0);
        match capture {
            Some(when) => child.env("TUNTAP_TEST_CAPTURE", when),
            None => child.env_remove("TUNTAP_TEST_CAPTURE"),
        };
        child.output().unwrap()
    }

    fn files(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, files) } else { files.push(path) }
            }
        }
        let mut files = Vec::new();
        walk(&self.0, &mut files);
        files.sort();
        files
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(&self.0).unwrap().next().is_none()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn names(files: &[PathBuf]) -> Vec<&str> {
    files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect()
}

fn has_failed(status: ExitStatus) -> bool {
    status.code() == Some(101)
}

#[test]
fn a_passed_test_leaves_nothing_and_clears_what_an_earlier_run_left() {
    let scratch = Scratch::new("passed");
    assert!(scratch.run("a_test::mock", "pass", None).status.success());
    assert!(scratch.is_empty(), "{:?}", scratch.files());
    assert!(has_failed(scratch.run("a_test::mock", "expectation", None).status));
    assert!(!scratch.is_empty());
    assert!(scratch.run("a_test::mock", "pass", None).status.success());
    assert!(scratch.is_empty(), "{:?}", scratch.files());
}

#[test]
fn a_panic_that_is_wanted_leaves_nothing() {
    let scratch = Scratch::new("wanted");
    assert!(scratch.run("a_test_that_should_panic::mock", "pass", None).status.success());
    assert!(scratch.is_empty(), "{:?}", scratch.files());
}

fn failed_test_leaves_its_exchange(backend: &str) {
    let scratch = Scratch::new(&format!("failed.{backend}"));
    let output = scratch.run(&format!("a_test::{backend}"), "expectation", None);
    assert!(has_failed(output.status));
    let files = scratch.files();
    assert_eq!(names(&files), ["exchange.pcapng", "report.txt"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&format!("files: {}", files[0].display())), "{said}");

    let report = fs::read_to_string(&files[1]).unwrap();
    assert!(report.starts_with("expect \"second reply\""), "{report}");
    assert!(report.contains("ICMPv4 seq"), "{report}");

    let capture = Capture::read(&files[0]).unwrap();
    let interface = capture.interfaces.first().unwrap();
    assert_eq!(interface.name.as_deref(), Some("tun0"));
    let ways: Vec<_> = capture.frames.iter().map(|frame| frame.direction).collect();
    let (out, back) = (Some(Direction::Inbound), Some(Direction::Outbound));
    assert_eq!(ways, [out, back, out, back]);
    let comments: Vec<_> = capture.frames.iter().map(|frame| frame.comments.concat()).collect();
    assert!(comments[0].starts_with("sent ") && comments[0].contains("evidence.rs:"), "{comments:?}");
    assert!(comments[1].starts_with("matched: \"first reply\""), "{comments:?}");
    assert!(comments[3].starts_with("UNEXPECTED: \"second reply\""), "{comments:?}");
    assert!(capture.frames.is_sorted_by_key(|frame| frame.time));
}

#[test]
fn a_failed_test_leaves_its_exchange_with_what_became_of_each_frame() {
    failed_test_leaves_its_exchange("mock");
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn a_failed_kernel_test_leaves_its_exchange_with_what_became_of_each_frame() {
    failed_test_leaves_its_exchange("kernel");
}

fn replays_the_exchange_of_a_failed_test(backend: Backend) {
    let scratch = Scratch::new(&format!("replayed.{backend}"));
    assert!(has_failed(scratch.run(&format!("a_test::{backend}"), "expectation", None).status));
    let capture = Capture::read(&scratch.files()[0]).unwrap();
    let mut context = TestContext::new(backend, "replayed").unwrap();
    let tun: Tun = context.argument(DeviceConfig::new()).unwrap();
    let replayed = tun.replay(&capture);
    assert_eq!(replayed.frames, 2);
    let replies = tun.expect_sequence((Icmpv4::echo_reply(7, 1) / b"hello", Icmpv4::echo_reply(7, 2) / b"hello"));
    // Octet for octet, but for the identification and the checksum over it, what came when it was recorded.
    let recorded: Vec<_> = capture.frames.iter().filter(|frame| frame.direction == Some(Direction::Outbound)).collect();
    for (reply, recorded) in replies.iter().zip(recorded) {
        assert_eq!(reply[20..], recorded.octets[20..]);
    }
    tun.expect_nothing_else();
}

#[test]
fn the_exchange_of_a_failed_test_can_be_replayed() {
    replays_the_exchange_of_a_failed_test(Backend::Mock);
}

#[test]
#[ignore = "needs a kernel TUN/TAP device"]
fn the_exchange_of_a_failed_kernel_test_can_be_replayed() {
    replays_the_exchange_of_a_failed_test(Backend::Kernel);
}

/// Each end's frames are on an interface of their own, with directions as the one interface of the link has them.
#[test]
fn both_ends_of_a_failed_test_can_be_replayed() {
    let scratch = Scratch::new("both");
    assert!(has_failed(scratch.run("a_test_at_both_ends::mock", "expectation", None).status));
    let capture = Capture::read(&scratch.files()[0]).unwrap();
    let names: Vec<_> = capture.interfaces.iter().filter_map(|interface| interface.name.as_deref()).collect();
    assert_eq!(names, ["tun0", "tun0 (host end)"]);
    let (query, answer) = (Udp::new().dport(53), Udp::new().sport(53));
    for (pattern, way) in [(query, Direction::Outbound), (answer, Direction::Inbound)] {
        let pattern = pattern.into_packet();
        let ways: Vec<_> = capture
            .frames
            .iter()
            .filter(|recorded| pattern.matches(capture.frame(recorded).unwrap()))
            .map(|recorded| recorded.direction)
            .collect();
        assert_eq!(ways, [Some(way); 2], "{pattern}");
    }
    let mut context = TestContext::new(Backend::Mock, "both").unwrap();
    let tun: Tun = context.argument(DeviceConfig::new()).unwrap();
    tun.stack().mock_host().unwrap().set_silent(true);
    let host = tun.host_end();
    for interface in names {
        host.replay(capture.on_interface(interface));
        tun.expect(Udp::new().dport(53) / b"query");
        tun.replay(capture.on_interface(interface));
        host.expect(Udp::new().sport(53) / b"answer");
    }
    let failure = tun.try_replay(&capture).unwrap_err().to_string();
    assert!(failure.starts_with("replay: the frames are of 2 interfaces: tun0, tun0 (host end)"), "{failure}");
}

/// What the report says, and what the capture's frames are: which way they went, and a line about each.
fn handed_over(scratch: &Scratch, test: &str) -> (String, Vec<(Option<Direction>, String)>) {
    let output = scratch.run(test, "assertion", None);
    assert!(has_failed(output.status));
    let files = scratch.files();
    assert_eq!(names(&files), ["exchange.pcapng", "report.txt"]);
    let capture = Capture::read(&files[0]).unwrap();
    assert_eq!(capture.interfaces.len(), 1);
    assert_eq!(capture.interfaces[0].name.as_deref(), Some("tun0"));
    assert!(capture.frames.is_sorted_by_key(|frame| frame.time));
    assert_eq!((capture.statistics[0].received, capture.statistics[0].dropped), (Some(2), Some(0)));
    let frames = capture.frames.iter().map(|recorded| {
        let frame = capture.frame(recorded).unwrap();
        // Whole, with checksums that are right.
        assert!(Packet::any().matches(frame), "{}", frame.explain());
        (recorded.direction, format!("{} ({})", frame.summary(), recorded.comments.concat()))
    });
    let frames = frames.collect();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let report = fs::read_to_string(&files[1]).unwrap();
    assert!(said.contains("  handed over: 1 to the code under test, 1 from it\n"), "{said}");
    assert!(report.contains("  handed over: 1 to the code under test, 1 from it\n"), "{report}");
    (said, frames)
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs a kernel TUN/TAP device, ping, and tshark: apt-get install iputils-ping tshark"]
fn a_failed_test_that_handed_its_kernel_device_over_leaves_what_passed() {
    let scratch = Scratch::new("handed.kernel");
    let (said, frames) = handed_over(&scratch, "a_test_that_hands_over::kernel");
    let [(to, request), (from, reply)] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((*to, *from), (Some(Direction::Outbound), Some(Direction::Inbound)));
    assert!(request.starts_with("192.0.2.1 > 192.0.2.2 ICMPv4 echo request id "), "{request}");
    assert!(request.ends_with("seq 1 56 octets (to the code under test)"), "{request}");
    assert!(reply.starts_with("192.0.2.2 > 192.0.2.1 ICMPv4 echo reply id "), "{reply}");
    assert!(reply.ends_with("seq 1 56 octets (sent by the code under test)"), "{reply}");
    let id = |line: &str| -> u16 { line.split_whitespace().nth(7).unwrap().parse().unwrap() };
    assert_eq!(id(reply), id(request).wrapping_add(1));
    assert!(said.contains("◀── 192.0.2.1 > 192.0.2.2 ICMPv4 echo request"), "{said}");
    assert!(said.contains("──▶ 192.0.2.2 > 192.0.2.1 ICMPv4 echo reply"), "{said}");

    let files = scratch.files();
    let output = Command::new("tshark")
        .arg("-r")
        .arg(&files[0])
        .args(["-T", "fields", "-E", "separator=;", "-e", "frame.interface_name", "-e", "frame.packet_flags_direction"])
        .args(["-e", "icmp.type", "-e", "icmp.seq", "-e", "icmp.checksum.status", "-e", "frame.comment"])
        .output()
        .expect("tshark is missing: apt-get install tshark");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Outbound is 2, inbound 1 (epb_flags); a status of 1 is a good checksum.
    let expected =
        ["tun0;0x00000002;8;1;1;to the code under test", "tun0;0x00000001;0;1;1;sent by the code under test"];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected, "{}", String::from_utf8_lossy(&output.stderr));

    // Whoever has the other end can hear it again.
    let capture = Capture::read(&files[0]).unwrap();
    let mut context = TestContext::new(Backend::Mock, "heard again").unwrap();
    let tun: Tun = context.argument(DeviceConfig::new()).unwrap();
    let host = tun.host_end();
    host.replay(&capture);
    tun.expect(Icmpv4::new().icmp_type(8));
    tun.replay(&capture);
    host.expect(Icmpv4::new().icmp_type(0));
}

#[test]
fn a_failed_test_that_handed_its_mock_device_over_leaves_what_passed() {
    let scratch = Scratch::new("handed.mock");
    let (_, frames) = handed_over(&scratch, "a_test_that_hands_a_descriptor_over::mock");
    let expected = [
        (
            Some(Direction::Inbound),
            "192.0.2.2 > 192.0.2.1 ICMPv4 echo request id 7 seq 1 0 octets (sent by the code under test)",
        ),
        (
            Some(Direction::Outbound),
            "192.0.2.1 > 192.0.2.2 ICMPv4 echo reply id 7 seq 1 0 octets (to the code under test)",
        ),
    ];
    assert_eq!(frames, expected.map(|(way, text)| (way, text.to_owned())));
}

#[test]
fn an_assertion_of_the_tests_own_leaves_the_same_with_the_timeline() {
    let scratch = Scratch::new("assertion");
    let output = scratch.run("a_test::mock", "assertion", None);
    assert!(has_failed(output.status));
    assert_eq!(names(&scratch.files()), ["exchange.pcapng", "report.txt"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("timeline of TUN tun0 on the mock"), "{said}");
}

#[test]
fn a_test_that_aborts_or_is_killed_leaves_what_it_had_written() {
    for end in ["abort", "kill"] {
        let scratch = Scratch::new(end);
        let output = scratch.run("a_test::mock", end, None);
        assert_eq!(output.status.code(), None, "ended by a signal: {output:?}");
        let files = scratch.files();
        assert_eq!(files.len(), 1, "{files:?}");
        let capture = Capture::read_lossy(&files[0]).unwrap();
        assert_eq!((capture.frames.len(), capture.truncated.is_some()), (4, false), "{end}");
        // The next run of the test clears it.
        assert!(scratch.run("a_test::mock", "pass", None).status.success());
        assert!(scratch.is_empty(), "{:?}", scratch.files());
    }
}

#[test]
fn the_capture_of_a_passed_test_is_kept_where_it_is_wanted() {
    let scratch = Scratch::new("always");
    assert!(scratch.run("a_test::mock", "pass", Some("always")).status.success());
    let files = scratch.files();
    assert_eq!(names(&files), ["exchange.pcapng"]);
    assert_eq!(Capture::read(&files[0]).unwrap().frames.len(), 4);
}

/// Wireshark opens it, with interface, link type, directions and comments.
#[test]
#[ignore = "needs tshark: apt-get install tshark"]
fn tshark_reads_the_exchange_of_a_failed_test() {
    let scratch = Scratch::new("tshark");
    assert!(has_failed(scratch.run("a_test::mock", "expectation", None).status));
    let files = scratch.files();
    let output = Command::new("tshark")
        .arg("-r")
        .arg(&files[0])
        .args(["-T", "fields", "-E", "separator=;"])
        .args(["-e", "frame.interface_name", "-e", "frame.protocols", "-e", "frame.packet_flags_direction"])
        .args(["-e", "icmp.seq", "-e", "frame.comment"])
        .output()
        .expect("tshark is missing: apt-get install tshark");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text} {}", String::from_utf8_lossy(&output.stderr));
    assert!(lines[0].starts_with("tun0;raw:ip:icmp:data;0x00000001;1;sent "), "{text}");
    assert!(lines[3].contains(";0x00000002;2;UNEXPECTED: \"second reply\""), "{text}");
}
