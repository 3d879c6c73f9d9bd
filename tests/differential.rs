//! Two that should do the same, and do not.

use std::time::Duration;

use tuntap_test::device::Deadline;
use tuntap_test::exchange::Monitor;
use tuntap_test::fuzz::{Answer, Differential, Player, Script, SocketCall, Transcript};
use tuntap_test::packet::LayerKind;
use tuntap_test::prelude::*;

fn host(tun: Tun, script: Script) -> Transcript {
    script.play_at_device_end(&tun, |_| ())
}

/// The same behind a link that cuts one bit off: TTL 63, and so another checksum.
fn host_with_another_octet(tun: Tun, script: Script) -> Transcript {
    tun.faults().to_device(|frames| {
        let corrupt = tuntap_test::fault::FrameFault::Corrupt { octet: 8, xor: 1, repair: true };
        frames.nth(2, Packet::any(), corrupt)
    });
    script.play_at_device_end(&tun, |_| ())
}

fn late_host(tun: Tun, script: Script) -> Transcript {
    tun.faults().to_device(|frames| frames.delay(Duration::from_millis(50)));
    script.play_at_device_end(&tun, |_| ())
}

fn echoes() -> Script {
    let script = Script::new();
    (1..=3).fold(script, |script, sequence| {
        script.send(Icmpv4::echo_request(7, sequence)).advance(Duration::from_millis(100))
    })
}

#[test]
fn the_same_is_the_same() {
    let script = echoes().send_raw([1]).socket(SocketCall::TcpListen { slot: 0, v6: false, port: 80 });
    Differential::between("one", host, "other", host).compare(&script).unwrap();
}

#[test]
fn the_first_difference_is_told_with_its_field() {
    let differential = Differential::between("right", host, "wrong", host_with_another_octet);
    let divergence = differential.compare(&echoes()).unwrap_err();
    assert_eq!(divergence.step(), 3);
    assert_eq!(
        divergence.to_string(),
        "right and wrong part in step 3 of 6: send 192.0.2.2 > 192.0.2.1 ICMPv4 echo request id 7 seq 2 0 octets\n  \
         right: < 192.0.2.1 > 192.0.2.2 ICMPv4 echo reply id 7 seq 2 0 octets\n  \
         wrong: < 192.0.2.1 > 192.0.2.2 ICMPv4 echo reply id 7 seq 2 0 octets\n    \
         IPv4 (ttl 64) in the one, IPv4 (ttl 65) in the other"
    );
}

#[test]
fn a_field_that_is_left_out_is_no_difference_and_its_checksum_is_none() {
    let differential = || Differential::between("right", host, "wrong", host_with_another_octet);
    differential().ignoring(LayerKind::Ipv4, "ttl").compare(&echoes()).unwrap();
    let told = differential().ignoring(LayerKind::Ipv4, "ecn").compare(&echoes());
    assert!(told.is_err(), "another field was left out");
}

#[test]
#[should_panic(expected = "IPv4 has no field `window`")]
fn a_field_that_there_is_not_is_told() {
    let _ = Differential::between("one", host, "other", host).ignoring(LayerKind::Ipv4, "window");
}

#[test]
fn times_are_compared_when_asked_for() {
    let script = Script::new().send(Icmpv4::echo_request(7, 1)).advance(Duration::from_secs(1));
    let told = Differential::between("one", host, "late", late_host).compare(&script).unwrap_err();
    assert!(told.to_string().contains("different steps") || told.to_string().contains("nothing"), "{told}");
    let same = Differential::between("one", host, "other", host).with_times(Duration::ZERO);
    same.compare(&script).unwrap();
}

/// Code at the device end that sends this as soon as it gets something.
fn says(tun: &Tun, script: &Script, packet: impl IntoPacket) -> Transcript {
    let frame = packet.into_packet().build_with(tun.defaults()).unwrap();
    let mut buffer = vec![0; 65_553];
    let player = Player::at_host_end(tun).without(Monitor::Checksums);
    player.play(script, |_| {
        while tun.device().receive(&mut buffer, Deadline::Now).is_ok() {
            tun.device().transmit(&frame).unwrap();
        }
    })
}

fn asked() -> Script {
    Script::new().silent_host().send_as_host(Tcp::new().sport(40_000).dport(81).ack(77))
}

fn told(one: fn(Tun, Script) -> Transcript, other: fn(Tun, Script) -> Transcript, script: &Script) -> String {
    Differential::between("one", one, "other", other).compare(script).unwrap_err().to_string()
}

