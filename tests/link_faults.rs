//! Faults on a link of the mock: what a test plans happens, and is told.

#![cfg(not(miri))]

use std::io::ErrorKind;
use std::time::Duration;

use tuntap_test::device::{Deadline, Device as _, DeviceConfig};
use tuntap_test::mock::fault::{Call, CallFault, FrameFault, LinkFault};
use tuntap_test::prelude::*;
use tuntap_test::tuntap_test;

const MS: Duration = Duration::from_millis(1);

#[tuntap_test(mock)]
fn the_first_reply_is_lost_and_told(tun: Tun) {
    tun.faults().seed(7).drop_nth(1, Icmpv4::echo_reply(7, 1));
    tun.send(Icmpv4::echo_request(7, 1));
    let failure = tun.try_expect(Icmpv4::echo_reply(7, 1)).unwrap_err().to_string();
    assert!(failure.contains("faults: seed 7; to host: drop_nth 1 of ICMPv4"), "{failure}");
    assert!(failure.contains("0.000 s  dropped #1 to device: 192.0.2.1 > 192.0.2.2 ICMPv4 echo reply"), "{failure}");
    tun.send(Icmpv4::echo_request(7, 1));
    tun.expect(Icmpv4::echo_reply(7, 1));
}

/// Both ways a frame is under way for its time, and `expect_nothing_else` does not wait for it.
#[tuntap_test(mock)]
fn a_delay_is_to_the_nanosecond(tun: Tun) {
    tun.faults().delay(20 * MS..=20 * MS);
    let begin = tun.clock().now();
    tun.send(Icmpv4::echo_request(7, 1));
    let reply = tun.expect(Icmpv4::echo_reply(7, 1));
    assert_eq!(reply.time() - begin, 40 * MS);
}

#[tuntap_test(mock)]
fn what_is_duplicated_and_swapped_comes_so(tun: Tun) {
    tun.faults().to_device(|frames| frames.duplicate_nth(1, Icmpv4::echo_reply(7, 1)));
    for number in [1, 2] {
        tun.send(Icmpv4::echo_request(7, number));
    }
    tun.expect_sequence([Icmpv4::echo_reply(7, 1), Icmpv4::echo_reply(7, 1), Icmpv4::echo_reply(7, 2)]);
    tun.faults().clear().to_host(|frames| frames.swap(3, 4));
    for number in [3, 4] {
        tun.send(Icmpv4::echo_request(7, number));
    }
    tun.expect_sequence([Icmpv4::echo_reply(7, 4), Icmpv4::echo_reply(7, 3)]);
}

/// Corrupted frames reach nobody who verifies them, and the monitor is told nothing: it was no code under test.
#[tuntap_test(mock)]
fn a_corrupted_request_is_not_answered(tun: Tun) {
    tun.faults().to_host(|frames| frames.corrupt_octet(1, 22));
    tun.send(Icmpv4::echo_request(7, 1));
    tun.expect_nothing_else();
}

/// What a fault did is not held against the code under test.
#[tuntap_test(mock)]
fn a_corrupted_reply_is_no_finding_of_a_monitor(tun: Tun) {
    tun.faults().to_device(|frames| frames.corrupt_octet(1, 22).nth(2, Icmpv4::new(), FrameFault::Truncate { to: 24 }));
    tun.send(Icmpv4::echo_request(7, 1));
    tun.send(Icmpv4::echo_request(7, 2));
    let replies = tun.sniff(Ipv4::new().unverified(), 2);
    assert_eq!(replies.iter().map(|reply| reply.len()).collect::<Vec<_>>(), [28, 24]);
}

/// The device's own: each call that fails says so, once.
#[tuntap_test(mock)]
fn calls_fail_as_planned(tun: Tun) {
    let cable = tun.mock().unwrap();
    let (device, host) = (cable.device_end(), cable.host_end());
    tun.faults().device(|device| {
        device
            .on(Call::Transmit, 1, CallFault::Eio)
            .on(Call::Receive, 1, CallFault::Eagain)
            .on(Call::Receive, 2, CallFault::ShortRead { octets: 4 })
            .before(Call::Receive, 4, LinkFault::Removed)
    });
    let packet = Udp::new().sport(1).dport(2).into_packet();
    let octets = (Ipv4::new() / packet).build().unwrap();
    assert_eq!(device.transmit(&octets).unwrap_err().raw_os_error(), Some(5));
    assert_eq!(device.transmit(&octets).unwrap(), octets.len());
    host.transmit(&octets).unwrap();
    host.transmit(&octets).unwrap();
    let mut buffer = [0; 2000];
    assert_eq!(device.receive(&mut buffer, Deadline::Never).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(device.receive(&mut buffer, Deadline::Never).unwrap(), 4);
    assert_eq!(device.receive(&mut buffer, Deadline::Never).unwrap(), octets.len());
    assert!(device.receive(&mut buffer, Deadline::Never).is_err());
}

/// The same seed loses the same frames at the same times, however often.
#[test]
fn the_same_seed_gives_the_same_exchange() {
    use tuntap_test::context::{Backend, TestContext};

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
