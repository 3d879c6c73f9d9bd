//! The mock's time: it stands still while a test runs and jumps when all wait.

use std::time::{Duration, Instant};

use tuntap_test::prelude::*;
use tuntap_test::tuntap_test;

const LONG: Duration = Duration::from_secs(3600);
/// What none of it takes in real time, however busy the machine is.
const MOMENT: Duration = Duration::from_secs(30);

/// The test plays the host.
fn silence(tun: &Tun) {
    tun.stack().mock_host().unwrap().set_silent(true);
}

#[tuntap_test(mock)]
fn an_hour_takes_no_time(tun: Tun) {
    let (real, begin) = (Instant::now(), tun.clock().now());
    tun.never(Udp::new()).during(LONG);
    let failure = tun.try_expect(Udp::new().within(LONG)).unwrap_err();
    assert!(failure.to_string().contains("within 3600"), "{failure}");
    tun.clock().advance(LONG);
    let passed = tun.clock().now() - begin;
    assert!((2 * LONG..4 * LONG).contains(&passed), "{passed:?}");
    assert!(real.elapsed() < MOMENT);
}

/// The answer comes at the instant of the question.
#[tuntap_test(mock)]
fn an_exchange_takes_no_virtual_time(tun: Tun) {
    let begin = tun.clock().now();
    tun.send(Icmpv4::echo_request(7, 1));
    let reply = tun.expect(Icmpv4::echo_reply(7, 1));
    assert_eq!((reply.time(), tun.clock().now()), (begin, begin));
    tun.expect_nothing_else();
    assert_eq!(tun.clock().now(), begin);
}

#[tuntap_test(mock, time = real)]
fn real_time_passes_by_itself(tun: Tun) {
    let (real, begin) = (Instant::now(), tun.clock().now());
    tun.never(Udp::new()).during(Duration::from_millis(30));
    assert!(real.elapsed() >= Duration::from_millis(30));
    assert!(tun.clock().now() - begin >= Duration::from_millis(30));
}

/// Of two links, and of what both ends have sent at one instant, each keeps its order.
#[tuntap_test(mock)]
fn all_links_of_a_test_have_one_time(left: Tun, #[device(host = "b")] right: Tun) {
    let begin = left.clock().now();
    left.clock().advance(LONG);
    assert_eq!(right.clock().now(), begin + LONG);
    right.send(Icmpv4::echo_request(7, 1));
    assert_eq!(right.expect(Icmpv4::echo_reply(7, 1)).time(), begin + LONG);
}

/// A peer on a thread of its own answers after a while; both ends have the same times however the threads run.
#[tuntap_test(mock)]
fn two_threads_share_the_time(tun: Tun) {
    silence(&tun);
    let host = tun.host_end();
    let begin = tun.clock().now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=50 {
                tun.expect(Udp::new().dport(number));
                tun.clock().advance(Duration::from_millis(u64::from(number)));
                tun.send(Udp::new().dport(number) / b"late");
            }
        });
        scope.spawn(|| {
            for number in 1..=50 {
                host.send(Udp::new().dport(number));
                let reply = host.expect(Udp::new().dport(number) / b"late");
                let triangle = u64::from(number) * u64::from(number + 1) / 2;
                assert_eq!(reply.time(), begin + Duration::from_millis(triangle));
            }
        });
    });
}

/// Of the first frame of a thread that has just been started no deadline is in the way, however many there were before.
#[tuntap_test(mock)]
fn a_thread_that_begins_after_many_deadlines_is_waited_for(tun: Tun) {
    let host = tun.host_end();
    for _ in 0..300 {
        tun.never(Udp::new()).during(Duration::from_millis(1));
    }
    std::thread::scope(|scope| {
        scope.spawn(|| host.send(Udp::new().dport(1)));
        tun.expect(Udp::new().dport(1));
    });
}

/// Nothing has happened on the link since the last deadline.
#[tuntap_test(mock)]
fn a_thread_that_begins_between_two_deadlines_is_waited_for(tun: Tun) {
    let host = tun.host_end();
    // From the first verb on, frames are read at their time.
    tun.expect_nothing_else();
    tun.clock().advance(LONG);
    tun.clock().advance(LONG);
    let begin = tun.clock().now();
    std::thread::scope(|scope| {
        scope.spawn(|| host.send(Udp::new().dport(1)));
        tun.clock().advance(LONG);
        assert_eq!(tun.expect(Udp::new().dport(1)).time(), begin);
    });
}

/// A third one, while two wait already.
#[tuntap_test(mock)]
fn a_thread_that_begins_while_others_wait_is_waited_for(tun: Tun) {
    silence(&tun);
    let host = tun.host_end();
    tun.send(Udp::new().dport(1));
    std::thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        let listening = scope.spawn({
            let host = &host;
            move || {
                host.expect(Udp::new().dport(1));
                tell.send(()).unwrap();
                host.expect(Udp::new().dport(2));
            }
        });
        told.recv().unwrap();
        scope.spawn(|| {
            let busy = Instant::now();
            while busy.elapsed() < Duration::from_millis(5) {
                std::hint::spin_loop();
            }
            host.send(Udp::new().dport(3));
        });
        tun.expect(Udp::new().dport(3));
        tun.send(Udp::new().dport(2));
        tun.clock().outside(|| listening.join()).unwrap();
    });
}

#[tuntap_test(mock)]
fn outside_may_be_within_outside(tun: Tun) {
    let clock = tun.clock();
    let other = std::thread::spawn({
        let clock = clock.clone();
        move || clock.advance(LONG)
    });
    clock.outside(|| {
        clock.outside(|| ());
        other.join().unwrap();
    });
}

/// A SYN that nobody answers is sent again as Linux does it, and given up; it takes no real time.
#[tuntap_test(mock)]
fn five_minutes_of_back_off_take_no_time(tun: Tun) {
    let (real, begin) = (Instant::now(), tun.clock().now());
    let connecting = tun.stack().mock_host().unwrap().tcp_connect((tun.peer_v4(), 80).into()).unwrap();
    let tries = tun.sniff(Tcp::new().dport(80).syn(), Duration::from_secs(300));
    let seconds: Vec<_> = tries.iter().map(|syn| (syn.time() - begin).as_secs_f64().round()).collect();
    assert_eq!(seconds, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 11.0, 19.0, 35.0, 67.0]);
    assert_eq!(connecting.try_connected().unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    assert!(real.elapsed() < MOMENT);
}