/// Nobody chooses the number of a reset, so that a wrong one is a difference.
#[test]
fn a_number_that_no_syn_began_is_compared() {
    fn reset(number: u32) -> Tcp {
        Tcp::new().sport(81).dport(40_000).rst().seq(number)
    }
    let told =
        told(|tun, script| says(&tun, &script, reset(77)), |tun, script| says(&tun, &script, reset(0)), &asked());
    assert!(told.contains("seq 77") && told.contains("seq 0"), "{told}");
}

/// Right checksums are zeros in the comparison, wrong ones and those that are not computed are not taken for right.
#[test]
fn a_checksum_of_zero_is_not_taken_for_a_right_one() {
    let right = |tun: Tun, script| says(&tun, &script, Udp::new().sport(7) / b"x");
    let none = |tun: Tun, script| says(&tun, &script, Udp::new().sport(7).checksum(0) / b"x");
    let is_told = told(right, none, &asked());
    assert!(is_told.contains("a checksum is right in the one, and not in the other"), "{is_told}");
    let right = |tun: Tun, script| says(&tun, &script, Tcp::new().sport(7).syn());
    let wrong = |tun: Tun, script| says(&tun, &script, Tcp::new().sport(7).syn().checksum(0));
    let is_told = told(right, wrong, &asked());
    assert!(is_told.contains("a checksum is right in the one, and not in the other"), "{is_told}");
}

/// The checksum of a datagram's first part covers what is elsewhere: it is compared.
#[test]
fn a_checksum_that_nobody_can_verify_is_compared() {
    fn part(tun: &Tun, script: &Script, sum: u16) -> Transcript {
        let udp = Udp::new().sport(7).length(100).checksum(sum);
        says(tun, script, Ipv4::new().more_fragments(true) / udp / [7; 16])
    }
    let told = told(|tun, script| part(&tun, &script, 0x1111), |tun, script| part(&tun, &script, 0x2222), &asked());
    assert!(told.contains("checksum"), "{told}");
}

/// What the script answers follows from what was compared: an error quotes numbers that each chose for itself.
#[test]
fn an_answer_that_quotes_is_no_difference() {
    fn syn(number: u32) -> Tcp {
        Tcp::new().sport(49_152).dport(80).syn().seq(number)
    }
    let script = asked().answer(Answer::error(3, 3));
    let one = |tun: Tun, script| says(&tun, &script, syn(1));
    let other = |tun: Tun, script| says(&tun, &script, syn(4_000_000_000));
    Differential::between("one", one, "other", other).compare(&script).unwrap();
}

/// What the kernel and the mock say to a handshake, a request, a reset, garbage and a link that is down.
fn conversation() -> Script {
    Script::new()
        .socket(SocketCall::TcpListen { slot: 0, v6: false, port: 80 })
        .send(Ipv4::new() / Tcp::new().sport(40_000).dport(80).syn().seq(100).window(1000))
        .answer(Answer::peer())
        .answer(Answer::datagram(b"GET /"))
        .send(Ipv4::new() / Tcp::new().sport(40_001).dport(81).syn().seq(100))
        .send(Udp::new().dport(9) / b"nobody")
        .send(Icmpv6::echo_request(7, 1) / b"six")
        .send_raw([0x00, 0x01])
        .send_raw([0x45])
        .down()
        .send(Icmpv4::echo_request(7, 2))
        .up()
        .mtu(10)
        .answer(Answer::segment(TcpFlags::RST, []).to(3))
}

#[test]
#[ignore = "kernel: needs a TUN device in a network namespace of its own (root, or user namespaces)"]
#[cfg(target_os = "linux")]
fn mock_and_kernel_say_the_same() {
    // What each host draws at random or chooses for itself.
    Differential::mock_and_kernel(host)
        .ignoring(LayerKind::Ipv4, "id")
        .ignoring(LayerKind::Ipv6, "flow_label")
        .compare(&conversation())
        .unwrap();
}

#[test]
#[ignore = "kernel: needs a TUN device in a network namespace of its own (root, or user namespaces)"]
#[cfg(target_os = "linux")]
fn a_difference_of_mock_and_kernel_is_found() {
    let told = Differential::mock_and_kernel(host_that_is_silent_on_the_mock).compare(&echoes()).unwrap_err();
    assert!(told.to_string().starts_with("mock and kernel part in step "), "{told}");
}

#[cfg(target_os = "linux")]
fn host_that_is_silent_on_the_mock(tun: Tun, script: Script) -> Transcript {
    script.silent_host().play_at_device_end(&tun, |_| ())
}
