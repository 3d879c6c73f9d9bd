//! Scripts as values: their encoding, their words, captures.

#[path = "script/everything.rs"]
mod everything;

use std::time::Duration;

use everything::everything;
use tuntap_test::capture::{Capture, Direction};
use tuntap_test::device::Mode;
use tuntap_test::fault::{Call, CallFault, FrameFault, Towards};
use tuntap_test::fuzz::{Answer, Fault, Script, SocketCall};
use tuntap_test::packet::*;

#[test]
fn a_script_decodes_to_itself() {
    let script = everything();
    assert_eq!(Script::decode(&script.encode()), script);
    let tap = Script::on(Mode::Tap).send(Arp::who_has([192, 0, 2, 1]));
    assert_eq!(Script::decode(&tap.encode()), tap);
    assert_eq!(Script::decode(&[]), Script::new());
}

/// The octets are a format: seeds and findings are files. What is written here must not change.
#[test]
fn the_encoding_is_what_the_documentation_says() {
    let script = Script::on(Mode::Tap)
        .silent_host()
        .send_raw([0xaa, 0xbb])
        .answer(
            Answer::segment(TcpFlags::SYN | TcpFlags::ACK, b"x").off_by(1, -1).to(2).with(Tcp::new().window(0x1234)),
        )
        .advance(Duration::from_nanos(0x0102))
        .fault(Fault::frame(Towards::Device, FrameFault::Corrupt { octet: 5, xor: 0x80, repair: true }))
        .fault(Fault::call(Call::Receive, CallFault::ShortRead { octets: 7 }))
        .mtu(1280)
        .socket(SocketCall::UdpSend { slot: 9, port: 0x0035, octets: vec![0xcc] });
    let octets = [
        &[0x03][..],
        &[1, 0, 0, 2, 0xaa, 0xbb],
        &[2, 0, 0, 28, 2, 2, 0x12, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 1, b'x'],
        &[13, 6, b'w', b'i', b'n', b'd', b'o', b'w', 0, 0, 2, 0x12, 0x34],
        &[3, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2],
        &[4, 0, 0, 18, 1, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 1, 0x80],
        &[5, 0, 0, 10, 1, 5, 0, 0, 0, 0, 0, 0, 0, 7],
        &[6, 0, 0, 5, 2, 0, 0, 5, 0],
        &[7, 0, 0, 5, 1, 9, 0, 0x35, 0xcc],
    ]
    .concat();
    assert_eq!(script.encode(), octets);
    assert_eq!(Script::decode(&octets), script);
}

#[test]
fn what_is_cut_is_read_as_far_as_it_is_there() {
    let octets = everything().encode();
    for length in 0..octets.len() {
        let script = Script::decode(&octets[..length]);
        assert_eq!(Script::decode(&script.encode()), script, "{length} octets");
        assert!(script.steps().len() <= everything().steps().len());
    }
}

#[test]
fn a_step_that_nobody_knows_is_passed_over() {
    let unknown = [
        &[0, 99, 0, 0, 1, 7][..], // a kind of step
        &[2, 0, 0, 2, 0, 77],     // a reply
        &[4, 0, 0, 2, 0, 77],     // a fault of a frame
        &[5, 0, 0, 2, 0, 5],      // a transmit that is a short read
        &[6, 0, 0, 1, 77],        // a fault of the link
        &[7, 0, 0, 2, 77, 0],     // a call
        &[1, 0, 0, 1, 0x45],
    ]
    .concat();
    assert_eq!(Script::decode(&unknown), Script::new().send_raw([0x45]));
    // An edit of a field that there is not.
    let edit = [&[0, 2, 0, 0, 13, 0, 0][..], &[13, 4, b'n', b'o', b'p', b'e', 0, 0, 1, 9]].concat();
    assert_eq!(Script::decode(&edit), Script::new().answer(Answer::peer()));
}

#[test]
fn each_step_is_a_line() {
    let words = everything().to_string();
    assert_eq!(words.lines().count(), everything().steps().len());
    let has = |line: &str| assert!(words.contains(line), "{line}\n{words}");
    has(" 1. send 192.0.2.2:40000 > 192.0.2.1:80 TCP");
    has(" 4. answer the last frame as a peer would");
    has(" 5. answer the frame 3 before the last with itself, ends exchanged");
    has(" 6. answer the frame before the last with TCP (flags P.), sequence number off by -1");
    has(" 7. answer the last frame with 6 octets; IPv4 (ttl 1), UDP (checksum 0x0000)");
    has("let 1s go by");
    has("the next frame to host is dropped");
    has("socket 3: shut down both ways");
}

#[test]
fn a_capture_is_a_script_and_back() {
    let request = Icmpv4::echo_request(7, 1).into_packet().build().unwrap();
    let reply = Icmpv4::echo_reply(7, 1).into_packet().build().unwrap();
    let script = Script::new()
        .send_raw(request)
        .advance(Duration::from_millis(3))
        .observed(reply.clone())
        .send_raw(reply)
        .advance(Duration::from_nanos(7))
        .send_raw([0xff; 9]);
    let file = script.to_pcapng();
    let capture = Capture::from_octets(&file).unwrap();
    assert_eq!(Script::from_capture(&capture), script);
    let directions: Vec<_> = capture.frames.iter().map(|frame| frame.direction.unwrap()).collect();
    assert_eq!(directions, [Direction::Inbound, Direction::Outbound, Direction::Inbound, Direction::Inbound]);
}

#[test]
fn steps_that_are_no_frames_are_comments_of_the_next() {
    let file = Script::new().down().up().send_raw([0x45]).to_pcapng();
    let capture = Capture::from_octets(&file).unwrap();
    assert_eq!(capture.frames[0].comments, ["link down", "link up"]);
}

#[test]
#[should_panic(expected = "no options that no field names")]
fn an_answer_takes_single_values_only() {
    let _ = Answer::peer().with(Tcp::new().window(1..=2));
}

/// A fuzzer lets centuries go by; a capture tells no time behind the year 2554.
#[test]
fn no_frame_is_lost_behind_the_last_time_that_a_capture_tells() {
    let century = Duration::from_secs(100 * 365 * 86_400);
    let frame = || Icmpv4::echo_request(7, 1);
    let script = (0..9).fold(Script::new(), |script, _| script.send(frame()).advance(century));
    let script = script.advance(Duration::MAX).send(frame());
    let file = script.to_pcapng();
    assert_eq!(Capture::from_octets(&file).unwrap().frames.len(), 10);
}
