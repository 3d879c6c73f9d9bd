//! Faults on a link: what a test plans happens, on the mock and on the kernel, and is told.

#![cfg(not(miri))]

use std::io::{self, ErrorKind};
use std::time::Duration;

use tuntap_test::codec::{EtherType, TunPi, TunPiFlags};
use tuntap_test::context::{Backend, TestContext};
use tuntap_test::device::{Deadline, DeviceConfig, patience};
use tuntap_test::fault::{Call, CallFault, FrameFault, LinkFault};
use tuntap_test::prelude::*;
use tuntap_test::tuntap_test;

const MS: Duration = Duration::from_millis(1);

/// Longer than any machine takes for two frames.
const LONG: Duration = Duration::from_secs(600);

/// A datagram of 60 octets from the test to the host.
fn datagram(number: u8) -> Packet {
    (Udp::new().sport(9).dport(10) / [number; 32]).into_packet()
}

/// Other systems have other numbers.
#[track_caller]
fn assert_errno(error: &io::Error, errno: i32) {
    assert!(error.raw_os_error() == Some(errno) || cfg!(not(target_os = "linux")), "{error}");
}

fn is_mock(tun: &Tun) -> bool {
    tun.mock().is_some()
}

#[tuntap_test]
fn the_first_reply_is_lost_and_told(tun: Tun) {
    tun.faults().seed(7).drop_nth(1, Icmpv4::echo_reply(7, 1));
    tun.send(Icmpv4::echo_request(7, 1));
    let failure = tun.try_expect(Icmpv4::echo_reply(7, 1).within(20 * MS)).unwrap_err().to_string();
    assert!(failure.contains("faults: seed 7; to host: drop_nth 1 of ICMPv4"), "{failure}");
    assert!(failure.contains(" s  dropped #1 to device: 192.0.2.1 > 192.0.2.2 ICMPv4 echo reply"), "{failure}");
    tun.send(Icmpv4::echo_request(7, 1));
    tun.expect(Icmpv4::echo_reply(7, 1));
}

/// The fence of the kernel backend meets no faults, and is no frame to count.
#[tuntap_test]
fn what_the_harness_sends_is_not_counted(tun: Tun) {
    tun.faults().loss(1.0);
    tun.expect_nothing_else();
    tun.faults().clear();
    tun.send(Icmpv4::echo_request(7, 1));
    tun.expect(Icmpv4::echo_reply(7, 1));
    tun.faults().drop_nth(1, Packet::any());
    tun.expect_nothing_else();
    tun.send(Icmpv4::echo_request(7, 2));
    tun.expect_nothing_else();
    let report = tun.fault_report().unwrap();
    assert!(report.contains("dropped #2 to host: 192.0.2.2 > 192.0.2.1 ICMPv4 echo request"), "{report}");
    assert_eq!(report.lines().count(), 2, "{report}");
}

/// Both ways a frame is under way for its time: to the nanosecond in virtual time, never less in real time.
#[tuntap_test]
fn a_delay_is_kept(tun: Tun) {
    tun.faults().delay(20 * MS..=20 * MS);
    let begin = tun.clock().now();
    tun.send(Icmpv4::echo_request(7, 1));
    let took = tun.expect(Icmpv4::echo_reply(7, 1)).time() - begin;
    assert!(took >= 40 * MS && (took == 40 * MS || !is_mock(&tun)), "{took:?}");
}

/// Nobody uses the device end while the frame is under way.
#[tuntap_test]
fn a_late_frame_leaves_by_itself(tun: Tun) {
    let host = tun.host_end();
    tun.faults().to_host(|frames| frames.delay(30 * MS));
    let begin = tun.clock().now();
    tun.send(datagram(1));
    let took = host.expect(datagram(1)).time() - begin;
    assert!(took >= 30 * MS, "{took:?}");
}

/// A receive waits in the device, and what is late is not there.
#[tuntap_test]
fn a_late_frame_wakes_who_waits(tun: Tun) {
    let host = tun.host_end();
    tun.faults().to_device(|frames| frames.delay(30 * MS).duplicate_nth(1, Packet::any()));
    let begin = tun.clock().now();
    host.send(datagram(1));
    let mut buffer = [0; 2000];
    for _ in 0..2 {
        assert_eq!(tun.device().receive(&mut buffer, Deadline::After(patience())).unwrap(), 60);
        assert!(tun.clock().now() - begin >= 30 * MS);
    }
    let error = tun.device().receive(&mut buffer, Deadline::Now).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

#[tuntap_test]
fn the_late_are_overtaken(tun: Tun) {
    let host = tun.host_end();
    tun.faults().to_host(|frames| {
        frames.frame(1, FrameFault::Delay { by: 60 * MS }).frame(2, FrameFault::Delay { by: 30 * MS })
    });
    for number in 1..=3 {
        tun.send(datagram(number));
    }
    host.expect_sequence([datagram(3), datagram(2), datagram(1)]);
}

/// 60 octets at 9,600 bit/s take 50 ms, one behind the other.
#[tuntap_test]
fn a_rate_is_kept(tun: Tun) {
    let host = tun.host_end();
    tun.faults().to_host(|frames| frames.rate(9_600));
    let begin = tun.clock().now();
    for number in 1..=2 {
        tun.send(datagram(number));
    }
    for number in 1..=2_u8 {
        let took = host.expect(datagram(number)).time() - begin;
        assert!(took >= 50 * MS * number.into(), "{took:?}");
    }
}

#[tuntap_test]
fn what_is_duplicated_and_swapped_comes_so(tun: Tun) {
    tun.faults().to_device(|frames| frames.duplicate_nth(1, Icmpv4::echo_reply(7, 1)));
    for number in [1, 2] {
        tun.send(Icmpv4::echo_request(7, number));
    }
    tun.expect_sequence([Icmpv4::echo_reply(7, 1), Icmpv4::echo_reply(7, 1), Icmpv4::echo_reply(7, 2)]);
    tun.faults().clear().to_host(|frames| frames.hold_at_most(LONG).swap(3, 4));
    for number in [3, 4] {
        tun.send(Icmpv4::echo_request(7, number));
    }
    tun.expect_sequence([Icmpv4::echo_reply(7, 4), Icmpv4::echo_reply(7, 3)]);
    tun.faults().clear().to_device(|frames| frames.hold_at_most(LONG).swap(5, 6));
    for number in [5, 6] {
        tun.send(Icmpv4::echo_request(7, number));
    }
    tun.expect_sequence([Icmpv4::echo_reply(7, 6), Icmpv4::echo_reply(7, 5)]);
}

/// Corrupted frames reach nobody who verifies them, and the monitor is told nothing: it was no code under test.
#[tuntap_test]
fn a_corrupted_request_is_not_answered(tun: Tun) {
    tun.faults().to_host(|frames| frames.corrupt_octet(1, 22).corrupt_octet_and_repair(2, 28));
    tun.send(Icmpv4::echo_request(7, 1) / b"hello");
    tun.expect_nothing_else();
    // Mended, it is another request.
    tun.send(Icmpv4::echo_request(7, 2) / b"hello");
    tun.expect(Icmpv4::echo_reply(7, 2) / [!b'h', b'e', b'l', b'l', b'o']);
}

/// What a fault did is not held against the code under test.
#[tuntap_test]
fn a_corrupted_reply_is_no_finding_of_a_monitor(tun: Tun) {
    tun.faults().to_device(|frames| frames.corrupt_octet(1, 22).nth(2, Icmpv4::new(), FrameFault::Truncate { to: 24 }));
    tun.send(Icmpv4::echo_request(7, 1));
    tun.send(Icmpv4::echo_request(7, 2));
    let replies = tun.sniff(Ipv4::new().unverified(), 2);
    assert_eq!(replies.iter().map(|reply| reply.len()).collect::<Vec<_>>(), [28, 24]);
}

#[tuntap_test]
fn what_is_too_long_or_falls_into_a_hole_is_gone(tun: Tun) {
    let host = tun.host_end();
    tun.faults().to_host(|frames| frames.mtu(59).black_hole(Icmpv4::new()));
    tun.send(datagram(1));
    tun.send(Icmpv4::echo_request(7, 1));
    tun.send(Udp::new().sport(9).dport(11) / b"short");
    host.expect(Udp::new().dport(11) / b"short");
    host.expect_nothing_else();
}

/// What the device refuses was never on the link, whatever is planned for it.
#[tuntap_test]
fn what_the_device_refuses_meets_no_fault(tun: Tun) {
    let octets = (Ipv4::new() / Udp::new()).build().unwrap();
    tun.faults().loss(1.0);
    assert_eq!(tun.device().transmit(&[0x20; 40]).unwrap_err().kind(), ErrorKind::InvalidInput);
    tun.down();
    assert_errno(&tun.device().transmit(&octets).unwrap_err(), 5);
    tun.up();
    assert_eq!(tun.device().transmit(&octets).unwrap(), octets.len());
    tun.expect_nothing_else();
    let report = tun.fault_report().unwrap();
    assert!(report.contains("dropped #1 to host") && report.lines().count() == 2, "{report}");
}

/// The device's own: each call that fails says so, once.
#[tuntap_test]
fn calls_fail_as_planned(tun: Tun) {
    let (device, host) = (tun.device(), tun.host_end());
    tun.faults().device(|device| {
        device
            .on(Call::Transmit, 1, CallFault::Eio)
            .on(Call::Transmit, 3, CallFault::Enobufs)
            .on(Call::Receive, 1, CallFault::Eagain)
            .on(Call::Receive, 2, CallFault::ShortRead { octets: 4 })
            .on(Call::Receive, 4, CallFault::Eintr)
            .before(Call::Receive, 5, LinkFault::Removed)
    });
    let octets = (Ipv4::new() / Udp::new().sport(1).dport(2)).build().unwrap();
    assert_errno(&device.transmit(&octets).unwrap_err(), 5);
    assert_eq!(device.transmit(&octets).unwrap(), octets.len());
    assert_errno(&device.transmit(&octets).unwrap_err(), 105);
    host.send(datagram(1));
    host.send(datagram(2));
    let mut buffer = [0; 2000];
    assert_eq!(device.receive(&mut buffer, Deadline::Never).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(device.receive(&mut buffer, Deadline::Never).unwrap(), 4);
    assert_eq!(device.receive(&mut buffer, Deadline::Never).unwrap(), 60);
    assert_eq!(device.receive(&mut buffer, Deadline::Never).unwrap_err().kind(), ErrorKind::Interrupted);
    assert_errno(&device.receive(&mut buffer, Deadline::Never).unwrap_err(), 77);
}

/// A look that finds nothing is no call, so that it depends on nobody's haste which frame a fault meets.
#[tuntap_test]
fn a_receive_that_gives_nothing_is_no_call(tun: Tun) {
    let (device, host) = (tun.device(), tun.host_end());
    tun.faults().device(|device| device.on(Call::Receive, 2, CallFault::ShortRead { octets: 21 }));
    let mut buffer = [0; 2000];
    for frames in [60, 21, 60] {
        assert_eq!(device.receive(&mut buffer, Deadline::Now).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(device.receive(&mut buffer, Deadline::After(MS)).unwrap_err().kind(), ErrorKind::TimedOut);
        host.send(datagram(1));
        assert_eq!(device.receive(&mut buffer, Deadline::After(patience())).unwrap(), frames);
    }
}

/// The reader goes on behind a burst, and the frames behind it are whole.
#[tuntap_test]
fn a_burst_of_eagain_costs_the_reader_nothing(tun: Tun) {
    tun.faults().device(|device| {
        device.on(Call::Receive, 2..=5, CallFault::Eagain).on(Call::Receive, 8, CallFault::ShortRead { octets: 20 })
    });
    for number in 0..4 {
        tun.send(Icmpv4::echo_request(7, number));
    }
    let replies = tun.sniff(Packet::any().unverified(), 4);
    assert_eq!(replies.iter().map(|reply| reply.len()).collect::<Vec<_>>(), [28, 28, 28, 20]);
}

#[tuntap_test(packet_info = keep)]
fn packet_information_is_kept_and_wrong_where_planned(tun: Tun) {
    let (device, host) = (tun.device(), tun.host_end());
    let wrong = CallFault::PacketInfo(TunPi::new(EtherType::ARP));
    tun.faults()
        .device(|device| device.on(Call::Receive, 2, wrong).on(Call::Receive, 3, CallFault::ShortRead { octets: 2 }))
        .delay(MS);
    for number in 1..=3 {
        host.send(datagram(number));
    }
    let mut buffer = [0; 2000];
    let mut headers = Vec::new();
    for _ in 0..3 {
        let length = device.receive(&mut buffer, Deadline::After(patience())).unwrap();
        headers.push((buffer.first_chunk::<4>().copied().unwrap(), length));
    }
    let header = |flags, protocol| TunPi { flags, protocol }.encode();
    let none = TunPiFlags::empty();
    let wanted = [
        (header(none, EtherType::IPV4), 64),
        (header(none, EtherType::ARP), 64),
        (header(TunPiFlags::STRIP, EtherType::IPV4), 6),
    ];
    assert_eq!(headers, wanted);
    tun.send(datagram(4));
    host.expect(datagram(4));
}

#[tuntap_test]
fn the_link_goes_down_and_comes_back(tun: Tun) {
    tun.faults().device(|device| {
        device
            .before(Call::Transmit, 2, LinkFault::Down)
            .before(Call::Transmit, 3, LinkFault::Up)
            .before(Call::Transmit, 4, LinkFault::Mtu(1280))
            .before(Call::Transmit, 5, LinkFault::Removed)
    });
    tun.send(Icmpv4::echo_request(7, 1));
    tun.expect(Icmpv4::echo_reply(7, 1));
    let error = tun.try_send(Icmpv4::echo_request(7, 2)).unwrap_err();
    assert!(error.to_string().contains("is the interface down?") || cfg!(not(target_os = "linux")), "{error}");
    // Both families are back.
    tun.send(Icmpv6::echo_request(7, 3));
    tun.expect(Icmpv6::echo_reply(7, 3));
    assert_eq!(tun.mtu(), 1500);
    tun.send(Icmpv4::echo_request(7, 4));
    tun.expect(Icmpv4::echo_reply(7, 4));
    assert_eq!(tun.mtu(), 1280);
    let error = tun.try_send(Icmpv4::echo_request(7, 5)).unwrap_err();
    assert!(error.to_string().contains("was the interface removed?") || cfg!(not(target_os = "linux")), "{error}");
}

/// By time: nobody calls anything when it comes.
#[tuntap_test]
fn the_link_goes_down_at_its_time(tun: Tun) {
    let host = tun.host_end();
    tun.faults().device(|device| device.at(20 * MS, LinkFault::Down));
    // Its packet socket says it once.
    let error = host.device().receive(&mut [0; 100], Deadline::After(patience())).unwrap_err();
    // ENETDOWN.
    assert_errno(&error, 100);
}

#[tuntap_test]
fn the_queue_overflows_where_it_is_planned(tun: Tun) {
    tun.faults().device(|device| {
        device.before(Call::Transmit, 1, LinkFault::QueueLength(0)).before(
            Call::Transmit,
            2,
            LinkFault::QueueLength(100),
        )
    });
    tun.send(Icmpv4::echo_request(7, 1));
    assert_eq!(tun.try_receive(MS).unwrap_err().kind(), ErrorKind::TimedOut);
    tun.send(Icmpv4::echo_request(7, 2));
    tun.expect_sequence([Icmpv4::echo_reply(7, 2)]);
}

/// What the kernel refuses is told by the call that the fault stands before, and by the report.
#[cfg(target_os = "linux")]
#[tuntap_test(kernel)]
fn what_the_kernel_does_not_do_is_told(tun: Tun) {
    tun.faults().device(|device| device.before(Call::Transmit, 1, LinkFault::Mtu(67)));
    let error = tun.try_send(Icmpv4::echo_request(7, 1)).unwrap_err().to_string();
    let wanted = "the fault \"MTU 67\" cannot be had on tun0: failed to set the MTU of interface";
    assert!(error.contains(wanted) && error.contains("68 to 65535"), "{error}");
    assert!(tun.fault_report().unwrap().contains(wanted));
}

/// A descriptor goes past faults: none is given while there are some, and none is handed over.
#[cfg(target_os = "linux")]
#[tuntap_test(kernel)]
fn a_device_with_faults_is_not_handed_over(tun: Tun, #[device(host = "b")] named: Tun) {
    assert!(tun.device().try_as_fd().is_some());
    for link in [&tun, &named] {
        link.faults().loss(0.1);
    }
    assert!(tun.device().try_as_fd().is_none());
    let wanted = "faults are planned on this link, and whoever opens the TUN/TAP itself goes past them: give the code";
    let error = tun.try_into_fd(true).unwrap_err().to_string();
    assert!(error.starts_with(wanted), "{error}");
    let error = named.try_hand_over().unwrap_err().to_string();
    assert!(error.starts_with(wanted), "{error}");
}

/// On a TAP a frame begins with its Ethernet header, and no MTU counts that.
#[tuntap_test]
fn a_tap_has_faults_as_well(tap: Tap) {
    let host = tap.host_end();
    // The host would ask for the peer, to tell it that the port is closed.
    tap.faults().mtu(60).drop_nth(2, Udp::new().dport(10)).to_device(|frames| frames.black_hole(Arp::new()));
    for number in 1..=3 {
        tap.send(datagram(number));
        host.send(datagram(10 + number));
    }
    tap.send(Udp::new().sport(9).dport(10) / [0; 33]);
    tap.expect_sequence([datagram(11), datagram(13)]);
    host.expect_sequence([datagram(1), datagram(3)]);
    host.expect_nothing_else();
}

/// The same seed decides the same on both backends, and leaves the same plan.
#[cfg(target_os = "linux")]
#[tuntap_test(kernel)]
fn the_same_seed_decides_as_on_the_mock(tun: Tun) {
    let mut context = TestContext::new(Backend::Mock, "link_faults::as_on_the_mock").unwrap();
    let mock: Tun = context.argument(DeviceConfig::new()).unwrap();
    let run = |tun: &Tun| {
        tun.faults().seed(7).only(Icmpv4::new().id(7)).loss(0.3).duplicate(0.1).corrupt(0.05).truncate(0.05);
        for number in 0..200 {
            tun.send(Icmpv4::echo_request(7, number));
        }
        tun.send(Icmpv4::echo_request(8, 1));
        let mut replies = Vec::new();
        let mut buffer = [0; 2000];
        loop {
            let length = tun.device().receive(&mut buffer, Deadline::After(patience())).unwrap();
            let reply = buffer.get(20..length).unwrap_or_default().to_vec();
            if reply.get(4..6) == Some(&[0, 8]) {
                return (replies, tun.fault_plan().unwrap());
            }
            replies.push(reply);
        }
    };
    let (replies, plan) = run(&mock);
    assert!((50..200).contains(&replies.len()), "{}", replies.len());
    assert_eq!(run(&tun), (replies, plan));
}

/// The same seed loses the same frames at the same times, however often.
#[test]
fn the_same_seed_gives_the_same_exchange() {
    let run = |seed: u64| {
        let mut context = TestContext::new(Backend::Mock, "link_faults::same_seed").unwrap();
        let tun: Tun = context.argument(DeviceConfig::new()).unwrap();
        let begin = tun.clock().now();
        let _plan = tun.faults().seed(seed).loss(0.3).delay(MS..=50 * MS).duplicate(0.1);
        for number in 0..100 {
            tun.send(Icmpv4::echo_request(7, number));
        }
        let replies = tun.sniff(Icmpv4::new(), 5 * Duration::from_secs(1));
        let exchange: Vec<_> = replies.iter().map(|reply| (reply.time() - begin, reply.to_vec())).collect();
        tun.faults().clear();
        exchange
    };
    let first = run(7);
    assert!((20..100).contains(&first.len()), "{}", first.len());
    for _ in 0..50 {
        assert_eq!(run(7), first);
    }
    assert_ne!(run(8), first);
}
